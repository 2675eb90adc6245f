package balance

import (
	"regexp"
	"strings"

	"github.com/shopspring/decimal"
)

// notation reports how the numbers of one document are written: which mark, point
// or comma, stands before the decimals. The other one, a blank or an apostrophe
// then stands between groups of three digits.
type notation struct {
	point, comma int // numbers that can only be read with this mark before their decimals
	// exact are the numbers among them that have three decimals or more: their
	// document writes more than the form allows.
	exact int
}

// exponent is a number that a spreadsheet has shortened, such as 9,00E+08.
var exponent = regexp.MustCompile(`^[+-]?[0-9]+([.,][0-9]+)?[eE][+-]?[0-9]+$`)

// plainText writes a number with plain signs: a hyphen for any minus, also one
// behind the digits, and a blank for any other blank or apostrophe. What only
// says that there is no number, such as a dash, is empty.
func plainText(s string) string {
	s = strings.Map(func(r rune) rune {
		switch r {
		case '\u2010', '\u2011', '\u2012', '\u2013', '\u2014', '\u2212':
			return '-'
		case '\u00a0', '\u2009', '\u202f', '\t', '\'', '\u2019':
			return ' '
		case '\u200b', '\u200c', '\u200d', '\u2060', '\ufeff', '\u200e', '\u200f', '€':
			return -1
		}
		return r
	}, s)
	s = strings.TrimSpace(s)
	if digits, ok := strings.CutSuffix(s, "-"); ok && !strings.ContainsAny(digits, "+-") {
		s = strings.TrimSpace("-" + strings.TrimSpace(digits))
	}
	if strings.Trim(s, "-") == "" {
		return ""
	}
	if sign := s[:1]; sign == "-" || sign == "+" {
		s = sign + strings.TrimSpace(s[1:])
	}
	return s
}

// groups is digits in groups of three, with one kind of mark between them.
var groups = regexp.MustCompile(`^[1-9][0-9]{0,2}([., ])[0-9]{3}([., ][0-9]{3})*$`)

// withMark reads a text of plainText by the mark before its decimals, and returns
// it as ParseDecimal takes it.
func withMark(s, mark string) (decimal.Decimal, bool) {
	digits := strings.TrimLeft(s, "+-")
	sign := s[:len(s)-len(digits)]
	whole, fraction, found := strings.Cut(digits, mark)
	if m := groups.FindStringSubmatch(whole); m != nil {
		whole = strings.ReplaceAll(whole, m[1], "") // another kind of mark in it stays, and is no digit
	}
	if strings.Trim(whole, "0123456789") != "" {
		return decimal.Zero, false
	}
	if found {
		whole += "." + fraction
	}
	v, err := ParseDecimal(sign + whole)
	return v, err == nil
}

// readings returns what a text of plainText can mean: one value, two where the
// mark in it can stand for decimals and for thousands, none where it is no
// number. The first of two is that with the point before the decimals.
func readings(s string) []decimal.Decimal {
	point, isPoint := withMark(s, ".")
	comma, isComma := withMark(s, ",")
	switch {
	case isPoint && isComma && !point.Equal(comma):
		return []decimal.Decimal{point, comma}
	case isPoint:
		return []decimal.Decimal{point}
	case isComma:
		return []decimal.Decimal{comma}
	}
	return nil
}

// learn records what a number says about the notation of its document.
func (n *notation) learn(s string) {
	_, isPoint := withMark(s, ".")
	_, isComma := withMark(s, ",")
	mark := "."
	switch {
	case isPoint == isComma:
		return
	case isPoint:
		n.point++
	default:
		mark = ","
		n.comma++
	}
	if _, fraction, ok := strings.Cut(s, mark); ok && len(fraction) > 2 {
		n.exact++
	}
}

// choose returns which of two readings a number of a rubric has, the first or the
// second, by the notation of the document and by what the form allows: people
// and hours are whole, amounts have two decimals at most. It returns -1 where the
// two do not decide or contradict each other.
func (n *notation) choose(r *Rubric, s string) int {
	decimals := 0 // the reading in which the mark stands before decimals
	if strings.Contains(s, ",") {
		decimals = 1
	}
	byForm := -1
	if r.Unit != FTE && n.exact == 0 { // three decimals are more than the form allows
		byForm = 1 - decimals
	}
	byDocument := -1
	switch {
	case n.point > 0 && n.comma == 0:
		byDocument = 0
	case n.comma > 0 && n.point == 0:
		byDocument = 1
	}
	switch {
	case byDocument < 0 || byForm < 0:
		return max(byDocument, byForm)
	case byDocument != byForm:
		return -1
	}
	return byForm
}

// learnByForm learns from a number of a rubric that two readings remain for, where
// the form leaves one. It is asked when no number has decided by itself.
func (n *notation) learnByForm(r *Rubric, s string) {
	if r.Unit == FTE {
		return
	}
	if strings.Contains(s, ",") {
		n.point++
	} else {
		n.comma++
	}
}

package balance

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
)

// Readings returns what a text can mean that a person typed as a figure: one value,
// two where its mark can stand for decimals and for thousands, such as 1.234, and
// none where it is no figure.
func Readings(text string) []decimal.Decimal { return readings(plainText(text)) }

// ReadAnswer returns, in canonical form, the reading of the doubt that a person
// means by text, or the figure that is none of its readings, typed. The error says
// in a clause why text is neither.
func (d Doubt) ReadAnswer(text string) (reading string, typed bool, err error) {
	if slices.Contains(d.Readings, text) {
		return text, false, nil
	}
	if d.Kind == DoubtfulYear {
		return "", false, fmt.Errorf("the financial year cannot be %.30q", text)
	}
	cell, err := ParseCell(d.Code)
	if err != nil {
		return "", false, err
	}
	r, _ := RubricOf(cell.Code)
	values := Readings(text)
	switch {
	case len(values) == 0:
		return "", false, fmt.Errorf("%.30q is not a figure", text)
	case len(values) > 1:
		return "", false, fmt.Errorf("%.30q can be %s or %s", text, Canonical(values[0]), Canonical(values[1]))
	}
	reading = Canonical(values[0])
	switch {
	case slices.Contains(d.Readings, reading):
		return reading, false, nil
	case values[0].IsNegative() && !r.Signed:
		return "", false, fmt.Errorf("%s cannot be negative", d.Code)
	case !values[0].Equal(values[0].Truncate(int32(r.Decimals))):
		return "", false, fmt.Errorf("%s has at most %d decimals", d.Code, r.Decimals)
	}
	return reading, true, nil
}

// ReadYear is ReadDocument for a document whose financial year is in doubt: of the readings
// of the year it takes the given one, and reads the figures by it. A year that is
// none of them changes nothing.
func (r *Reader) ReadYear(ctx context.Context, data []byte, year Period) (*Balance, error) {
	of := *r
	of.year = year
	return of.ReadDocument(ctx, data)
}

// Settle ends a doubt about a figure: the cell gets a person's reading, or stays
// empty with an empty one. It reports whether there was such a doubt. What the
// reader found about it goes, and the checks are done anew.
func (b *Balance) Settle(code, reading string) bool {
	i := slices.IndexFunc(b.Doubts, func(d Doubt) bool { return d.Kind != DoubtfulYear && d.Code == code })
	c, err := ParseCell(code)
	if i < 0 || err != nil {
		return false
	}
	found := b.Findings[:len(b.Findings)-len(Check(b))]
	b.Doubts = slices.Delete(slices.Clone(b.Doubts), i, i+1)
	if v, err := ParseDecimal(reading); err == nil {
		b.Values[c] = v
	}
	rules := []string{"twice", "two_readings", "pdf_doubt", "pdf_column", "sheet_doubt", "sheet_column", "line_column"}
	found = slices.DeleteFunc(slices.Clone(found), func(f Finding) bool {
		return slices.Contains(rules, f.Rule) && slices.Equal(f.Codes, codesOf(c))
	})
	b.Findings = append(found, Check(b)...)
	return true
}

// ParsePeriod reads what Period.String writes.
func ParsePeriod(text string) (p Period, err error) {
	first, last, both := strings.Cut(text, "/")
	if !both {
		last = first
	} else if p.Start, err = ParseDate(first); err != nil {
		return Period{}, err
	}
	p.End, err = ParseDate(last)
	return p, err
}

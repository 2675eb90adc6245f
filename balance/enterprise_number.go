package balance

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// EnterpriseNumber is a Belgian enterprise number (KBO/BCE) in its one
// normalised form: ten digits, the first 0 or 1. The empty value means unknown.
type EnterpriseNumber string

// Errors of ParseEnterpriseNumber, compared with errors.Is.
var (
	ErrEnterpriseNumberForm  = errors.New("an enterprise number has ten digits, the first 0 or 1")
	ErrEnterpriseNumberCheck = errors.New("the check digits of the enterprise number are wrong")
)

// ParseEnterpriseNumber reads an enterprise or VAT number in any of its usual
// spellings: BE 0402.754.886, BE(0)402.754.886, 0402754886, or the older nine
// digits. The last two digits must be 97 minus the first eight modulo 97 (the
// rule that the Crossroads Bank for Enterprises uses).
func ParseEnterpriseNumber(s string) (EnterpriseNumber, error) {
	t := strings.ToUpper(strings.TrimSpace(s))
	t = strings.TrimPrefix(t, "BE")
	var b strings.Builder
	for _, r := range t {
		switch {
		case r >= '0' && r <= '9':
			b.WriteRune(r)
		case strings.ContainsRune(" .-/()\t", r), unicode.In(r, unicode.Z, unicode.Pd, unicode.Cf):
		default:
			return "", fmt.Errorf("%.24q: %w", s, ErrEnterpriseNumberForm)
		}
	}
	d := b.String()
	if len(d) == 9 {
		d = "0" + d
	}
	if len(d) != 10 || d[0] > '1' {
		return "", fmt.Errorf("%.24q: %w", s, ErrEnterpriseNumberForm)
	}
	head, _ := strconv.Atoi(d[:8])
	tail, _ := strconv.Atoi(d[8:])
	if 97-head%97 != tail {
		return "", fmt.Errorf("%.24q: %w", s, ErrEnterpriseNumberCheck)
	}
	return EnterpriseNumber(d), nil
}

// String returns the ten digits.
func (n EnterpriseNumber) String() string { return string(n) }

// Pretty writes the number as people print it, 0402.754.886.
func (n EnterpriseNumber) Pretty() string {
	if len(n) != 10 {
		return string(n)
	}
	return string(n[:4] + "." + n[4:7] + "." + n[7:])
}

// writtenNumber is what an enterprise number can look like in a text.
var writtenNumber = regexp.MustCompile(`(?i)(?:\b|BE)[\s\pZ.:\-]*\(?[01]?\)?[\s\pZ.\-]?\d{3}[\s\pZ.\-]?\d{3}[\s\pZ.\-]?\d{3}\b`)

// EnterpriseNumbersIn returns the different valid enterprise numbers in a text that
// has other words too, such as "BE0900102194 (RPR Gent)", in their order.
func EnterpriseNumbersIn(text string) (all []EnterpriseNumber) {
	if n, err := ParseEnterpriseNumber(text); err == nil {
		return []EnterpriseNumber{n}
	}
	for _, s := range writtenNumber.FindAllString(text, -1) {
		if n, err := ParseEnterpriseNumber(strings.TrimLeft(s, ".:")); err == nil && !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	return all
}

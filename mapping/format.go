package mapping

import (
	"fmt"
	"slices"
	"strings"

	"balansd/balance"
	"balansd/internal/clip"

	"github.com/shopspring/decimal"
)

// The values of the fields of a Format. The first of each is the default.
const (
	DecimalPoint = "point" // 44.3
	DecimalComma = "comma" // 44,3

	ZeroDigit = "digit" // 0
	ZeroBlank = "blank" // an empty text

	AmountsExact = "exact"       // to the cent
	AmountsWhole = "whole_euros" // half up; hours and people stay as they are
)

// Format says how a template wants its figures written. The zero Format writes them as
// a social balance has them.
type Format struct {
	Decimal string `json:"decimal,omitempty"` // DecimalPoint or DecimalComma
	Zero    string `json:"zero,omitempty"`    // ZeroDigit or ZeroBlank
	Amounts string `json:"amounts,omitempty"` // AmountsExact or AmountsWhole
	// Negative are the codes of the rubrics whose sign is turned, in both years.
	Negative []string `json:"negative,omitempty"`
}

// mistakes lists what is wrong with a format.
func (f Format) mistakes() []Mistake {
	var list []Mistake
	oneOf := func(setting, value string, known ...string) {
		if value != "" && !slices.Contains(known, value) {
			list = append(list, Mistake{"values." + setting, fmt.Sprintf("%q is not known here", clip.Text(value)), "it is one of " + strings.Join(known, ", ")})
		}
	}
	oneOf("decimal", f.Decimal, DecimalPoint, DecimalComma)
	oneOf("zero", f.Zero, ZeroDigit, ZeroBlank)
	oneOf("amounts", f.Amounts, AmountsExact, AmountsWhole)
	for i, code := range f.Negative {
		setting := fmt.Sprintf("values.negative[%d]", i)
		if _, ok := balance.RubricOf(code); !ok {
			list = append(list, Mistake{setting, fmt.Sprintf("%q is no rubric of the social balance", clip.Text(code)),
				"write the code of a rubric, as 1022; it holds for both years"})
		}
	}
	return list
}

// Comma reports whether the decimals stand behind a comma.
func (f Format) Comma() bool { return f.Decimal == DecimalComma }

// BlankZero reports whether an empty text stands for zero.
func (f Format) BlankZero() bool { return f.Zero == ZeroBlank }

// WholeEuros reports whether amounts are rounded.
func (f Format) WholeEuros() bool { return f.Amounts == AmountsWhole }

// Rounded returns the figure of a cell as precise as the template wants it: an amount
// may be rounded, half up.
func (f Format) Rounded(c balance.Cell, d decimal.Decimal) decimal.Decimal {
	if r, ok := balance.RubricOf(c.Code); !f.WholeEuros() || !ok || r.Unit != balance.Money {
		return d
	}
	return d.Add(decimal.New(5, -1)).Floor()
}

// Text writes the figure of a cell as the template wants it.
func (f Format) Text(c balance.Cell, d decimal.Decimal) string {
	d = f.turned(c, f.Rounded(c, d))
	if d.IsZero() && f.BlankZero() {
		return ""
	}
	text := balance.Canonical(d)
	if f.Comma() {
		text = strings.ReplaceAll(text, ".", ",")
	}
	return text
}

// Plain returns what Text writes of a figure, with a decimal point and a zero as 0, where
// that is another figure: of the other sign, or rounded.
func (f Format) Plain(c balance.Cell, d decimal.Decimal) (text string, other bool) {
	written := f.turned(c, f.Rounded(c, d))
	return balance.Canonical(written), !written.Equal(d)
}

// turned turns the sign of a figure where the template has the other one.
func (f Format) turned(c balance.Cell, d decimal.Decimal) decimal.Decimal {
	if slices.Contains(f.Negative, c.Code) {
		return d.Neg()
	}
	return d
}

// Number reads a text of the template as the figure of a cell. False for a text that is
// no number, or that can be read in two ways.
func (f Format) Number(c balance.Cell, text string) (decimal.Decimal, bool) {
	d, ok := f.read(text)
	return f.turned(c, d), ok
}

// read reads a text as a number, in the notation of the template.
func (f Format) read(text string) (decimal.Decimal, bool) {
	text = strings.TrimSpace(text)
	if text == "" {
		return decimal.Zero, f.BlankZero()
	}
	if d, err := balance.ParseDecimal(text); err == nil && !f.Comma() {
		return d, true
	}
	all := balance.Readings(text)
	if len(all) != 1 {
		return decimal.Zero, false
	}
	return all[0], true
}

// Same reports whether a text of the template says the figure d of a cell: 44,30 says
// 44.3, and an empty text says zero where that is written so. A text that can be read in
// two ways, as 1.234 in a template with commas, says neither, unless it is what Text
// writes.
func (f Format) Same(c balance.Cell, d decimal.Decimal, text string) bool {
	if strings.TrimSpace(text) == f.Text(c, d) {
		return true
	}
	n, ok := f.Number(c, text)
	return ok && n.Equal(f.Rounded(c, d))
}

// Fits reports whether a text that says the same as want is in the template's notation:
// its decimals behind the right mark, and a zero that is written as one.
func (f Format) Fits(want, text string) bool {
	other := ","
	if f.Comma() {
		other = "."
	}
	return !strings.Contains(text, other) && (strings.TrimSpace(text) == "") == (want == "")
}

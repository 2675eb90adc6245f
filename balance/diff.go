package balance

import (
	"slices"

	"github.com/shopspring/decimal"
)

// Change is one cell in which a balance differs from an earlier one. The
// figures are canonical; an empty text is an empty cell, which is not the same
// as zero.
type Change struct {
	Cell   Cell   `json:"cell"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// Diff lists the cells that differ, in the order of the form. It returns nil when
// the figures are the same.
func Diff(before, after Values) []Change {
	var changes []Change
	for c, v := range after {
		old, had := before[c]
		switch {
		case !had:
			changes = append(changes, Change{Cell: c, After: Canonical(v)})
		case !old.Equal(v):
			changes = append(changes, Change{c, Canonical(old), Canonical(v)})
		}
	}
	for c, old := range before {
		if _, has := after[c]; !has {
			changes = append(changes, Change{Cell: c, Before: Canonical(old)})
		}
	}
	slices.SortFunc(changes, func(a, b Change) int { return CompareCells(a.Cell, b.Cell) })
	return changes
}

// Texts writes the two figures and by how much they differ, as a language does
// in Belgium. An empty cell is so named, and counts as zero in the difference.
func (c Change) Texts(l Lang) (before, after, by string) {
	r, _ := RubricOf(c.Cell.Code)
	figure := func(text string) (decimal.Decimal, string) {
		d, err := ParseDecimal(text)
		if err != nil {
			return decimal.Zero, l.empty()
		}
		return d, l.Figure(d, r.Decimals)
	}
	old, before := figure(c.Before)
	v, after := figure(c.After)
	difference := v.Sub(old)
	by = l.Figure(difference, r.Decimals)
	if difference.IsPositive() {
		by = "+" + by
	}
	return before, after, by
}

// In writes the change in one line, such as "1003 Average number of employees,
// total in full-time equivalents: 57.8 → 58.3 (+0.5)".
func (c Change) In(l Lang) string {
	before, after, by := c.Texts(l)
	return c.Cell.String() + " " + c.Cell.Label(l) + ": " + before + " → " + after + " (" + by + ")"
}

package balance

import (
	"slices"

	"github.com/shopspring/decimal"
)

// RoundsTo reports whether exact is rounded in a document in whole euros: an amount
// rounds half up to it, any other figure is equal. Of a negative half both
// neighbours are taken, since programs round those either way.
func RoundsTo(c Cell, exact, rounded decimal.Decimal) bool {
	if exact.Equal(rounded) {
		return true
	}
	if r, ok := RubricOf(c.Code); !ok || r.Unit != Money {
		return false
	}
	return exact.Round(0).Equal(rounded) || exact.Add(decimal.New(5, -1)).Floor().Equal(rounded)
}

// IsRounding reports whether rounded states the figures of exact in whole euros. A
// cell that is empty on one side counts as zero. Of a cell among doubts, which are
// those of the rounded document, one of the readings is enough.
func IsRounding(rounded, exact Values, doubts []Doubt) bool {
	open := map[string]bool{}
	for _, d := range doubts {
		c, err := ParseCell(d.Code)
		if err != nil {
			return false // the year is in doubt
		}
		open[d.Code] = true
		if !slices.ContainsFunc(d.Readings, func(text string) bool { return RoundsTo(c, exact[c], orZero(text)) }) {
			return false
		}
	}
	for _, v := range []Values{rounded, exact} {
		for c := range v {
			if !open[c.String()] && !RoundsTo(c, exact[c], rounded[c]) {
				return false
			}
		}
	}
	return true
}

// orZero reads a reading of a Doubt; an empty cell counts as zero.
func orZero(text string) decimal.Decimal {
	v, err := ParseDecimal(text)
	if err != nil {
		return decimal.Zero
	}
	return v
}

// ByRounding reports whether the two figures of a change are the same but for the
// rounding of one of them to whole euros.
func (c Change) ByRounding() bool {
	before, after := orZero(c.Before), orZero(c.After)
	return RoundsTo(c.Cell, before, after) || RoundsTo(c.Cell, after, before)
}

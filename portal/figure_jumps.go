package portal

import (
	"strings"

	"balansd/balance"

	"github.com/shopspring/decimal"
)

// smallChanges are changes of a figure that are never marked, by unit: persons, hours, euros.
var smallChanges = map[balance.Unit]int64{balance.FTE: 2, balance.Heads: 2, balance.Hours: 2000, balance.Money: 25_000}

// jumpOf returns by how much a figure jumped from one year to the next, with an arrow:
// by more than half of what it was, and by more than a small amount; else an empty text.
func jumpOf(l balance.Lang, unit balance.Unit, before, now string) string {
	was, err := balance.ParseDecimal(strings.TrimSpace(before))
	if err != nil {
		return ""
	}
	is, err := balance.ParseDecimal(strings.TrimSpace(now))
	if err != nil {
		return ""
	}
	change := is.Sub(was)
	if change.Abs().LessThanOrEqual(decimal.NewFromInt(smallChanges[unit])) || change.Abs().Mul(decimal.NewFromInt(2)).LessThanOrEqual(was.Abs()) {
		return ""
	}
	arrow, sign := "▲", "+"
	if change.IsNegative() {
		arrow, sign = "▼", "−"
	}
	if was.IsZero() { // there are no percents
		return arrow
	}
	space := "\u00a0"
	if l == balance.English {
		space = ""
	}
	percent := change.Abs().Mul(decimal.NewFromInt(100)).DivRound(was.Abs(), 0)
	return arrow + " " + sign + l.Figure(percent, 0) + space + "%"
}

package balance_test

import (
	"slices"
	"testing"

	"balansd/balance"

	"github.com/shopspring/decimal"
)

// An amount is rounded half up to whole euros; hours and heads are not rounded.
func TestRoundsTo(t *testing.T) {
	for _, c := range []struct {
		cell, exact, rounded string
		want                 bool
	}{
		{"1023", "71981.50", "71982", true},
		{"1023", "71981.50", "71981", false},
		{"1023", "71981.49", "71981", true},
		{"1023", "71981.49", "71982", false},
		{"1023P", "0.49", "0", true},
		{"1033", "-6832.5", "-6833", true},
		{"1033", "-6832.5", "-6832", true},
		{"1033", "-6832.51", "-6832", false},
		{"1023", "71982", "71982.00", true},
		{"1023", "71982", "71981.5", false},
		{"1003", "4.5", "5", false},
		{"1003", "4.50", "4.5", true},
		{"1013", "5012.4", "5012", false},
	} {
		if got := balance.RoundsTo(cell(t, c.cell), decimal.RequireFromString(c.exact), decimal.RequireFromString(c.rounded)); got != c.want {
			t.Errorf("%s: %s to %s is %v", c.cell, c.exact, c.rounded, got)
		}
	}
}

func TestIsRounding(t *testing.T) {
	of := func(pairs ...string) balance.Values {
		v := balance.Values{}
		for i := 0; i < len(pairs); i += 2 {
			v[cell(t, pairs[i])] = decimal.RequireFromString(pairs[i+1])
		}
		return v
	}
	exact := of("1003", "4.3", "1023", "71981.55", "1033", "0.4")
	open := func(code string, readings ...string) []balance.Doubt {
		return []balance.Doubt{{Kind: balance.TwoReadings, Code: code, Readings: readings}}
	}
	for name, c := range map[string]struct {
		rounded balance.Values
		doubts  []balance.Doubt
		want    bool
	}{
		"all rounded":                 {of("1003", "4.3", "1023", "71982", "1033", "0"), nil, true},
		"a zero left empty":           {of("1003", "4.3", "1023", "71982"), nil, true},
		"a zero that is not there":    {of("1003", "4.3", "1023", "71982", "1021", "0"), nil, true},
		"another amount":              {of("1003", "4.3", "1023", "71981"), nil, false},
		"an amount that is missing":   {of("1003", "4.3"), nil, false},
		"an amount more":              {of("1003", "4.3", "1023", "71982", "1021", "5"), nil, false},
		"other heads":                 {of("1003", "4", "1023", "71982"), nil, false},
		"one of the readings fits":    {of("1003", "4.3"), open("1023", "71.98", "71982"), true},
		"none of the readings fits":   {of("1003", "4.3"), open("1023", "71.98", "71983"), false},
		"an amount in another column": {of("1003", "4.3", "1023", "71982"), open("1021", "5", ""), true},
		"the year is in doubt":        {of("1003", "4.3", "1023", "71982"), []balance.Doubt{{Kind: balance.DoubtfulYear}}, false},
	} {
		if got := balance.IsRounding(c.rounded, exact, c.doubts); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestChangeByRounding(t *testing.T) {
	for _, c := range []struct {
		before, after string
		want          bool
	}{{"71982", "71981.55", true}, {"71981.55", "71982", true}, {"", "0.4", true}, {"71982", "71980", false}} {
		if got := (balance.Change{Cell: cell(t, "1023"), Before: c.before, After: c.after}).ByRounding(); got != c.want {
			t.Errorf("%q to %q: %v", c.before, c.after, got)
		}
	}
}

// In whole euros a sum may be as far from its parts as rounding can set it; hours,
// and figures with cents, may not.
func TestSumsOfRoundedFigures(t *testing.T) {
	for name, c := range map[string]struct {
		cells   cells
		exact   bool
		finding bool
	}{
		"rounded up":         {cells: cells{"1021": "1021", "1022": "1022", "1023": "2044"}},
		"rounded down":       {cells: cells{"1021": "1021", "1022": "1022", "1023": "2042"}},
		"more than rounding": {cells: cells{"1021": "1021", "1022": "1022", "1023": "2045"}, finding: true},
		"one part":           {cells: cells{"1021": "1021", "1022": "0", "1023": "1022"}, finding: true},
		"three parts":        {cells: cells{"5803": "12", "58031": "7", "58032": "7", "58033": "4"}},
		"three parts, more":  {cells: cells{"5803": "13", "58031": "7", "58032": "7", "58033": "4"}, finding: true},
		"exact":              {cells: cells{"1021": "1021", "1022": "1022", "1023": "2044"}, exact: true, finding: true},
		"hours":              {cells: cells{"1011": "1021", "1012": "1022", "1013": "2044"}, finding: true},
	} {
		b := c.cells.balance(t, balance.Full)
		b.Rounded = !c.exact
		found := slices.ContainsFunc(balance.Check(b), func(f balance.Finding) bool {
			return slices.Contains([]string{"hours_total", "costs_total", "training_net_cost"}, f.Rule)
		})
		if found != c.finding {
			t.Errorf("%s: a finding: %v", name, found)
		}
	}
}

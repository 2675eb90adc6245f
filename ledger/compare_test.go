package ledger_test

import (
	"testing"

	"balansd/balance"
	"balansd/ledger"
	"balansd/mapping"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
)

func cell(s string) balance.Cell {
	c, err := balance.ParseCell(s)
	if err != nil {
		panic(err)
	}
	return c
}

func values(pairs ...string) balance.Values {
	v := balance.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v[cell(pairs[i])] = decimal.RequireFromString(pairs[i+1])
	}
	return v
}

func figures(pairs ...string) ledger.Figures {
	f := ledger.Figures{}
	for i := 0; i < len(pairs); i += 2 {
		f[cell(pairs[i])] = pairs[i+1]
	}
	return f
}

type compareTest struct {
	name   string
	values balance.Values
	// rounded says that the values are in whole euros.
	rounded bool
	format  mapping.Format
	have    ledger.Figures
	known   ledger.Written
	write   ledger.Figures
	ours    ledger.Figures
	differ  []ledger.Difference
}

func TestCompare(t *testing.T) {
	tests := []compareTest{
		{
			name:   "an empty place is written",
			values: values("1003", "114.40", "1003P", "110"),
			write:  figures("1003", "114.4", "1003P", "110"),
			ours:   figures("1003", "114.4", "1003P", "110"),
		},
		{
			name:   "what is there already is not written, and stays the person's",
			values: values("1003", "114.4"),
			have:   figures("1003", "114.40"),
		},
		{
			name:   "what we wrote is corrected",
			values: values("1003", "115"),
			have:   figures("1003", "114.4"),
			known:  ledger.Written{Confirmed: figures("1003", "114.4")},
			write:  figures("1003", "115"),
			ours:   figures("1003", "115"),
		},
		{
			name:   "a person's figure is never overwritten",
			values: values("1003", "115", "1013", "7"),
			have:   figures("1003", "999"),
			known:  ledger.Written{Confirmed: figures("1003", "114.4")},
			write:  figures("1013", "7"),
			ours:   figures("1013", "7"),
			differ: []ledger.Difference{{Cell: cell("1003"), Finbox: "115", Silverfin: "999", Ours: "114.4"}},
		},
		{
			name:   "what a person typed like Finbox is theirs when a correction comes",
			values: values("1003", "115"),
			have:   figures("1003", "114.4"),
			differ: []ledger.Difference{{Cell: cell("1003"), Finbox: "115", Silverfin: "114.4"}},
		},
		{
			name:   "text that is no figure differs",
			values: values("1003", "1"),
			have:   figures("1003", "see note"),
			differ: []ledger.Difference{{Cell: cell("1003"), Finbox: "1", Silverfin: "see note"}},
		},
		{
			name:   "a write whose outcome was not known is ours",
			values: values("1003", "3"),
			have:   figures("1003", "2"),
			known:  ledger.Written{Confirmed: figures("1003", "1"), Intended: figures("1003", "2")},
			write:  figures("1003", "3"),
			ours:   figures("1003", "3"),
		},
		{
			name:   "a decision for Finbox holds for the figure that was seen",
			values: values("1003", "3"),
			have:   figures("1003", "9"),
			known:  ledger.Written{UseFinbox: map[balance.Cell]ledger.Seen{cell("1003"): {Finbox: "3", Silverfin: "9"}}},
			write:  figures("1003", "3"),
			ours:   figures("1003", "3"),
		},
		{
			name:   "and not for another in Silverfin",
			values: values("1003", "3"),
			have:   figures("1003", "8"),
			known:  ledger.Written{UseFinbox: map[balance.Cell]ledger.Seen{cell("1003"): {Finbox: "3", Silverfin: "9"}}},
			differ: []ledger.Difference{{Cell: cell("1003"), Finbox: "3", Silverfin: "8"}},
		},
		{
			name:   "nor for another of Finbox",
			values: values("1003", "4"),
			have:   figures("1003", "9"),
			known:  ledger.Written{UseFinbox: map[balance.Cell]ledger.Seen{cell("1003"): {Finbox: "3", Silverfin: "9"}}},
			differ: []ledger.Difference{{Cell: cell("1003"), Finbox: "4", Silverfin: "9"}},
		},
		{
			name:   "nor for none: a figure that was given up stays when Finbox has no other",
			values: values("1013", "1"),
			have:   figures("1003", "9", "1013", "1"),
			known:  ledger.Written{UseFinbox: map[balance.Cell]ledger.Seen{cell("1003"): {Finbox: "3", Silverfin: "9"}}},
		},
		{
			name:   "a decision for Silverfin holds while Finbox says the same",
			values: values("1003", "3"),
			have:   figures("1003", "9"),
			known:  ledger.Written{KeepSilverfin: map[balance.Cell]ledger.Seen{cell("1003"): {Finbox: "3", Silverfin: "9"}}},
		},
		{
			name:   "and is asked again when Finbox changed",
			values: values("1003", "4"),
			have:   figures("1003", "9"),
			known:  ledger.Written{KeepSilverfin: map[balance.Cell]ledger.Seen{cell("1003"): {Finbox: "3", Silverfin: "9"}}},
			differ: []ledger.Difference{{Cell: cell("1003"), Finbox: "4", Silverfin: "9"}},
		},
		{
			name:   "a figure of ours that the correction leaves empty becomes zero",
			values: values("1003", "4"),
			have:   figures("1003", "4", "5801", "2"),
			known:  ledger.Written{Confirmed: figures("1003", "4", "5801", "2")},
			write:  figures("5801", "0"),
			ours:   figures("1003", "4", "5801", "0"),
		},
		{
			name:   "a figure that a person added is left alone",
			values: values("1003", "4"),
			have:   figures("1003", "4", "5801", "2"),
			known:  ledger.Written{Confirmed: figures("1003", "4")},
			ours:   figures("1003", "4"),
		},
		{
			name:   "the same figure in another notation",
			values: values("1003", "4.3", "1013", "5012", "1023", "44300.5"),
			have:   figures("1003", "4,3", "1013", "5 012", "1023", "44.300,50"),
		},
		{
			name:   "the same figure with zeros and blanks",
			values: values("1003", "4.3", "1013", "4.3"),
			have:   figures("1003", " 4.30 ", "1013", "4,30\u00a0"),
		},
		{
			name:   "a notation with two readings is not the same",
			values: values("1013", "5012", "1023", "1234"),
			have:   figures("1013", "5.012", "1023", "1,234"),
			differ: []ledger.Difference{{Cell: cell("1013"), Finbox: "5012", Silverfin: "5.012"}, {Cell: cell("1023"), Finbox: "1234", Silverfin: "1,234"}},
		},
		{
			name:   "exact figures go over the rounded ones that we wrote",
			values: values("1023", "71981.55"),
			have:   figures("1023", "71982"),
			known:  ledger.Written{Confirmed: figures("1023", "71982")},
			write:  figures("1023", "71981.55"),
			ours:   figures("1023", "71981.55"),
		},
		{
			name:    "whole euros beside the exact amounts of a person or of us",
			values:  values("1021", "5", "1023", "71982", "1033", "7"),
			rounded: true,
			have:    figures("1021", "4,50", "1023", "71981.55", "1033", "6.4"),
			known:   ledger.Written{Confirmed: figures("1023", "71981.55")},
			ours:    figures("1023", "71981.55"),
			differ:  []ledger.Difference{{Cell: cell("1033"), Finbox: "7", Silverfin: "6.4"}},
		},
		{
			name:   "whole euros that a person typed beside exact amounts",
			values: values("1023", "71981.55"),
			have:   figures("1023", "71982"),
			differ: []ledger.Difference{{Cell: cell("1023"), Finbox: "71981.55", Silverfin: "71982"}},
		},
		{
			name:    "hours and heads are not rounded",
			values:  values("1003", "5"),
			rounded: true,
			have:    figures("1003", "4.5"),
			differ:  []ledger.Difference{{Cell: cell("1003"), Finbox: "5", Silverfin: "4.5"}},
		},
		{
			name:   "a choice about a rounded figure holds for the exact one",
			values: values("1021", "5.4", "1023", "71981.55"),
			have:   figures("1021", "9", "1023", "72000"),
			known: ledger.Written{KeepSilverfin: map[balance.Cell]ledger.Seen{cell("1023"): {Finbox: "71982", Silverfin: "72000", Rounded: true}},
				UseFinbox: map[balance.Cell]ledger.Seen{cell("1021"): {Finbox: "5", Silverfin: "9", Rounded: true}}},
			write: figures("1021", "5.4"),
			ours:  figures("1021", "5.4"),
		},
		{
			name:    "a choice about an exact figure holds for the rounded one",
			values:  values("1023", "71982"),
			rounded: true,
			have:    figures("1023", "72000"),
			known:   ledger.Written{KeepSilverfin: map[balance.Cell]ledger.Seen{cell("1023"): {Finbox: "71981.55", Silverfin: "72000"}}},
		},
		{
			name:   "a choice about an exact figure does not hold for another one",
			values: values("1023", "71982"),
			have:   figures("1023", "72000"),
			known:  ledger.Written{KeepSilverfin: map[balance.Cell]ledger.Seen{cell("1023"): {Finbox: "71981.55", Silverfin: "72000"}}},
			differ: []ledger.Difference{{Cell: cell("1023"), Finbox: "71982", Silverfin: "72000"}},
		},
	}
	for _, tt := range append(tests, formatTests()...) {
		t.Run(tt.name, func(t *testing.T) {
			p := ledger.Compare(tt.values, tt.rounded, tt.format, tt.have, tt.known)
			if tt.write == nil {
				tt.write = ledger.Figures{}
			}
			if tt.ours == nil {
				tt.ours = ledger.Figures{}
			}
			if d := cmp.Diff(tt.write, p.Write); d != "" {
				t.Errorf("write (-want +got):\n%s", d)
			}
			if d := cmp.Diff(tt.ours, p.Ours); d != "" {
				t.Errorf("ours (-want +got):\n%s", d)
			}
			if d := cmp.Diff(tt.differ, p.Differ); d != "" {
				t.Errorf("differ (-want +got):\n%s", d)
			}
		})
	}
}

// After a change of the mapping, or if the property was not recorded, nothing known about
// a cell counts.
func TestMappingChangeForgetsFigures(t *testing.T) {
	at := func(c balance.Cell) string { return "ns.code_" + c.String() }
	known := ledger.Written{
		Confirmed: figures("1003", "1", "1013", "2", "1021", "3"), Intended: figures("1003", "4", "5801", "5"), By: 7, Version: 9,
		Properties:    map[balance.Cell]string{cell("1003"): "ns.code_1003", cell("1013"): "ns.sb_1013", cell("5801"): "ns.sb_5801"},
		UseFinbox:     map[balance.Cell]ledger.Seen{cell("1003"): {Property: "ns.code_1003"}, cell("1013"): {Property: "ns.sb_1013"}, cell("1021"): {}},
		KeepSilverfin: map[balance.Cell]ledger.Seen{cell("1003"): {Property: "ns.code_1003"}, cell("1021"): {}},
	}
	want := known
	want.Confirmed, want.Intended = figures("1003", "1"), figures("1003", "4")
	want.UseFinbox = map[balance.Cell]ledger.Seen{cell("1003"): {Property: "ns.code_1003"}}
	want.KeepSilverfin = want.UseFinbox
	if d := cmp.Diff(want, known.ForMapping(at)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if d := cmp.Diff(map[balance.Cell]string{cell("1003"): "ns.code_1003"}, want.WithMapping(at).Properties); d != "" {
		t.Errorf("properties (-want +got):\n%s", d)
	}
}

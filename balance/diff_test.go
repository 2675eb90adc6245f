package balance_test

import (
	"slices"
	"testing"

	"balansd/balance"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestDiff(t *testing.T) {
	before := cells{"1003": "57.8", "1003P": "56", "1023": "2944689.92", "2051": "3", "1051": "5"}.balance(t, balance.Full).Values
	after := cells{"1003": "58.30", "1003P": "56.0", "1023": "2944189.9", "3051": "0", "1051": "5"}.balance(t, balance.Full).Values
	got := map[balance.Lang][]string{}
	for _, l := range balance.Languages() {
		for _, c := range balance.Diff(before, after) {
			got[l] = append(got[l], c.In(l))
		}
	}
	want := map[balance.Lang][]string{
		balance.Dutch: {
			"1003 Gemiddeld aantal werknemers, totaal in voltijdse equivalenten: 57,8 → 58,3 (+0,5)",
			"1023 Personeelskosten, totaal: 2.944.689,92 → 2.944.189,90 (-500,02)",
			"2051 Ingetreden werknemers (DIMONA-aangifte of personeelsregister), voltijds: 3 → leeg (-3)",
			"3051 Uitgetreden werknemers (einddatum in DIMONA of personeelsregister), voltijds: leeg → 0 (0)",
		},
		balance.French: {
			"1003 Nombre moyen de travailleurs, total en équivalents temps plein: 57,8 → 58,3 (+0,5)",
			"1023 Frais de personnel, total: 2\u00a0944\u00a0689,92 → 2\u00a0944\u00a0189,90 (-500,02)",
			"2051 Travailleurs entrés (déclaration DIMONA ou registre du personnel), temps plein: 3 → vide (-3)",
			"3051 Travailleurs sortis (date de fin en DIMONA ou au registre du personnel), temps plein: vide → 0 (0)",
		},
	}
	for l, lines := range want {
		if diff := cmp.Diff(lines, got[l]); diff != "" {
			t.Errorf("%s (-want +got)\n%s", l, diff)
		}
	}
	if len(got[balance.German]) != 4 || len(got[balance.English]) != 4 {
		t.Errorf("changes %v", got)
	}
}

// What Diff lists is exactly what turns one balance into the other.
func TestDiffIsWhatChanged(t *testing.T) {
	draw := func(t *rapid.T, name string) balance.Values {
		c := cells{}
		for _, code := range []string{"1003", "1003P", "1011", "5801", "12031"} {
			if v := rapid.SampledFrom([]string{"", "0", "1", "1.0", "2"}).Draw(t, name+" "+code); v != "" {
				c[code] = v
			}
		}
		return c.balance(t, balance.Full).Values
	}
	rapid.Check(t, func(t *rapid.T) {
		before, after := draw(t, "before"), draw(t, "after")
		changes := balance.Diff(before, after)
		for _, c := range changes {
			old, had := before[c.Cell]
			if had != (c.Before != "") || had && balance.Canonical(old) != c.Before {
				t.Fatalf("%+v of %v", c, before)
			}
			if c.After == "" {
				delete(before, c.Cell)
				continue
			}
			v, err := balance.ParseDecimal(c.After)
			if err != nil {
				t.Fatal(err)
			}
			before[c.Cell] = v
		}
		if before.Hash() != after.Hash() {
			t.Fatalf("%v does not become %v by %v", before, after, changes)
		}
		if len(balance.Diff(after, after)) != 0 || len(balance.Diff(after, before)) != 0 {
			t.Fatal("the same figures differ")
		}
		if !slices.IsSortedFunc(changes, func(a, b balance.Change) int { return balance.CompareCells(a.Cell, b.Cell) }) {
			t.Fatal("not in the order of the form")
		}
	})
}

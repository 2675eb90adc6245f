package madeup

import (
	"fmt"
	"testing"

	"balansd/balance"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

func models() []balance.Model {
	return []balance.Model{balance.Full, balance.Abbreviated, balance.Micro}
}

// The sums are repeated here, so that a mistake in the checks of package balance does not
// hide one here.
func TestMadeUpSums(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		model := rapid.SampledFrom(models()).Draw(t, "model")
		b := Balance(rapid.Int64().Draw(t, "seed"), model, rapid.IntRange(2000, 2040).Draw(t, "year"))
		at := func(cell string) decimal.Decimal {
			c, err := balance.ParseCell(cell)
			if err != nil {
				t.Fatal(err)
			}
			return b.Values[c]
		}
		equals := func(cell string, parts ...string) {
			sum := decimal.Zero
			for _, p := range parts {
				sum = sum.Add(at(p))
			}
			if !sum.Equal(at(cell)) {
				t.Errorf("%s is %s, its parts %v add up to %s", cell, at(cell), parts, sum)
			}
		}
		for col := 1; col <= 3; col++ {
			c := func(row int) string { return fmt.Sprintf("%d%d", row, col) }
			equals(c(105), c(110), c(111), c(112), c(113))
			equals(c(105), c(120), c(121))
			equals(c(105), c(130), c(134), c(132), c(133))
			equals(c(120), c(1200), c(1201), c(1202), c(1203))
			equals(c(121), c(1210), c(1211), c(1212), c(1213))
		}
		equals("1013", "1011", "1012")
		equals("1023", "1021", "1022")
		if model == balance.Full {
			for _, row := range []string{"100", "101", "102"} {
				for _, col := range []string{"1", "2", "3"} {
					equals(row+col, row+col+"1", row+col+"2")
				}
				equals(row+"3P", row+"31P", row+"32P")
			}
			for col := 1; col <= 3; col++ {
				c := func(row int) string { return fmt.Sprintf("%d%d", row, col) }
				equals(c(205), c(210), c(211), c(212), c(213))
				equals(c(305), c(310), c(311), c(312), c(313))
				equals(c(305), c(340), c(341), c(342), c(343))
			}
			equals("1033", "10331", "10332")
		}
		if at("1003").IsZero() || at("1023").IsZero() {
			t.Error("a balance of nobody")
		}
	})
}

func TestMadeUpPassesTheChecks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := Balance(rapid.Int64().Draw(t, "seed"), rapid.SampledFrom(models()).Draw(t, "model"), 2025)
		if found := balance.Check(b); len(found) > 0 {
			t.Errorf("%d findings, first %+v", len(found), found[0])
		}
		for c := range b.Values {
			r, ok := balance.RubricOf(c.Code)
			if !ok || r.FullOnly && b.Model != balance.Full || c.Previous && !r.HasPrevious() {
				t.Errorf("%s is not on the form of the %s model", c, b.Model)
			}
			if -b.Values[c].Exponent() > int32(r.Decimals) {
				t.Errorf("%s has more decimals than the form allows: %s", c, b.Values[c])
			}
		}
		if _, err := balance.ParseEnterpriseNumber(string(b.EnterpriseNumber)); err != nil {
			t.Error(err)
		}
	})
}

func TestMadeUpIsDeterministic(t *testing.T) {
	if diff := cmp.Diff(Balance(7, balance.Full, 2025), Balance(7, balance.Full, 2025)); diff != "" {
		t.Error(diff)
	}
	if Balance(7, balance.Full, 2025).Values.Hash() == Balance(8, balance.Full, 2025).Values.Hash() {
		t.Error("two seeds give the same figures")
	}
}

func TestMadeUpNumbersDiffer(t *testing.T) {
	seen := map[balance.EnterpriseNumber]int64{}
	for seed := range int64(20_000) {
		n := Number(seed)
		if other, ok := seen[n]; ok {
			t.Fatalf("seeds %d and %d share %s", other, seed, n)
		}
		seen[n] = seed
	}
}

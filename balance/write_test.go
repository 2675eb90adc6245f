package balance_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"balansd/balance"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

func layouts() []balance.Layout {
	return []balance.Layout{balance.PFSXBRL, balance.CBSOXBRL, balance.NBBCSV, balance.NBBJSON}
}

// drawBalance draws a balance of any cells of a model with any figures, some of
// which no form allows: a reader must give back what it says.
func drawBalance(t *rapid.T) *balance.Balance {
	model := rapid.SampledFrom([]balance.Model{balance.Full, balance.Abbreviated, balance.Micro}).Draw(t, "model")
	b := &balance.Balance{
		EnterpriseNumber: rapid.SampledFrom([]balance.EnterpriseNumber{"0443246943", "1000000021"}).Draw(t, "number"),
		Name:             rapid.StringMatching(`[A-Za-zÀ-ÿ0-9"'<>&;, .]{0,30}`).Draw(t, "name"),
		Model:            model, Currency: "EUR", Values: balance.Values{},
	}
	b.Name = strings.Join(strings.Fields(b.Name), " ")
	start := balance.Date{Year: rapid.IntRange(2010, 2030).Draw(t, "year"), Month: 1, Day: 1}.AddDays(rapid.IntRange(0, 365).Draw(t, "start"))
	b.FiscalYear = balance.Period{Start: start, End: start.AddDays(rapid.IntRange(27, 700).Draw(t, "days"))}
	for _, r := range balance.Rubrics() {
		for _, previous := range []bool{false, true} {
			if r.FullOnly && model != balance.Full || previous && !r.HasPrevious() || rapid.IntRange(0, 2).Draw(t, "fill "+r.Code) == 0 {
				continue
			}
			places := rapid.Int32Range(-6, 0).Draw(t, "places of "+r.Code)
			b.Values[balance.Cell{Code: r.Code, Previous: previous}] = decimal.New(rapid.Int64Range(-1e12, 1e12).Draw(t, r.Code), places)
		}
	}
	b.Correction = rapid.Bool().Draw(t, "correction")
	if rapid.Bool().Draw(t, "with the income statement") {
		costs := decimal.New(rapid.Int64Range(-1e9, 1e12).Draw(t, "62"), -2)
		b.PersonnelCosts = &costs
	}
	b.JointCommittees = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"100", "124", "200", "14901", "218", "302"}), 0, 3, rapid.ID).Draw(t, "committees")
	return b
}

// What is written reads back equal, in every layout. What a layout cannot carry
// is what Left says, and nothing else.
func TestRoundTrip(t *testing.T) {
	for _, layout := range layouts() {
		t.Run(string(layout), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				want := drawBalance(t)
				doc, err := balance.Write(layout, want)
				if err != nil {
					t.Fatal(err)
				}
				again, err := balance.Write(layout, want)
				if err != nil || !bytes.Equal(doc, again) {
					t.Fatal("the same balance gives other bytes")
				}
				got, err := newReader().Read(doc)
				if err != nil {
					t.Fatalf("%v in\n%s", err, doc)
				}
				cells, about := balance.Left(layout, want)
				for _, c := range cells {
					delete(want.Values, c)
				}
				if slices.Contains(about, "enterprise_number") {
					want.EnterpriseNumber = ""
				}
				if slices.Contains(about, "fiscal_year") {
					want.FiscalYear = balance.Period{}
				}
				if slices.Contains(about, "model") {
					want.Model = ""
				}
				want.Correction = want.Correction && !slices.Contains(about, "correction")
				if slices.Contains(about, "joint_committees") {
					want.JointCommittees = nil
				}
				if changes := balance.Diff(want.Values, got.Values); len(changes) > 0 {
					t.Fatalf("figures changed: %v", changes)
				}
				want.Layout = layout
				for _, b := range []*balance.Balance{want, got} {
					b.Values, b.Findings, b.Inferred, b.Currency = nil, nil, nil, ""
					if len(b.JointCommittees) == 0 {
						b.JointCommittees = nil
					}
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("(-written +read)\n%s", diff)
				}
			})
		})
	}
}

// A document that is read and written in its own layout says the same.
func TestReadDocumentsCanBeWritten(t *testing.T) {
	for name, data := range documents(t) {
		b := mustRead(t, data)
		if len(b.Values) == 0 {
			continue
		}
		for _, layout := range layouts() {
			if b.FiscalYear.Start.IsZero() && (layout == balance.PFSXBRL || layout == balance.CBSOXBRL) {
				continue
			}
			doc, err := balance.Write(layout, b)
			if err != nil {
				t.Fatalf("%s to %s: %v", name, layout, err)
			}
			for _, c := range balance.Diff(b.Values, mustRead(t, doc).Values) {
				if balance.Carries(layout, c.Cell) {
					t.Errorf("%s to %s: %s", name, layout, c.In(balance.English))
				}
			}
		}
	}
}

func TestWriteNeedsToKnow(t *testing.T) {
	for _, layout := range layouts() {
		_, err := balance.Write(layout, &balance.Balance{Values: balance.Values{}})
		if needs := layout == balance.PFSXBRL || layout == balance.CBSOXBRL; needs != (err != nil) {
			t.Errorf("%s: %v", layout, err)
		}
	}
	reversed := mustRead(t, []byte(document(t, "csv-m02-full.csv")))
	reversed.FiscalYear.Start, reversed.FiscalYear.End = reversed.FiscalYear.End, reversed.FiscalYear.Start
	for _, layout := range []balance.Layout{balance.PFSXBRL, balance.CBSOXBRL} {
		if _, err := balance.Write(layout, reversed); err == nil || !strings.Contains(err.Error(), "ends before it starts") {
			t.Errorf("%s of a year the wrong way: %v", layout, err)
		}
	}
	if _, err := balance.Write("pdf", &balance.Balance{}); err == nil {
		t.Error("a PDF was written")
	}
}

package madeup

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"balansd/balance"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func layouts() []balance.Layout {
	return []balance.Layout{balance.PFSXBRL, balance.CBSOXBRL, balance.NBBCSV, balance.NBBJSON}
}

// What is written must read back equal, cell by cell, in each layout and model, except for
// what a layout cannot carry.
func TestDocumentsReadBackEqual(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		layout := rapid.SampledFrom(layouts()).Draw(t, "layout")
		model := rapid.SampledFrom(models()).Draw(t, "model")
		made := Balance(rapid.Int64Range(0, 99_999).Draw(t, "seed"), model, rapid.IntRange(2012, 2027).Draw(t, "year"))
		made.Name = rapid.SampledFrom([]string{"Bakkerij & Zonen BV", `"De Hoek" <SRL>`, "Crêperie l'Écluse SA"}).Draw(t, "name")
		want := maps.Clone(made.Values)
		for c := range want {
			if !balance.Carries(layout, c) {
				delete(want, c)
			}
		}
		doc, err := Document(layout, made)
		if err != nil {
			t.Fatal(err)
		}
		got, err := balance.NewReader(balance.ReaderOptions{}).Read(doc)
		if err != nil {
			t.Fatalf("%s, %s: %v", layout, model, err)
		}
		if got.Layout != layout {
			t.Errorf("read as %s, written as %s", got.Layout, layout)
		}
		if diff := cmp.Diff(canonical(want), canonical(got.Values)); diff != "" {
			t.Errorf("%s, %s: figures differ (-written +read):\n%s", layout, model, diff)
		}
		if got.Name != made.Name {
			t.Errorf("%s: name %q, written %q", layout, got.Name, made.Name)
		}
		if layout != balance.NBBCSV && !slices.Equal(got.JointCommittees, made.JointCommittees) {
			t.Errorf("%s: joint committees %v, written %v", layout, got.JointCommittees, made.JointCommittees)
		}
		if layout != balance.NBBJSON && (got.EnterpriseNumber != made.EnterpriseNumber || got.FiscalYear != made.FiscalYear || got.Model != model) {
			t.Errorf("%s: %s %v %s, written %s %v %s", layout, got.EnterpriseNumber, got.FiscalYear, got.Model,
				made.EnterpriseNumber, made.FiscalYear, model)
		}
	})
}

func canonical(v balance.Values) map[string]string {
	out := map[string]string{}
	for c, d := range v {
		out[c.String()] = balance.Canonical(d)
	}
	return out
}

func TestPDFHasNoFigures(t *testing.T) {
	doc, err := Document(PDF, Balance(1, balance.Micro, 2025))
	if err != nil || !bytes.HasPrefix(doc, []byte("%PDF-1.4\n")) || !bytes.HasSuffix(doc, []byte("%%EOF\n")) {
		t.Errorf("no PDF: %v", err)
	}
	if _, err := balance.NewReader(balance.ReaderOptions{}).Read(doc); err == nil {
		t.Error("a PDF was read as a social balance")
	}
}

// TestPDFFormReadsBackEqual compares the figures of a printed form with those of the
// balance, rounded to whole euros.
func TestPDFFormReadsBackEqual(t *testing.T) {
	for _, model := range []balance.Model{balance.Abbreviated, balance.Micro} {
		for seed := range int64(6) {
			made := Balance(seed, model, 2024)
			doc, err := Document(balance.NBBPDF, made)
			if err != nil {
				t.Fatal(err)
			}
			want := maps.Clone(made.Values)
			for c, v := range want {
				if r, _ := balance.RubricOf(c.Code); r.Unit == balance.Money {
					want[c] = v.Round(0)
				}
			}
			sameBalance(t, doc, made, want)
		}
	}
	if _, err := Document(balance.NBBPDF, Balance(1, balance.Full, 2024)); err == nil {
		t.Error("the full model is written")
	}
}

func TestExcelCSVReadsBackEqual(t *testing.T) {
	for seed := range int64(20) {
		made := Balance(seed, models()[seed%3], 2024)
		doc, err := ExcelCSV(made)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(doc, []byte(";31/12/2024\r\n")) {
			t.Fatalf("no date of Excel in\n%s", doc)
		}
		sameBalance(t, doc, made, made.Values)
	}
}

// sameBalance compares a document with the balance that it was made of.
func sameBalance(t *testing.T, doc []byte, made *balance.Balance, want balance.Values) {
	t.Helper()
	got, err := balance.NewReader(balance.ReaderOptions{}).Read(doc)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(canonical(want), canonical(got.Values)); diff != "" || len(got.Doubts) > 0 {
		t.Fatalf("doubts %v, figures (-written +read):\n%s", got.Doubts, diff)
	}
	if got.Name != made.Name || got.EnterpriseNumber != made.EnterpriseNumber || got.FiscalYear != made.FiscalYear || got.Model != made.Model {
		t.Errorf("read %q %s %v %s, written %q %s %v %s", got.Name, got.EnterpriseNumber, got.FiscalYear, got.Model,
			made.Name, made.EnterpriseNumber, made.FiscalYear, made.Model)
	}
}

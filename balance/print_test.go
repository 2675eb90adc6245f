package balance_test

import (
	"errors"
	"strings"
	"testing"

	"balansd/balance"
)

// A table goes on over the pages of a print that has its heads on the first alone,
// and its amounts are found on the page on which they stand.
func TestTableOverPages(t *testing.T) {
	rows := under([]any{"Sociale balans"}, []any{"Code", "Omschrijving", "Boekjaar", "Vorig boekjaar"},
		[]any{"1003", "VTE", 3.5, 4.5}, []any{"1013", "uren", 200.0, 300.0}, []any{"1023", "kosten", 10.25, 20.25})
	second := [][]any{{}, {}, {}, {}, {}, {"1051", "aantal", 2.0}, {"1053", "VTE", 2.5}}
	third := [][]any{{"5803", "opleiding", 583.5}, {"1003", "VTE", 3.75}}
	pages := [][]printed{printedRows(rows), printedRows(second), printedRows(third)}
	b := mustRead(t, []byte(paper{}.write(pages)))
	if got := figures(b.Values); got != "1003P=4.5 1013=200 1013P=300 1023=10.25 1023P=20.25 1051=2 1053=2.5 5803=583.5" {
		t.Error(got)
	}
	if got := doubts(b); !strings.Contains(got, "1003") || len(b.Doubts) != 1 || b.EnterpriseNumber != "0443246943" || b.FiscalYear.String() != "2024-01-01/2024-12-31" {
		t.Errorf("%s, %s %s", got, b.EnterpriseNumber, b.FiscalYear)
	}
	elsewhere := printedRows(second)
	for i := range elsewhere {
		elsewhere[i].x += 250
	}
	var wrong *balance.ReadError
	if b, err := newReader().Read([]byte(paper{}.write([][]printed{printedRows(rows), elsewhere}))); !errors.As(err, &wrong) || !strings.Contains(err.Error(), "page 2: the table of row 1051 has heads of columns that are not known") {
		t.Errorf("rows in another place: %v, %v", b, err)
	}
}

// Heads of narrow columns are told apart by the space between them, or by what they
// are.
func TestNarrowHeads(t *testing.T) {
	narrow := func(heads ...printed) []byte {
		page := []printed{{30, 40, "Sociale balans"}, {30, 60, "Ondernemingsnummer 0443.246.943"}, {30, 75, "Boekjaar van 01/01/2024 tot 31/12/2024"}, {150, 100, "Codes"}}
		page = append(page, heads...)
		for i, row := range []string{"105", "110"} {
			y := 115 + 15*float64(i)
			page = append(page, printed{30, y, "aantal"}, printed{150, y, row}, printed{196, y, "2"}, printed{229, y, "1"}, printed{262, y, "2,5"})
		}
		return []byte(paper{}.write([][]printed{page}))
	}
	total := "Totaal in VTE"
	for name, document := range map[string][]byte{
		"wider than a blank": narrow(printed{185, 100, "Voltijds"}, printed{185 + widthOf("Voltijds") + 3.5, 100, "Deeltijds"}, printed{185 + widthOf("Voltijds") + widthOf("Deeltijds") + 7, 100, total}),
		"one word each":      narrow(printed{185, 100, "Voltijds"}, printed{185 + widthOf("Voltijds") + 3.5, 100, "Deeltijds"}, printed{185 + widthOf("Voltijds") + widthOf("Deeltijds") + 7, 100, "Totaal"}),
	} {
		b, err := newReader().Read(document)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if got := figures(b.Values); got != "1051=2 1052=1 1053=2.5 1101=2 1102=1 1103=2.5" || doubts(b) != "" {
			t.Errorf("%s: %s, %s", name, got, doubts(b))
		}
	}
}

// The number beside its label is that of the client, also where a payroll bureau
// prints its own at the head of each page.
func TestPrintOfABureau(t *testing.T) {
	pages := newForm(filing(t, balance.Abbreviated), balance.Dutch).print(t)
	change := func(label string) (*balance.Balance, error) {
		out := replaceText(newForm(filing(t, balance.Abbreviated), balance.Dutch).print(t), func(page int, p printed) printed {
			switch {
			case page >= 2 && p.x == 53 && p.y == 35: // the number at the head
				p.text = "BTW BE 0402.754.886"
			case page >= 2 && p.y == 35:
				p.text = "S"
			}
			return p
		})
		return newReader().Read([]byte(paper{}.write(insertAt(out, 2, printed{25, 50, label}))))
	}
	own := newReader()
	want, err := own.Read([]byte(paper{}.write(pages)))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := change("Ondernemingsnummer " + want.EnterpriseNumber.Pretty()); err != nil || b.EnterpriseNumber != want.EnterpriseNumber {
		t.Errorf("with a label: %v, %v", b, err)
	}
	if b, err := change("Dossier " + want.EnterpriseNumber.Pretty()); err != nil || b.EnterpriseNumber != "" {
		t.Errorf("without a label: %v, %v", b, err)
	}
}

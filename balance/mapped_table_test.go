package balance_test

import (
	"strings"
	"testing"

	"balansd/balance"

	"github.com/google/go-cmp/cmp"
)

// described reads documents with a table whose heads a person has named.
func described(tables ...balance.Table) *balance.Reader {
	return balance.NewReader(balance.ReaderOptions{Tables: tables})
}

var (
	longTable = balance.Table{Name: "export", Code: "Kenmerk", Current: "Saldo N", Previous: "Saldo N-1", Number: "Ondnr", Client: "Klant", Start: "Van", End: "Tot"}
	wideTable = balance.Table{Name: "clients", Columns: map[string]string{"1003": "VTE", "1003P": "VTE vorig", "1023": "Kosten"}, Number: "Ondnr", Client: "Klant", Year: "Jaar"}
)

// A table whose heads a person has named is read by them alone.
func TestDescribedTable(t *testing.T) {
	long := [][]any{
		{"Lijst van cijfers"},
		{"Klant", "Ondnr", "Van", "Tot", "Kenmerk", "saldo  n", "Saldo N-1", "Voltijds"},
		{"Peeters BV", "0443.246.943", "01/07/2023", "30/06/2024", "1003", 3.5, 4.5, 99.0},
		{"Peeters BV", "0443246943", "01/07/2023", "30/06/2024", "1023", 1000.25, 2000.25, 99.0},
		{"Peeters BV", "0443246943", "01/07/2023", "30/06/2024", "9999", 5.0, 5.0, 99.0},
		{"Peeters BV", "0443246943", "01/07/2023", "30/06/2024", "1001", 3.0, 2.0, 99.0},
	}
	wide := [][]any{{"Klant", "Ondnr", "Jaar", "VTE", "VTE vorig", "Kosten"}, {"Peeters BV", "0443.246.943", "2024", 3.5, 4.5, 1000.25}}
	for name, c := range map[string]struct {
		table        balance.Table
		rows         [][]any
		values, year string
	}{
		"a row for each rubric":    {longTable, long, "1001=3 1003=3.5 1003P=4.5 1023=1000.25 1023P=2000.25", "2023-07-01/2024-06-30"},
		"a column for each rubric": {wideTable, wide, "1003=3.5 1003P=4.5 1023=1000.25", "2024-01-01/2024-12-31"},
	} {
		for way, document := range map[string][]byte{"workbook": sheet(t, c.rows...), "CSV": asCSV(c.rows...)} {
			b, err := described(balance.Table{Name: "other", Code: "X", Current: "Y"}, c.table).Read(document)
			if err != nil {
				t.Errorf("%s, %s: %v", name, way, err)
				continue
			}
			if figures(b.Values) != c.values || doubts(b) != "" || b.FiscalYear.String() != c.year || b.EnterpriseNumber != "0443246943" || b.Name != "Peeters BV" {
				t.Errorf("%s, %s: %s, %s, %s of %s %s", name, way, figures(b.Values), doubts(b), b.FiscalYear, b.EnterpriseNumber, b.Name)
			}
		}
	}
	b, err := described(balance.Table{Name: "print", Code: "Kenmerk", Current: "Saldo", Previous: "Vorig saldo"}).Read(asPDF(under([]any{"Kenmerk", "", "Saldo", "Vorig saldo"}, []any{"1003", "", 3.5, 4.5}, []any{"1023", "", 1000.25, 2000.25})...))
	if err != nil || figures(b.Values) != "1003=3.5 1003P=4.5 1023=1000.25 1023P=2000.25" {
		t.Errorf("on a page: %v, %v", b, err)
	}
}

// A file has the figures of one client and one year.
func TestDescribedTableOfSeveral(t *testing.T) {
	head := []any{"Klant", "Ondnr", "Van", "Tot", "Kenmerk", "Saldo N", "Saldo N-1"}
	row := func(number, end, code string) []any { return []any{"x", number, "", end, code, 3.5, 4.5} }
	for name, c := range map[string]struct {
		table balance.Table
		rows  [][]any
		want  string
	}{
		"two clients":        {longTable, [][]any{head, row("0443.246.943", "31/12/2024", "1003"), row("0402.754.886", "31/12/2024", "1003")}, "table-csv, line 3: the figures of a second client or year start here in the table export"},
		"two years":          {longTable, [][]any{head, row("0443.246.943", "31/12/2024", "1003"), row("0443.246.943", "31/12/2023", "1003")}, "the figures of a second client or year"},
		"two rows of a wide": {wideTable, [][]any{{"Klant", "Ondnr", "Jaar", "VTE", "VTE vorig", "Kosten"}, {"a", "0443.246.943", "2024", 3.5}, {"b", "0402.754.886", "2024", 3.5}}, "table-csv, line 3: a second client starts here in the table clients"},
		"no number":          {longTable, [][]any{head, {"x", "0443.246.943", "", "31/12/2024", "1003", "veel", 4.5}}, "table-csv, line 2: the value of rubric 1003 is not a number"},
	} {
		if b, err := described(c.table).Read(asCSV(c.rows...)); err == nil || b != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %v", name, b, err)
		}
	}
}

func TestTableMistakes(t *testing.T) {
	for name, c := range map[string]struct {
		table balance.Table
		want  []string
	}{
		"well, long": {longTable, nil},
		"well, wide": {wideTable, nil},
		"nothing":    {balance.Table{}, []string{"code"}},
		"no amounts": {balance.Table{Code: "a"}, []string{"current"}},
		"both":       {balance.Table{Code: "a", Current: "b", Columns: map[string]string{"1003": "c"}}, []string{"columns"}},
		"wide":       {balance.Table{Current: "b", Columns: map[string]string{"1003": "c"}}, []string{"current"}},
		"no rubric":  {balance.Table{Columns: map[string]string{"1003": "c", "70": "d", "1001P": "e"}}, []string{"columns.1001P", "columns.70"}},
		"start":      {balance.Table{Code: "a", Current: "b", Start: "c"}, []string{"end"}},
		"twice":      {balance.Table{Code: "a", Current: "b", Previous: " B "}, []string{"previous"}},
	} {
		var got []string
		for _, m := range c.table.Mistakes() {
			got = append(got, m.Column)
			if m.What == "" || m.Right == "" {
				t.Errorf("%s: %+v", name, m)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

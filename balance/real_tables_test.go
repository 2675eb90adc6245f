package balance_test

import (
	"encoding/csv"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"balansd/balance"

	"github.com/google/go-cmp/cmp"
)

// Workbooks that a spreadsheet program would save of the cases that people really
// have give the figures of the original.
func TestRealCasesAsWorkbooks(t *testing.T) {
	original, err := os.ReadFile("../../shared/cases/excel/original.csv")
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("the cases are not on this machine")
	}
	if err != nil {
		t.Fatal(err)
	}
	want := mustRead(t, original)
	for _, name := range []string{"excel/original.csv", "notation/thousands-with-comma.csv", "notation/thousands-and-decimals.csv", "notation/blanks.csv", "notation/undecided.csv"} {
		f, err := os.Open(filepath.Join("../../shared/cases", name))
		if err != nil {
			t.Fatal(err)
		}
		rows := csv.NewReader(f)
		if rows.FieldsPerRecord = -1; name != "excel/original.csv" {
			rows.Comma = ';'
		}
		records, err := rows.ReadAll()
		_ = f.Close()
		if err != nil {
			t.Fatal(err)
		}
		var cells [][]any
		for _, r := range records {
			var row []any
			for _, field := range r {
				row = append(row, field)
			}
			cells = append(cells, row)
		}
		data, err := os.ReadFile(filepath.Join("../../shared/cases", name))
		if err != nil {
			t.Fatal(err)
		}
		if name != "excel/original.csv" {
			want = mustRead(t, data)
		}
		got := mustRead(t, sheet(t, cells...))
		if diff := cmp.Diff(want.Values, got.Values); diff != "" || got.Layout != balance.TableXLSX || got.EnterpriseNumber != want.EnterpriseNumber || got.FiscalYear != want.FiscalYear {
			t.Errorf("%s: %s of %q %s (-CSV +workbook)\n%s", name, got.Layout, got.EnterpriseNumber, got.FiscalYear, diff)
		}
	}
}

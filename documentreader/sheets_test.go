package documentreader_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"balansd/balance"
)

// listWorkbook makes a workbook with rows of two cells, with some of it in a hidden sheet.
func listWorkbook(t testing.TB, rows int) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	w, err := f.NewStreamWriter("Sheet1")
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		cell, err := excelize.CoordinatesToCellName(2, 2*i+1) // every other row
		if err == nil {
			err = w.SetRow(cell, []any{fmt.Sprintf("klant %d", i)})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.NewSheet("Verborgen"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.SetCellValue("Verborgen", "A1", "weg"), f.SetSheetVisible("Verborgen", false)); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestReadSheets(t *testing.T) {
	t.Parallel()
	var rows []balance.SheetRow
	err := newReader(t, "real").ReadSheets(t.Context(), bytes.NewReader(listWorkbook(t, 2)), "", func(r balance.SheetRow) error {
		rows = append(rows, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []balance.SheetRow{{Sheet: "Sheet1", Line: 1, Cells: []string{"", "klant 0"}}, {Sheet: "Sheet1", Line: 3, Cells: []string{"", "klant 1"}}}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
}

func TestReadSheetsFails(t *testing.T) {
	t.Parallel()
	none := func(balance.SheetRow) error { return nil }
	stop := errors.New("enough")
	book := listWorkbook(t, 20_000)
	for what, c := range map[string]struct {
		document []byte
		sheet    string
		each     func(balance.SheetRow) error
		want     string
	}{
		"damaged":          {book[:len(book)/2], "", none, "this is no workbook, or one that is damaged"},
		"no such sheet":    {book, "Klanten", none, "there is no sheet Klanten"},
		"stopped":          {book, "", func(balance.SheetRow) error { return stop }, "enough"},
		"a hidden one":     {book, "verborgen", func(r balance.SheetRow) error { return errors.New(r.Cells[0]) }, "weg"},
		"no rows up there": {listWorkbook(t, 60_001), "", none, "more than 120000 rows"},
	} {
		err := newReader(t, "real").ReadSheets(t.Context(), bytes.NewReader(c.document), c.sheet, c.each)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", what, err, c.want)
		}
	}
}

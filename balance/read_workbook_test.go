package balance_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"balansd/balance"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
)

// The rows of the National Bank's CSV are read on a sheet as well, also where a
// spreadsheet made numbers and dates of them.
func TestNBBRowsOnASheet(t *testing.T) {
	text, err := os.ReadFile("testdata/excel/original.csv")
	if err != nil {
		t.Fatal(err)
	}
	want := mustRead(t, text)
	var texts, numbers [][]any
	for line := range strings.Lines(strings.ReplaceAll(string(text), `"`, "")) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ",")
		texts = append(texts, []any{key, value})
		switch v, err := balance.ParseDecimal(value); {
		case strings.HasSuffix(key, "date"):
			d, _ := balance.ParseDate(value)
			numbers = append(numbers, []any{key, onDay(d.Year, d.Month, d.Day)})
		case err == nil && value != "":
			numbers = append(numbers, []any{key, v.InexactFloat64()})
		default:
			numbers = append(numbers, []any{key, value})
		}
	}
	want.Layout = balance.TableXLSX
	for name, rows := range map[string][][]any{"texts": texts, "numbers": numbers} {
		if diff := cmp.Diff(want, mustRead(t, sheet(t, rows...))); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
	oneCell := make([][]any, 0, len(texts))
	for _, row := range texts {
		oneCell = append(oneCell, []any{fmt.Sprintf(`"%s","%s"`, row...)})
	}
	if diff := cmp.Diff(want.Values, mustRead(t, sheet(t, oneCell...)).Values); diff != "" {
		t.Errorf("rows in one cell (-want +got)\n%s", diff)
	}
	if b, err := newReader().Read(workbookOf(t, map[string][][]any{"a": texts, "b": texts})); err == nil || b != nil || !strings.Contains(err.Error(), "a second filing starts here") {
		t.Errorf("two filings: %v, %v", b, err)
	}
}

// The number in a cell counts, and neither its format nor the text of another one.
func TestNumbersOnASheet(t *testing.T) {
	rows := under([]any{"Code", "Omschrijving", "Boekjaar", "Vorig boekjaar"}, []any{"1003", "VTE", 1.234, 0.1 + 0.2}, []any{1023, "kosten", "44.300,55", 1244300.55})
	b := mustRead(t, sheet(t, rows...))
	if got := figures(b.Values); got != "1003=1.234 1003P=0.3 1023=44300.55 1023P=1244300.55" || doubts(b) != "" {
		t.Errorf("%s, %s", got, doubts(b))
	}
}

// changed makes a workbook and changes it.
func changed(t *testing.T, rows [][]any, change func(f *excelize.File) error) []byte {
	t.Helper()
	f, err := excelize.OpenReader(bytes.NewReader(sheet(t, rows...)))
	if err != nil {
		t.Fatal(err)
	}
	if err := change(f); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What only a workbook can have.
func TestWorkbookCells(t *testing.T) {
	rows := under([]any{"Code", "Omschrijving", "Boekjaar", "Vorig boekjaar"}, []any{"1003", "VTE", 3.5, 4.5}, []any{"1023", "kosten", 10.25, 20.25})
	const all = "1003=3.5 1003P=4.5 1023=10.25 1023P=20.25"
	style := func(f *excelize.File, cell, format string) error {
		id, err := f.NewStyle(&excelize.Style{CustomNumFmt: &format})
		if err != nil {
			return err
		}
		return f.SetCellStyle("Blad1", cell, cell, id)
	}
	for name, c := range map[string]struct {
		change func(f *excelize.File) error
		want   string
	}{
		"shown in thousands": {func(f *excelize.File) error { return style(f, "C5", `#,##0," kEUR"`) }, all},
		"shown in euro":      {func(f *excelize.File) error { return style(f, "C5", `[$€-x-euro2] #,##0.00;[Red]-#,##0.00`) }, all},
		"a date":             {func(f *excelize.File) error { return style(f, "C5", `dd/mm/yyyy`) }, "the amount of rubric 1023 is a date"},
		"a formula":          {func(f *excelize.File) error { return f.SetCellFormula("Blad1", "C5", "SUM(D4:D5)") }, all},
		"an error":           {func(f *excelize.File) error { return f.SetCellValue("Blad1", "C5", "#REF!") }, "sheet Blad1, cell C5: the value of rubric 1023 is not a number"},
		"a hidden sheet": {func(f *excelize.File) error {
			if _, err := f.NewSheet("Oud"); err != nil {
				return err
			}
			for i, row := range [][]any{{"Code", "Boekjaar"}, {"1003", 9}, {"1023", 9}} {
				if err := f.SetSheetRow("Oud", fmt.Sprint("A", i+1), &row); err != nil {
					return err
				}
			}
			return f.SetSheetVisible("Oud", false)
		}, all},
		"merged heads": {func(f *excelize.File) error { return f.MergeCell("Blad1", "C1", "D1") }, all},
	} {
		b, err := newReader().Read(changed(t, rows, c.change))
		if err != nil && (b != nil || !strings.Contains(err.Error(), c.want)) || err == nil && figures(b.Values) != c.want {
			t.Errorf("%s: %v, %v; want %s", name, b, err, c.want)
		}
	}
}

// parts makes a workbook whose parts are changed as texts.
func parts(t testing.TB, change func(name, text string) string) []byte {
	t.Helper()
	from, err := zip.NewReader(bytes.NewReader(sheet(t, bureau()...)), int64(len(sheet(t, bureau()...))))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range from.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		var text bytes.Buffer
		if _, err := text.ReadFrom(r); err != nil {
			t.Fatal(err)
		}
		out, err := w.Create(f.Name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := out.Write([]byte(change(f.Name, text.String()))); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A workbook that was made to fill memory, or that is none, ends in one line.
func TestHostileWorkbooks(t *testing.T) {
	inSheet := func(change func(text string) string) []byte {
		return parts(t, func(name, text string) string {
			if strings.HasPrefix(name, "xl/worksheets/") {
				return change(text)
			}
			return text
		})
	}
	const large, damaged = "has more cells or text than any table of social balances", "this workbook is damaged"
	add := func(rows string) func(string) string {
		return func(text string) string { return strings.Replace(text, "</sheetData>", rows+"</sheetData>", 1) }
	}
	ref := regexp.MustCompile(`r="A1"`)
	for name, c := range map[string]struct {
		document []byte
		want     string
	}{
		"last row":       {inSheet(add(`<row r="1048576"><c r="A1048576"><v>1</v></c></row>`)), large},
		"last columns":   {inSheet(add(strings.Repeat(`<row><c r="XFD1"/></row>`, 100))), damaged},
		"wide rows":      {inSheet(func(s string) string { return add(wideRows())(s) }), large},
		"other row":      {inSheet(func(s string) string { return ref.ReplaceAllString(s, `r="A999999"`) }), damaged},
		"not calculated": {inSheet(add(`<row r="20"><c r="A20"><v>1022</v></c><c r="C20"><f>SUM(C1:C2)</f></c></row>`)), "sheet Blad1, cell C20: a formula has never been calculated"},
		"no column":      {inSheet(func(s string) string { return ref.ReplaceAllString(s, `r="?"`) }), damaged},
		"a bomb":         {inSheet(add(strings.Repeat(" ", 30<<20))), large},
		"deep":           {inSheet(add(strings.Repeat("<x>", 5000))), large},
		"no XML":         {inSheet(func(string) string { return "<" }), "without a social balance"},
		"no styles":      {parts(t, func(name, text string) string { return strings.Replace(text, "<cellXfs", "<nothing", 1) }), damaged},
		"shared strings": {parts(t, func(name, text string) string {
			if name == "xl/sharedStrings.xml" {
				return "<sst>"
			}
			return text
		}), "without a social balance"},
		"workbook":    {parts(t, func(name, text string) string { return strings.Replace(text, "<sheets>", "<sheets", 1) }), damaged},
		"cut off":     {sheet(t, bureau()...)[:3000], "is damaged or not complete"},
		"binary":      {zippedPart("xl/workbook.bin", "x"), "this is a binary workbook (.xlsb)"},
		"text":        {zippedPart("word/document.xml", "<x/>"), "this is a text document"},
		"nothing":     {zippedPart("xl/workbook.xml", ""), damaged},
		"old":         {[]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "save a workbook as .xlsx, without a password"},
		"other sheet": {sheet(t, []any{"Omzet", 5}), "on none of its 1 sheets is a table of rubric codes"},
	} {
		b, err := newReader().Read(c.document)
		var known *balance.ReadError
		if !errors.As(err, &known) || b != nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, %v; want %s", name, b, err, c.want)
		}
	}
}

// wideRows are rows of one cell each that stands far to the right.
func wideRows() string {
	var b strings.Builder
	for r := 100; r < 200; r++ {
		fmt.Fprintf(&b, `<row r="%d"><c r="XFD%d"/></row>`, r, r)
	}
	return b.String()
}

func zippedPart(name, text string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, _ := w.Create(name)
	_, _ = f.Write([]byte(text))
	_ = w.Close()
	return b.Bytes()
}

func FuzzWorkbook(f *testing.F) {
	for _, s := range [][]byte{sheet(f, bureau()...), sheet(f, under([]any{"Code", "Totaal"}, []any{"1201", "1.234"})...), zippedPart("xl/workbook.xml", "<workbook/>")} {
		f.Add(s)
	}
	fuzzRead(f)
}

// FuzzSheet changes the text of the sheet of a workbook, which FuzzWorkbook seldom
// reaches behind the checksums of the ZIP.
func FuzzSheet(f *testing.F) {
	f.Add(`<row r="1"><c r="A1"><v>1003</v></c><c r="B1" t="inlineStr"><is><t>Boekjaar</t></is></c></row>`)
	f.Add(wideRows()[:200])
	f.Fuzz(func(t *testing.T, rows string) {
		document := parts(t, func(name, text string) string {
			if strings.HasPrefix(name, "xl/worksheets/") {
				return strings.Replace(text, "<sheetData>", "<sheetData>"+rows, 1)
			}
			return text
		})
		b, err := newReader().Read(document)
		var known *balance.ReadError
		if err != nil && (b != nil || !errors.As(err, &known) || strings.Contains(err.Error(), "\n")) {
			t.Fatalf("%v and %q", b, err)
		}
	})
}

func FuzzTable(f *testing.F) {
	f.Add(asCSVText(bureau()...))
	f.Add(asCSVText(under([]any{"Code", "Omschrijving", "Voltijds", "Deeltijds", "Totaal VTE"}, []any{"105", "aantal", 2, 1, 2.5})...))
	f.Fuzz(func(t *testing.T, text string) {
		var rows [][]any
		for line := range strings.Lines(text) {
			var row []any
			for field := range strings.SplitSeq(strings.TrimSpace(line), ";") {
				row = append(row, field)
			}
			rows = append(rows, row)
		}
		if len(rows) > 100 || len(text) > 10_000 {
			return
		}
		for _, document := range [][]byte{[]byte(text), asPDF(rows...)} {
			b, err := newReader().Read(document)
			var known *balance.ReadError
			if err != nil && (b != nil || !errors.As(err, &known) || strings.Contains(err.Error(), "\n")) {
				t.Fatalf("%v and %q", b, err)
			}
		}
	})
}

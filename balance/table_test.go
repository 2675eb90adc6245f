package balance_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"balansd/balance"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
)

// sheet makes a workbook of rows. A number becomes a number, a time a date.
func sheet(t testing.TB, rows ...[]any) []byte {
	t.Helper()
	return workbookOf(t, map[string][][]any{"Blad1": rows})
}

// workbookOf makes a workbook of sheets.
func workbookOf(t testing.TB, sheets map[string][][]any) []byte {
	t.Helper()
	f := excelize.NewFile()
	style, err := f.NewStyle(&excelize.Style{NumFmt: 14})
	if err != nil {
		t.Fatal(err)
	}
	for name, rows := range sheets {
		if _, err := f.NewSheet(name); err != nil {
			t.Fatal(err)
		}
		for r, row := range rows {
			for c, v := range row {
				cell, _ := excelize.CoordinatesToCellName(c+1, r+1)
				if v == nil {
					continue
				}
				if err := f.SetCellValue(name, cell, v); err != nil {
					t.Fatal(err)
				}
				if _, ok := v.(time.Time); ok {
					_ = f.SetCellStyle(name, cell, cell, style)
				}
			}
		}
	}
	if sheets["Sheet1"] == nil {
		_ = f.DeleteSheet("Sheet1")
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func onDay(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }

// asCSV writes rows as a CSV in Belgian notation.
func asCSV(rows ...[]any) []byte {
	var b strings.Builder
	for _, row := range rows {
		for i, v := range row {
			if i > 0 {
				b.WriteByte(';')
			}
			switch v := v.(type) {
			case nil:
			case float64:
				b.WriteString(strings.Replace(fmt.Sprint(v), ".", ",", 1))
			case time.Time:
				b.WriteString(v.Format("02/01/2006"))
			default:
				fmt.Fprint(&b, v)
			}
		}
		b.WriteString("\r\n")
	}
	return []byte(b.String())
}

func asCSVText(rows ...[]any) string { return string(asCSV(rows...)) }

// asPDF prints rows on a page, each column in its place: text from the left, numbers
// to the right.
func asPDF(rows ...[]any) []byte { return []byte(paper{}.write([][]printed{printedRows(rows)})) }

func printedRows(rows [][]any) []printed {
	var page []printed
	for r, row := range rows {
		for c, v := range row {
			text := strings.TrimSpace(string(asCSV([]any{v})))
			if f, ok := v.(float64); ok {
				text = strings.Replace(fmt.Sprintf("%.2f", f), ".", ",", 1)
			}
			x := float64(30 + 110*c)
			if _, err := fmt.Sscanf(text, "%f", new(float64)); err == nil && c > 1 {
				x += 60 - widthOf(text)
			}
			if text != "" {
				page = append(page, printed{x, float64(60 + 15*r), text})
			}
		}
	}
	return page
}

// bureau is a payroll bureau's own table.
func bureau() [][]any {
	return [][]any{
		{"Sociale balans"},
		{"Naam", "Bakkerij Peeters BV"},
		{"Ondernemingsnummer", "0443.246.943"},
		{"Periode", onDay(2023, 7, 1), onDay(2024, 6, 30)},
		{"Model", "verkort"},
		{},
		{"Code", "Omschrijving", "Boekjaar", "Vorig boekjaar", "Verschil"},
		{"1001", "Voltijds", 12.5, nil, nil},
		{"1003", "Totaal VTE", 14.5, 11.0, 3.5},
		{"1011", "Uren", 18000, nil, nil},
		{"1013", "Uren totaal", 21750, 17250, 4500},
		{"1023", "Kosten", 729158.25, 500000.5, nil},
		{"5801", "Opleiding", 3, nil, nil},
	}
}

const bureauValues = "1001=12.5 1003=14.5 1003P=11 1011=18000 1013=21750 1013P=17250 1023=729158.25 1023P=500000.5 5801=3"

// One table is read as the same balance from a workbook, a CSV and a PDF.
func TestTable(t *testing.T) {
	for layout, document := range map[balance.Layout][]byte{
		balance.TableXLSX: sheet(t, bureau()...), balance.TableCSV: asCSV(bureau()...), balance.TablePDF: asPDF(bureau()...),
	} {
		b, err := newReader().Read(document)
		if err != nil {
			t.Errorf("%s: %v", layout, err)
			continue
		}
		if got := figures(b.Values); got != bureauValues || doubts(b) != "" {
			t.Errorf("%s: %s, doubts %s", layout, got, doubts(b))
		}
		got := fmt.Sprint(b.Layout, " ", b.EnterpriseNumber, " ", b.Name, " ", b.FiscalYear, " ", b.Model, " ", b.Rounded)
		if want := fmt.Sprint(layout, " 0443246943 Bakkerij Peeters BV 2023-07-01/2024-06-30 abbreviated false"); got != want {
			t.Errorf("%s: %s", layout, got)
		}
		if len(b.Findings) == 0 || b.Findings[0].Rule != "table_read" || !strings.Contains(b.Findings[0].Message, "verschil") || !b.Findings[0].IsRemark() {
			t.Errorf("%s: %v", layout, b.Findings)
		}
	}
}

// everyWay reads rows from a workbook, a CSV and a PDF.
func everyWay(t testing.TB, rows [][]any, check func(way string, b *balance.Balance, err error)) {
	t.Helper()
	for way, document := range map[string][]byte{"workbook": sheet(t, rows...), "CSV": asCSV(rows...), "PDF": asPDF(rows...)} {
		b, err := newReader().Read(document)
		check(way, b, err)
	}
}

var period = [][]any{{"Ondernemingsnummer", "0443.246.943"}, {"Boekjaar", "01/01/2024", "31/12/2024"}}

func under(rows ...[]any) [][]any { return append(append([][]any{}, period...), rows...) }

// The heads of the columns say which rubrics the amounts are of.
func TestTableHeads(t *testing.T) {
	for name, c := range map[string]struct {
		rows [][]any
		want string
	}{
		"years by number":     {under([]any{"Code", "Omschrijving", "2024", "2023"}, []any{"1003", "VTE", 3.5, 4.5}, []any{"1023", "kosten", 10.25, 20.25}), "1003=3.5 1003P=4.5 1023=10.25 1023P=20.25"},
		"years by date":       {under([]any{"Rubriek", "Omschrijving", "31/12/2023", "31/12/2024"}, []any{"1003", "VTE", 3.5, 4.5}, []any{"1023", "kosten", 10.25, 20.25}), "1003=4.5 1003P=3.5 1023=20.25 1023P=10.25"},
		"French":              {under([]any{"Rubrique", "Libellé", "Exercice", "Exercice précédent"}, []any{"1003", "ETP", 3.5, 4.5}, []any{"1023", "frais", 10.25, 20.25}), "1003=3.5 1003P=4.5 1023=10.25 1023P=20.25"},
		"German":              {under([]any{"Code", "Bezeichnung", "Geschäftsjahr", "Vorhergehendes Geschäftsjahr"}, []any{"1003", "VZÄ", 3.5, 4.5}, []any{"1023", "Kosten", 10.25, 20.25}), "1003=3.5 1003P=4.5 1023=10.25 1023P=20.25"},
		"amount alone":        {under([]any{"Code", "Omschrijving", "Bedrag"}, []any{"1003", "VTE", 3.5}, []any{"1003P", "VTE", 4.5}, []any{"1023", "kosten", 10.25}), "1003=3.5 1003P=4.5 1023=10.25"},
		"rows of the form":    {under([]any{"Code", "Omschrijving", "Voltijds", "Deeltijds", "Totaal VTE"}, []any{"105", "aantal", 2, 1, 2.5}, []any{"120", "mannen", 1, nil, 1}, []any{"1201", "secundair", 1, nil, 1.0}), "1051=2 1052=1 1053=2.5 1201=1 1203=1 12011=1 12013=1"},
		"with the year":       {under([]any{"Code", "Omschrijving", "Voltijds", "Totaal", "Totaal vorig boekjaar"}, []any{"100", "gemiddeld", 2, 2.5, 3.5}, []any{"101", "uren", 100, 200, 300}), "1001=2 1003=2.5 1003P=3.5 1011=100 1013=200 1013P=300"},
		"men and women":       {under([]any{"Code", "Omschrijving", "Totaal", "Mannen", "Vrouwen"}, []any{"1001", "voltijds", 3, 2, 1}, []any{"1003", "VTE", 3.5, 2.25, 1.25}), "1001=3 10011=2 10012=1 1003=3.5 10031=2.25 10032=1.25"},
		"agency staff":        {under([]any{"Code", "Omschrijving", "Uitzendkrachten", "Ter beschikking"}, []any{"150", "aantal", 0.5, 1.5}, []any{"152", "kosten", 100.25, 200.25}), "1501=0.5 1502=1.5 1521=100.25 1522=200.25"},
		"rubrics by time":     {under([]any{"Code", "Omschrijving", "Voltijds", "Deeltijds"}, []any{"1001", "voltijds", 3.5, nil}, []any{"1002", "deeltijds", nil, 1.5}), "1001=3.5 1002=1.5"},
		"only one row of two": {under([]any{"Sociale balans"}, []any{"Code", "Omschrijving", "Totaal"}, []any{"105", "aantal", 2.5}, []any{"1201", "secundair", 1.5}), "1053=2.5 12013=1.5"},
	} {
		everyWay(t, c.rows, func(way string, b *balance.Balance, err error) {
			if err != nil {
				t.Errorf("%s, %s: %v", name, way, err)
				return
			}
			if got := figures(b.Values); got != c.want || doubts(b) != "" {
				t.Errorf("%s, %s: %s, doubts %q; want %s", name, way, got, doubts(b), c.want)
			}
		})
	}
}

// What a table leaves open is a doubt and no value.
func TestTableDoubts(t *testing.T) {
	head := []any{"Code", "Omschrijving", "Boekjaar", "Vorig boekjaar"}
	for name, c := range map[string]struct {
		rows         [][]any
		want, doubts string
	}{
		"row or rubric": {under([]any{"Sociale balans"}, []any{"Code", "Omschrijving", "Totaal"}, []any{"1201", "secundair", 1.5}, []any{"1211", "secundair", 2.5}), "", "two_readings 1201: 1.5 or "},
		"two amounts":   {under([]any{"Sociale balans"}, head, []any{"1003", "VTE", 3.5, 4.5}, []any{"1003", "VTE", 3.75, 4.5}), "1003P=4.5", "two_amounts 1003: 3.5 or 3.75"},
		"notation":      {under(head, []any{"1003", "VTE", "1.234", nil}, []any{"1023", "kosten", "5", "6"}), "1023=5 1023P=6", "two_readings 1003: 1.234 or 1234"},
	} {
		everyWay(t, c.rows, func(way string, b *balance.Balance, err error) {
			if err != nil {
				t.Errorf("%s, %s: %v", name, way, err)
				return
			}
			if got := figures(b.Values); got != c.want || !strings.HasPrefix(doubts(b), c.doubts) {
				t.Errorf("%s, %s: %s, doubts %q; want %s, %q", name, way, got, doubts(b), c.want, c.doubts)
			}
			if where := b.Doubts[0].Where; (way == "PDF") != strings.HasPrefix(where, "page 1") || (way == "workbook") != strings.HasPrefix(where, "sheet Blad1, cell C") {
				t.Errorf("%s, %s: %s", name, way, where)
			}
		})
	}
}

// What a table says that cannot be used is told.
func TestTableRefused(t *testing.T) {
	head := []any{"Code", "Omschrijving", "Boekjaar", "Vorig boekjaar"}
	for name, c := range map[string]struct {
		rows [][]any
		want string
	}{
		"no number":          {under(head, []any{"1003", "VTE", "1.2.3", 4.5}, []any{"1023", "kosten", 1.5}), "the value of rubric 1003 is not a number"},
		"thousands":          {under([]any{"Bedragen in duizend euro"}, head, []any{"1003", "VTE", 3.5, 4.5}, []any{"1023", "kosten", 1.5}), "the amounts are in thousands"},
		"head of no use":     {under([]any{"Bilan social"}, []any{"Code", "Omschrijving", "Boekjaar"}, []any{"105", "aantal", 2.5}, []any{"1201", "secundair", 1.5}), `the amount of row 105 stands under the head "boekjaar", which does not say which rubric it is of`},
		"two heads at one":   {under([]any{"Code", "Omschrijving", "Voltijds en deeltijds", "Totaal"}, []any{"105", "aantal", 2.5, 1.5}, []any{"110", "aantal", 1.5, 2.5}), `stands under the head "voltijds en deeltijds", which says two things`},
		"unknown heads":      {under([]any{"Sociale balans"}, []any{"Code", "Omschrijving", "Kolom A", "Kolom B"}, []any{"105", "aantal", 2.5, 1.5}, []any{"110", "aantal", 1.5, 2.5}), "the table of row 105 has heads of columns that are not known; 2 codes stand in it"},
		"a list of accounts": {under([]any{"Bedragen in duizend euro"}, []any{"Code", "Omschrijving", "Boekjaar"}, []any{"1000", "kapitaal", 2.5}, []any{"1001", "kapitaal", 2.5}, []any{"2101", "software", 1.5}, []any{"4400", "leveranciers", 1.5}, []any{"5500", "bank", "?"}), "social balance"},
		"no table":           {[][]any{{"Code", "Omschrijving"}, {"70", "omzet"}}, "social balance"},
	} {
		everyWay(t, c.rows, func(way string, b *balance.Balance, err error) {
			want := c.want
			switch {
			case c.want == "social balance" && way == "CSV":
				want = "text of no known layout"
			case name == "two heads at one" && way == "PDF":
				want = "has heads of columns that are not known" // as the National Bank's form
			}
			var known *balance.ReadError
			if !errors.As(err, &known) || b != nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s, %s: %v, %v; want %q", name, way, b, err, want)
			}
		})
	}
}

// A table that does not say all about its filing is read, and what is missing told.
func TestTableIdentity(t *testing.T) {
	table := [][]any{{"Code", "Omschrijving", "Boekjaar", "Vorig boekjaar"}, {"1003", "VTE", 3.5, 4.5}, {"1023", "kosten", 1.25, 2.25}}
	with := func(rows ...[]any) [][]any { return append(rows, table...) }
	for name, c := range map[string]struct {
		rows [][]any
		want string
	}{
		"labels":          {with([]any{"Numéro d'entreprise", "BE 0443.246.943"}, []any{"Secrétariat social", "0402.754.886"}, []any{"Date de début", "01/01/2024"}, []any{"Date de clôture", "31/12/2024"}), "0443246943 2024-01-01/2024-12-31 []"},
		"VAT of another":  {with([]any{"Bureau, btw BE 0402.754.886"}, []any{"Ondernemingsnummer", "0443.246.943"}, []any{"Periode", "01/01/2024", "31/12/2024"}), "0443246943 2024-01-01/2024-12-31 []"},
		"two numbers":     {with([]any{"Dossier", "0443.246.943"}, []any{"Bureau", "0402.754.886"}, []any{"Boekjaar van 01/01/2024 tot 31/12/2024"}), " 2024-01-01/2024-12-31 [several_numbers]"},
		"only the year":   {with([]any{"KBO", "0443.246.943"}, []any{"Boekjaar 2024"}), "0443246943 2024-01-01/2024-12-31 [year_alone]"},
		"damaged":         {with([]any{"Ondernemingsnummer", "9,00E+08"}, []any{"Periode", "01/01/2024", "31/12/2024"}), " 2024-01-01/2024-12-31 [enterprise_number_damaged]"},
		"year before too": {with([]any{"Boekjaar", "01/01/2024", "31/12/2024"}, []any{"Vorig boekjaar", "01/01/2023", "31/12/2023"}), " 2024-01-01/2024-12-31 []"},
	} {
		everyWay(t, c.rows, func(way string, b *balance.Balance, err error) {
			if err != nil {
				t.Errorf("%s, %s: %v", name, way, err)
				return
			}
			var rules []string
			for _, f := range b.Findings {
				if f.Rule == "several_numbers" || f.Rule == "year_alone" || strings.HasPrefix(f.Rule, "enterprise") {
					rules = append(rules, f.Rule)
				}
			}
			if got := fmt.Sprint(b.EnterpriseNumber, " ", b.FiscalYear, " ", rules); got != c.want || (name == "only the year") != b.YearInDoubt() || figures(b.Values) != "1003=3.5 1003P=4.5 1023=1.25 1023P=2.25" {
				t.Errorf("%s, %s: %s, %s", name, way, got, figures(b.Values))
			}
		})
	}
}

// Groups of columns have a head over them, in a sheet in the first of them.
func TestTableWithTwoLinesOfHeads(t *testing.T) {
	rows := under([]any{"", "", "Boekjaar", nil, nil, "Vorig boekjaar"}, []any{"Code", "Omschrijving", "Voltijds", "Deeltijds", "Totaal", "Totaal"},
		[]any{"100", "gemiddeld", 1.5, 2.5, 3.5, 4.5}, []any{"101", "uren", 10, 20, 30, 40})
	for way, document := range map[string][]byte{"workbook": sheet(t, rows...), "CSV": asCSV(rows...)} {
		b := mustRead(t, document)
		if diff := cmp.Diff("1001=1.5 1002=2.5 1003=3.5 1003P=4.5 1011=10 1012=20 1013=30 1013P=40", figures(b.Values)); diff != "" || doubts(b) != "" {
			t.Errorf("%s: %s %s", way, diff, doubts(b))
		}
	}
}

// What the rows are called in a sheet is no amount, whatever its head says.
func TestTableWithTextsFirst(t *testing.T) {
	rows := under([]any{"Tijdens het boekjaar", "Codes", "1. Voltijds", "2. Deeltijds", "3. Totaal"},
		[]any{"Gemiddeld aantal", "100", 1.5, 2.5, 3.5}, []any{"Uren (artikel 3)", "101", 10, 20, 30})
	for way, document := range map[string][]byte{"workbook": sheet(t, rows...), "CSV": asCSV(rows...)} {
		b := mustRead(t, document)
		if got := figures(b.Values); got != "1001=1.5 1002=2.5 1003=3.5 1011=10 1012=20 1013=30" || doubts(b) != "" {
			t.Errorf("%s: %s %s", way, got, doubts(b))
		}
	}
}

// A month may be written by its name, as a spreadsheet does.
func TestNamedMonths(t *testing.T) {
	for _, dates := range [][2]string{{"1-jan-24", "31-dec-24"}, {"1 januari 2024", "31 december 2024"}, {"1er janvier 2024", "31 décembre 2024"}, {"01-janv-24", "31-déc-24"}, {"1. Januar 2024", "31. Dezember 2024"}} {
		text := "\"Entity number\";\"0443246943\"\nAccounting period start date;" + dates[0] + "\nAccounting period end date;" + dates[1] + "\n\n1003;0,5\n1023;10\n"
		if b := mustRead(t, []byte(text)); b.FiscalYear.String() != "2024-01-01/2024-12-31" {
			t.Errorf("%s is %s", dates, b.FiscalYear)
		}
	}
	page := under()[:1]
	for _, line := range []string{"Boekjaar van 1 januari 2024 tot 31 december 2024", "Exercice du 1er janvier 2024 au 31 décembre 2024"} {
		rows := append(append([][]any{}, page...), []any{line}, []any{"Code", "Omschrijving", "Boekjaar"}, []any{"1003", "VTE", 3.5}, []any{"1023", "kosten", 10.25})
		everyWay(t, rows, func(way string, b *balance.Balance, err error) {
			if err != nil || b.FiscalYear.String() != "2024-01-01/2024-12-31" {
				t.Errorf("%s, %s: %v, %v", line, way, b, err)
			}
		})
	}
}

// A wide table of columns that say nothing takes no longer than it is large.
func TestWideTable(t *testing.T) {
	head, row := []any{"Code", "Boekjaar"}, []any{"1003", 1.5}
	for range 500 {
		head, row = append(head, "Kolom"), append(row, 5)
	}
	rows := under([]any{"Sociale balans"}, head)
	for range 150 {
		rows = append(rows, row)
	}
	if got := figures(mustRead(t, asCSV(rows...)).Values); got != "1003=1.5" {
		t.Error(got)
	}
}

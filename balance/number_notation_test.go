package balance_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What a spreadsheet makes of a National Bank CSV is read as the original.
func TestWhatASpreadsheetMakesOfACSV(t *testing.T) {
	original, err := os.ReadFile("testdata/excel/original.csv")
	if err != nil {
		t.Fatal(err)
	}
	want := mustRead(t, original)
	if len(want.Values) != 19 || len(want.Doubts) != 0 || want.FiscalYear.String() != "2024-01-01/2024-12-31" {
		t.Fatalf("the original: %s, %s, %s", want.FiscalYear, figures(want.Values), doubts(want))
	}
	files, err := filepath.Glob("testdata/excel/*")
	if err != nil || len(files) != 8 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got, err := newReader().Read(data)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if strings.Contains(file, "exponent") {
			if got.EnterpriseNumber != "" || len(got.Findings) == 0 || !strings.Contains(got.Findings[0].Message, "9,00E+08") {
				t.Errorf("%s: number %q, findings %v", file, got.EnterpriseNumber, got.Findings)
			}
			got.EnterpriseNumber, got.Findings = want.EnterpriseNumber, got.Findings[1:]
			if len(got.Findings) == 0 {
				got.Findings = nil
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", file, diff)
		}
	}
}

// notated is a CSV of one client with rows in a notation.
func notated(rows ...string) string {
	return "Entity number;0443246943\nAccounting period start date;2024-01-01\nAccounting period end date;2024-12-31\nModel code;m01-f\n" +
		strings.Join(rows, "\n") + "\n"
}

// A document has one notation, which all its numbers decide together with what
// the form allows. What stays open is a doubt, never a guess.
func TestNotation(t *testing.T) {
	file := func(name string) string {
		data, err := os.ReadFile("testdata/notation/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	for name, c := range map[string]struct{ document, values, doubts string }{
		"thousands with comma":        {file("thousands-with-comma.csv"), "1001=3.5 1003=3.5 1011=5012 1013=5012 1021=44300 1023=44300", ""},
		"thousands and decimals":      {file("thousands-and-decimals.csv"), "1001=3.5 1003=3.5 1011=5012 1013=5012 1021=1244300.55 1023=1244300.55", ""},
		"blanks":                      {file("blanks.csv"), "1001=3.5 1003=3.5 1011=5012 1013=5012 1021=44300 1023=44300", ""},
		"undecided":                   {file("undecided.csv"), "1001=3 1003=3 1011=5012 1013=5012 1021=44300 1023=44300", ""},
		"an amount and half a person": {notated("1003;0,5", "1021;44.300"), "1003=0.5 1021=44300", ""},
		"the account decides":         {notated("40/41;1333311,09", "1003;1.234"), "1003=1234", ""},
		"the account decides, point":  {notated("40/41;1333311.09", "1003;1.234"), "1003=1.234", ""},
		"rubric 62 decides":           {notated("62;1.234.567", "1003;1.234"), "1003=1234", ""},
		"the form decides for all":    {notated("1003;1.234", "1011;5.012"), "1003=1234 1011=5012", ""},
		"nothing decides":             {notated("1003;1.234", "1011;5"), "1011=5", "two_readings 1003: 1.234 or 1234"},
		"nothing decides, comma":      {notated("1003;1,234", "1011;5"), "1011=5", "two_readings 1003: 1234 or 1.234"},
		"form against document":       {notated("1021;44300.10", "1011;5.012"), "1021=44300.1", "two_readings 1011: 5.012 or 5012"},
		"three decimals throughout":   {notated("1021;44300.100", "1011;5.000", "1022;12.345"), "1011=5 1021=44300.1 1022=12.345", ""},
		"two notations":               {notated("1021;44300.10", "1022;44300,10", "1003;1.234", "1013;5.012"), "1013=5012 1021=44300.1 1022=44300.1", "two_readings 1003: 1.234 or 1234"},
		"another row decides":         {notated("1003;1.234", "1003;1234"), "1003=1234", ""},
		"another row contradicts":     {notated("1003;1.234", "1003;5"), "", "two_amounts 1003: 5 or 1.234"},
		"the same doubt twice":        {notated("1003;1.234", "1003;1.234"), "", "two_readings 1003: 1.234 or 1234"},
		"signs":                       {notated("1021;-6832", "1022;−6.832,5", "1023;6832-"), "1021=-6832 1022=-6832.5 1023=-6832", ""},
		"dashes for nothing":          {notated("1001;-", "1002;–", "1003;--", "1011;5"), "1011=5", ""},
		"blanks of a page":            {notated("1021;44\u202f300,10", "1022;\u200b44\u00a0300", "1023;€ 88’600,10"), "1021=44300.1 1022=44300 1023=88600.1", ""},
		"zero first":                  {notated("1003;0.500"), "1003=0.5", ""},
	} {
		b, err := newReader().Read([]byte(c.document))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if figures(b.Values) != c.values || doubts(b) != c.doubts {
			t.Errorf("%s: %s, doubts %q; want %s, %q", name, figures(b.Values), doubts(b), c.values, c.doubts)
		}
	}
	for _, text := range []string{"1.2.3", "1,2,3", "12.34.567", "1.234,567.8", "1 2", "5 0122", "--5", "5,", "1E+03", "3,5 h"} {
		if b, err := newReader().Read([]byte(notated("1003;" + text))); err == nil {
			t.Errorf("%q is read as %s", text, figures(b.Values))
		}
	}
}

// Dates are read as Belgians write them, and an enterprise number as it was
// copied from a page.
func TestDatesOfASpreadsheet(t *testing.T) {
	for text, want := range map[[2]string]string{
		{"01/07/2023", "30/06/2024"}:           "2023-07-01/2024-06-30",
		{"1/7/2023", "30-6-2024"}:              "2023-07-01/2024-06-30",
		{"1.7.23", "30.06.24"}:                 "2023-07-01/2024-06-30",
		{"2023/07/01", "20240630"}:             "2023-07-01/2024-06-30",
		{"1/07/2023 0:00", "30/06/2024 00:00"}: "2023-07-01/2024-06-30",
		{"7/1/2023", "6/30/2024"}:              "2023-07-01/2024-06-30", // the second can only be month-day
		{"45108", "45473"}:                     "2023-07-01/2024-06-30",
		{"1/2/2023", "1/1/2024"}:               "2023-02-01/2024-01-01",
		{"31/02/2024", "31/13/2024"}:           "",
	} {
		doc := "Entity number;BE\u202f0443\u200b.246\u2013943\nAccounting period start date;" + text[0] + "\nAccounting period end date;" + text[1] + "\n1003;5\n"
		b := mustRead(t, []byte(doc))
		if b.FiscalYear.String() != want || b.EnterpriseNumber != "0443246943" {
			t.Errorf("%v: %s of %q", text, b.FiscalYear, b.EnterpriseNumber)
		}
	}
}

// A name in a JSON that is no UTF-8 is read as the Western code page, which is
// what it can be.
func TestWesternJSON(t *testing.T) {
	b := mustRead(t, []byte("{\"EnterpriseName\": \"Caf\xe9 Ren\xe9\", \"Rubrics\": []}"))
	if b.Name != "Café René" {
		t.Errorf("the name is %q", b.Name)
	}
}

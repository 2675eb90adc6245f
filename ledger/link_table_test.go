package ledger_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"balansd/balance"
	"balansd/ledger"

	"github.com/google/go-cmp/cmp"
)

func TestLinksAreReadAsTheyWereWritten(t *testing.T) {
	rows := []ledger.LinkRow{
		{Link: ledger.DossierLink{Connection: "payroll", DossierID: "00417", FirmID: 12, CompanyID: 345, From: balance.Date{Year: 2025, Month: 7, Day: 1},
			Paused: true, Note: "a; \"b\"\nc", NumberDiffers: ledger.NumberDiffers{Company: "Andere Klant BV"}},
			DossierName: "=HYPERLINK(1)", DossierNumber: "0443246943", CompanyName: "Bakkerij Peeters", CompanyNumber: "0454352156"},
		{Link: ledger.DossierLink{Connection: "payroll", DossierID: "-1", All: true}},
		{Link: ledger.DossierLink{Connection: "c1", DossierID: "d"}},
	}
	written := rows[0]
	written.Link.NumberDiffers.DossierNumber = "0443246943" // said, so that it is written
	var file bytes.Buffer
	if err := ledger.WriteLinks(&file, append([]ledger.LinkRow{written}, rows[1:]...)); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(file.String(), ";=HYPER") {
		t.Error("a formula is not made harmless")
	}
	got, mistakes := ledger.ReadLinks(file.Bytes())
	if len(mistakes) != 0 {
		t.Fatalf("%+v", mistakes)
	}
	for i := range got {
		got[i].Line, got[i].Given = 0, nil
	}
	if diff := cmp.Diff(rows, got); diff != "" {
		t.Error(diff)
	}
}

func TestReadLinksNamesEveryMistake(t *testing.T) {
	const head = "connection;dossier;firm;company;from;paused;company_number\n"
	for name, c := range map[string]struct {
		file string
		want []string // of the mistakes, by line
		rows int
	}{
		"no headings":              {"", []string{"1: the file has no row of headings"}, 0},
		"Latin 1":                  {"connection;dossier\nx;caf\xe9\n", []string{"1: the file is not UTF-8"}, 0},
		"unknown column":           {"connection;dossier;bedrijf\n", []string{`1: there is no column "bedrijf"`}, 0},
		"a missing column":         {"connection;firm\n", []string{"1: the column dossier is missing", "1: of the columns firm and company only one is there"}, 0},
		"a column twice":           {"connection;dossier;note;note\n", []string{"1: the column note is there twice"}, 0},
		"commas":                   {"connection,dossier\nx,1\n", nil, 1},
		"tabs and a mark":          {"\ufeffDossier\tConnection \nx\t1\n", nil, 1},
		"empty rows":               {head + ";;;;;;\nx;1;;;;;\n\n", nil, 1},
		"many at once":             {head + "x;1;a;1;;;\nx;2;1;1;2025-13-01;;\nx;3;1;1;;maybe;\nx;4;1;1;;;0443246944\nx;5;1;1;;;\nx;6;;7;;;\nx;;1;1;;;\n", []string{`2: "a" is no firm`, `3: "2025-13-01" is no start`, `4: "maybe" in the column paused`, `5: "0443246944" in the column company_number`, "7: a company is named without its firm", "8: the row names no connection"}, 1},
		"a dossier twice":          {head + "x;Jan;1;1;;;\ny;jan;1;1;;;\nx;JAN;1;2;;;\n", []string{`4: dossier "JAN" of "x" is in line 2 already`}, 2},
		"another number of fields": {head + "x;1\n", []string{"2: the row has 2 fields, and there are 7 headings"}, 0},
		"a lone quotation mark":    {head + "x;1;;;;;\nx;\"2;;;;\n", []string{"3: the row cannot be read"}, 1},
		"a company below zero":     {head + "x;1;1;-5;;;\n", []string{`2: "-5" is no company`}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			rows, mistakes := ledger.ReadLinks([]byte(c.file))
			if len(mistakes) != len(c.want) || len(rows) != c.rows {
				t.Fatalf("%d rows, and %+v", len(rows), mistakes)
			}
			for i, m := range mistakes {
				line, what, _ := strings.Cut(c.want[i], ": ")
				if !strings.HasPrefix(m.What, what) || line != string(rune('0'+m.Line)) {
					t.Errorf("%+v, want %q", m, c.want[i])
				}
				if !slices.Contains(ledger.LinkMistakeCodes(), m.Code) {
					t.Errorf("%+v has a code that is not listed", m)
				}
			}
		})
	}
}

package cli

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"balansd/balance"
	"balansd/ledger"
	fakefinbox "balansd/sandbox/finbox"
)

// TestExportOpensInBelgianExcel parses an export as Excel does with Belgian settings, and
// compares it with the ledger and with Finbox.
func TestExportOpensInBelgianExcel(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	f.link()
	cast := f.addDemo()
	// A dossier whose name a spreadsheet would take for a formula.
	id, err := f.sandbox.Finbox.AddDossier(f.conn, fakefinbox.Dossier{Name: `=HYPERLINK("http://x";"Café; ""Zand""")`, AffiliationNumber: "+12"})
	if err != nil {
		t.Fatal(err)
	}
	made := fakefinbox.Recipe{Seed: 77, Model: balance.Micro, Year: cast.Year}
	if _, _, err := f.sandbox.Finbox.AddBalance(fakefinbox.NewBalance{ConnectionID: f.conn, DossierID: id, Made: &made}); err != nil {
		t.Fatal(err)
	}
	f.want(3, "", "sync")

	path := filepath.Join(f.dir, "ledger.csv")
	if r := f.want(0, "", "ledger", "export", "--figures", "--out", path, "--lang", "nl"); r.stdout != "" || r.stderr != "Wrote 14 entries to "+path+".\n" {
		t.Errorf("an export to a file says %q and %q", r.stdout, r.stderr)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rest, ok := strings.CutPrefix(string(text), "\ufeff")
	if !ok || strings.Count(rest, "\n") != strings.Count(rest, "\r\n") || !strings.HasSuffix(rest, "\r\n") {
		t.Errorf("the file begins with %q and ends with %q", rest[:10], rest[len(rest)-10:])
	}
	r := csv.NewReader(strings.NewReader(rest))
	r.Comma = ';'
	rows, err := r.ReadAll() // each row must have as many fields as the first
	if err != nil {
		t.Fatal(err)
	}
	head := rows[0]
	column := map[string]int{}
	for i, name := range head {
		column[name] = i
	}
	for _, name := range []string{"nummer", "toestand", "ondernemingsnummer", "einde boekjaar", "wat te doen", "1003", "1003P"} {
		if _, ok := column[name]; !ok {
			t.Fatalf("no column %s among %v", name, head[:17])
		}
	}
	list := read[[]ledger.Entry](t, f, 0, "ledger", "list")
	if len(rows) != len(list)+1 || len(list) != 14 {
		t.Fatalf("%d rows of %d entries", len(rows)-1, len(list))
	}
	dutch := map[string]string{
		"done": "in Silverfin", "waiting": "in afwachting", "failed": "mislukt", "differs": "verschillen", "found": "gevonden",
		"no_company": "geen dossier in Silverfin", "several_companies": "meerdere dossiers in Silverfin", "no_period": "geen periode",
		"workflow_closed": "workflow niet open", "period_locked": "periode vergrendeld", "unreadable": "onleesbaar", "superseded": "vervangen",
	}
	for i, row := range rows[1:] {
		e := list[i]
		if got, want := row[column["toestand"]], dutch[string(e.State)]; got != want {
			t.Errorf("row %d is %s, the entry %s", i+1, got, e.State)
		}
		if got, want := row[column["reden"]], dutch[string(e.Reason)+string(e.FailClass)]; got != want {
			t.Errorf("row %d is for %q, the entry for %s%s", i+1, got, e.Reason, e.FailClass)
		}
		if got := row[column["model"]]; e.Model == balance.Abbreviated && got != "verkort" {
			t.Errorf("row %d has model %s", i+1, got)
		}
		for c, cell := range row {
			if cell != "" && strings.ContainsRune("=+@\t\r", rune(cell[0])) {
				t.Errorf("%s of row %d is a formula: %s", head[c], i+1, cell)
			}
		}
		if e.State == ledger.Done {
			f.figures(e, row, column)
		}
	}
	first := rows[1]
	if got := first[column["dossier"]]; got != `'=HYPERLINK("http://x";"Café; ""Zand""")` {
		t.Errorf("the name is %s", got)
	}
	if got := rows[len(rows)-1][column["ondernemingsnummer"]]; got != "BE 0900.000.048" {
		t.Errorf("the enterprise number is %s", got)
	}

	// To standard output, of some entries, in another language, without figures.
	out := f.want(0, "", "ledger", "export", "--state", "done", "--lang", "fr")
	lines := strings.Split(strings.TrimSuffix(out.stdout, "\r\n"), "\r\n")
	if len(lines) != 6 || !strings.HasPrefix(lines[0], "\ufeffnuméro;état;raison;") {
		t.Errorf("%d lines: %s", len(lines), lines[0])
	}
	for _, line := range lines[1:] {
		if !strings.Contains(line, ";dans Silverfin;;") {
			t.Errorf("a French export has %s", line)
		}
	}
	if r := f.run("ledger", "export", "--state", "done", "--limit", "1", "--lang", "en"); !strings.Contains(r.stdout, ";done;;") {
		t.Errorf("an English export is %s", r.stdout)
	}
	f.want(1, "cannot be written", "ledger", "export", "--out", filepath.Join(f.dir, "absent", "x.csv"))
}

// figures compares the figures of one exported row with those of Finbox.
func (f *fixture) figures(e ledger.Entry, row []string, column map[string]int) {
	f.t.Helper()
	b, err := f.sandbox.Finbox.Figures(e.ID)
	if err != nil {
		f.t.Fatal(err)
	}
	filled := 0
	for name, i := range column {
		cell, err := balance.ParseCell(name)
		if err != nil {
			continue // no figure
		}
		want := ""
		if v, ok := b.Values[cell]; ok {
			want = strings.Replace(balance.Canonical(v), ".", ",", 1)
			filled++
		}
		if row[i] != want {
			f.t.Errorf("entry %d, %s is %q, want %q", e.Number, name, row[i], want)
		}
	}
	if filled != len(b.Values) {
		f.t.Errorf("entry %d has %d figures, want %d", e.Number, filled, len(b.Values))
	}
}

package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"balansd/balance"
	"balansd/sandbox/madeup"
)

// filings makes a folder with a correct filing, one whose sums are wrong, one without a
// social balance, and a file that is no filing.
func filings(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, change := range map[string]func(*balance.Balance){
		"a/good.csv":   func(*balance.Balance) {},
		"a/wrong.csv":  func(b *balance.Balance) { b.Values[balance.Cell{Code: "1013"}] = decimal.NewFromInt(7) },
		"b/none.csv":   func(b *balance.Balance) { b.Values = nil },
		"a/.hidden":    func(*balance.Balance) {},
		".git/skipped": func(*balance.Balance) {},
	} {
		text, err := os.ReadFile(document(t, balance.NBBCSV, func(b *balance.Balance) { b.Name = "Bakkerij Émile"; change(b) }))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name), text)
	}
	write(t, filepath.Join(dir, "b", "notes.txt"), []byte("no filing"))
	return dir
}

func write(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestInspectFolder(t *testing.T) {
	dir := filings(t)
	good, wrong := filepath.Join(dir, "a", "good.csv"), filepath.Join(dir, "a", "wrong.csv")
	for name, c := range map[string]struct {
		args  []string
		code  int
		lines int
	}{
		"a folder":    {[]string{dir}, 3, 1 + 4 + 1},
		"a pattern":   {[]string{filepath.Join(dir, "a", "*.csv")}, 0, 1 + 2},
		"two files":   {[]string{good, wrong}, 0, 1 + 2},
		"one of many": {[]string{good, filepath.Join(dir, "absent")}, 3, 1 + 2 + 1},
	} {
		r := balansd(t, append([]string{"balance", "inspect", "--lang", "fr"}, c.args...)...)
		if r.code != c.code || strings.Count(r.stdout, "\n") != c.lines || r.stderr != "" {
			t.Errorf("%s: %+v", name, r)
		}
		if !strings.HasPrefix(r.stdout, "Fichier ") || !strings.Contains(r.stdout, good) || strings.Contains(r.stdout, "hidden") || strings.Contains(r.stdout, "skipped") {
			t.Errorf("%s: %s", name, r.stdout)
		}
	}
	for _, arg := range []string{t.TempDir(), filepath.Join(dir, "*.xbrl")} {
		if r := balansd(t, "balance", "inspect", arg); r.code != 1 || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("%s: %+v", arg, r)
		}
	}
}

func TestInspectFindingsOnly(t *testing.T) {
	dir := filings(t)
	wrong := filepath.Join(dir, "a", "wrong.csv")
	r := balansd(t, "balance", "inspect", wrong, "--findings-only", "--lang", "nl")
	if r.code != 0 || !strings.Contains(r.stdout, "geven samen") || !strings.Contains(r.stdout, "(hours_total, cs_11.00.0_0010)") || strings.Contains(r.stdout, "Bakkerij") {
		t.Errorf("one file: %+v", r)
	}
	r = balansd(t, "balance", "inspect", filepath.Join(dir, "a", "good.csv"), "--findings-only", "--lang", "de")
	if r.code != 0 || r.stdout != "Keine Bemerkungen.\n" {
		t.Errorf("a file without: %+v", r)
	}
	r = balansd(t, "balance", "inspect", filepath.Join(dir, "a"), "--findings-only", "--lang", "en")
	if r.code != 0 || !strings.HasPrefix(r.stdout, wrong+"\n- ") || strings.Contains(r.stdout, "good.csv") {
		t.Errorf("a folder: %+v", r)
	}
}

func TestInspectFolderJSON(t *testing.T) {
	dir := filings(t)
	for _, only := range []bool{false, true} {
		args := []string{"balance", "inspect", dir, "--json", "--lang", "de"}
		if only {
			args = append(args, "--findings-only")
		}
		var got []struct {
			File, Error string
			Balance     *struct{ Findings []balance.Finding }
			Findings    []balance.Finding
		}
		r := balansd(t, args...)
		if err := json.Unmarshal([]byte(r.stdout), &got); err != nil || r.code != 3 || len(got) != 4 {
			t.Fatalf("%v, %+v", err, r)
		}
		findings := got[1].Findings
		if !only {
			findings = got[1].Balance.Findings
		}
		if len(findings) == 0 || !strings.Contains(findings[0].Message, "muss weniger sein") && !strings.Contains(findings[0].Message, "ergeben zusammen") {
			t.Errorf("findings %+v", findings)
		}
		if got[3].Error == "" || got[0].Error != "" || (got[0].Balance == nil) != only {
			t.Errorf("files %+v", got)
		}
	}
}

// JSON is in English unless another language is asked for.
func TestInspectFindingsJSON(t *testing.T) {
	path := document(t, balance.NBBCSV, func(b *balance.Balance) { b.Values[balance.Cell{Code: "5801"}] = decimal.NewFromInt(-1) })
	for lang, want := range map[string]string{"": "cannot be negative", "fr": "ne peut pas être négatif", "nl": "mag niet negatief zijn"} {
		args := []string{"balance", "inspect", path, "--json"}
		if lang != "" {
			args = append(args, "--lang", lang)
		}
		if r := balansd(t, args...); !strings.Contains(r.stdout, want) {
			t.Errorf("%q: no %q in %s", lang, want, r.stdout)
		}
	}
}

// A figure that was inferred is marked.
func TestInspectInferredFigures(t *testing.T) {
	made := madeup.Balance(1, balance.Full, 2024)
	made.Values[balance.Cell{Code: "3123"}] = decimal.NewFromInt(1)
	text, err := madeup.Document(balance.CBSOXBRL, made)
	if err != nil {
		t.Fatal(err)
	}
	b, err := balance.NewReader(balance.ReaderOptions{}).Read(text)
	if err != nil || len(b.Inferred) == 0 {
		t.Fatalf("nothing is inferred: %v", err)
	}
	path := filepath.Join(t.TempDir(), "filing")
	write(t, path, text)
	r := balansd(t, "balance", "inspect", path, "--lang", "nl")
	if !strings.Contains(r.stdout, "\n"+b.Inferred[0].Code+"* ") || !strings.Contains(r.stdout, "\n"+wordsOf[balance.Dutch].inferred+"\n") || strings.Contains(r.stdout, "\n1003* ") {
		t.Errorf("result = %+v", r)
	}
}

func TestInspectWithCBSOTable(t *testing.T) {
	dir := t.TempDir()
	text, err := madeup.Document(balance.CBSOXBRL, madeup.Balance(1, balance.Micro, 2024))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "filing"), text)
	write(t, filepath.Join(dir, "table.tsv"), []byte("no table at all\n"))
	write(t, filepath.Join(dir, "balansd.yaml"), []byte("documents: {cbso_table: table.tsv}\nfolders: [{name: x, path: .}]\n"))
	r := balansd(t, "balance", "inspect", filepath.Join(dir, "filing"), "--config", filepath.Join(dir, "balansd.yaml"))
	if r.code != 2 || !strings.Contains(r.stderr, "table.tsv:1") {
		t.Errorf("result = %+v", r)
	}
}

func TestDiff(t *testing.T) {
	old := document(t, balance.NBBCSV, func(b *balance.Balance) {
		b.Name = "Bakkerij Émile"
		b.Values[balance.Cell{Code: "1023", Previous: true}] = decimal.RequireFromString("1234.5")
		b.Values[balance.Cell{Code: "5801"}] = decimal.NewFromInt(-1)
	})
	corrected := document(t, balance.NBBCSV, func(b *balance.Balance) {
		b.Correction = true
		b.Name = "Bakkerij Emile"
		b.Values[balance.Cell{Code: "1023", Previous: true}] = decimal.RequireFromString("1234.25")
	})
	r := balansd(t, "balance", "diff", old, corrected, "--lang", "fr")
	for _, want := range []string{"Nom: Bakkerij Émile → Bakkerij Emile\n", "Format: nbb-csv\n", "Dépôt rectificatif: – → oui\n", "\nAu cours de l'exercice\n",
		"1023P  Frais de personnel, total, exercice précédent", "1\u00a0234,50", "1\u00a0234,25", "-0,25\n", "\nRemarques disparues\n- "} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("no %q in:\n%s", want, r.stdout)
		}
	}
	var got difference
	r = balansd(t, "balance", "diff", old, corrected, "--json")
	if err := json.Unmarshal([]byte(r.stdout), &got); err != nil || r.code != 0 || len(got.GoneFindings) == 0 || len(got.Changes) != 2 {
		t.Fatalf("%v, %+v", err, r)
	}
	if diff := cmp.Diff(balance.Change{Cell: balance.Cell{Code: "1023", Previous: true}, Before: "1234.5", After: "1234.25"}, got.Changes[0]); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if r = balansd(t, "balance", "diff", old, old, "--lang", "nl"); r.code != 0 || !strings.Contains(r.stdout, "\nDe cijfers zijn dezelfde.\n") {
		t.Errorf("the same: %+v", r)
	}
	if r = balansd(t, "balance", "diff", old, filepath.Join(t.TempDir(), "absent")); r.code != 1 || r.stdout != "" {
		t.Errorf("an absent file: %+v", r)
	}
}

func TestConvert(t *testing.T) {
	path := document(t, balance.NBBCSV, func(b *balance.Balance) { b.Name = "Bakkerij & Zonen" })
	want := madeup.Balance(1, balance.Abbreviated, 2024)
	for to, layout := range layoutNames {
		out := filepath.Join(t.TempDir(), "out")
		r := balansd(t, "balance", "convert", path, "--to", to, "--out", out)
		text, err := os.ReadFile(out)
		if err != nil || r.code != 0 || r.stdout != "" {
			t.Fatalf("%s: %v, %+v", to, err, r)
		}
		b, err := balance.NewReader(balance.ReaderOptions{}).Read(text)
		if err != nil || b.Layout != layout || b.Name != "Bakkerij & Zonen" || len(balance.Diff(want.Values, b.Values)) > 0 {
			t.Errorf("%s: %v, %+v", to, err, b)
		}
		if says := strings.Contains(r.stderr, "nbb-json does not carry the enterprise number, model, fiscal year.\n"); says != (layout == balance.NBBJSON) {
			t.Errorf("%s says %q", to, r.stderr)
		}
		if again := balansd(t, "balance", "convert", path, "--to", to); again.stdout != string(text) {
			t.Errorf("%s: standard output differs from the file", to)
		}
	}
}

func TestConvertMissingData(t *testing.T) {
	path := document(t, balance.NBBJSON, nil)
	r := balansd(t, "balance", "convert", path, "--to", "pfs-xbrl")
	if r.code != 2 || r.stdout != "" || !strings.Contains(r.stderr, "--year-start") {
		t.Errorf("without a year: %+v", r)
	}
	r = balansd(t, "balance", "convert", path, "--to", "pfs-xbrl", "--enterprise-number", "BE 0443.246.943",
		"--year-start", "2024-01-01", "--year-end", "2024-12-31", "--model", "abbreviated")
	b, err := balance.NewReader(balance.ReaderOptions{}).Read([]byte(r.stdout))
	if r.code != 0 || err != nil || b.EnterpriseNumber != "0443246943" || b.Model != balance.Abbreviated || b.FiscalYear.End.String() != "2024-12-31" {
		t.Errorf("%v, %+v", err, b)
	}
	for _, wrong := range [][]string{{"--to", "pdf"}, {}, {"--to", "json", "--model", "huge"}, {"--to", "json", "--year-end", "31/12/2024"},
		{"--to", "json", "--enterprise-number", "1"}} {
		if r := balansd(t, append([]string{"balance", "convert", path}, wrong...)...); r.code != 2 || r.stdout != "" {
			t.Errorf("%v: %+v", wrong, r)
		}
	}
	none := document(t, balance.NBBCSV, func(b *balance.Balance) { b.Values = nil })
	if r := balansd(t, "balance", "convert", none, "--to", "json"); r.code != 3 || r.stdout != "" {
		t.Errorf("without a social balance: %+v", r)
	}
}

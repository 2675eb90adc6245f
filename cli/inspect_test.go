package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"balansd/balance"
	"balansd/sandbox/madeup"
)

// document writes a made-up filing to a file.
func document(t *testing.T, layout balance.Layout, change func(*balance.Balance)) string {
	t.Helper()
	b := madeup.Balance(1, balance.Abbreviated, 2024)
	b.Layout, b.Name = layout, "Bakkerij Émile\x1b[2J"
	if change != nil {
		change(b)
	}
	text, err := madeup.Document(layout, b)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "filing")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestInspectLanguages(t *testing.T) {
	path := document(t, balance.NBBCSV, func(b *balance.Balance) {
		b.Name = "Bakkerij Émile"
		b.Values[balance.Cell{Code: "1023"}] = decimal.RequireFromString("1234567.5")
	})
	for lang, want := range map[balance.Lang][]string{
		balance.Dutch:   {"Naam: Bakkerij Émile\n", "1.234.567,50", "Vorig boekjaar"},
		balance.French:  {"Nom: Bakkerij Émile\n", "1\u00a0234\u00a0567,50", "Exercice précédent"},
		balance.English: {"Name: Bakkerij Émile\n", "1,234,567.50", "Previous year"},
		balance.German:  {"Name: Bakkerij Émile\n", "1.234.567,50", "Vorjahr"},
	} {
		r := balansd(t, "balance", "inspect", path, "--lang", string(lang))
		if r.code != 0 {
			t.Fatalf("%s: %+v", lang, r)
		}
		rubric, _ := balance.RubricOf("1023")
		for _, w := range append(want, rubric.Label(lang), rubric.SectionLabel(lang)) {
			if !strings.Contains(r.stdout, w) {
				t.Errorf("%s: no %q in:\n%s", lang, w, r.stdout)
			}
		}
	}
}

func TestInspectWordsComplete(t *testing.T) {
	for _, lang := range balance.Languages() {
		w := wordsOf[lang]
		v := reflect.ValueOf(w)
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				t.Errorf("%s lacks the word %s", lang, v.Type().Field(i).Name)
			}
		}
		for _, m := range []balance.Model{balance.Full, balance.Abbreviated, balance.Micro} {
			if w.models[m] == "" {
				t.Errorf("%s lacks the model %s", lang, m)
			}
		}
	}
}

func TestInspectEveryFigureOnce(t *testing.T) {
	path := document(t, balance.NBBCSV, nil)
	want := madeup.Balance(1, balance.Abbreviated, 2024)
	r := balansd(t, "balance", "inspect", path, "--lang", "en")
	codes := map[string]int{}
	for line := range strings.SplitSeq(r.stdout, "\n") {
		if code, _, ok := strings.Cut(line, " "); ok {
			codes[code]++
		}
	}
	for _, c := range want.Values.Cells() {
		if codes[c.Code] != 1 {
			t.Errorf("rubric %s shows %d times in:\n%s", c.Code, codes[c.Code], r.stdout)
		}
	}
}

func TestInspectJSON(t *testing.T) {
	path := document(t, balance.NBBCSV, func(b *balance.Balance) { b.Name = "Bakkerij Émile" })
	r := balansd(t, "balance", "inspect", path, "--json")
	var got struct {
		Layout           string                       `json:"layout"`
		EnterpriseNumber string                       `json:"enterprise_number"`
		Name             string                       `json:"name"`
		Model            string                       `json:"model"`
		FiscalYear       balance.Period               `json:"fiscal_year"`
		Currency         string                       `json:"currency"`
		JointCommittees  []string                     `json:"joint_committees"`
		Rounded          bool                         `json:"rounded"`
		Values           map[string]map[string]string `json:"values"`
		Findings         []balance.Finding            `json:"findings"`
		Doubts           []balance.Doubt              `json:"doubts"`
	}
	dec := json.NewDecoder(strings.NewReader(r.stdout))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&got); err != nil {
		t.Fatalf("%v in %s", err, r.stdout)
	}
	want := madeup.Balance(1, balance.Abbreviated, 2024)
	if r.code != 0 || got.Layout != "nbb-csv" || got.Name != "Bakkerij Émile" || got.Values == nil || got.Findings == nil || got.Doubts == nil ||
		got.EnterpriseNumber != want.EnterpriseNumber.String() || got.FiscalYear != want.FiscalYear {
		t.Errorf("result = %+v", got)
	}
	for _, c := range want.Values.Cells() {
		column := "current"
		if c.Previous {
			column = "previous"
		}
		if s := got.Values[c.Code][column]; s != balance.Canonical(want.Values[c]) {
			t.Errorf("%s is %q, want %s", c, s, balance.Canonical(want.Values[c]))
		}
	}
}

func TestInspectNoSocialBalance(t *testing.T) {
	path := document(t, balance.NBBCSV, func(b *balance.Balance) { b.Values = nil })
	r := balansd(t, "balance", "inspect", path, "--lang", "fr")
	if r.code != 3 || r.stderr != "" || !strings.Contains(r.stdout, "Ce fichier ne contient pas de bilan social.") {
		t.Errorf("result = %+v", r)
	}
	r = balansd(t, "balance", "inspect", path, "--json")
	var got struct{ Values map[string]any }
	if err := json.Unmarshal([]byte(r.stdout), &got); err != nil || r.code != 3 || got.Values == nil || len(got.Values) != 0 || r.stderr != "" {
		t.Errorf("%v, result = %+v", err, r)
	}
}

// A file without a social balance is not listed as one without findings, and a remark is
// no finding.
func TestFindingsOnly(t *testing.T) {
	none := document(t, balance.NBBCSV, func(b *balance.Balance) { b.Values = nil })
	good := document(t, balance.NBBCSV, nil)
	remarked := document(t, balance.CBSOXBRL, func(b *balance.Balance) {
		b.Model = balance.Full
		b.Values = balance.Values{{Code: "10331"}: decimal.NewFromInt(5), {Code: "1033"}: decimal.NewFromInt(5)}
	})
	for name, c := range map[string]struct {
		args      []string
		code      int
		want, not string
	}{
		"without a balance":       {[]string{none}, 3, "This file holds no social balance.", "No findings"},
		"without a balance, JSON": {[]string{none, "--json"}, 3, `"findings": []`, "x1b"},
		"several, one without":    {[]string{none, good}, 3, none + "\nThis file holds no social balance.", "No findings"},
		"several, all well":       {[]string{good, good}, 0, "No findings.\n", "No findings.\nNo findings"},
		"several, all well, JSON": {[]string{good, good, "--json"}, 0, `"findings": []`, "error"},
		"several, without, JSON":  {[]string{none, good, "--json"}, 3, "holds no social balance", "x1b"},
	} {
		r := balansd(t, append([]string{"balance", "inspect", "--findings-only", "--lang", "en"}, c.args...)...)
		if r.code != c.code || !strings.Contains(r.stdout, c.want) || strings.Contains(r.stdout, c.not) {
			t.Errorf("%s: %+v", name, r)
		}
	}
	r := balansd(t, "balance", "inspect", remarked, good, "--lang", "en")
	if line, _, _ := strings.Cut(strings.SplitN(r.stdout, "\n", 3)[1], "\n"); !strings.HasSuffix(strings.TrimSpace(line), " 0") {
		t.Errorf("a remark counts as a finding:\n%s", r.stdout)
	}
}

func TestInspectUnreadable(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"photo": "\x89PNG\r\n\x1a\n", "empty": "", "torn": `<?xml version="1.0"?><xbrl`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"photo", "empty", "torn", "absent"} {
		path := filepath.Join(dir, name)
		r := balansd(t, "balance", "inspect", path)
		if r.code != 1 || r.stdout != "" || strings.Count(r.stderr, "\n") != 1 || !strings.Contains(r.stderr, path) {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestInspectStdin(t *testing.T) {
	text, err := os.ReadFile(document(t, balance.NBBCSV, nil))
	if err != nil {
		t.Fatal(err)
	}
	r := balansdWith(t, Env{Args: []string{"balance", "inspect", "-"}, Stdin: strings.NewReader(string(text))})
	if r.code != 0 || !strings.Contains(r.stdout, "1003") {
		t.Errorf("result = %+v", r)
	}
	if strings.Contains(r.stdout, "\x1b") {
		t.Error("the document steers the terminal")
	}
}

func TestInspectTooLarge(t *testing.T) {
	r := balansdWith(t, Env{Args: []string{"balance", "inspect", "-"}, Stdin: endless{}})
	if r.code != 1 || !strings.HasPrefix(r.stderr, "Error: - cannot be read: ") || strings.Count(r.stderr, "\n") != 1 {
		t.Errorf("result = %+v", r)
	}
}

// endless is an input without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// TestInspectRealFilings needs published filings, which state no licence and are therefore
// not part of the project.
func TestInspectRealFilings(t *testing.T) {
	files, _ := filepath.Glob("../../shared/samples/nbb-*")
	if len(files) == 0 {
		t.Skip("no published filings at hand")
	}
	for _, f := range files {
		want := 0
		if strings.Contains(f, "no-social") {
			want = 3
		}
		if r := balansd(t, "balance", "inspect", f); r.code != want {
			t.Errorf("%s gives %d: %s", f, r.code, r.stderr)
		}
	}
}

// Two findings of a rule without rubrics are both shown if their texts differ.
func TestFindingsOfARuleWithoutRubrics(t *testing.T) {
	fact := func(line, members string) balance.Finding {
		return balance.Finding{Rule: "unexplained_fact", Args: map[string]string{"line": line, "metric": "int3", "members": members}}
	}
	old := []balance.Finding{fact("7", "bas:m1")}
	if got := findingsBeside([]balance.Finding{fact("9", "bas:m1")}, old); len(got) != 0 {
		t.Errorf("the same on another line counts: %v", got)
	}
	if got := findingsBeside([]balance.Finding{fact("7", "bas:m2")}, old); len(got) != 1 {
		t.Errorf("another fact does not count: %v", got)
	}
}

// A balance with doubtful figures is shown with its readings. It does not count as correct
// and is not converted.
func TestInspectDoubts(t *testing.T) {
	dir := t.TempDir()
	one, two, only := filepath.Join(dir, "one.csv"), filepath.Join(dir, "two.csv"), filepath.Join(dir, "only.csv")
	text, err := os.ReadFile(document(t, balance.NBBCSV, func(*balance.Balance) {}))
	if err != nil {
		t.Fatal(err)
	}
	write(t, one, text)
	write(t, two, append(text, "\"1003\",\"98765.4\"\n"...))
	write(t, only, []byte("\"Model code\",\"m01-f\"\n\"1003\",\"4\"\n\"1003\",\"5\"\n"))
	for name, c := range map[string]struct {
		args         []string
		code         int
		want, absent string
	}{
		"text":          {[]string{"inspect", two, "--lang", "nl"}, 3, "98.765,4 in plaats van", wordsOf[balance.Dutch].none},
		"JSON":          {[]string{"inspect", two, "--json"}, 3, `"doubts": [`, `"current": "98765.4"`},
		"nothing else":  {[]string{"inspect", only, "--lang", "en"}, 3, "5 instead of 4", wordsOf[balance.English].none},
		"several files": {[]string{"inspect", one, two}, 3, "two.csv", "one.csv  unreadable"},
		"convert":       {[]string{"convert", two, "--to", "json"}, 3, "can be read in more than one way: 1003 is", `"Rubrics"`},
	} {
		r := balansd(t, append([]string{"balance"}, c.args...)...)
		if out := r.stdout + r.stderr; r.code != c.code || !strings.Contains(out, c.want) || strings.Contains(out, c.absent) {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if r := balansd(t, "balance", "inspect", one); r.code != 0 {
		t.Errorf("in order: %+v", r)
	}
}

package cli

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"balansd/balance"
)

// zipFile writes a ZIP archive; pairs are names and contents in turn.
func zipFile(t *testing.T, pairs ...string) string {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for i := 0; i < len(pairs); i += 2 {
		to, err := w.Create(pairs[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := to.Write([]byte(pairs[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "clients.zip+xbrl")
	write(t, path, out.Bytes())
	return path
}

func TestInspectArchive(t *testing.T) {
	read := func(path string) string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	good, xbrl := read(document(t, balance.NBBCSV, nil)), read(document(t, balance.PFSXBRL, nil))
	doubtful := good + "\"1003\",\"98765.4\"\n"
	one := zipFile(t, "a.csv", good, "foto.jpg", "\xff\xd8\xff")
	two := zipFile(t, "2024/a.csv", good, "b.xbrl", xbrl, "readme.txt", "hello")
	troubled := zipFile(t, "a.csv", good, "b.csv", doubtful, "sociale balans.pdf", "%PDF-1.4 none", "../c.csv", good)
	none := zipFile(t, "readme.txt", "hello")
	for name, c := range map[string]struct {
		args           []string
		code           int
		stdout, stderr []string // parts of the output, in their order
		not            string
	}{
		"one": {[]string{one}, 0, []string{one + "!/a.csv\n", "Enterprise number: ", "1003"}, []string{"Skipped in " + one + ", not social balances: foto.jpg.\n"}, "foto"},
		"two": {[]string{two}, 0, []string{"File", two + "!/2024/a.csv", two + "!/b.xbrl"}, []string{"not social balances: readme.txt"}, "readme"},
		"troubled": {[]string{troubled}, 3, []string{troubled + "!/a.csv", troubled + "!/b.csv", troubled + "!/sociale balans.pdf", "unreadable", "! " + troubled + "!/sociale balans.pdf cannot be read: "},
			[]string{"! in " + troubled + ", ../c.csv is not read: its name leads out of the folder"}, "c.csv"},
		"none":          {[]string{none}, 3, []string{"This file holds no social balance."}, []string{"readme.txt"}, "readme"},
		"several files": {[]string{one, two}, 0, []string{one + "!/a.csv", two + "!/2024/a.csv"}, []string{"foto.jpg", "readme.txt"}, "readme"},
		"with an empty": {[]string{one, none}, 3, []string{one + "!/a.csv", none, "! " + none + " holds no social balance"}, []string{"readme.txt"}, "readme"},
		"findings":      {[]string{two, "--findings-only"}, 0, []string{"No findings."}, nil, "1003"},
	} {
		r := balansd(t, append([]string{"balance", "inspect", "--lang", "en"}, c.args...)...)
		if r.code != c.code || !inOrder(r.stdout, c.stdout) || !inOrder(r.stderr, c.stderr) || strings.Contains(r.stdout, c.not) {
			t.Errorf("%s: code %d\n%s\n%s", name, r.code, r.stdout, r.stderr)
		}
	}

	r := balansd(t, "balance", "inspect", troubled, "--json")
	var paths []string
	for line := range strings.Lines(r.stdout) {
		var object struct {
			Path, Error string
			Number      string `json:"enterprise_number"`
		}
		if err := json.Unmarshal([]byte(line), &object); err != nil || !strings.HasPrefix(line, `{"path":"`) || object.Number == "" && object.Error == "" {
			t.Errorf("%v in %s", err, line)
		}
		paths = append(paths, object.Path)
	}
	if diff := cmp.Diff([]string{"a.csv", "b.csv", "sociale balans.pdf"}, paths); diff != "" || r.code != 3 {
		t.Errorf("code %d (-want +got)\n%s", r.code, diff)
	}

	// Standard input, and the other commands.
	r = balansdWith(t, Env{Args: []string{"balance", "inspect", "-", "--lang", "en"}, Stdin: strings.NewReader(read(two))})
	if r.code != 0 || !strings.Contains(r.stdout, "-!/b.xbrl") {
		t.Errorf("from the standard input: %+v", r)
	}
	if r := balansd(t, "balance", "diff", one, document(t, balance.NBBCSV, nil)); r.code != 0 {
		t.Errorf("diff with the only balance in a ZIP: %+v", r)
	}
	if r := balansd(t, "balance", "convert", two, "--to", "json"); r.code != 2 || !strings.Contains(r.stderr, two+" holds 2 social balances\nWhat to do: Unpack it") {
		t.Errorf("convert of a ZIP with two: %+v", r)
	}
}

// inOrder reports whether text has all parts, one after the other.
func inOrder(text string, parts []string) bool {
	for _, part := range parts {
		_, rest, found := strings.Cut(text, part)
		if !found {
			return false
		}
		text = rest
	}
	return true
}

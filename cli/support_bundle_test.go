package cli

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"balansd/balance"
	"balansd/ledger"
)

// encodings returns a text in every form in which a file could have it.
func encodings(text string) []string {
	quoted := strconv.Quote(text)
	ascii := strconv.QuoteToASCII(text)
	asJSON, _ := json.Marshal(text)
	list := []string{text, strings.ToUpper(text), strings.ToLower(text), quoted[1 : len(quoted)-1], ascii[1 : len(ascii)-1],
		string(asJSON[1 : len(asJSON)-1]), url.PathEscape(text), url.QueryEscape(text), hex.EncodeToString([]byte(text))}
	var wide []byte
	for _, u := range utf16.Encode([]rune(text)) {
		wide = append(wide, byte(u), byte(u>>8))
	}
	list = append(list, string(wide))
	for shift := range 3 { // base64 of it at any place of a text
		enc := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + text))
		list = append(list, strings.TrimRight(enc, "=")[(shift*8+5)/6:len(strings.TrimRight(enc, "="))-1])
	}
	return list
}

// bundleCanaries are what must not be in a bundle.
type bundleCanaries struct{ names, secrets, figures []string }

// supportFixture is a server with odd names, in Finbox, in a folder and among its people,
// whose runs have gone wrong in several ways and are in its log.
func supportFixture(t *testing.T) (*fixture, bundleCanaries) {
	t.Helper()
	var c bundleCanaries
	f := newFixture(t, fixtureOptions{more: `folders: [{name: "Map van Kanarie", path: kanariemap, layout: dossiers}]
log: {file: balansd.log, format: json, level: debug}
portal: {listen: "127.0.0.1:0", metrics_token_file: metrics.token}
dossiers: [{connection: "Map van Kanarie", dossier: "Kanariepiet & Zonen", note: "Kanarienoot van An", from: all}]
`})
	c.secrets = append(c.secrets, "kanarie-metrics-token-1234")
	f.write("metrics.token", c.secrets[0])
	odd := filepath.Join(f.dir, "kanariemap", "Kanariepiet & Zonen")
	if err := os.MkdirAll(odd, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(odd, "sociale balans Kanarieverslag \"é\".pdf"), []byte("no PDF"), 0o600); err != nil {
		t.Fatal(err)
	}
	f.link()
	f.addDemo()
	f.want(0, "", "portal", "invite", "--role", "admin", "kanarie.an@kantoor.example")
	d := loggingDaemon(f)
	f.run("sync")
	d.stop(t)
	c.names = []string{"Map van Kanarie", "Kanariepiet", "Kanarienoot", "Kanarieverslag", "kanarie.an", f.conn, "kanariemap"}
	for _, e := range read[[]ledger.Entry](t, f, 0, "ledger", "list") {
		c.names = append(c.names, e.Dossier.Name, e.Dossier.EnterpriseNumber.String(), e.Dossier.EnterpriseNumber.Pretty(), e.ID)
		if b, err := f.sandbox.Finbox.Figures(e.ID); err == nil {
			for _, v := range b.Values {
				c.figures = append(c.figures, balance.Canonical(v))
			}
		}
		for _, x := range e.Differences {
			c.figures = append(c.figures, x.Finbox, x.Silverfin)
		}
	}
	info := f.sandbox.Info()
	c.secrets = append(c.secrets, info.Finbox.ClientSecret, info.Silverfin.ClientSecret)
	if key, err := os.ReadFile(filepath.Join(f.dir, "data", "balansd.key")); err == nil {
		c.secrets = append(c.secrets, strings.Fields(string(key))[2])
	}
	return f, c
}

// loggingDaemon is fixture.daemon for a daemon that logs to its file.
func loggingDaemon(f *fixture) *process {
	f.t.Helper()
	file := filepath.Join(f.dir, "balansd.log")
	before, _ := os.ReadFile(file)
	p := f.start(nil, "run")
	for {
		text, _ := os.ReadFile(file)
		if bytes.Contains(text[min(len(before), len(text)):], []byte("answering the command line")) {
			return p
		}
		select {
		case <-p.ended:
			f.t.Fatal("the daemon ended")
		case <-time.After(20 * time.Millisecond): // nothing tells of a change of a file: it is read again
		}
	}
}

// unzip returns the files of a bundle.
func unzip(t *testing.T, path string) map[string]string {
	t.Helper()
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = z.Close() }()
	files := map[string]string{}
	for _, f := range z.File {
		if f.Modified.Year() < 2020 {
			t.Errorf("%s is of %s", f.Name, f.Modified)
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name] = string(text)
	}
	return files
}

// indexApart is strings.Index for a text that is not a part of a longer number.
func indexApart(text, part string) int {
	digit := func(i int) bool {
		return i >= 0 && i < len(text) && (text[i] >= '0' && text[i] <= '9' || text[i] == '.')
	}
	for from := 0; ; {
		i := strings.Index(text[from:], part)
		if i < 0 {
			return -1
		}
		i += from
		if strings.Trim(part, "0123456789.") != "" || !digit(i-1) && !digit(i+len(part)) {
			return i
		}
		from = i + 1
	}
}

// wantNone checks that no canary is in any file of a bundle, in any encoding.
func wantNone(t *testing.T, files map[string]string, kind string, list []string) {
	t.Helper()
	tried := 0
	for _, canary := range list {
		if len(canary) < 5 {
			continue // it is part of many numbers
		}
		tried++
		for name, text := range files {
			for _, form := range encodings(canary) {
				if i := indexApart(text, form); i >= 0 {
					t.Errorf("a %s, %q, is in %s: %q", kind, canary, name, text[max(0, i-80):min(len(text), i+80)])
					break
				}
			}
		}
	}
	if tried == 0 {
		t.Errorf("there is no %s to look for", kind)
	}
}

// TestSupportBundle looks for canaries in every file of a bundle, and for what support
// needs.
func TestSupportBundle(t *testing.T) {
	t.Parallel()
	f, c := supportFixture(t)
	file := filepath.Join(f.dir, "bundle.zip")
	f.want(2, "--yes", "support-bundle", file)
	if _, err := os.Stat(file); err == nil {
		t.Fatal("it was written without a yes")
	}
	d := loggingDaemon(f)
	r := f.want(0, "Written: "+file, "support-bundle", file, "--yes")
	d.stop(t)
	for _, name := range []string{"version.json", "settings.json", "status.json", "runs.json", "log.jsonl", "doctor.json", "metrics.txt"} {
		if i := strings.Index(r.stdout, name); i < 0 || i > strings.Index(r.stdout, "Written:") {
			t.Errorf("%s is not listed first:\n%s", name, r.stdout)
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("%v, %v", info, err)
	}
	files := unzip(t, file)
	wantNone(t, files, "name", c.names)
	wantNone(t, files, "secret", c.secrets)
	wantNone(t, files, "figure", c.figures)
	for name, want := range map[string]string{
		"version.json":  `"version": "test"`,
		"settings.json": `"key": "silverfin.base_url"`,
		"status.json":   `"reason": "`,
		"runs.json":     `"trigger": "by_hand"`,
		"doctor.json":   `"check": "state"`,
		"metrics.txt":   `balansd_entries{state="`,
		"log.jsonl":     `"message":"`,
	} {
		if !strings.Contains(files[name], want) {
			t.Errorf("%s does not have %q:\n%.1500s", name, want, files[name])
		}
	}
	if !regexp.MustCompile(`"entry":\d+`).MatchString(files["log.jsonl"]) {
		t.Errorf("the log names no entry:\n%.800s", files["log.jsonl"])
	}
	f.want(1, "exists already", "support-bundle", file, "--yes")
}

// TestSupportBundleWithNames leaves names in, never figures or secrets.
func TestSupportBundleWithNames(t *testing.T) {
	t.Parallel()
	f, c := supportFixture(t)
	file := filepath.Join(f.dir, "bundle.zip")
	f.want(0, "Written: ", "support-bundle", file, "--yes", "--with-names")
	files := unzip(t, file)
	wantNone(t, files, "secret", c.secrets)
	wantNone(t, files, "figure", c.figures)
	for _, name := range []string{"Map van Kanarie", "Kanariepiet"} {
		if !strings.Contains(files["log.jsonl"]+files["status.json"], name) {
			t.Errorf("%q is not in it", name)
		}
	}
}

// TestSupportBundleInTrouble makes a bundle where the state cannot be read, and where the
// configuration has mistakes.
func TestSupportBundleInTrouble(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	f.link()
	if err := os.Truncate(f.stateFile(), 9000); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(f.dir, "one.zip")
	f.want(0, "Written: ", "support-bundle", file, "--yes")
	if got := unzip(t, file); !strings.Contains(got["status.json"], "state_damaged") || !strings.Contains(got["doctor.json"], "state_damaged") {
		t.Errorf("%s\n%s", got["status.json"], got["doctor.json"])
	}
	f.write("balansd.yaml", "language: nl\nkanarie: x\n")
	file = filepath.Join(f.dir, "two.zip")
	f.want(0, "Written: ", "support-bundle", file, "--yes")
	if got := unzip(t, file); !strings.Contains(got["settings.json"], `"line": 2`) {
		t.Errorf("%s", got["settings.json"])
	}
}

// TestJournalLine reads what journalctl prints.
func TestJournalLine(t *testing.T) {
	got := string(journalLine([]byte(`{"__REALTIME_TIMESTAMP":"1764469800000000","PRIORITY":"4","MESSAGE":"an entry waits dossier=Kapper",
		"BALANSD_MESSAGE":"an entry waits","BALANSD_ENTRY":"7","BALANSD_DOSSIER":"Kapper","_HOSTNAME":"srv"}`)))
	want := `{"dossier":"Kapper","entry":"7","level":"warn","message":"an entry waits","time":"2025-11-30T02:30:00Z"}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := string(journalLine([]byte(`{"MESSAGE":"Started balansd.","PRIORITY":"6"}`))); got != `{"text":"Started balansd."}` {
		t.Error(got)
	}
}

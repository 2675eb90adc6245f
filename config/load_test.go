package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"balansd/balance"
	"balansd/problem"
)

// write writes a file to a folder of the test and returns its path.
func write(t *testing.T, dir, name, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// load loads a configuration text from a new folder.
func load(t *testing.T, text string, environ ...string) (*Config, error) {
	t.Helper()
	return Load(LoadOptions{Path: write(t, t.TempDir(), "balansd.yaml", text, 0o600), Environ: environ})
}

// mistakes returns the mistakes that Load found, each with its position from the file's
// name on.
func mistakes(t *testing.T, err error) []string {
	t.Helper()
	if !problem.Is(err, problem.ConfigInvalid) {
		t.Fatalf("error = %v, want a ConfigInvalid problem", err)
	}
	m, ok := errors.AsType[*Mistakes](err)
	if !ok {
		t.Fatalf("error = %v, want *Mistakes inside", err)
	}
	var list []string
	for line := range strings.SplitSeq(m.Error(), "\n") {
		if at := strings.Index(line, "balansd.yaml:"); at >= 0 {
			line = line[at:]
		}
		list = append(list, line)
	}
	return list
}

func TestSixMistakesAreAllReportedWithTheirLines(t *testing.T) {
	_, err := load(t, `language: nl
night:
  at: 2.30
  spread: 90
language: fr
finbox:
  base_url: https://finbox.example
  token_url: finbox.example/token
  client_idd: 00123
time_zone: Europe/Brussel
`, "BALANSD_FINBOX_CLIENT_ID=00123", "BALANSD_FINBOX_CLIENT_SECRET=hunter2")
	got := mistakes(t, err)
	want := []string{
		`balansd.yaml:3:3: night.at: "2.30" is no time of day; write hours and minutes as 02:30`,
		`balansd.yaml:4:3: night.spread: "90" has no unit; write 90s, 90m or 90h`,
		`balansd.yaml:5:1: language: is set twice, first on line 1; keep one of the two`,
		`balansd.yaml:8:3: finbox.token_url: "finbox.example/token" is no web address; write it in full, as https://host.example/path`,
		`balansd.yaml:9:3: finbox.client_idd: this setting is not known; did you mean "client_id"?`,
		`balansd.yaml:10:1: time_zone: "Europe/Brussel" is no time zone; write its name as Europe/Brussels`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mistakes (-want +got):\n%s", diff)
	}
	p := problem.Of(err)
	if p.What != "the configuration has 6 mistakes" || p.Code.ExitCode() != 2 {
		t.Errorf("problem = %q with exit code %d", p.What, p.Code.ExitCode())
	}
}

func TestEachMistakeSaysWhatWouldBeRight(t *testing.T) {
	const silverfin = "silverfin:\n  client_id: a\n  client_secret_file: s\n"
	for name, c := range map[string]struct{ text, want string }{
		"no YAML":                 {"night:\n  at: \"02:30\n", `2:1: this is no YAML: found unexpected end of stream; write settings as "key: value", indented with spaces`},
		"tab":                     {"night:\n\tat: 3\n", `2:1: line 2 begins with a tab; use spaces`},
		"two documents":           {"language: nl\n---\nlanguage: fr\n", `a second YAML document starts here; keep all settings in one`},
		"list for a section":      {"night: [1]\n", `1:1: night: holds a list; write its settings below it`},
		"value for a list":        {"folders: here\n", `1:1: folders: holds the single value "here"; write a list`},
		"section for a value":     {"language: {nl: 1}\n", `1:1: language: holds settings of its own; write a single value`},
		"secret in the file":      {"finbox: {client_secret: hunter2}\n", `finbox.client_secret: a secret is written in the configuration file; put it in a file of its own and name that as client_secret_file, or set BALANSD_FINBOX_CLIENT_SECRET`},
		"no value":                {"language:\n", `1:1: language: has no value; give it one, or leave the line out`},
		"misplaced":               {"overlap: 1h\n", `1:1: overlap: this setting is not known; it belongs at finbox.overlap`},
		"unknown":                 {"zzzzzzzzzz: 1\n", `zzzzzzzzzz: this setting is not known; known here are data_dir, `},
		"unknown and empty":       {"nihgt: {}\n", `1:1: nihgt: this setting is not known; did you mean "night"?`},
		"unknown and empty below": {"silverfin:\n  traget: {}\n", `2:3: silverfin.traget: this setting is not known; did you mean "target"?`},
		"not a word known":        {"language: nll\n", `language: "nll" is not known here; did you mean nl? it is one of nl, fr, en, de`},
		"negative duration":       {"night: {spread: -5m}\n", `night.spread: "-5m" is negative; write it without the minus`},
		"duration out of range":   {"night: {deadline: 48h}\n", `night.deadline: 48h is out of range; it lies between 10m and 23h`},
		"size without unit":       {"finbox: {max_document: 50}\n", `finbox.max_document: "50" has no unit; write 50MiB or 50KiB`},
		"size of a wrong unit":    {"finbox: {max_document: 50MB}\n", `the units are B, KiB, MiB and GiB, as in 50MiB`},
		"size too large":          {"finbox: {max_document: 9999999999GiB}\n", `finbox.max_document: "9999999999GiB"`},
		"no number":               {silverfin + "  concurrency: four\n", `4:3: silverfin.concurrency: "four" is no whole number; write digits only, as 4`},
		"not a number":            {silverfin + "  requests_per_second: .nan\n", `silverfin.requests_per_second: ".nan" is no number`},
		"NaN":                     {silverfin + "  requests_per_second: NaN\n", `silverfin.requests_per_second: NaN is out of range`},
		"plain http":              {"finbox: {base_url: http://finbox.example}\n", `finbox.base_url: "http://finbox.example" is not encrypted; write https://`},
		"password in address":     {"finbox: {base_url: https://me:hunter2@finbox.example}\n", `finbox.base_url: the address holds a user or password`},
		"password in proxy":       {"network: {proxy: http://me:hunter2@proxy.example}\n", `network.proxy: a password is written in the configuration file; leave the user name alone in it`},
		"open callback":           {silverfin + "  callback_address: 0.0.0.0:80\n", `"0.0.0.0:80" is no address of this machine`},
		"placeholder":             {"finbox: {client_id: CHANGE-ME}\n", `finbox.client_id: still holds the example's CHANGE-ME`},
		"app link with a query":   {silverfin + "  app_link: https://pages.example/?x=1\n", `4:3: silverfin.app_link: the address holds a ? part; leave that part out`},
		"app link in clear":       {silverfin + "  app_link: http://pages.example\n", `silverfin.app_link: "http://pages.example" is not encrypted`},
		"app link without scope":  {silverfin + "  app_link: https://pages.example\n  scopes: [\"administration:read\"]\n", `silverfin.scopes: app_link needs the scope links; add it, or leave scopes out`},
		"missing file":            {silverfin, `silverfin.client_secret_file: the file `},
		"bad pattern":             {silverfin + "  workflow: {names: [\"(\"]}\n", `silverfin.workflow.names[0]: "(" is no regular expression`},
		"folder twice":            {"folders:\n- {name: a, path: p}\n- {name: a, path: q}\n", `3:4: folders[1].name: two folders are named "a"`},
		"folder with a blank":     {"folders:\n- {name: 'p ', path: q}\n", `2:4: folders[0].name: "p " has blanks around it; write it without them`},
		"folder without path":     {"folders:\n- name: a\n", `2:3: folders[0].path: is missing`},
		"bad date":                {"folders:\n- {name: a, path: p, from: 2025-02-30}\n", `folders[0].from: "2025-02-30" is no date; write a day as 2025-01-31, or all`},
		"link without company":    {"dossiers:\n- {connection: a, dossier: b, firm: 3}\n", `dossiers[0].company: a firm is named without the company`},
		"wrong check digits":      {"dossiers:\n- {connection: a, dossier: b, enterprise_number: 0402.754.887}\n", `dossiers[0].enterprise_number: "0402.754.887": the check digits of the enterprise number are wrong; compare it with the register (form: 0123.456.789)`},
		"link of nothing":         {"dossiers:\n- {connection: a, dossier: b}\n", `dossiers[0]: says nothing about the dossier`},
		"linked twice":            {"dossiers:\n- {connection: a, dossier: b, from: all}\n- {connection: a, dossier: b, from: all}\n", `dossiers[1].dossier: the dossier "b" is linked twice`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, c.text)
			got := strings.Join(mistakes(t, err), "\n")
			if !strings.Contains(got, c.want) {
				t.Errorf("mistakes:\n%s\nwant among them:\n%s", got, c.want)
			}
			if strings.Contains(got, "hunter2") {
				t.Error("a password is in the message")
			}
		})
	}
}

func TestAValueKeepsItsText(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "secret", "0x1e3\r\n", 0o600)
	c, err := Load(LoadOptions{Path: write(t, dir, "balansd.yaml", `
finbox:
  base_url: https://finbox.example
  token_url: http://127.0.0.1:1/token
  client_id: 00123
  client_secret_file: secret
  scope: 1e3
  overlap: 36h
  max_document: 2MiB
folders:
- {name: 007, path: in, from: 2025-01-31}
- {name: all, path: in2, from: all, settle: 0s}
dossiers:
- {connection: Acme.NV, dossier: 0099, firm: 7, company: 8}
`, 0o600)})
	if err != nil {
		t.Fatal(err)
	}
	f := c.Finbox
	if f.ClientID != "00123" || f.Scope != "1e3" || f.ClientSecret.Reveal() != "0x1e3" ||
		f.Overlap != 36*time.Hour || f.MaxDocument != 2<<20 {
		t.Errorf("finbox = %+v, secret %q", f, f.ClientSecret.Reveal())
	}
	want := []Folder{
		{Name: "007", Path: filepath.Join(dir, "in"), Layout: FolderAuto, Settle: 10 * time.Second, From: From{Date: balance.Date{Year: 2025, Month: 1, Day: 31}}},
		{Name: "all", Path: filepath.Join(dir, "in2"), Layout: FolderAuto, From: From{All: true}},
	}
	if diff := cmp.Diff(want, c.Folders); diff != "" {
		t.Errorf("folders (-want +got):\n%s", diff)
	}
	if d := c.Dossiers[0]; d.Dossier != "0099" || d.Connection != "Acme.NV" || d.Firm != 7 || d.Company != 8 {
		t.Errorf("dossier = %+v", d)
	}
}

func TestEnvironmentOverridesSingleSettings(t *testing.T) {
	c, err := load(t, "night: {at: \"01:00\"}\n",
		"BALANSD_NIGHT_AT=03:15", "BALANSD_FINBOX_BASE_URL=https://finbox.example",
		"BALANSD_FINBOX_TOKEN_URL=https://finbox.example/t", "BALANSD_FINBOX_CLIENT_ID=00123",
		"BALANSD_FINBOX_CLIENT_SECRET=hunter2", "BALANSD_LANGUAGE=", "BALANSD_TEST_ANYTHING=x", "PATH=/bin")
	if err != nil {
		t.Fatal(err)
	}
	if c.Schedule.At != (Clock{3, 15}) || c.Finbox.ClientID != "00123" || c.Finbox.ClientSecret.Reveal() != "hunter2" || c.Language != "nl" {
		t.Errorf("config = %+v", c)
	}

	_, err = load(t, "", "BALANSD_FINBX_CLIENT_ID=x", "BALANSD_NIGHT_SPREAD=90", "BALANSD_FOLDERS=x")
	want := []string{
		"environment: BALANSD_FINBX_CLIENT_ID: no setting has this variable; did you mean BALANSD_FINBOX_CLIENT_ID?",
		"environment: BALANSD_FOLDERS: no setting has this variable; set it in the file; variables exist for single settings only, as BALANSD_FINBOX_CLIENT_ID",
		`environment: BALANSD_NIGHT_SPREAD: "90" has no unit; write 90s, 90m or 90h`,
	}
	if diff := cmp.Diff(want, mistakes(t, err)); diff != "" {
		t.Errorf("mistakes (-want +got):\n%s", diff)
	}
}

func TestTheFileIsFound(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	search := []string{first, second}
	c, err := Load(LoadOptions{Search: search})
	if err != nil || c.File() != "" || c.Language != "nl" {
		t.Fatalf("without a file: %+v, %v", c, err)
	}
	write(t, second, "balansd.yaml", "language: fr\n", 0o600)
	write(t, first, "balansd.json", `{"language": "de"}`, 0o600) // files with another extension are not read
	if c, err = Load(LoadOptions{Search: search}); err != nil || c.Language != "fr" {
		t.Fatalf("on the path: %v", err)
	}
	write(t, first, "balansd.yaml", "language: en\n", 0o600)
	if c, err = Load(LoadOptions{Search: search}); err != nil || c.Language != "en" {
		t.Fatalf("first on the path: %v", err)
	}
	other := write(t, t.TempDir(), "other.yaml", "language: de\n", 0o600)
	if c, err = Load(LoadOptions{Search: search, Environ: []string{"BALANSD_CONFIG=" + other}}); err != nil || c.Language != "de" {
		t.Fatalf("by the variable: %v", err)
	}
	if c.File() != other {
		t.Errorf("file = %s, want %s", c.File(), other)
	}
	// A file with mistakes is reported, not skipped.
	write(t, first, "balansd.yaml", "language: [\n", 0o600)
	if _, err = Load(LoadOptions{Search: search}); !problem.Is(err, problem.ConfigInvalid) {
		t.Errorf("a broken file gives %v", err)
	}
	if _, err = Load(LoadOptions{Path: filepath.Join(first, "absent.yaml")}); !strings.Contains(err.Error(), "absent.yaml: the file cannot be read") {
		t.Errorf("an absent file gives %v", err)
	}
}

func TestASecretFileIsForTheServiceAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows keeps other rights")
	}
	dir := t.TempDir()
	write(t, dir, "open", "hunter2", 0o644)
	if err := os.Chmod(filepath.Join(dir, "open"), 0o644); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "empty", "\n", 0o600)
	write(t, dir, "nocert", "x", 0o600)
	for name, want := range map[string]string{
		"private_key_file: open":                             "can be read by everyone on this machine; run: chmod 600 ",
		"private_key_file: absent":                           "absent cannot be read: no such file or directory",
		"private_key_file: .":                                "is no file; name the file itself",
		"client_secret_file: open":                           "can be read by everyone on this machine",
		"client_secret_file: empty":                          "empty is empty; put the secret in it",
		"certificate_file: nocert":                           "nocert holds no certificate",
		"private_key_file: open\n  client_secret_file: open": "a client secret is set as well",
	} {
		_, err := Load(LoadOptions{Path: write(t, dir, "balansd.yaml", "finbox:\n  "+name+"\n", 0o600)})
		if got := strings.Join(mistakes(t, err), "\n"); !strings.Contains(got, want) {
			t.Errorf("%s gives:\n%s\nwant among it: %s", name, got, want)
		}
	}
}

func TestStateFollowsTheDataDirectory(t *testing.T) {
	c, err := load(t, "data_dir: state\nkey_file: /keys/balansd.key\n")
	if err != nil {
		t.Fatal(err)
	}
	if dir := filepath.Join(filepath.Dir(c.File()), "state"); c.DataDir != dir || c.StateFile != filepath.Join(dir, "balansd.db") {
		t.Errorf("data_dir %s, state_file %s", c.DataDir, c.StateFile)
	}
	if runtime.GOOS != "windows" && c.KeyFile != "/keys/balansd.key" {
		t.Errorf("key_file %s", c.KeyFile)
	}
	if runtime.GOOS != "windows" {
		_, err = load(t, "socket: /"+strings.Repeat("x", 120)+"\n")
		if got := mistakes(t, err)[0]; !strings.Contains(got, "a Unix socket's at most 103") {
			t.Errorf("a long socket path gives %s", got)
		}
	}
}

func TestDefaultsAreValid(t *testing.T) {
	for _, goos := range []string{"linux", "windows"} {
		c := defaults(goos, "")
		// Each section counts as set, so that each check runs.
		r := &reader{origins: map[string]Origin{"finbox.timeout": {}, "silverfin.timeout": {}}}
		c.Finbox.BaseURL, c.Finbox.TokenURL, c.Finbox.ClientID = "https://a.example", "https://a.example", "a"
		c.Silverfin.ClientID, c.Silverfin.ClientSecret = "a", NewSecret("b")
		c.Finbox.ClientSecret = NewSecret("b")
		r.check(c)
		if len(r.mistakes) > 0 {
			t.Errorf("%s: %v", goos, r.mistakes)
		}
	}
	if c := defaults("windows", `D:\ProgramData`); c.Socket != `\\.\pipe\balansd` || !strings.HasPrefix(c.DataDir, `D:\ProgramData`) {
		t.Errorf("windows: %s, %s", c.Socket, c.DataDir)
	}
}

func TestASecretNeverPrints(t *testing.T) {
	c := Default()
	c.Finbox.ClientSecret = NewSecret("hunter2")
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if s := fmt.Sprintf(format, c.Finbox.ClientSecret) + fmt.Sprintf(format, *c); strings.Contains(s, "hunter2") {
			t.Errorf("%s prints the secret", format)
		}
	}
}

// FuzzDocument checks that any text results in either a configuration or mistakes.
func FuzzDocument(f *testing.F) {
	for _, s := range []string{"", "night: {at: 1}", "folders: [{name: a}]", "a: &a [*a]", "? [1]: 2", "<<: {language: nl}", "finbox: &x {a: *x}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c := defaults("linux", "")
		r := &reader{file: "balansd.yaml", origins: map[string]Origin{}}
		r.read(c, []byte(text), nil)
		r.check(c)
		for _, m := range r.mistakes {
			if m.What == "" || m.String() == "" {
				t.Errorf("a mistake says nothing: %+v", m)
			}
		}
		_, err := (&Config{TimeZone: time.UTC}).Show()
		if err != nil {
			t.Error(err)
		}
	})
}

func TestTextsThatAreNoYAML(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"a tab":             {"night:\n\tat: \"02:30\"\n", ":2:1: line 2 begins with a tab; use spaces"},
		"a tab on line 1":   {"\tlanguage: nl\n", ":1:1: line 1 begins with a tab; use spaces"},
		"a tab after space": {"night:\n  at: \"02:30\"\n  \tspread: 0s\n", ":3:1: line 3 begins with a tab; use spaces"},
		"escape":            {"data_dir: \"C:\\users\\x\"\n", `:1:1: line 1 has a backslash between double quotes, where it means a special character; write the path in single quotes, as 'C:\data', or with slashes`},
		"escape further on": {"language: nl\ndata_dir: \"D:\\data\"\n", `:2:1: line 2 has a backslash between double quotes, where it means a special character; write the path in single quotes, as 'C:\data', or with slashes`},
		"too little indent": {"finbox:\n  base_url: x\n client_id: y\nlanguage: nl\n", ":3:1: line 3 is indented differently from the lines around it; indent all settings of a section by the same number of spaces"},
		"too much indent":   {"finbox:\n  base_url: x\n    client_id: y\n", ":3:1: line 3 is indented differently from the lines around it; indent all settings of a section by the same number of spaces"},
		"indent of an item": {"folders:\n  - name: a\n    path: b\n   settle: 3s\n", ":4:1: line 4 is indented differently from the lines around it; indent all settings of a section by the same number of spaces"},
		"a text unclosed":   {"language: \"nl\nfinbox: {}\n", ":3:1: this is no YAML: found unexpected end of stream; write settings as \"key: value\", indented with spaces"},
		"UTF-16":            {"\xff\xfel\x00a\x00", ": the file is not UTF-8; save it as UTF-8"},
		"UTF-16 unmarked":   {"l\x00a\x00:\x00", ": the file is not UTF-8; save it as UTF-8"},
		"Latin 1":           {"folders:\n- {name: caf\xe9, path: x}\n", ": the file is not UTF-8; save it as UTF-8"},
	} {
		_, err := load(t, c.text)
		if got := mistakes(t, err); len(got) != 1 || !strings.HasSuffix(got[0], c.want) {
			t.Errorf("%s gives %q, want %q", name, got, c.want)
		}
	}
	if _, err := load(t, "\ufefflanguage: fr # caf\u00e9\n"); err != nil {
		t.Errorf("UTF-8 with its mark: %v", err)
	}
}

// A relative name would be useless in the log of a service.
func TestTheFileIsNamedInFull(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, ".", "balansd.yaml", "language: fr\n", 0o600)
	c, err := Load(LoadOptions{Path: "balansd.yaml"})
	if err != nil || !filepath.IsAbs(c.File()) {
		t.Fatalf("%v, %v", c, err)
	}
	m := c.MistakeAt("language", "is odd", "")
	if m.Line != 1 || m.Column != 1 || m.Key != "language" {
		t.Errorf("mistake %+v", m)
	}
}

// YAML reads "C:\new" as a path with a line break in it.
func TestAPathWithAnEscapeIsRefused(t *testing.T) {
	_, err := load(t, "log:\n  file: \"C:\\new\\balansd.log\"\n")
	if got := mistakes(t, err); len(got) != 1 || !strings.Contains(got[0], ":2:3: log.file: has a line break or another control character") || !strings.Contains(got[0], "a path in single quotes") {
		t.Errorf("mistakes = %q", got)
	}
}

func TestATimeOfDayMayLackItsZero(t *testing.T) {
	c, err := load(t, "night:\n  at: 2:30\n")
	if err != nil || c.Schedule.At != (Clock{2, 30}) {
		t.Errorf("%v, %v", c, err)
	}
}

// viper folds keys to lower case.
func TestKeysKeepTheirCapitals(t *testing.T) {
	c, err := load(t, "silverfin:\n  target:\n    map: {1003P: a.b, \"1003\": a.c}\n",
		"BALANSD_SILVERFIN_CLIENT_ID=x", "BALANSD_SILVERFIN_CLIENT_SECRET=y")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"1003P": "a.b", "1003": "a.c"}, c.Silverfin.Target.Map); diff != "" {
		t.Error(diff)
	}
	_, err = load(t, "Language: nl\nlog:\n  Acme.NV: x\n")
	got := mistakes(t, err)
	if len(got) != 2 || !strings.Contains(got[0], `:1:1: Language: this setting is not known; did you mean "language"?`) || !strings.Contains(got[1], ":3:3: log.Acme.NV: this setting is not known") {
		t.Errorf("mistakes = %q", got)
	}
}

func TestAliasesAreBounded(t *testing.T) {
	for _, text := range []string{"folders: &a [*a]\n", "finbox: &a {x: *a}\n"} {
		if _, err := load(t, text); err == nil || !strings.Contains(err.Error(), "mistake") {
			t.Errorf("%s gives %v", text, err)
		}
	}
}

func TestASecretFileAsWindowsWritesIt(t *testing.T) {
	for name, text := range map[string]string{
		"Notepad":          "\xef\xbb\xbfs3cret\r\n",
		"PowerShell 5":     "\xff\xfes\x003\x00c\x00r\x00e\x00t\x00\r\x00\n\x00",
		"big endian":       "\xfe\xff\x00s\x003\x00c\x00r\x00e\x00t",
		"a blank":          "s3cret \n",
		"a line of blanks": "s3cret\n  \n",
	} {
		f := write(t, t.TempDir(), "secret", text, 0o600)
		c, err := load(t, "silverfin: {client_id: x, client_secret_file: '"+f+"'}\n")
		if err != nil || c.Silverfin.ClientSecret.Reveal() != "s3cret" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, text := range map[string]string{
		"two lines": "s3cret\nsecond\n", "UTF-16 without its mark": "s\x003\x00", "a control character": "s3\x07cret", "half UTF-16": "\xff\xfes\x003",
		"not UTF-8": "s3cr\xe9t",
	} {
		f := write(t, t.TempDir(), "secret", text, 0o600)
		_, err := load(t, "silverfin: {client_id: x, client_secret_file: '"+f+"'}\n")
		if got := mistakes(t, err); len(got) != 1 || !strings.Contains(got[0], "save the secret alone in it, on one line, as UTF-8") || strings.Contains(got[0], "s3") {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestWhatIsInASecretFileIsCheckedToo(t *testing.T) {
	f := write(t, t.TempDir(), "token", "abc\n", 0o600)
	_, err := load(t, "portal:\n  listen: 127.0.0.1:8417\n  metrics_token_file: '"+f+"'\n")
	if got := mistakes(t, err); len(got) != 1 || !strings.Contains(got[0], "metrics_token") {
		t.Errorf("a metrics token of three characters gives %q", got)
	}
}

func TestATextHasNoLineBreak(t *testing.T) {
	c, err := load(t, "silverfin:\n  client_id: |\n    abc\n", "BALANSD_SILVERFIN_CLIENT_SECRET=y")
	if err != nil || c.Silverfin.ClientID != "abc" {
		t.Errorf("%v, %v", c, err)
	}
	_, err = load(t, "silverfin:\n  client_id: |\n    abc\n    def\n", "BALANSD_SILVERFIN_CLIENT_SECRET=y")
	if got := mistakes(t, err); len(got) == 0 || !strings.Contains(got[0], "silverfin.client_id: has a line break") {
		t.Errorf("mistakes = %q", got)
	}
}

// TestProxyPasswordFile: the password of the proxy has a file, as every secret, and is shown
// nowhere.
func TestProxyPasswordFile(t *testing.T) {
	f := write(t, t.TempDir(), "proxy.password", "p/ss w:rd\n", 0o600)
	file := "proxy_password_file: '" + f + "'"
	c, err := load(t, "network: {proxy: 'http://me@proxy.example:3128', "+file+"}\n")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.Network.ProxyURL(), "http://me:p%2Fss%20w%3Ard@proxy.example:3128"; got != want {
		t.Errorf("the client is given %s, want %s", got, want)
	}
	text, err := c.Show()
	if err != nil || strings.Contains(string(text), "p/ss") || strings.Contains(string(text), "p%2F") {
		t.Errorf("%v, and the password is in:\n%s", err, text)
	}
	for proxy, want := range map[string]string{
		"http://proxy.example:3128":         "network.proxy: the proxy has a password and no user name",
		"":                                  "network.proxy: the proxy has a password and no user name",
		"http://me:other@proxy.example:312": "network.proxy: a password is written in the configuration file",
	} {
		_, err := load(t, "network: {proxy: '"+proxy+"', "+file+"}\n")
		if got := mistakes(t, err); len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("%s gives %q, want %q", proxy, got, want)
		}
	}
	_, err = load(t, "network: {"+file+"}\n", "BALANSD_NETWORK_PROXY=http://me:other@proxy.example")
	if got := mistakes(t, err); len(got) != 1 || !strings.Contains(got[0], "network.proxy_password_file: the proxy has a password of its own") {
		t.Errorf("two passwords give %q", got)
	}
}

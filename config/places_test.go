package config

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhatIsInDataDirFollowsIt(t *testing.T) {
	dir := t.TempDir()
	c, err := Load(LoadOptions{Path: write(t, dir, "balansd.yaml", "data_dir: here\n", 0o600)})
	if err != nil {
		t.Fatal(err)
	}
	here := filepath.Join(dir, "here")
	for name, path := range map[string]string{"state": c.StateFile, "key": c.KeyFile, "backups": c.Backup.Folder} {
		if !strings.HasPrefix(path, here+string(filepath.Separator)) {
			t.Errorf("the %s is at %s, not in %s", name, path, here)
		}
	}
}

// TestSecretsComeFromSystemd passes secret files as LoadCredential=secrets:DIR does.
func TestSecretsComeFromSystemd(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("systemd is of Linux")
	}
	dir, given := t.TempDir(), t.TempDir()
	write(t, given, "secrets_silverfin.secret", "from systemd", 0o440)
	write(t, given, "secrets_finbox.secret", "of another folder", 0o440)
	write(t, dir, "finbox.secret", "from the folder", 0o600)
	text := `
finbox:
  base_url: https://finbox.example
  token_url: https://finbox.example/token
  client_id: us
  client_secret_file: finbox.secret
silverfin:
  client_id: us
  client_secret_file: secrets/silverfin.secret
`
	c, err := Load(LoadOptions{Path: write(t, dir, "balansd.yaml", text, 0o600), Environ: []string{"CREDENTIALS_DIRECTORY=" + given}})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Silverfin.ClientSecret.Reveal(); got != "from systemd" {
		t.Errorf("the secret in the folder %s is %q", SecretsFolder, got)
	}
	if got := c.Finbox.ClientSecret.Reveal(); got != "from the folder" {
		t.Errorf("the secret of another folder is %q", got)
	}

	// A command on the command line has no credentials, and reads the file.
	if err := os.Mkdir(filepath.Join(dir, SecretsFolder), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, SecretsFolder), "silverfin.secret", "from the file", 0o600)
	if c, err = Load(LoadOptions{Path: filepath.Join(dir, "balansd.yaml")}); err != nil || c.Silverfin.ClientSecret.Reveal() != "from the file" {
		t.Errorf("without systemd the secret is %q, error %v", c.Silverfin.ClientSecret.Reveal(), err)
	}
}

// TestACertificateNeedsItsOwnKey combines certificates with the key of another one, for
// the client certificate and for the web pages.
func TestACertificateNeedsItsOwnKey(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"one", "two"} {
		cert, key := certificate(t)
		write(t, dir, name+".pem", cert, 0o600)
		write(t, dir, name+".key", key, 0o600)
	}
	for key, text := range map[string]string{
		"network.client_key_file": "network: {client_certificate_file: one.pem, client_key_file: KEY}\n",
		"portal.key_file":         "portal: {certificate_file: one.pem, key_file: KEY}\n",
	} {
		if _, err := Load(LoadOptions{Path: write(t, dir, "balansd.yaml", strings.Replace(text, "KEY", "one.key", 1), 0o600)}); err != nil {
			t.Errorf("%s: %v", key, err)
		}
		_, err := Load(LoadOptions{Path: write(t, dir, "balansd.yaml", strings.Replace(text, "KEY", "two.key", 1), 0o600)})
		if got := mistakes(t, err); len(got) != 1 || !strings.Contains(got[0], key) || !strings.Contains(got[0], "belong together") {
			t.Errorf("%s: %v", key, got)
		}
	}
}

func TestDays(t *testing.T) {
	for text, want := range map[string]Days{"400d": 400, "1d": 1, "forever": 0} {
		var d Days
		if err := d.UnmarshalText([]byte(text)); err != nil || d != want || d.String() != text {
			t.Errorf("%s is %d, written %s, error %v", text, d, d, err)
		}
	}
	for _, text := range []string{"", "0d", "-3d", "12", "d", "2w", "99999999d", "1.5d", "Forever"} {
		var d Days
		if err := d.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken for %d days", text, d)
		}
	}
}

func TestPortalIsSafe(t *testing.T) {
	for text, want := range map[string]string{
		"portal: {listen: \"127.0.0.1:80\"}":                 "",
		"portal: {listen: \"[::1]:80\"}":                     "",
		"portal: {listen: \"\"}":                             "",
		"portal: {listen: \"0.0.0.0:80\"}":                   "no certificate is set",
		"portal: {listen: \":80\"}":                          "no certificate is set",
		"portal: {listen: \"80\"}":                           "is no address",
		"portal: {hostnames: [\"https://balansd.example\"]}": "is no host name",
		"portal: {oidc: {client_id: x}}":                     "portal.oidc.issuer",

		"portal: {url: \"http://127.0.0.1:8080/balansd/\"}":                                       "",
		"portal: {url: \"https://office.example/a/b-1/\", trusted_proxies: [127.0.0.1, \"::1\"]}": "",
		"portal: {url: \"https://office.example\", trusted_proxies: [10.0.0.0/24, \"fd00::/8\"]}": "",
		"portal: {url: \"https://office.example\"}":                                               "portal.trusted_proxies",
		"portal: {url: \"http://office.example\", trusted_proxies: [127.0.0.1]}":                  "is not encrypted",
		"portal: {url: \"office.example\"}":                                                       "is no web address",
		"portal: {url: \"https://office.example/?x\", trusted_proxies: [127.0.0.1]}":              "holds a ? part",
		"portal: {url: \"https://office.example/a//b\", trusted_proxies: [127.0.0.1]}":            "the path",
		"portal: {url: \"https://office.example/../b\", trusted_proxies: [127.0.0.1]}":            "the path",
		"portal: {url: \"https://office.example/%22b\", trusted_proxies: [127.0.0.1]}":            "the path",
		"portal: {url: \"https://office.example\", trusted_proxies: [nginx.example]}":             "is no IP address",
		"portal: {url: \"https://office.example\", trusted_proxies: [10.0.0.1/24]}":               "is no IP address",
		"portal: {url: \"https://office.example\", trusted_proxies: [\"fe80::1%eth0\"]}":          "is no IP address",
		"portal: {url: \"https://office.example\", trusted_proxies: [\"::ffff:10.0.0.0/120\"]}":   "is no IP address",
		"portal: {url: \"https://office.example\", trusted_proxies: 127.0.0.1}":                   "write a list",
	} {
		_, err := load(t, text+"\n")
		got := ""
		if err != nil {
			got = strings.Join(mistakes(t, err), "\n")
		}
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s gives %q, want %q", text, got, want)
		}
	}
}

func TestHours(t *testing.T) {
	for _, text := range []string{"always", "20:00-07:00", "00:00-23:59"} {
		var h Hours
		if err := h.UnmarshalText([]byte(text)); err != nil || h.String() != text {
			t.Errorf("%s is written %s, error %v", text, h, err)
		}
	}
	for _, text := range []string{"", "20:00", "20-07", "20:00-20:00", "25:00-07:00", "20:00 - 07:00", "never"} {
		var h Hours
		if err := h.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken for %s", text, h)
		}
	}
}

// A configuration in the working directory is ignored if the system has one: whoever can
// write there could make an administrator use their settings.
func TestTheSystemsConfigurationGoesFirst(t *testing.T) {
	system := t.TempDir()
	if diff := cmp.Diff([]string{".", system}, searchPath(system)); diff != "" {
		t.Error(diff)
	}
	write(t, system, "balansd.yaml", "language: fr\n", 0o600)
	if diff := cmp.Diff([]string{system}, searchPath(system)); diff != "" {
		t.Error(diff)
	}
}

// Mistakes in tables of documents are found by the reader's rules, each with its line.
func TestDocumentTables(t *testing.T) {
	well := "documents:\n  tables:\n    - name: export\n      code: Kenmerk\n      current: Saldo\n    - name: clients\n      columns: {\"1003\": VTE, \"1003P\": VTE vorig}\n      number: Nr\n"
	c, err := load(t, well)
	if err != nil {
		t.Fatal(err)
	}
	if l := c.Documents.Tables[1].Layout(); l.Columns["1003P"] != "VTE vorig" || l.Number != "Nr" {
		t.Errorf("the second table is %+v", l)
	}
	_, err = load(t, "documents:\n  tables:\n    - name: export\n      code: Kenmerk\n    - name: export\n      columns:\n        \"70\": Omzet\n")
	got := strings.Join(mistakes(t, err), "\n")
	for _, want := range []string{":3:7: documents.tables[0].current: is missing", ":5:7: documents.tables[1].name: two tables are named \"export\"", ":7:9: documents.tables[1].columns.70: "} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

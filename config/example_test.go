package config

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const examplePath = "../config.example.yaml"

// exampleText returns the example with its placeholders filled in.
func exampleText(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(examplePath)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), placeholder, "filled-in")
}

// commented matches the settings that are commented out in the example.
var commented = regexp.MustCompile(`(?m)^( *)#([^ \n])`)

// certificate returns a self-signed certificate and its key, as PEM.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	one := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, one, one, public, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
}

// exampleFolder returns a folder with the files that the example names.
func exampleFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "secrets"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"secrets/finbox.key", "secrets/finbox.secret", "secrets/silverfin.secret", "cbso.tsv", "secrets/oidc.secret", "secrets/proxy.password", "secrets/mail.password", "secrets/adminpulse.key", "secrets/adsolut.secret", "secrets/nationalbank.key"} {
		write(t, dir, name, "hunter2", 0o600)
	}
	write(t, dir, "secrets/metrics.token", "0123456789abcdef", 0o600)
	write(t, dir, "secrets/webhook.secret", "0123456789abcdef", 0o600)
	write(t, dir, "secrets/webhook.url", "https://hooks.example/balansd", 0o600)
	write(t, dir, "secrets/heartbeat.url", "https://beats.example/balansd", 0o600)
	for _, name := range []string{"finbox.crt", "company-ca.pem"} {
		cert, _ := certificate(t)
		write(t, dir, name, cert, 0o644)
	}
	for _, name := range []string{"client", "portal"} {
		cert, key := certificate(t)
		write(t, dir, name+".crt", cert, 0o644)
		write(t, dir, "secrets/"+name+".key", key, 0o600)
	}
	return dir
}

// TestSecretsOfTheExampleHaveOnePlace: it is the folder that config init makes, and from
// which systemd hands them to the service.
func TestSecretsOfTheExampleHaveOnePlace(t *testing.T) {
	named := regexp.MustCompile(`(?m)^ *#?(\w*(?:secret|token|password|key|url)_file): (\S+)$`).FindAllStringSubmatch(exampleText(t), -1)
	if len(named) < 11 {
		t.Errorf("the example names the secrets %q", named)
	}
	for _, m := range named {
		if !strings.HasPrefix(m[2], "secrets/") && m[2] != "/var/lib/balansd/balansd.key" { // that one balansd makes
			t.Errorf("the example has %s: %s, and not in secrets", m[1], m[2])
		}
	}
}

func TestTheExampleLoads(t *testing.T) {
	dir := exampleFolder(t)
	c, err := Load(LoadOptions{Path: write(t, dir, "balansd.yaml", exampleText(t), 0o600)})
	if err != nil {
		t.Fatal(err)
	}
	if !c.Finbox.Configured() || !c.Silverfin.Configured() || c.Silverfin.ClientSecret.Reveal() != "hunter2" {
		t.Errorf("config = %+v", c)
	}

	// With all settings uncommented, only the choice between key and secret remains.
	all := commented.ReplaceAllString(exampleText(t), "$1$2")
	_, err = Load(LoadOptions{Path: write(t, dir, "balansd.yaml", all, 0o600)})
	got := mistakes(t, err)
	if len(got) != 1 || !strings.Contains(got[0], "finbox.private_key_file: a client secret is set as well") {
		t.Errorf("mistakes with every setting:\n%s", strings.Join(got, "\n"))
	}
	one := strings.Replace(all, "  private_key_file:", "  # private_key_file:", 1)
	if _, err = Load(LoadOptions{Path: write(t, dir, "balansd.yaml", one, 0o600)}); err != nil {
		t.Error(err)
	}
}

func TestTheExampleUntouchedSaysWhatToFillIn(t *testing.T) {
	text, err := os.ReadFile(examplePath)
	if err != nil {
		t.Fatal(err)
	}
	_, err = load(t, string(text))
	if got := mistakes(t, err); len(got) != 6 { // three and a file for Finbox, one and a file for Silverfin
		t.Errorf("mistakes:\n%s", strings.Join(got, "\n"))
	}
}

// TestTheExampleHoldsEverySetting checks that the example has each setting of the struct.
// TestTheExampleLoads checks the other direction.
func TestTheExampleHoldsEverySetting(t *testing.T) {
	text := exampleText(t)
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(commented.ReplaceAllString(text, "$1$2")), &doc); err != nil {
		t.Fatal(err)
	}
	var check func(typ reflect.Type, n *yaml.Node, key string)
	check = func(typ reflect.Type, n *yaml.Node, key string) {
		if typ.Kind() == reflect.Slice && typ.Elem().Kind() == reflect.Struct {
			if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
				t.Errorf("%s has no item", key)
				return
			}
			typ, n, key = typ.Elem(), n.Content[0], key+"[]"
		}
		if typ.Kind() != reflect.Struct || isScalar(typ) || key == "silverfin.firms[].target" { // explained at silverfin.target
			return
		}
		values := map[string]*yaml.Node{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			values[n.Content[i].Value] = n.Content[i+1]
		}
		fs := fieldsOf(typ)
		for _, name := range fs.names {
			path, field := join(key, name), typ.Field(fs.index[name]).Type
			if field == reflect.TypeFor[Secret]() {
				if !strings.Contains(key, "[]") && !strings.Contains(text, variable(path)) { // no variable names an item of a list
					t.Errorf("the example does not name %s", variable(path))
				}
				continue
			}
			value, ok := values[name]
			if !ok {
				t.Errorf("the example does not show %s", path)
				continue
			}
			check(field, value, path)
		}
	}
	check(reflect.TypeFor[Config](), doc.Content[0], "")
}

// TestTheExampleExplainsEverySetting checks that each setting has a comment above it,
// which a few settings may share.
func TestTheExampleExplainsEverySetting(t *testing.T) {
	prose, since := false, 0
	setting := regexp.MustCompile(`^ *#?(- )?"?[a-z0-9_P]+"?:`)
	for i, line := range strings.Split(exampleText(t), "\n") {
		trimmed := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(trimmed, "# "):
			prose, since = true, 0
		case trimmed == "":
			prose = false
		case setting.MatchString(line):
			since++
			section := strings.HasSuffix(trimmed, ":") && !strings.HasPrefix(line, " ")
			if !section && (!prose || since > 3) {
				t.Errorf("line %d is not explained: %s", i+1, line)
			}
		}
	}
}

func TestTheExampleShowsTheDefaults(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the example shows the defaults of Linux")
	}
	dir := exampleFolder(t)
	all := commented.ReplaceAllString(exampleText(t), "$1$2")
	all = strings.Replace(all, "  private_key_file:", "  # private_key_file:", 1)
	c, err := Load(LoadOptions{Path: write(t, dir, "balansd.yaml", all, 0o600)})
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	for _, s := range c.Settings() {
		values[s.Key] = s.Value
	}
	// Settings whose values in the example are not the defaults.
	shown := regexp.MustCompile(`^(administration\.(order|lists|adminpulse\.(key|fields)|adsolut\.client|kbo|national_bank\.key)|finbox\.(base_url|token_url|client|scope|audience|certificate_file)|folders|dossiers|network|documents\.(cbso_table|tables)|log\.file$|portal\.(url|trusted_proxies|hostnames|certificate|key_file|metrics|oidc)|notify\.(mail\.(host|user|password|from|to)|webhooks|heartbeat)|` +
		`silverfin\.(client|scopes|app_link_templates|firms|target\.(level|handle|key_previous|map|values\.negative)))`)
	for _, s := range Default().Settings() {
		if got := values[s.Key]; got != s.Value && !shown.MatchString(s.Key) {
			t.Errorf("the example has %s: %s, the default is %s", s.Key, got, s.Value)
		}
	}
}

func TestShowHidesSecretsAndNamesOrigins(t *testing.T) {
	dir := exampleFolder(t)
	c, err := Load(LoadOptions{
		Path:    write(t, dir, "balansd.yaml", exampleText(t)+"\nlanguage: fr\n", 0o600),
		Environ: []string{"BALANSD_NIGHT_AT=03:00", "BALANSD_NETWORK_PROXY=http://me:hunter2@proxy.example:3128"},
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.Show()
	if err != nil {
		t.Fatal(err)
	}
	got := string(out)
	if strings.Contains(got, "hunter2") {
		t.Errorf("a secret shows:\n%s", got)
	}
	for _, want := range []string{
		"at: 03:00 # environment BALANSD_NIGHT_AT\n",
		"spread: 30m # default\n",
		"client_secret: (hidden) # file " + filepath.Join(dir, "secrets", "silverfin.secret") + "\n",
		"    namespace: social_balance_integration # default\n",
		"max_document: 50MiB # default\n",
		"proxy: http://me:xxxxx@proxy.example:3128 # environment",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
	if !regexp.MustCompile(`language: fr # .*balansd\.yaml:\d+\n`).MatchString(got) {
		t.Errorf("the line of language is not named:\n%s", got)
	}
	var back map[string]any
	if err := yaml.Unmarshal(out, &back); err != nil {
		t.Errorf("what is shown is no YAML: %v", err)
	}
}

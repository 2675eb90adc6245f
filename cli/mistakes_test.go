package cli

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"balansd/balance"
	"balansd/ledger"
	"balansd/sandbox"
	fakefinbox "balansd/sandbox/finbox"
	"balansd/sandbox/madeup"
	"balansd/service"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"
)

func TestConfigMistakes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "balansd.yaml")
	text := `language: es
night: {at: "25:00", spread: 5}
langauge: nl
finbox:
  base_url: finbox.example
  token_url: https://finbox.example/token
  client_id: me
  client_secret_file: absent.secret
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"config", "check"}, {"sync"}, {"run"}, {"status"}, {"ledger", "list"}} {
		r := balansd(t, append(args, "--config", path)...)
		r.want(t, 2, "Error: the configuration has 6 mistakes\n", args...)
		for _, want := range []string{
			":1:1: language: ", `:2:9: night.at: "25:00" is no time of day`, `night.spread: "5" has no unit`,
			`:3:1: langauge: this setting is not known; did you mean "language"?`, ":5:3: finbox.base_url: ",
			":8:3: finbox.client_secret_file: the file ",
		} {
			if !strings.Contains(r.stderr, want) {
				t.Errorf("%v does not report %q:\n%s", args, want, r.stderr)
			}
		}
	}
}

func TestConnectionIDs(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	inactive := f.sandbox.Finbox.AddConnection(fakefinbox.Environment{Name: "Kantoor Rust", Inactive: true})
	f.want(1, "Error: Finbox does not know connection "+f.conn[:35]+"\nWhat to do: Compare it with the connection id (Connectie-id) in Finbox's settings",
		"connect", "finbox", f.conn[:35])
	f.want(1, "Finbox does not know connection 00000000-0000-4000-8000-000000000000", "connect", "finbox", "00000000-0000-4000-8000-000000000000")
	f.want(1, "activate the external connection", "connect", "finbox", inactive)
	f.want(1, "the connection id has a '/' inside, as an address has", "connect", "finbox", "../"+f.conn)
	f.want(1, "", "connect", "finbox", " ")
	f.want(2, "accepts 1 arg(s), received 0", "connect", "finbox")
	if r := f.run("connections", "list"); !strings.Contains(r.stdout, "No source is linked") {
		t.Errorf("a refused connection is linked:\n%s", r.stdout)
	}
	// Blanks around the id are ignored.
	f.want(0, "Linked", "connect", "finbox", " "+f.conn+"\n")
}

func TestStartDate(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	zone, err := time.LoadLocation("Europe/Brussels")
	if err != nil {
		t.Fatal(err)
	}
	early := balance.DateOf(time.Now().In(zone).AddDate(0, -2, 0))
	if err := f.sandbox.Finbox.SetStartDate(f.conn, early); err != nil {
		t.Fatal(err)
	}
	f.want(0, "Note: The start date in Finbox is "+early.String()+" and not today, ", "connect", "finbox", f.conn)
	f.want(0, "Social balances made from "+early.String()+" on are delivered.", "connect", "finbox", f.conn)
}

func TestPrivateKeys(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, fixtureOptions{finbox: "private_key_file: finbox.key"})
	path := filepath.Join(f.dir, "finbox.key")
	refused := func(want string) {
		t.Helper()
		for _, args := range [][]string{{"connect", "finbox", f.conn}, {"sync"}} {
			r := f.want(2, want, args...)
			if !strings.Contains(r.stderr, "What to do: ") || strings.Contains(r.stderr, "-----") {
				t.Errorf("%s", r.stderr)
			}
		}
	}
	refused(path)

	f.write("finbox.key", string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: der})))
	refused("the private key " + path + " is protected with a passphrase, which a service cannot type\nWhat to do: Remove its passphrase: openssl pkey")
	f.write("finbox.key", "no key at all\n")
	refused("the file " + path + " is not a private key in PEM form")

	f.write("finbox.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	f.want(1, "Finbox refuses our sign-in", "connect", "finbox", f.conn) // not registered yet
	if err := f.sandbox.Finbox.RegisterKey(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})); err != nil {
		t.Fatal(err)
	}
	f.want(0, "Linked", "connect", "finbox", f.conn)
	if runtime.GOOS == "windows" {
		t.Skip("on Windows access lists guard the key, not modes")
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	refused(path)
	f.want(2, "chmod 600 "+path, "sync")
}

// TestUndeliverableBalances has a dossier for each mistake that a balance can have, and
// checks what the run reports.
func TestUndeliverableBalances(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	f.link()
	cast := f.addDemo()
	type wrong struct {
		state ledger.State
		text  string
	}
	want := map[string]wrong{
		cast.Find(sandbox.SituationNoPeriod)[0].Name:   {ledger.Waiting, "has no period in Silverfin that ends on "},
		cast.Find(sandbox.SituationUnreadable)[0].Name: {ledger.Failed, "this is text of no known layout; readable are XBRL"},
		cast.Find(sandbox.SituationTwice)[0].Name:      {ledger.Done, ""},
	}
	add := func(name string, number balance.EnterpriseNumber, content func(b *balance.Balance) []byte, w2 wrong) {
		t.Helper()
		id, err := f.sandbox.Finbox.AddDossier(f.conn, fakefinbox.Dossier{Name: name, EnterpriseNumber: number})
		if err != nil {
			t.Fatal(err)
		}
		made := fakefinbox.Recipe{Seed: int64(900 + len(want)), Model: balance.Micro, Year: cast.Year, EnterpriseNumber: number}
		b, _, err := f.sandbox.Finbox.AddBalance(fakefinbox.NewBalance{ConnectionID: f.conn, DossierID: id, Made: &made, Layouts: []balance.Layout{balance.NBBCSV}})
		if err == nil && content != nil {
			err = f.sandbox.Finbox.SetContent(b, content(made.Make()))
		}
		if err != nil {
			t.Fatal(err)
		}
		want[name] = w2
	}
	csv := func(b *balance.Balance) string {
		text, err := madeup.Document(balance.NBBCSV, b)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	add("Wrong Digits", "0403170702", nil, wrong{ledger.Waiting, "neither the source nor the document gives a valid enterprise number, and no link is set"})
	add("No Figure", "", func(b *balance.Balance) []byte {
		return []byte(csv(b) + "\"1003\",\"twaalf\"\n")
	}, wrong{ledger.Failed, "1003"})
	add("Annual Accounts Only", "", func(b *balance.Balance) []byte {
		b.Values = balance.Values{}
		return []byte(csv(b))
	}, wrong{ledger.Failed, "no social balance"})
	add("Empty", "", func(*balance.Balance) []byte { return []byte{} }, wrong{ledger.Failed, "empty"})

	f.want(3, "", "sync")
	seen := map[string]int{}
	for _, e := range read[[]ledger.Entry](t, f, 0, "ledger", "list") {
		seen[e.Dossier.Name]++
		x, ok := want[e.Dossier.Name]
		if !ok {
			continue
		}
		if e.State != x.state || !strings.Contains(e.Detail, x.text) {
			t.Errorf("%s is %s: %s", e.Dossier.Name, e.State, e.Detail)
		}
		if e.State != ledger.Done && e.Next == "" {
			t.Errorf("%s says nothing to do", e.Dossier.Name)
		}
	}
	for name := range want {
		if seen[name] != 1 {
			t.Errorf("%s is in the ledger %d times", name, seen[name])
		}
	}
	f.wantNoRewrites()
}

func TestInspectUnreadableFigure(t *testing.T) {
	t.Parallel()
	b := madeup.Balance(3, balance.Micro, 2024)
	text, err := madeup.Document(balance.NBBCSV, b)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "filing.csv")
	if err := os.WriteFile(path, append(text, "\"1003\",\"twaalf\"\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	r := balansd(t, "balance", "inspect", path)
	r.want(t, 1, "Error: "+path+" cannot be read: ")
	if !strings.Contains(r.stderr, "1003") || strings.Count(r.stderr, "\n") != 1 {
		t.Errorf("says %q", r.stderr)
	}
}

// TestStateNewer opens a state file with a layout of a later version.
func TestStateNewer(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	f.link()
	db, err := bolt.Open(f.stateFile(), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	changed := false
	err = db.Update(func(tx *bolt.Tx) error {
		return tx.ForEach(func(_ []byte, b *bolt.Bucket) error {
			text := b.Get([]byte("about"))
			if text == nil {
				return nil
			}
			var about map[string]any
			if err := json.Unmarshal(text, &about); err != nil {
				return err
			}
			about["schema"], about["version"] = 99, "9.1.0"
			delete(about, "sum") // the checksum at the end of the row
			text, err := json.Marshal(about)
			if err != nil {
				return err
			}
			text = text[:len(text)-1]
			sum := crc32.Checksum(text, crc32.MakeTable(crc32.Castagnoli))
			changed = true
			return b.Put([]byte("about"), fmt.Appendf(text, `,"sum":"%08x"}`, sum))
		})
	})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err != nil || !changed {
		t.Fatalf("the state file was not changed: %v", err)
	}
	for _, args := range [][]string{{"status"}, {"sync"}, {"run"}, {"ledger", "list"}} {
		f.want(2, "Error: the state file "+f.stateFile()+" was written by balansd 9.1.0: it has layout 99, and this version knows up to 3\nWhat to do: Install that version or a newer one", args...)
	}
	// Windows does not know why a service ended that a person must mend.
	for state, verb := range map[service.State]string{service.Off: "stopped", service.Failed: "failed"} {
		r := f.service(&fakeManager{status: service.Status{State: state, Config: f.config}}, "status")
		r.want(t, 1, verb)
		r.want(t, 1, "trouble  the service would not start: the state file "+f.stateFile()+" was written by balansd 9.1.0")
	}
}

// diskBytes is how much is free on a disk, which others change too, and how much is
// wanted there, which follows the size of the state file and not its content.
var diskBytes = regexp.MustCompile(`"(free|wanted)": [0-9]+`)

// TestDryRun compares the state and the services before and after a dry run in which
// everything can happen.
func TestDryRun(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	f.link()
	cast := f.addDemo()
	f.want(0, "1 done", "sync", "--dossier", "Bakkerij")
	writes := len(f.sandbox.Silverfin.Writes())
	all := func() string {
		status := diskBytes.ReplaceAllString(f.run("status", "--json").stdout, "")
		return f.run("ledger", "list", "--json").stdout + f.run("connections", "list", "--json").stdout + status
	}
	f.sandbox.OpenWorkflow(cast.Find(sandbox.SituationWorkflowClosed)[0])
	before := all()

	r := f.want(3, "dry run, nothing was changed:", "sync", "--dry-run")
	for _, want := range []string{
		"write 156 figures to Brasserie Delcourtois SA, period ",
		"write 162 figures to Bouwbedrijf De Meersche NV, period ",
		"wait: the period of dossier \"Menuiserie Grandsart SRL\" that ends on ",
		"wait: no company in Silverfin has enterprise number 0900.000.840",
		"wait: 2 companies in Silverfin have enterprise number",
		"ask a person: Transports Marchandelle SA holds 1 ",
		"cannot be read: this is text of no known layout",
	} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("the dry run does not say %q:\n%s", want, r.stdout)
		}
	}
	if diff := cmp.Diff(before, all()); diff != "" {
		t.Errorf("the dry run changed the state (-before +after):\n%s", diff)
	}
	if n := len(f.sandbox.Silverfin.Writes()); n != writes {
		t.Errorf("the dry run wrote %d properties", n-writes)
	}
	dry := read[struct {
		Run     ledger.Run `json:"pass"`
		Entries []struct{ Would string }
	}](t, f, 3, "sync", "--dry-run")
	if !dry.Run.DryRun || len(dry.Entries) == 0 {
		t.Errorf("the dry run is %+v", dry)
	}
	for _, e := range dry.Entries {
		if e.Would == "" {
			t.Errorf("an entry says nothing: %+v", dry.Entries)
		}
	}
}

package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"balansd/balance"
	"balansd/ledger"
	"balansd/recovery"
	"balansd/sandbox"
	"balansd/sandbox/faults"
)

const testPassphrase = "vier woorden zijn genoeg"

// newServer returns a fixture for another server, which talks to the same Finbox and
// Silverfin and has nothing yet.
func (f *fixture) newServer(t *testing.T) *fixture {
	t.Helper()
	g := *f
	g.t, g.dir, g.machine = t, t.TempDir(), "the other machine"
	g.config = filepath.Join(g.dir, "etc", "balansd.yaml")
	g.write("passphrase", testPassphrase+"\n")
	return &g
}

// TestServerComesBackFromOneFile loses a server and restores it on another machine from
// the file of backup create --with-key: configuration, secrets, state, key and sources
// are there again. The sign-ins work once a person has said that the old server is
// gone.
func TestServerComesBackFromOneFile(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{more: "folders: [{name: scans, path: scans}]\n"})
	f.machine = "the old machine"
	if err := os.Mkdir(filepath.Join(f.dir, "scans"), 0o700); err != nil {
		t.Fatal(err)
	}
	f.link()
	if err := f.sandbox.FillWith(sandbox.FillOptions{Companies: 3, Dossiers: 3, Balances: 3, Model: balance.Micro}); err != nil {
		t.Fatal(err)
	}
	f.want(0, "", "sync")
	f.wantDelivered(3)
	pass := f.write("passphrase", testPassphrase+"\n")

	d := f.daemon()
	made := read[struct {
		ledger.Backup
		WithKey string `json:"with_key"`
	}](t, f, 0, "backup", "create", "--with-key", "--passphrase-file", pass)
	f.want(0, "With the key, under a passphrase: "+filepath.Base(made.WithKey), "backup", "list")
	f.want(0, "Well: ", "backup", "verify", filepath.Base(made.WithKey), "--passphrase-file", pass)
	d.stop(t)
	wantSealed(t, f, made.WithKey)

	g := f.newServer(t)
	file := filepath.Join(g.dir, "from-usb.age")
	copyFile(t, made.WithKey, file)
	if err := os.RemoveAll(f.dir); err != nil { // the fire
		t.Fatal(err)
	}
	// The configuration names a folder beside it, and data_dir too: all follow it.
	if err := os.MkdirAll(filepath.Join(g.dir, "etc", "scans"), 0o700); err != nil {
		t.Fatal(err)
	}
	wrong := g.write("wrong", "another passphrase\n")
	g.want(2, "the passphrase does not open the file", "backup", "restore", file, "--yes", "--passphrase-file", wrong)
	g.want(2, "--passphrase-file", "backup", "restore", file, "--yes")
	if _, err := os.Stat(g.config); err == nil {
		t.Fatal("a wrong passphrase wrote a configuration")
	}
	pass = filepath.Join(g.dir, "passphrase")
	r := g.want(0, "Restored: ", "backup", "restore", file, "--yes", "--passphrase-file", pass)
	for _, want := range []string{"finbox.secret", "silverfin.secret", "came with the backup", "--take-over"} {
		if !strings.Contains(r.stdout+r.stderr, want) {
			t.Errorf("it does not say %q:\n%s%s", want, r.stdout, r.stderr)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(g.dir, "etc", "data", ".*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	g.want(0, "", "config", "check")
	g.want(0, "opens the sign-ins", "check")
	g.want(0, f.conn, "syncs", "list")
	g.want(0, "scans", "syncs", "list")

	if err := g.sandbox.FillWith(sandbox.FillOptions{Companies: 2, Dossiers: 2, Balances: 2, Model: balance.Micro}); err != nil {
		t.Fatal(err)
	}

	// The word of a person, as after every move.
	g.sandbox.Silverfin.Faults().Add(faults.Fault{Kind: faults.Unauthorized, Path: "/api", Times: -1})
	if r := g.run("sync"); !strings.Contains(r.stdout+r.stderr, "take-over") {
		t.Errorf("the sync says nothing of it:\n%s%s", r.stdout, r.stderr)
	}
	g.sandbox.Silverfin.Faults().Clear()
	g.want(0, "this server's now", "connect", "silverfin", "--take-over")
	g.sandbox.Silverfin.Faults().Add(faults.Fault{Kind: faults.Unauthorized, Path: "/api"}) // so that it renews
	g.want(0, "", "sync")
	g.wantDelivered(5)
}

// wantSealed checks that nothing of the server can be read in a file.
func wantSealed(t *testing.T, f *fixture, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{f.conn, "data_dir", f.sandbox.Info().Finbox.ClientSecret, "balansd-data-key", "recovery.json"} {
		if bytes.Contains(text, []byte(secret)) {
			t.Errorf("%s is readable in %s", secret, file)
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestRestoreKeepsFilesThatAreThere restores over a server that lives: its configuration,
// its secrets and its key stay.
func TestRestoreKeepsFilesThatAreThere(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	f.link()
	pass := f.write("passphrase", testPassphrase)
	made := read[struct {
		WithKey string `json:"with_key"`
	}](t, f, 0, "backup", "create", "--with-key", "--passphrase-file", pass)
	text, err := os.ReadFile(f.config)
	if err != nil {
		t.Fatal(err)
	}
	f.write("balansd.yaml", string(text)+"# changed since\n")
	r := f.want(0, "Restored: ", "backup", "restore", filepath.Base(made.WithKey), "--yes", "--passphrase-file", pass)
	if strings.Contains(r.stdout+r.stderr, "not on this server") || strings.Contains(r.stdout, "came with the backup") {
		t.Errorf("%s%s", r.stdout, r.stderr)
	}
	if now, _ := os.ReadFile(f.config); !strings.Contains(string(now), "# changed since") {
		t.Error("the configuration was replaced")
	}
	f.want(0, "opens the sign-ins", "check")
}

// TestKeyExportAndImport loses the data key and brings it back.
func TestKeyExportAndImport(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	pass := f.write("passphrase", testPassphrase)
	file, key := filepath.Join(f.dir, "key.age"), filepath.Join(f.dir, "data", "balansd.key")
	f.want(1, "made when the first firm is linked", "key", "export", file, "--passphrase-file", pass)
	f.link()
	f.want(2, "fewer than 12 characters", "key", "export", file, "--passphrase-file", f.write("short", "elf tekens!"))
	f.want(2, "nobody at a terminal", "key", "export", file)
	d := f.daemon()
	f.want(0, "Written and read back: "+file, "key", "export", file, "--passphrase-file", pass)
	f.want(1, "exists already", "key", "export", file, "--passphrase-file", pass)
	wantSealed(t, f, file)
	f.want(1, "service stop", "key", "import", file, "--passphrase-file", pass)
	d.stop(t)
	if r := f.auditRecords()[0]; r.What != "key-export" || r.On != file || r.Who == "" || r.Outcome != "" {
		t.Errorf("the audit log has %+v", r)
	}
	if log := d.stderr.String(); !strings.Contains(log, "the data key is exported") {
		t.Errorf("the log says nothing of it:\n%s", log)
	}
	text, err := os.ReadFile(file)
	if err != nil || !bytes.HasPrefix(text, []byte("-----BEGIN AGE ENCRYPTED FILE-----\n")) {
		t.Fatalf("%.60q, %v", text, err)
	}

	was, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	wantKey := func() {
		t.Helper()
		if now, err := os.ReadFile(key); err != nil || !bytes.Equal(now, was) {
			t.Errorf("the key is another one (%v)", err)
		}
	}
	f.want(0, "The data key is in "+key, "key", "import", file, "--passphrase-file", pass) // as it was
	wantKey()
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	f.want(2, "balansd key import FILE", "check")
	f.want(0, "The data key is in "+key, "key", "import", file, "--passphrase-file", pass)
	wantKey()

	// Another one, in the place of which it comes.
	text = bytes.ReplaceAll(was, []byte("A"), []byte("B"))
	text[len(text)-10] ^= 1
	f.write("data/balansd.key", string(text))
	f.want(0, "The one that was there is kept in "+key+".replaced-", "key", "import", file, "--passphrase-file", pass)
	wantKey()

	f.want(2, "is no file with a data key", "key", "import", key, "--passphrase-file", pass)
	f.want(1, "holds the data key alone", "backup", "restore", file, "--yes", "--passphrase-file", pass)
	g := newFixture(t, fixtureOptions{})
	g.link()
	g.want(2, "does not open the secrets", "key", "import", file, "--passphrase-file", pass)
}

// TestPassphraseIsNoArgument checks that no command takes a passphrase where other
// programs of the machine can read it.
func TestPassphraseIsNoArgument(t *testing.T) {
	t.Parallel()
	for _, command := range [][]string{{"key", "export", "f"}, {"key", "import", "f"}, {"backup", "create"}, {"backup", "restore", "f"}} {
		r := balansd(t, append(command, "--passphrase", testPassphrase)...)
		if r.code != 2 || !strings.Contains(r.stderr, "unknown flag: --passphrase") {
			t.Errorf("%q: %d %s", command, r.code, r.stderr)
		}
	}
}

// TestFilesOfAnotherSystem checks where the files of an old server go on a new one.
func TestFilesOfAnotherSystem(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	target := filepath.Join(dir, "balansd.yaml")
	r := &recovery.Reader{Contents: recovery.Contents{System: "plan9", Config: `C:\ProgramData\balansd\balansd.yaml`, Files: []recovery.File{
		{Path: `C:\ProgramData\balansd\balansd.yaml`}, {Path: `C:\ProgramData\balansd\secrets\finbox.key`}, {Path: `D:\keys\portal.key`}}}}
	var got []string
	for _, m := range missingFiles(r, target) {
		got = append(got, m.path)
	}
	if want := []string{target, filepath.Join(dir, "secrets", "finbox.key")}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

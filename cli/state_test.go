package cli

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"balansd/accounts"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
)

// TestDataKeyMissing removes the data key. Each command that reads, and the running
// daemon, report it at once, even if nothing has to be sealed or opened.
func TestDataKeyMissing(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	f.link()
	f.want(0, "", "sync")
	key := f.dataKey()
	gone := func() {
		t.Helper()
		f.want(3, "the data key "+key+" is missing", "status")
		f.want(3, "is missing, and secrets are sealed with it", "sync")
		s := read[daemon.Status](t, f, 3, "status")
		if len(s.State) != 1 || s.State[0].Code != string(problem.KeyInvalid) {
			t.Errorf("the status has %+v", s.State)
		}
		r := f.want(2, "is missing, and secrets are sealed with it", "check")
		if !strings.Contains(r.stdout, "WRONG  data key") {
			t.Errorf("check says:\n%s", r.stdout)
		}
	}
	if err := os.Rename(key, key+".away"); err != nil {
		t.Fatal(err)
	}
	gone()
	if err := os.Rename(key+".away", key); err != nil {
		t.Fatal(err)
	}
	f.want(0, "opens the sign-ins that are kept", "check")
	d := f.daemon() // it reads the key
	f.want(0, "", "sync")
	f.want(0, "opens the sign-ins that are kept", "check")
	if err := os.Rename(key, key+".away"); err != nil {
		t.Fatal(err)
	}
	gone()
	d.stop(t)
	p := f.start(nil, "run")
	p.stderr.waitFor(t, "the sign-ins to Silverfin cannot be opened", p.ended)
}

// dataKey returns the path of the data key.
func (f *fixture) dataKey() string {
	f.t.Helper()
	found, err := filepath.Glob(filepath.Join(f.dir, "data", "*.key"))
	if err != nil || len(found) != 1 {
		f.t.Fatal(found, err)
	}
	return found[0]
}

// TestRestoreBlocksSignIn restores a backup over a state that cannot be read. Nobody may sign
// in until an admin allows it, since people may have been disabled after the backup. The
// audit log records the restore, also over a readable state.
func TestRestoreBlocksSignIn(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the data key of the state in testdata is not one of Windows: run it on Linux")
	}
	f := newFixture(t, fixtureOptions{})
	from := filepath.Join("..", "store", "testdata", "v0.1.0-8e5b0fe")
	if err := os.MkdirAll(filepath.Dir(f.stateFile()), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"balansd.db", "data.key"} {
		text, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(filepath.Dir(f.stateFile()), name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	states := func() (list []string) {
		for _, a := range read[[]accounts.Account](t, f, 0, "portal", "people") {
			list = append(list, a.Name+" "+a.State)
		}
		slices.Sort(list)
		return list
	}
	restored := func() bool {
		records := f.auditRecords()
		return len(records) > 0 && records[0].What == "restore" && records[0].Who == person() && strings.HasPrefix(records[0].On, "balansd-")
	}
	backup := read[ledger.Backup](t, f, 0, "backup", "create").File
	before := states()
	if !slices.Contains(before, "An Peeters active") || !slices.Contains(before, "Dirk Claes disabled") {
		t.Fatalf("there are %v", before)
	}
	r := f.want(0, "Restored", "backup", "restore", backup, "--yes")
	if strings.Contains(r.stdout, "everybody is disabled") || !slices.Equal(states(), before) || !restored() {
		t.Errorf("over a sound state: %s\n%v\n%+v", r.stdout, states(), f.auditRecords())
	}
	if err := os.Truncate(f.stateFile(), 9000); err != nil {
		t.Fatal(err)
	}
	f.want(0, "everybody is disabled", "backup", "restore", backup, "--yes")
	if after := states(); !slices.Equal(after, []string{"An Peeters disabled", "Ben Maes disabled", "Dirk Claes disabled"}) || !restored() {
		t.Errorf("over a damaged state: %v\n%+v", after, f.auditRecords())
	}
	f.want(0, "An Peeters (admin) may sign in", "portal", "enable", "An Peeters")
}

// TestInterruptedExport checks that an interrupted export leaves the previous file and
// nothing else.
func TestInterruptedExport(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, link := filepath.Join(dir, "out.csv"), filepath.Join(dir, "link.csv")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, link); err != nil {
		t.Skipf("no symbolic links here: run it where this account may make them: %v", err)
	}
	broken := errors.New("the daemon stopped")
	for _, name := range []string{path, link} {
		err := writeFile(name, func(w io.Writer) error {
			_, _ = io.WriteString(w, "half")
			return broken
		})
		if text, _ := os.ReadFile(path); !errors.Is(err, broken) || string(text) != "old" {
			t.Errorf("it gave %v and left %q", err, text)
		}
	}
	if err := writeFile(link, func(w io.Writer) error { _, err := io.WriteString(w, "new"); return err }); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if text, _ := os.ReadFile(path); err != nil || string(text) != "new" || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("it wrote %q, %v, %v", text, info.Mode(), err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("it left %v, %v", left, err)
	}
}

package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"balansd/balance"
	"balansd/ledger"
	"balansd/sandbox"
	"balansd/sandbox/faults"
)

// TestTokensOfARestoredBackup checks that tokens restored without the current state are
// renewed only after a person took them over, as another balansd may have renewed them.
func TestTokensOfARestoredBackup(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	f.link()
	if err := f.sandbox.FillWith(sandbox.FillOptions{Companies: 2, Dossiers: 2, Balances: 2, Model: balance.Micro}); err != nil {
		t.Fatal(err)
	}
	made := read[ledger.Backup](t, f, 0, "backup", "create")
	if err := os.Remove(f.stateFile()); err != nil {
		t.Fatal(err)
	}
	f.want(0, "balansd connect silverfin --take-over", "backup", "restore", made.File, "--yes")
	f.sandbox.Silverfin.Faults().Add(faults.Fault{Kind: faults.Unauthorized, Path: "/api", Times: -1})
	if r := f.run("sync"); !strings.Contains(r.stdout+r.stderr, "the state was restored from a backup at") {
		t.Errorf("the sync says nothing of it:\n%s%s", r.stdout, r.stderr)
	}
	f.sandbox.Silverfin.Faults().Clear()
	f.want(0, "not renewed", "connections", "list")
	f.want(0, "this server's now", "connect", "silverfin", "--take-over")
	f.sandbox.Silverfin.Faults().Add(faults.Fault{Kind: faults.Unauthorized, Path: "/api"})
	f.want(0, "", "sync")
	f.wantDelivered(2)
	f.want(0, "well", "connections", "list")
}

// TestBackupCommands makes a backup while the daemon runs and restores it after more was
// delivered. The next run finds those balances again and writes nothing.
func TestBackupCommands(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	f.want(1, "has no state at", "backup", "create")
	f.want(0, "There is no backup in", "backup", "list")
	f.want(0, "There is no backup in", "backup", "verify", "all")
	if got := read[[]ledger.Backup](t, f, 0, "backup", "list"); got == nil || len(got) != 0 {
		t.Errorf("listed as %v", got)
	}
	f.link()
	fill := func(to int) {
		t.Helper()
		o := sandbox.FillOptions{Companies: to, Dossiers: to, Balances: to, Model: balance.Micro}
		if err := f.sandbox.FillWith(o); err != nil {
			t.Fatal(err)
		}
	}
	fill(5)
	f.want(0, "", "sync")
	d := f.daemon()
	made := read[ledger.Backup](t, f, 0, "backup", "create")
	if made.Entries != 5 || made.Problem != "" || filepath.Dir(made.File) != filepath.Join(f.dir, "data", "backups") {
		t.Errorf("the backup is %+v", made)
	}
	name := filepath.Base(made.File)
	f.want(0, "Well: "+made.File, "backup", "verify", name)
	f.want(0, name, "backup", "list")
	f.want(0, "Made and read back: ", "backup", "create")
	f.want(1, "service stop", "backup", "restore", name, "--yes")
	d.stop(t)
	f.want(0, "Restored: "+f.stateFile(), "backup", "restore", name, "--yes")

	fill(4)
	f.want(0, "", "sync")
	f.wantDelivered(9)
	writes := len(f.sandbox.Silverfin.Writes())
	f.want(1, "4 entries that the backup lacks", "backup", "restore", name, "--yes")
	f.want(2, "--yes", "backup", "restore", name, "--lose-newer")
	if got := len(f.entries()); got != 9 {
		t.Errorf("a restore that was refused left %d entries", got)
	}
	r := f.want(0, "Note: The state as it was is kept in ", "backup", "restore", made.File, "--lose-newer", "--yes")
	if strings.Contains(r.stdout, "data key") || strings.Contains(r.stdout, "link again") {
		t.Errorf("the notes are not right:\n%s", r.stdout)
	}
	if got := len(f.entries()); got != 5 {
		t.Errorf("restored are %d entries", got)
	}
	f.want(0, "", "sync")
	f.wantDelivered(9)
	if got := len(f.sandbox.Silverfin.Writes()); got != writes {
		t.Errorf("%d figures were written again", got-writes)
	}
	f.want(0, "before-restore", "backup", "list")
}

func TestDamagedBackup(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	f.link()
	bad := read[ledger.Backup](t, f, 0, "backup", "create").File
	good := read[ledger.Backup](t, f, 0, "backup", "create").File
	text, err := os.ReadFile(bad)
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)/2] ^= 1
	if err := os.WriteFile(bad, text, 0o600); err != nil {
		t.Fatal(err)
	}
	r := f.want(1, "Not usable: the backup "+bad, "backup", "verify", "all")
	if !strings.Contains(r.stdout, "Well: "+good) {
		t.Errorf("the other one is not well:\n%s", r.stdout)
	}
	for _, v := range read[[]verification](t, f, 1, "backup", "verify", "all") {
		if v.Well != (v.File != bad) || v.Well != (v.Problem == "") {
			t.Errorf("%+v", v)
		}
	}
	f.want(1, "cannot be used", "backup", "restore", bad, "--yes")
	f.want(1, "there is no backup", "backup", "verify", "balansd-none.db")
	f.want(2, "", "backup", "restore")

	// The state is damaged, and its data key is missing.
	if err := os.Truncate(f.stateFile(), 9000); err != nil {
		t.Fatal(err)
	}
	f.want(1, "backup restore FILE", "status")
	if err := os.Rename(filepath.Join(f.dir, "data", "balansd.key"), filepath.Join(f.dir, "elsewhere.key")); err != nil {
		t.Fatal(err)
	}
	f.want(0, "is missing, and no backup of the state has it", "backup", "restore", good, "--yes")
	f.want(0, f.conn, "connections", "list")
	// The damaged state is kept, and does not count as a backup.
	f.want(0, "-damaged.db", "backup", "list")
	if err := os.Remove(bad); err != nil {
		t.Fatal(err)
	}
	f.want(0, "Well: "+good, "backup", "verify", "all")
}

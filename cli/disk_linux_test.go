package cli

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"balansd/internal/testenv"
)

// TestReadOnlyDisk makes the file system of the state read-only, as Linux does after an
// I/O error. Commands that only read work; the others report the cause, and no damage.
func TestReadOnlyDisk(t *testing.T) {
	testenv.Need(t, testenv.Root)
	f := newFixture(t, fixtureOptions{})
	data := filepath.Dir(f.stateFile())
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", data, "tmpfs", 0, "size=64m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(data, unix.MNT_DETACH) })
	f.link()
	f.addDemo()
	f.run("sync")
	entries := len(f.entries())
	if entries == 0 {
		t.Fatal("nothing is in the ledger")
	}
	if err := unix.Mount("", data, "", unix.MS_REMOUNT|unix.MS_RDONLY, "size=64m"); err != nil {
		t.Fatal(err)
	}
	r := f.run("status")
	r.want(t, 3, "Only read: ", "status")
	r.want(t, 3, "its file system is read-only", "status")
	if got := len(f.entries()); got != entries {
		t.Errorf("ledger list shows %d entries, want %d", got, entries)
	}
	f.want(1, "its file system is read-only", "sync")
	f.want(1, "its file system is read-only", "backup", "create")
}

//go:build unix

package store_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"balansd/store"
)

// TestLinkedStateStaysWhereItIs checks that a state behind a symbolic link to another disk
// is compacted and restored there.
func TestLinkedStateStaysWhereItIs(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	b := s.addAndBackup(3)
	s.bloat(20)
	link := filepath.Join(t.TempDir(), "balansd.db")
	must(t, os.Symlink(s.o.Path, link))
	real := s.o.Path
	before, err := os.Stat(real)
	must(t, err)
	s.o.Path = link
	still := func(what string) {
		t.Helper()
		if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
			t.Fatalf("after %s the link is %v, %v", what, info.Mode(), err)
		}
		wantAlone(t, filepath.Dir(link), "balansd.db")
	}
	s.wantEntries(53)
	still("a compaction")
	if after, err := os.Stat(real); err != nil || after.Size() >= before.Size() {
		t.Errorf("it was not compacted: %v", err)
	}
	s.restore(b, store.RestoreOptions{LoseNewer: true})
	still("a restore")
	s.wantEntries(3)
}

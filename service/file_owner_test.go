//go:build linux

package service

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"balansd/internal/testenv"
)

// TestRestoreOwner needs root, since others cannot change the owner of a file.
func TestRestoreOwner(t *testing.T) {
	testenv.Need(t, testenv.Root)
	const theirs = 65534
	dir, elsewhere := t.TempDir(), filepath.Join(t.TempDir(), "shadow")
	file := func(path string, owner int) {
		t.Helper()
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(path, owner, owner); err != nil {
			t.Fatal(err)
		}
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	file(elsewhere, 0)
	file(in("root"), 0)
	file(in("other"), 1234)
	if err := os.Mkdir(in("folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	file(in("folder/root"), 0)
	for _, err := range []error{os.Link(elsewhere, in("hard")), os.Symlink(elsewhere, in("soft"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	owner := func(path string) int {
		t.Helper()
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		return int(info.Sys().(*syscall.Stat_t).Uid)
	}
	if err := RestoreOwner(dir); err != nil || owner(in("root")) != 0 {
		t.Errorf("in a folder of root: %v", err)
	}
	if err := os.Chown(dir, theirs, theirs); err != nil {
		t.Fatal(err)
	}
	if err := RestoreOwner(dir); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{
		in("root"): theirs, in("folder"): theirs, in("folder/root"): theirs, in("other"): 1234,
		elsewhere: 0, in("soft"): 0,
	} {
		if got := owner(path); got != want {
			t.Errorf("%s belongs to %d, want %d", path, got, want)
		}
	}
	if err := RestoreOwner(in("missing")); err != nil {
		t.Errorf("a folder that is missing: %v", err)
	}
}

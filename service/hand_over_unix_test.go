//go:build !windows

package service

import (
	"os"
	"path/filepath"
	"testing"
)

// TestHandOver replaces what was handed over before: a changed secret, one that is gone, and
// nothing through a link that the account of the service has put there.
func TestHandOver(t *testing.T) {
	from, runtime, elsewhere := t.TempDir(), t.TempDir(), t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(from, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want := func(name, text string) {
		t.Helper()
		got, err := os.ReadFile(filepath.Join(runtime, SecretsFolder, name))
		if string(got) != text || (err == nil) != (text != "") {
			t.Errorf("%s: %q, %v, want %q", name, got, err, text)
		}
	}
	write("portal.key", "old")
	write("gone", "x")
	for range 2 {
		if err := handOver(from, runtime); err != nil {
			t.Fatal(err)
		}
	}
	want("portal.key", "old")
	write("portal.key", "new")
	if err := os.Remove(filepath.Join(from, "gone")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, filepath.Join(runtime, SecretsFolder+".new")); err != nil {
		t.Fatal(err)
	}
	if err := handOver(from, runtime); err != nil {
		t.Fatal(err)
	}
	want("portal.key", "new")
	want("gone", "")
	if list, err := os.ReadDir(elsewhere); err != nil || len(list) != 0 {
		t.Errorf("%v was written elsewhere, %v", list, err)
	}
	if info, err := os.Stat(filepath.Join(runtime, SecretsFolder, "portal.key")); err != nil || info.Mode().Perm() != 0o400 {
		t.Errorf("%v, %v", info, err)
	}
	if err := handOver(from, filepath.Join(runtime, "absent")); err != nil {
		t.Errorf("without a service: %v", err)
	}
}

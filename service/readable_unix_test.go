//go:build !windows

package service

import (
	"os"
	"path/filepath"
	"testing"
)

func TestReadableBy(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "etc")
	file := filepath.Join(dir, "balansd.yaml")
	us, group := os.Getuid(), os.Getgid()
	for _, tt := range []struct {
		folder, file os.FileMode
		uid, gid     int
		want         bool
	}{
		{0o755, 0o600, us, group, true},
		{0o755, 0o600, us + 1, group + 1, false}, // as config init writes it
		{0o755, 0o600, us + 1, group, false},
		{0o750, 0o640, us + 1, group, true}, // as service install leaves it
		{0o750, 0o640, us + 1, group + 1, false},
		{0o755, 0o644, us + 1, group + 1, true},
		{0o700, 0o644, us + 1, group + 1, false},
		{0o755, 0o044, us, group, false}, // the owner's rights alone count
	} {
		for path := filepath.Dir(filepath.Dir(file)); path != os.TempDir() && path != "/"; path = filepath.Dir(path) {
			_ = os.Chmod(path, 0o755) // the folders of the test
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		_ = os.Remove(file)
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, tt.file); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, tt.folder); err != nil {
			t.Fatal(err)
		}
		if got := readableBy(file, tt.uid, tt.gid); got != tt.want {
			t.Errorf("%o in %o by us%+d and our group%+d: %v", tt.file, tt.folder, tt.uid-us, tt.gid-group, got)
		}
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if readableBy(filepath.Join(dir, "absent"), us, group) {
		t.Error("a file that is not there can be read")
	}
}

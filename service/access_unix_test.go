//go:build !windows

package service

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestModeOpenTo(t *testing.T) {
	for _, c := range []struct {
		owner int
		ours  []int
		want  int
	}{
		{0, []int{0, 1000}, 0}, {1000, []int{0, 1000}, 0}, {1001, []int{0, 1000}, 1}, {1001, []int{0}, 1},
		{998, []int{0, 998}, 0}, // the service's account, checked by root
		{-1, []int{0}, 0},
	} {
		if got := whoHasAccessByMode(0o600, c.owner, c.ours); len(got) != c.want {
			t.Errorf("a file of user %d, where %v are ours: %v", c.owner, c.ours, got)
		}
	}
	for mode, may := range map[fs.FileMode]string{0o640: "", 0o644: "read", 0o602: "change", 0o777: "change"} {
		got := whoHasAccessByMode(mode, 0, []int{0})
		if may == "" && len(got) != 0 || may != "" && (len(got) != 1 || got[0].may != may) {
			t.Errorf("mode %v lets others %v, want %q", mode, got, may)
		}
	}
}

// TestProgramOpenTo makes a program and opens one path after the other to others: the
// program, a parent folder, the target of a link.
func TestProgramOpenTo(t *testing.T) {
	me := os.Geteuid()
	for name, c := range map[string]struct {
		open string // the path whose mode is changed
		mode fs.FileMode
		want string
	}{
		"as it should be":           {"/srv", 0o755, ""},
		"the program":               {"/srv/share/balansd", 0o757, "/srv/share/balansd: everybody may change it"},
		"its folder":                {"/srv/share", 0o777, "/srv/share: everybody may change it"},
		"a folder above":            {"/srv", 0o777, "/srv: everybody may change it"},
		"a folder as /tmp":          {"/srv", 0o777 | fs.ModeSticky, ""},
		"behind a link":             {"/opt", 0o777, "/opt: everybody may change it"},
		"readable alone":            {"/srv/share/balansd", 0o755, ""},
		"missing, in an open place": {"/srv/share", 0o777, "/srv/share: everybody may change it"},
	} {
		root := t.TempDir()
		if err := os.Chmod(root, 0o700); err != nil { // independent of the umask
			t.Fatal(err)
		}
		for _, dir := range []string{"srv/share", "opt/real"} {
			if err := os.MkdirAll(filepath.Join(root, dir), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		path := "/srv/share/balansd"
		if name == "behind a link" {
			path = "/usr/balansd"
			err := errors.Join(os.Mkdir(filepath.Join(root, "usr"), 0o700), os.Symlink("../opt/real/balansd", filepath.Join(root, path)))
			if err != nil {
				t.Fatal(err)
			}
		}
		if !strings.HasPrefix(name, "missing") {
			if err := os.WriteFile(filepath.Join(root, "srv/share/balansd"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chmod(filepath.Join(root, c.open), c.mode); err != nil {
			t.Fatal(err)
		}
		found, err := whoCanChangePath(root, path, []int{0, me}, maxLinks)
		if got := strings.Join(found, "; "); err != nil || got != c.want {
			t.Errorf("%s: %q, %v, want %q", name, got, err, c.want)
		}
		// Each file of another user is reported.
		if found, err = whoCanChangePath(root, path, []int{0, 1 + me}, maxLinks); me != 0 && (err != nil || len(found) < 3) {
			t.Errorf("%s, of another user: %q, %v", name, found, err)
		}
	}
}

// TestAdministratorGroups makes root's program writable for a group.
func TestAdministratorGroups(t *testing.T) {
	if !administrators(0) || administrators(987654) {
		t.Error("the group of root administers, and one that nobody knows does not")
	}
}

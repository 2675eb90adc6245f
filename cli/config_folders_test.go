package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestConfigCheckOverlaps checks that two sources of the same files, and a source that
// contains the state, are reported with their lines, also through links.
func TestConfigCheckOverlaps(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"a/in", "ab", "state/backups/in", "state/in"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.FromSlash(name)), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(dir, "a"), filepath.Join(dir, "link")); err != nil {
		t.Skipf("links cannot be made here: %v", err)
	}
	path := filepath.Join(dir, "balansd.yaml")
	check := func(one, other, more string) result {
		text := fmt.Sprintf("data_dir: state\nfolders:\n- name: one\n  path: %s\n- name: other\n  path: %s\n%s", one, other, more)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return balansd(t, "config", "check", "--config", path)
	}
	for _, c := range []struct{ one, other, more, want string }{
		{"a", "a", "", ":6:3: folders[1].path: the folder " + filepath.Join(dir, "a") + " is the same as "},
		{"a", "a/in", "", ":6:3: folders[1].path: the folder " + filepath.Join(dir, "a", "in") + " lies in "},
		{"a/in", "a", "", ":6:3: folders[1].path: the folder " + filepath.Join(dir, "a") + " contains "},
		{"a", "link", "", ":6:3: folders[1].path: the folder " + filepath.Join(dir, "link") + " is the same as "},
		{"a", "link/in", "", " lies in "},
		{"state", "ab", "", ":4:3: folders[0].path: the folder " + filepath.Join(dir, "state") + " is the same as " + filepath.Join(dir, "state") + ", data_dir: balansd keeps its own files there"},
		{"state/backups/in", "ab", "", ":4:3: folders[0].path: "},
		{"a", "ab", "  ignore: [\"x[\"]\n", ":7:12: folders[1].ignore[0]: \"x[\" is no pattern"},
		{"a", "ab", "  layout: both\n", "folders[1].layout: \"both\" is not known here"},
	} {
		check(c.one, c.other, c.more).want(t, 2, c.want, "config", "check")
	}
	if r := check("a", "ab", "  layout: flat\n  ignore: [\"concept*\", 2019/*]\n"); r.code != 0 {
		t.Errorf("two folders beside one another are refused: %+v", r)
	}
	if r := check("state/in", "ab", ""); r.code != 0 {
		t.Errorf("a folder beside the state's own files is refused: %+v", r)
	}
}

// TestDoctorOfFolders checks that doctor has a line for each folder, with its detected
// layout and the number of other files, and that status shows the same after a run.
func TestDoctorOfFolders(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{more: "folders: [{name: payroll, path: in, settle: 0s}]\n"})
	for name, text := range map[string]string{"Peeters/brief.docx": "PK\x03\x04", "Peeters/foto.jpg": "\xff\xd8\xff", "Peeters/sociale balans.pdf": "%PDF-1.4 nothing", "Peeters/#recycle/x.csv": "x"} {
		file := filepath.Join(f.dir, "in", filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f.want(0, "folder payroll", "doctor")
	f.want(0, "3 files: 0 social balances, 1 that cannot be read; not a social balance: 1 Word document, 1 picture; 1 left out", "doctor")
	f.want(0, "Taken for: a sub-folder for each dossier (1), because their names are of no year and no collection", "doctor")
	f.want(3, "sociale balans.pdf", "sync")
	f.want(0, "0 new", "sync") // reported once
	f.want(3, "payroll: 3 files: 0 social balances", "status")
}

package cli

import (
	"errors"
	"path/filepath"
	"testing"
)

// TestTheDemoNamesThisProgram holds the commands that the demo prints to those
// that work in the terminal beside it.
func TestTheDemoNamesThisProgram(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	at := func(parts ...string) string { return filepath.Join(append([]string{root}, parts...)...) }
	find := func(name string) (string, error) {
		if name == "balansd" {
			return at("bin", "balansd"), nil
		}
		return "", errors.New("not found")
	}
	for exe, want := range map[string]string{
		at("tmp", "go-build1", "exe", "balansd"): "go run .",
		at("cache", "aa", "balansd"):             "go run .",
		at("work", "balansd.exe"):                filepath.FromSlash("./") + "balansd.exe",
		at("bin", "balansd"):                     "balansd",
		at("opt", "balansd"):                     at("opt", "balansd"),
		at("my programs", "other"):               `"` + at("my programs", "other") + `"`,
	} {
		if filepath.Separator != '/' && want[0] == '"' {
			continue // quoting doubles the separators of Windows
		}
		if got := programAt(exe, at("work"), []string{at("tmp"), at("cache"), ""}, find); got != want {
			t.Errorf("%s is called as %s, want %s", exe, got, want)
		}
	}
}

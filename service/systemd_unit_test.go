//go:build !windows

package service

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"balansd/internal/testenv"
	"balansd/problem"
)

// unquote splits a line of a unit into words as systemd.syntax(7) and systemd.service(5)
// describe, as far as our units need: bare or in double quotes, with backslashes, and with
// %% as the only specifier. Dollars are kept, since only commands expand them.
func unquote(line string) (words []string) {
	var word strings.Builder
	in, quoted := false, false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\':
			i++
			word.WriteByte(line[i])
			in = true
		case c == '"':
			quoted, in = !quoted, true
		case c == ' ' && !quoted:
			if in {
				words, in = append(words, strings.ReplaceAll(word.String(), "%%", "%")), false
				word.Reset()
			}
		default:
			word.WriteByte(c)
			in = true
		}
	}
	if in {
		words = append(words, strings.ReplaceAll(word.String(), "%%", "%"))
	}
	return words
}

// paths draws full paths, plausible and implausible ones.
func paths() *rapid.Generator[string] {
	name := rapid.StringOfN(rapid.OneOf(rapid.RuneFrom([]rune(`ab %$"'\;#:=@-{}éß漢 `)), rapid.Rune()), 1, 12, -1).
		Filter(func(s string) bool { return s != "." && s != ".." && !strings.Contains(s, "/") && writable(s) == nil })
	return rapid.Custom(func(t *rapid.T) string {
		return "/" + strings.Join(rapid.SliceOfN(name, 1, 4).Draw(t, "names"), "/")
	})
}

// lineOf returns the value of the only line with that name in the unit.
func lineOf(t rapid.TB, unit, name string) string {
	t.Helper()
	_, rest, found := strings.Cut(unit, "\n"+name+"=")
	if !found || strings.Contains(rest, "\n"+name+"=") {
		t.Fatalf("%s stands in the unit not once:\n%s", name, unit)
	}
	line, _, _ := strings.Cut(rest, "\n")
	return line
}

// TestUnitPaths parses each path back out of the unit.
func TestUnitPaths(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Spec{Executable: paths().Draw(t, "exe"), Config: "/opt" + paths().Draw(t, "config"), DataDir: "/srv" + paths().Draw(t, "data"),
			Readable: []string{"/home" + paths().Draw(t, "readable")}}
		unit, err := Unit(UnitSpec{Spec: s})
		if err != nil {
			t.Fatal(err)
		}
		words := unquote(lineOf(t, unit, "ExecStart"))
		for i := range words {
			if strings.Contains(strings.ReplaceAll(words[i], "$$", ""), "$") {
				t.Fatalf("%q has a variable", words[i])
			}
			words[i] = strings.ReplaceAll(words[i], "$$", "$")
		}
		want := []string{s.Executable, "run", "--service", "--config", s.Config}
		if words[0] == "/bin/sh" {
			want = append([]string{"/bin/sh", "-c", `exec "$0" "$@"`}, want...)
		} else if strings.ContainsAny(words[0], `"'\$`) {
			t.Fatalf("systemd does not take %s as a program", words[0])
		}
		if diff := cmp.Diff(want, words); diff != "" {
			t.Fatal(diff)
		}
		for name, want := range map[string]string{"RequiresMountsFor": s.DataDir, "ReadWritePaths": "-" + s.DataDir, "BindReadOnlyPaths": "-" + s.Readable[0]} {
			if diff := cmp.Diff([]string{want}, unquote(lineOf(t, unit, name))); diff != "" {
				t.Fatalf("%s: %s", name, diff)
			}
		}
		for line := range strings.Lines(unit) {
			if strings.HasSuffix(line, "\\\n") {
				t.Fatalf("%q goes on in the next line", line)
			}
		}
		// And out of the output of systemctl show.
		executable, config := command("{ path=x ; argv[]=" + strings.Join(unquote(lineOf(t, unit, "ExecStart")), " ") + " ; ignore_errors=no ; pid=1 }")
		if strings.Contains(s.Executable+s.Config, " ; ") || strings.Contains(s.Executable, " run --service ") {
			return // it is ambiguous
		}
		if executable != s.Executable || config != s.Config {
			t.Fatalf("%q %q", executable, config)
		}
	})
}

// TestScriptWithTemplateSyntax renders texts that contain the library's template syntax.
func TestScriptWithTemplateSyntax(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune("{}|- ifend\n")), 0, 40, -1).Draw(t, "text")
		c := script(PackageSpec(), "SystemdScript", text)
		if got := render(c, "SystemdScript"); got != text {
			t.Fatalf("%q becomes %q", text, got)
		}
		// The library expands only this key.
		if rest := strings.ReplaceAll(c.Option["SystemdScript"].(string), "{{LogDirectory}}", ""); strings.Contains(rest, "{{") {
			t.Fatalf("%q has more for the library to read", rest)
		}
	})
}

func TestUnitRefusesPaths(t *testing.T) {
	for name, s := range map[string]Spec{
		"relative":    {Executable: "balansd", Config: "/a", DataDir: "/b"},
		"a line":      {Executable: "/a\nb", Config: "/a", DataDir: "/b"},
		"not clean":   {Executable: "/a/../b", Config: "/a", DataDir: "/b"},
		"no text":     {Executable: "/a\xff", Config: "/a", DataDir: "/b"},
		"home config": {Executable: "/a", Config: "/home/jan/balansd.yaml", DataDir: "/b"},
		"readable":    {Executable: "/a", Config: "/a", DataDir: "/b", Readable: []string{"c"}},
	} {
		if unit, err := Unit(UnitSpec{Spec: s}); !problem.Is(err, problem.Usage) || unit != "" {
			t.Errorf("%s: %v %q", name, err, unit)
		}
	}
}

// TestUnitBySystemdVersion checks what depends on the version of systemd.
func TestUnitBySystemdVersion(t *testing.T) {
	for version, want := range map[int]bool{0: false, 252: false, 254: true, 257: true} {
		unit, err := Unit(UnitSpec{Spec: PackageSpec(), Systemd: version})
		if got := strings.Contains(unit, "RestartSteps="); got != want || err != nil {
			t.Errorf("systemd %d: longer and longer waits %v, want %v, %v", version, got, want, err)
		}
	}
}

// TestUnitIsSandboxed asks systemd-analyze what the packaged unit permits. It needs no running
// systemd.
func TestUnitIsSandboxed(t *testing.T) {
	testenv.Need(t, testenv.Systemd, "systemd-analyze")
	unit, err := Unit(UnitSpec{Spec: PackageSpec()})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "balansd.service")
	if err := os.WriteFile(file, []byte(unit), 0o600); err != nil {
		t.Fatal(err)
	}
	// A threshold of 15 is an exposure of 1.5.
	out, err := exec.Command("systemd-analyze", "security", "--offline=yes", "--threshold=15", "--no-pager", file).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "Overall exposure level") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestSysusers(t *testing.T) {
	words := strings.Fields(Sysusers()[strings.Index(Sysusers(), "\nu ")+1:])
	if !slices.Equal(words, []string{"u", Account, "-", `"balansd"`, "/var/lib/balansd"}) {
		t.Errorf("%q", words)
	}
}

package service

import (
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The identity of a service is known before there is a service. The first is
// that of a service of Windows itself, as Microsoft writes it in its manuals.
func TestServiceSID(t *testing.T) {
	if got := serviceSID("TrustedInstaller"); got != "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464" {
		t.Error(got)
	}
	// The key of the state file names the service too.
	text, err := os.ReadFile("../store/platform_windows.go")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), `"`+serviceSID(Name)+`"`) {
		t.Errorf("the service, %s, may not read a key that an administrator made", serviceSID(Name))
	}
}

func TestCommandLine(t *testing.T) {
	for _, c := range []struct{ executable, config, want string }{
		{`C:\Program Files\balansd\balansd.exe`, `C:\ProgramData\balansd\balansd.yaml`,
			`"C:\Program Files\balansd\balansd.exe" run --service --config "C:\ProgramData\balansd\balansd.yaml"`},
		{`D:\100% été $HOME\balansd.exe`, `\\nas\kantoor's\b.yaml`,
			`"D:\100% été $HOME\balansd.exe" run --service --config "\\nas\kantoor's\b.yaml"`},
	} {
		got := commandLine(Spec{Executable: c.executable, Config: c.config})
		if got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
		if e, f := readCommand(got); e != c.executable || f != c.config {
			t.Errorf("read back as %s and %s", e, f)
		}
	}
	if e, f := readCommand(`C:\balansd.exe run --service --config=C:\b.yaml`); e != `C:\balansd.exe` || f != `C:\b.yaml` {
		t.Error(e, f)
	}
	if e, f := readCommand(""); e != "" || f != "" {
		t.Error(e, f)
	}
}

// The rules are those of CommandLineToArgvW; a trailing backslash is the one
// that is got wrong.
func TestQuoteArgument(t *testing.T) {
	for text, want := range map[string]string{
		``:           `""`,
		`a b`:        `"a b"`,
		`C:\d\`:      `"C:\d\\"`,
		`a"b`:        `"a\"b"`,
		`a\"b`:       `"a\\\"b"`,
		`\\server\x`: `"\\server\x"`,
	} {
		if got := quoteArgument(text); got != want {
			t.Errorf("%s is quoted as %s, want %s", text, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		args := rapid.SliceOfN(rapid.StringOfN(rapid.RuneFrom([]rune(`a "\%$é`)), 0, 8, -1), 1, 4).Draw(t, "args")
		var line []string
		for _, a := range args {
			line = append(line, quoteArgument(a))
		}
		if got := splitCommand(strings.Join(line, " ")); !slices.Equal(got, args) {
			t.Fatalf("%q became %q", args, got)
		}
	})
}

func FuzzSplitCommand(f *testing.F) {
	f.Add(`"C:\a b\c.exe" run "x\\" "\"" y`)
	f.Add(`"`)
	f.Fuzz(func(t *testing.T, line string) {
		args := splitCommand(line)
		var again []string
		for _, a := range args {
			again = append(again, quoteArgument(a))
		}
		if got := splitCommand(strings.Join(again, " ")); !slices.Equal(got, args) {
			t.Errorf("%q became %q", args, got)
		}
	})
}

func TestInsideFolder(t *testing.T) {
	for _, c := range []struct {
		folder, path string
		want         bool
	}{
		{`C:\ProgramData\balansd`, `c:\programdata\BALANSD\backups`, true},
		{`C:\ProgramData\balansd\`, `C:/ProgramData/balansd`, true},
		{`C:\ProgramData\balansd`, `C:\ProgramData\balansd2`, false},
		{`C:\ProgramData\balansd`, `D:\ProgramData\balansd\x`, false},
		{`\\nas\share`, `\\nas\share\x`, true},
	} {
		if insideFolder(c.folder, c.path) != c.want {
			t.Errorf("%s in %s: want %v", c.path, c.folder, c.want)
		}
	}
}

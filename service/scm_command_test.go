package service

import (
	"os"
	"strings"
	"testing"
)

// The SID of a service follows from its name. The first one is of a service of Windows
// itself, from Microsoft's documentation.
func TestServiceSID(t *testing.T) {
	if got := serviceSID("TrustedInstaller"); got != "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464" {
		t.Error(got)
	}
	// The data key is bound to the same name.
	text, err := os.ReadFile("../store/platform_windows.go")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), `"`+serviceSID(Name)+`"`) {
		t.Errorf("the service, %s, may not read a key that an administrator made", serviceSID(Name))
	}
}

func TestCommand(t *testing.T) {
	s := Spec{Executable: `C:\Program Files\balansd\balansd.exe`, Config: `D:\d\b.yaml`}
	command := append([]string{s.Executable}, arguments(s)...)
	if got, want := commandText(command), `"C:\Program Files\balansd\balansd.exe" run --service --config D:\d\b.yaml`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if e, f := readCommand(command); e != s.Executable || f != s.Config {
		t.Errorf("read back as %s and %s", e, f)
	}
	if e, f := readCommand([]string{`C:\balansd.exe`, "run", "--service", `--config=C:\b.yaml`}); e != `C:\balansd.exe` || f != `C:\b.yaml` {
		t.Error(e, f)
	}
	if e, f := readCommand(nil); e != "" || f != "" {
		t.Error(e, f)
	}
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

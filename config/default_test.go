package config

import "testing"

// TestAPipeOfItsOwn checks that on Windows, where all pipes have one folder, a
// configuration with another data_dir has another pipe than the service, unless it names
// one.
func TestAPipeOfItsOwn(t *testing.T) {
	pipe := func(dataDir, socket string) string {
		c := defaults("windows", `C:\ProgramData`)
		if dataDir != "" {
			c.DataDir = dataDir
		}
		if socket != "" {
			c.Socket, c.origins = socket, map[string]Origin{"socket": {}}
		}
		c.derive()
		return c.Socket
	}
	usual := defaults("windows", `C:\ProgramData`).DataDir
	a, b := pipe(`C:\a`, ""), pipe(`C:\b`, "")
	switch {
	case pipe("", "") != usualPipe, pipe(usual, "") != usualPipe:
		t.Errorf("the service's pipe is %s", pipe("", ""))
	case a == usualPipe, b == usualPipe, a == b:
		t.Errorf("other data have the pipes %s and %s", a, b)
	case pipe(`D:\programdata\Balansd`, "") != usualPipe:
		t.Error("the folder in ProgramData is known by the environment alone")
	case pipe(`c:\A`, "") != a:
		t.Error("one folder has two pipes")
	case pipe(`C:\a`, usualPipe) != usualPipe:
		t.Error("a pipe that a person names is another")
	}
}

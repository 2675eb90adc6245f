//go:build !windows

package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	kardianos "github.com/kardianos/service"
	"github.com/rs/zerolog"
)

// fakeSystemd behaves like systemctl towards a Manager: it knows the units that it read at
// the last daemon-reload. Orders come through a fakeLibrary.
type fakeSystemd struct {
	t       *testing.T
	mu      sync.Mutex // held during calls: an order that hangs continues in a goroutine
	root    string
	uid     int
	version string
	account bool // exists

	loaded  string // the unit as last read; empty if there is none
	enabled bool
	active  string // ActiveState
	sub     string
	result  string
	pid     int

	override string // a line of a drop-in that replaces that of the unit
	half     bool   // the library writes half a script and returns no error

	refuse string   // the result that a start fails with; "" if it succeeds
	stuck  bool     // orders are never carried out
	failAt int      // the call that fails, counted from 1; 0 for none
	calls  []string // the calls so far
	owners map[string]string
}

var errFake = errors.New("the system is in trouble")

func newFakeSystemd(t *testing.T) *fakeSystemd {
	f := &fakeSystemd{t: t, root: t.TempDir(), version: "252", active: "inactive", sub: "dead", result: "success", owners: map[string]string{}}
	if err := os.Chmod(f.root, 0o755); err != nil { // independent of the umask
		t.Fatal(err)
	}
	for _, dir := range []string{"run/systemd/system", "etc/balansd"} {
		if err := os.MkdirAll(filepath.Join(f.root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	f.put("/etc/balansd/balansd.yaml", "language: en\n")
	return f
}

// put writes a file of the fake machine.
func (f *fakeSystemd) put(path, text string) {
	f.t.Helper()
	at := filepath.Join(f.root, path)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

// has returns the text of a file of the fake machine, empty if there is none.
func (f *fakeSystemd) has(path string) string {
	text, _ := os.ReadFile(filepath.Join(f.root, path))
	return string(text)
}

// manager returns the Manager of the fake machine.
func (f *fakeSystemd) manager() Manager {
	f.t.Helper()
	m, err := New(Options{Log: zerolog.Nop(), hooks: hooks{
		run: f.run, root: f.root, admin: os.Geteuid(), platform: "linux-systemd",
		library: func(c *kardianos.Config) (kardianos.Service, error) { return &fakeLibrary{f: f, c: c}, nil },
		uid:     func() int { return f.uid },
		account: func() (int, int, error) {
			if !f.account {
				return 0, 0, errors.New("no such account")
			}
			return os.Geteuid(), os.Getegid(), nil
		},
		chown: func(path string, uid, gid int) error {
			f.owners[strings.TrimPrefix(path, f.root)] = fmt.Sprint(uid, ":", gid)
			return nil
		},
	}})
	if err != nil {
		f.t.Fatal(err)
	}
	return m
}

// recordCall records a call, and reports whether it is the one that fails.
func (f *fakeSystemd) recordCall(call string) (fails bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, call)
	return len(f.calls) == f.failAt
}

func (f *fakeSystemd) run(_ context.Context, name string, args ...string) (string, error) {
	args = slices.DeleteFunc(slices.Clone(args), func(a string) bool { return a == "--no-ask-password" })
	if f.recordCall(name + " " + strings.Join(args, " ")) {
		return "", errFake
	}
	switch name {
	case "systemd-sysusers", "useradd":
		f.account = true
		return "", nil
	case "journalctl":
		return "no more luck\n", nil
	case "systemctl":
		return f.systemctl(args)
	}
	f.t.Errorf("%s is called", name)
	return "", errFake
}

func (f *fakeSystemd) systemctl(args []string) (string, error) {
	known := f.loaded != "" || f.active != "inactive"
	onDisk := f.has(unitFile) != "" || f.has(packageUnits()[0]) != ""
	switch args[0] {
	case "--version":
		return "systemd " + f.version + " (of the test)\n+PAM\n", nil
	case "show":
		return f.show(), nil
	case "daemon-reload":
		f.loaded = f.has(unitFile)
		if p := f.has(packageUnits()[0]); f.loaded == "" {
			f.loaded = p
		}
		return "", nil
	case "reset-failed":
		if !known {
			return "", errors.New("Unit balansd.service not loaded")
		}
		if f.active == "failed" {
			f.active, f.sub, f.result = "inactive", "dead", "success"
		}
		return "", nil
	}
	switch strings.Join(args, " ") {
	case "enable balansd.service", "disable balansd.service": // these read the files
		if !onDisk {
			return "", errors.New("Unit file balansd.service does not exist")
		}
		f.enabled = args[0] == "enable"
	default:
		f.t.Errorf("systemctl %v would wait, or is not known", args)
	}
	return "", nil
}

func (f *fakeSystemd) show() string {
	load, file := "not-found", ""
	if f.loaded != "" {
		load, file = "loaded", "disabled"
		if f.enabled {
			file = "enabled"
		}
	}
	argv := ""
	for line := range strings.Lines(cmp.Or(f.override, f.loaded)) {
		if _, found := strings.CutPrefix(line, "ExecStart="); found {
			words := unquote(strings.TrimSuffix(strings.TrimPrefix(line, "ExecStart="), "\n"))
			argv = fmt.Sprintf("{ path=%s ; argv[]=%s ; ignore_errors=no ; start_time=[n/a] }", words[0], strings.Join(words, " "))
		}
	}
	return fmt.Sprintf("MainPID=%d\nNRestarts=0\nResult=%s\nExecStart=%s\nUser=balansd\nLoadState=%s\nActiveState=%s\nSubState=%s\n"+
		"UnitFileState=%s\nStatusText=next night\nActiveEnterTimestamp=Sun 2026-11-22 08:46:40 UTC\n",
		f.pid, f.result, argv, load, f.active, f.sub, file)
}

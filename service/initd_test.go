//go:build !windows

package service

import (
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	kardianos "github.com/kardianos/service"
	"github.com/rs/zerolog"
	"pgregory.net/rapid"

	"balansd/problem"
)

// fakeInit is a machine without systemd, with version 1.3.0 of the library.
type fakeInit struct {
	kardianos.Service // for methods that are not called
	*fakeSystemd
	platform string
	kind     initSystem
	c        *kardianos.Config
	running  bool
	mistaken bool // the service does not start
	ends     int  // after how many queries the service ends; 0 if it does not
	breaks   bool // the library fails after writing the script
}

func newFakeInit(t *testing.T, platform string, kind initSystem) *fakeInit {
	f := &fakeInit{fakeSystemd: newFakeSystemd(t), platform: platform, kind: kind}
	for _, dir := range []string{"etc/init.d", "etc/rc2.d", "etc/rc0.d", "etc/runlevels/default", "run/openrc", "Library/LaunchDaemons"} {
		if err := os.MkdirAll(filepath.Join(f.root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.RemoveAll(filepath.Join(f.root, "run/systemd")); err != nil {
		t.Fatal(err)
	}
	f.put("/proc/1/comm", "init\n")
	return f
}

func (f *fakeInit) try() (Manager, error) {
	return New(Options{Log: zerolog.Nop(), hooks: hooks{
		run: f.run, root: f.root, admin: os.Geteuid(), platform: f.platform, uid: func() int { return f.uid },
		library: func(c *kardianos.Config) (kardianos.Service, error) { f.c = c; return f, nil },
		account: func() (int, int, error) {
			if !f.account {
				return 0, 0, errors.New("no such account")
			}
			return os.Geteuid(), os.Getegid(), nil
		},
		chown: func(string, int, int) error { return nil },
	}})
}

func (f *fakeInit) links() []string {
	switch f.platform {
	case "unix-systemv":
		return []string{"/etc/rc2.d/S50balansd", "/etc/rc0.d/K02balansd"}
	case "linux-openrc":
		return []string{"/etc/runlevels/default/balansd"}
	}
	return nil
}

func (f *fakeInit) Install() error {
	at := filepath.Join(f.root, f.kind.file)
	if _, err := os.Stat(at); err == nil {
		return fmt.Errorf("Init already exists: %s", f.kind.file)
	}
	f.put(f.kind.file, render(f.c, f.kind.option))
	if f.breaks {
		return errFake
	}
	if err := os.Chmod(at, 0o755); err != nil {
		return err
	}
	for _, link := range f.links() {
		if err := os.Symlink(f.kind.file, filepath.Join(f.root, link)); err != nil && f.platform != "unix-systemv" {
			return err // for SysV the library ignores it
		}
	}
	return nil
}

// Uninstall leaves the links of SysV, and removes those of OpenRC after the file is gone.
func (f *fakeInit) Uninstall() error {
	if err := os.Remove(filepath.Join(f.root, f.kind.file)); err != nil || f.platform != "linux-openrc" {
		return err
	}
	return os.Remove(filepath.Join(f.root, f.links()[0]))
}

func (f *fakeInit) Start() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.running = !f.mistaken
	if f.mistaken {
		return errors.New("exit status 6")
	}
	return nil
}

func (f *fakeInit) Stop() error {
	if f.stuck {
		time.Sleep(forEver)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.running = false
	return nil
}

func (f *fakeInit) Restart() error { return errors.Join(f.Stop(), f.Start()) }

// Status returns what the library does for a script that exits with 3.
func (f *fakeInit) Status() (kardianos.Status, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ends > 0 {
		f.ends--
		f.running = f.running && f.ends > 0
	}
	switch {
	case f.running:
		return kardianos.StatusRunning, nil
	case f.platform == "unix-systemv":
		return kardianos.StatusUnknown, errors.New("exit status 3")
	}
	return kardianos.StatusStopped, nil
}

// inits are the service managers for which balansd has a script of its own.
func inits() map[string]initSystem {
	return map[string]initSystem{"unix-systemv": sysV(), "linux-openrc": openRC(), "darwin-launchd": launchd()}
}

// TestInit goes through the life of an installation with each of them.
func TestInit(t *testing.T) {
	for platform, kind := range inits() {
		synctest.Test(t, func(t *testing.T) {
			f := newFakeInit(t, platform, kind)
			m, err := f.try()
			if err != nil {
				t.Fatal(err)
			}
			if err := m.Start(t.Context()); !problem.Is(err, problem.NotFound) {
				t.Errorf("%s: %v", platform, err)
			}
			f.put("/etc/balansd/secrets/silverfin", "x")
			spec := PackageSpec()
			spec.Readable = []string{"/etc/balansd/secrets/silverfin"}
			install := func() error {
				steps, err := m.Install(spec)
				if err != nil {
					return err
				}
				return carryOut(m, steps)
			}
			f.breaks = true
			if err := install(); err == nil {
				t.Errorf("%s: the error of the library is lost", platform)
			}
			f.breaks = false
			for range 2 {
				if err := install(); err != nil {
					t.Fatalf("%s: %v", platform, err)
				}
			}
			want := Status{Manager: kind.name, State: On, Enabled: true, Account: Account, Executable: "/usr/bin/balansd", Config: "/etc/balansd/balansd.yaml"}
			if st, err := m.Status(t.Context()); err != nil || !cmp.Equal(st, want) {
				t.Errorf("%s: %v, %s", platform, err, cmp.Diff(want, st))
			}
			if info, err := os.Stat(filepath.Join(f.root, kind.file)); err != nil || info.Mode().Perm() != kind.mode || f.has(kind.file) != kind.script(spec) {
				t.Errorf("%s: %v, %v", platform, err, info)
			}
			for path, mode := range map[string]os.FileMode{"etc/balansd/secrets": 0o750, "etc/balansd/secrets/silverfin": 0o640, "var/lib/balansd": 0o700} {
				if info, err := os.Stat(filepath.Join(f.root, path)); err != nil || info.Mode().Perm() != mode {
					t.Errorf("%s: %s: %v, want %s", platform, path, err, mode)
				}
			}
			if f.c.UserName != Account {
				t.Errorf("%s: it runs as %q", platform, f.c.UserName)
			}
			// The configuration has moved, and the links are gone.
			f.put("/srv/b.yaml", "")
			spec.Config = "/srv/b.yaml"
			for _, link := range f.links() {
				if err := os.Remove(filepath.Join(f.root, link)); err != nil {
					t.Fatal(err)
				}
			}
			if err := install(); err != nil {
				t.Fatalf("%s: %v", platform, err)
			}
			if st, err := m.Status(t.Context()); err != nil || st.Config != "/srv/b.yaml" || !st.Enabled {
				t.Errorf("%s: %+v, %v", platform, st, err)
			}
			f.mistaken = true
			if err := m.Restart(t.Context()); !problem.Is(err, problem.DaemonDown) || !strings.Contains(problem.Of(err).Next, "config check") {
				t.Errorf("%s: %v", platform, err)
			}
			f.mistaken = false
			if err := m.Stop(t.Context()); err != nil {
				t.Error(err)
			}
			f.ends = 4 // one of these queries is before the start
			if err := m.Start(t.Context()); !problem.Is(err, problem.DaemonDown) || !strings.Contains(err.Error(), "stopped") {
				t.Errorf("%s: it ended soon after the start: %v", platform, err)
			}
			if err := m.Start(t.Context()); err != nil || !f.running {
				t.Errorf("%s: %v", platform, err)
			}
			steps, err := m.Uninstall(Removal{})
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range steps {
				if err := s.Do(t.Context()); err != nil {
					t.Fatalf("%s: %v", platform, err)
				}
			}
			for _, path := range append(f.links(), kind.file) {
				if _, err := os.Lstat(filepath.Join(f.root, path)); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("%s: %s is still there", platform, path)
				}
			}
			if st, err := m.Status(t.Context()); err != nil || st.State != NotInstalled || f.running {
				t.Errorf("%s: %+v, %v", platform, st, err)
			}
		})
	}
}

// TestInitRefuses lists machines that are not supported.
func TestInitRefuses(t *testing.T) {
	for platform, c := range map[string]struct{ gone, says string }{
		"linux-upstart": {"", "upstart"}, "linux-procd": {"", "procd"}, "linux-rcs": {"", "rcs"}, "freebsd": {"", "neither systemd"},
		"linux-openrc": {"run/openrc", "neither systemd"}, "unix-systemv": {"proc/1/comm", "neither systemd"}, "linux-systemd": {"", "neither systemd"},
	} {
		f := newFakeInit(t, platform, sysV())
		if c.gone != "" {
			if err := os.RemoveAll(filepath.Join(f.root, c.gone)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := f.try(); !problem.Is(err, problem.NotAllowed) || !strings.Contains(err.Error(), c.says) || !strings.Contains(problem.Of(err).Next, "balansd run") {
			t.Errorf("%s: %v", platform, err)
		}
	}
	f := newFakeInit(t, "unix-systemv", sysV())
	f.put("/proc/1/comm", "sleep\n") // as in a container
	if _, err := f.try(); !problem.Is(err, problem.NotAllowed) {
		t.Errorf("a machine that no init has started: %v", err)
	}
	f.put("/proc/1/comm", "init\n")
	f.put("/etc/init.d/balansd", "#!/bin/sh\n# mine\n")
	m, err := f.try()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Install(PackageSpec()); !problem.Is(err, problem.Conflict) {
		t.Errorf("a script of somebody else: %v", err)
	}
	if _, err := m.Uninstall(Removal{}); !problem.Is(err, problem.Conflict) {
		t.Errorf("a script of somebody else: %v", err)
	}
	f.put("/etc/init.d/balansd", "#!/bi") // truncated
	if err := os.Chmod(filepath.Join(f.root, "etc"), 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Install(PackageSpec()); err != nil {
		t.Error(err)
	}
	spec := PackageSpec()
	spec.Executable = "/etc/x"
	if _, err := m.Install(spec); !problem.Is(err, problem.Usage) {
		t.Errorf("a program that anybody can change: %v", err)
	}
}

// TestInitOrderTimesOut stops a service that does not stop.
func TestInitOrderTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeInit(t, "linux-openrc", openRC())
		m, err := f.try()
		if err != nil {
			t.Fatal(err)
		}
		steps, err := m.Install(PackageSpec())
		if err != nil || carryOut(m, steps) != nil {
			t.Fatal(err)
		}
		f.stuck = true
		if err := m.Stop(t.Context()); !problem.Is(err, problem.DaemonDown) {
			t.Errorf("%v", err)
		}
		time.Sleep(forEver) // lets the hanging goroutine end
	})
}

// TestExitState covers the library's answers for scripts that are not running.
func TestExitState(t *testing.T) {
	ended := exec.Command("/bin/sh", "-c", "exit 1").Run()
	for _, c := range []struct {
		err  error
		want State
	}{
		{ended, Failed}, {errors.New("exit status 3"), Off}, {errors.New("unknown error:  * status: starting - exit status 8"), Starting},
		{errors.New("unknown error: x - exit status 4"), Ending}, {errors.New("unknown error: x - exit status 32"), Failed}, {errors.New("what"), Failed},
	} {
		if got, _ := exitState(c.err); got != c.want {
			t.Errorf("%v: %s, want %s", c.err, got, c.want)
		}
	}
}

// TestScripts parses program and configuration back out of each script, and checks that a
// shell or an XML reader gets the same.
func TestScripts(t *testing.T) {
	dir := t.TempDir()
	shell := func(t rapid.TB, script, then string) []string {
		file := filepath.Join(dir, "script")
		if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("/bin/sh", "-c", then, "/bin/sh", file).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s\n%s", err, out, script)
		}
		return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	}
	rapid.Check(t, func(t *rapid.T) {
		s := Spec{Executable: paths().Draw(t, "exe"), Config: paths().Draw(t, "config")}
		want := append([]string{s.Executable}, arguments(s)...)
		for name, kind := range inits() {
			text := kind.script(s)
			if exe, config := kind.read(text); exe != s.Executable || config != s.Config {
				t.Fatalf("%s: %q %q in\n%s", name, exe, config, text)
			}
			if !strings.HasPrefix(text, scriptHead(text)) || !strings.Contains(scriptHead(text), mark) {
				t.Fatalf("%s begins with %q", name, scriptHead(text))
			}
		}
		if got := shell(t, openRCScript(s), `. "$1"; eval printf '%s\\0' $command $command_args`); !cmp.Equal(got, want) {
			t.Fatalf("OpenRC starts %q, want %q", got, want)
		}
		// The shell that restarts the service runs the program once, here printf, and
		// exits with its status.
		// here is printf, and ends with it.
		text := strings.Replace(sysVScript(s), `case "$1" in`, "case none in", 1)
		text = strings.Replace(text, `"$0" run`, `printf "%s\0" "$0" run`, 1)
		text = text[:strings.LastIndex(text, "*)\n\techo")] + "esac"
		if got := shell(t, text, `. "$1"; exec /bin/sh -c "$loop" "$program" "$config"`); !cmp.Equal(got, want) {
			t.Fatalf("SysV starts %q, want %q", got, want)
		}
	})
	if err := xml.Unmarshal([]byte(launchdPlist(PackageSpec())), new(struct{})); err != nil {
		t.Error(err)
	}
}

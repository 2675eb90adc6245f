//go:build !windows

package service

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"balansd/internal/testenv"
	"balansd/problem"
)

// carryOut executes a plan, as the command line does.
func carryOut(m Manager, steps []Step) error {
	for _, s := range append(steps, Step{"start", m.Restart}) {
		if err := s.Do(context.Background()); err != nil {
			return err
		}
	}
	return nil
}

// installedSystemd returns a fake machine on which the packages' service is installed.
func installedSystemd(t *testing.T) *fakeSystemd {
	t.Helper()
	f := newFakeSystemd(t)
	if err := f.install(); err != nil {
		t.Fatal(err)
	}
	return f
}

// install installs the packages' service.
func (f *fakeSystemd) install() error {
	m := f.manager()
	steps, err := m.Install(PackageSpec())
	if err != nil {
		return err
	}
	return carryOut(m, steps)
}

func (f *fakeSystemd) status() Status {
	f.t.Helper()
	st, err := f.manager().Status(context.Background())
	if err != nil {
		f.t.Fatal(err)
	}
	return st
}

func TestInstallAndUninstall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSystemd(t)
		if st := f.status(); st.State != NotInstalled {
			t.Errorf("%+v", st)
		}
		if err := f.install(); err != nil {
			t.Fatal(err)
		}
		want := Status{Manager: "systemd 252", State: On, Enabled: true, PID: 4711, Since: time.Date(2026, 11, 22, 8, 46, 40, 0, time.UTC),
			Account: Account, Executable: "/usr/bin/balansd", Config: "/etc/balansd/balansd.yaml", Says: "next night"}
		if diff := cmp.Diff(want, f.status()); diff != "" {
			t.Error(diff)
		}
		for dir, mode := range map[string]os.FileMode{"etc/balansd": 0o750, "etc/balansd/secrets": 0o700, "var/lib/balansd": 0o700} {
			if info, err := os.Stat(filepath.Join(f.root, dir)); err != nil || info.Mode().Perm() != mode {
				t.Errorf("%s: %v, want %s", dir, err, mode)
			}
		}
		if info, err := os.Stat(filepath.Join(f.root, "etc/balansd/balansd.yaml")); err != nil || info.Mode().Perm() != 0o640 {
			t.Errorf("the configuration cannot be read by the service: %v %v", err, info)
		}

		steps, err := f.manager().Uninstall(Removal{Purge: []string{"/var/lib/balansd"}})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range steps {
			if err := s.Do(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if st := f.status(); st.State != NotInstalled || f.active != "inactive" || f.enabled {
			t.Errorf("%+v", st)
		}
		if names, _ := filepath.Glob(filepath.Join(f.root, "etc/systemd/system/*")); len(names) > 0 {
			t.Errorf("left: %v", names)
		}
		if _, err := os.Stat(filepath.Join(f.root, "var/lib/balansd")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the data is still there: %v", err)
		}
	})
}

// TestInstallAfterAnyFailure makes an installation fail at each call, and then installs
// again.
func TestInstallAfterAnyFailure(t *testing.T) {
	whole := 0
	synctest.Test(t, func(t *testing.T) {
		f := installedSystemd(t)
		whole = len(f.calls)
	})
	failed := 0
	for n := 1; n <= whole; n++ {
		synctest.Test(t, func(t *testing.T) {
			f := newFakeSystemd(t)
			f.failAt = n
			if n > 1 { // the first asks for the version, when the Manager is made
				if f.install() != nil {
					failed++
				}
			}
			f.failAt = 0
			if err := f.install(); err != nil {
				t.Fatalf("after a failure at call %d: %v\n%s", n, err, strings.Join(f.calls, "\n"))
			}
			if st := f.status(); st.State != On || !st.Enabled {
				t.Errorf("after a failure at call %d: %+v", n, st)
			}
		})
	}
	if failed < 4 {
		t.Errorf("only %d of %d failures stopped the installation", failed, whole)
	}
}

// TestUninstallAfterAnyFailure does the same for the removal.
func TestUninstallAfterAnyFailure(t *testing.T) {
	for n := 2; n < 20; n++ {
		synctest.Test(t, func(t *testing.T) {
			f := installedSystemd(t)
			for _, failing := range []int{len(f.calls) + n, 0} {
				f.failAt = failing
				steps, err := f.manager().Uninstall(Removal{})
				if err != nil {
					t.Fatal(err)
				}
				for _, s := range steps {
					if err = s.Do(t.Context()); err != nil {
						break
					}
				}
				if failing == 0 && err != nil {
					t.Fatalf("after a failure at call %d: %v", n, err)
				}
			}
			if st := f.status(); st.State != NotInstalled || f.active != "inactive" {
				t.Errorf("after a failure at call %d: %+v", n, st)
			}
		})
	}
}

func TestWithoutRights(t *testing.T) {
	f := newFakeSystemd(t)
	f.uid = 1000
	m := f.manager()
	install, err := m.Install(PackageSpec())
	if err != nil || len(install) == 0 {
		t.Fatalf("a plan needs no rights: %v", err)
	}
	remove, err := m.Uninstall(Removal{})
	if err != nil {
		t.Fatal(err)
	}
	calls := len(f.calls)
	for _, do := range []func(context.Context) error{install[0].Do, install[len(install)-1].Do, remove[0].Do, m.Start, m.Stop, m.Restart} {
		p := problem.Of(do(t.Context()))
		if p == nil || p.Code != problem.NotAllowed || !strings.Contains(p.Next, "sudo") {
			t.Errorf("%+v", p)
		}
	}
	if len(f.calls) != calls {
		t.Errorf("without rights, this was tried: %v", f.calls[calls:])
	}
}

func TestNoSystemd(t *testing.T) {
	f := newFakeSystemd(t)
	if err := os.RemoveAll(filepath.Join(f.root, "run/systemd")); err != nil {
		t.Fatal(err)
	}
	_, err := New(Options{hooks: hooks{run: f.run, root: f.root, platform: "linux-systemd"}}) // as the library may detect
	if p := problem.Of(err); p == nil || p.Code != problem.NotAllowed || !strings.Contains(p.Next, "balansd run") {
		t.Errorf("%+v", p)
	}
	f = newFakeSystemd(t)
	f.version = "249"
	if _, err := f.manager().Install(PackageSpec()); !problem.Is(err, problem.NotAllowed) || !strings.Contains(err.Error(), "249") {
		t.Errorf("%v", err)
	}
}

// TestInstallRefusesWritablePrograms installs a program that anybody can change, once as a
// service and once as the command of an administrator.
func TestInstallRefusesWritablePrograms(t *testing.T) {
	f := newFakeSystemd(t)
	f.put("/srv/share/balansd", "x")
	spec := PackageSpec()
	spec.Executable = "/srv/share/balansd"
	if _, err := f.manager().Install(spec); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(f.root, "srv/share"), 0o777); err != nil {
		t.Fatal(err)
	}
	_, err := f.manager().Install(spec)
	if !problem.Is(err, problem.Usage) || !strings.Contains(err.Error(), "/srv/share: everybody may change it") || !strings.Contains(problem.Of(err).Next, "/usr/local/bin") {
		t.Errorf("%v", err)
	}
}

// TestInstallNoticesADropIn has a drop-in that starts something else.
func TestInstallNoticesADropIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSystemd(t)
		f.override = "ExecStart=/bin/true\n"
		if err := f.install(); !problem.Is(err, problem.Conflict) || !strings.Contains(problem.Of(err).Next, "systemctl cat") {
			t.Errorf("%v", err)
		}
	})
}

// TestInstallRefusesAPartialUnit has the library write half a unit: the plan must not succeed with
// that.
func TestInstallRefusesAPartialUnit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSystemd(t)
		f.half = true
		if err := f.install(); err != nil {
			t.Fatal(err)
		}
		unit, err := Unit(UnitSpec{Spec: PackageSpec(), Systemd: 252})
		if err != nil || f.has(unitFile) != header+unit {
			t.Errorf("%v, the unit is:\n%s", err, f.has(unitFile))
		}
	})
}

// TestInstallKeepsFilesOfOthers checks that files of a person or a package are neither replaced nor
// overridden.
func TestInstallKeepsFilesOfOthers(t *testing.T) {
	f := newFakeSystemd(t)
	const theirs = "[Service]\nExecStart=/usr/local/bin/balansd run\n"
	f.put(unitFile, theirs)
	if _, err := f.manager().Install(PackageSpec()); !problem.Is(err, problem.Conflict) {
		t.Errorf("%v", err)
	}
	if _, err := f.manager().Uninstall(Removal{}); !problem.Is(err, problem.Conflict) || f.has(unitFile) != theirs {
		t.Errorf("%v", err)
	}
	// An empty file of an interrupted installation may be replaced.
	f = newFakeSystemd(t)
	f.put(unitFile, header[:40])
	if _, err := f.manager().Install(PackageSpec()); err != nil {
		t.Errorf("%v", err)
	}
	f = newFakeSystemd(t)
	if err := os.MkdirAll(filepath.Join(f.root, "etc/systemd/system"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/null", filepath.Join(f.root, unitFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := f.manager().Install(PackageSpec()); !problem.Is(err, problem.NotAllowed) || !strings.Contains(problem.Of(err).Next, "unmask") {
		t.Errorf("%v", err)
	}
}

func TestPackagedUnit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSystemd(t)
		unit, err := Unit(UnitSpec{Spec: PackageSpec()})
		if err != nil {
			t.Fatal(err)
		}
		f.account = true
		f.put(packageUnits()[0], unit)
		f.put(unitFile, header+unit) // of an installation before the package
		if err := f.install(); err != nil {
			t.Fatal(err)
		}
		if f.has(unitFile) != "" || f.has(dropInFile) != "" || f.status().State != On {
			t.Errorf("the package's unit is hidden or changed: %q", f.calls)
		}
		spec := PackageSpec()
		spec.Writable = []string{"/mnt/copies"}
		steps, err := f.manager().Install(spec)
		if err == nil {
			err = carryOut(f.manager(), steps)
		}
		if err != nil || f.has(dropInFile) != header+"[Service]\nReadWritePaths=-/mnt/copies\n" {
			t.Errorf("%v: %s", err, f.has(dropInFile))
		}
		if err := f.install(); err != nil || f.has(dropInFile) != "" {
			t.Errorf("a drop-in without need stays: %v", err)
		}
		spec.Executable = "/opt/balansd"
		if _, err := f.manager().Install(spec); !problem.Is(err, problem.NotAllowed) {
			t.Errorf("another program than the package's: %v", err)
		}
		if _, err := f.manager().Uninstall(Removal{}); !problem.Is(err, problem.NotAllowed) || !strings.Contains(problem.Of(err).Next, "apt remove") {
			t.Errorf("%v", err)
		}
	})
}

// TestUnitAccess checks what the service may access beyond its own folders.
func TestUnitAccess(t *testing.T) {
	s := PackageSpec()
	s.Writable = []string{"/mnt/copies", "/home/jan/copies", "/var/lib/balansd/backups", "/var/log/balansd"}
	s.Readable = []string{"/srv/payroll", "/root/payroll", "/etc/balansd/ca.pem"}
	more, err := dropIn(UnitSpec{Spec: s})
	if err != nil {
		t.Fatal(err)
	}
	want := "[Service]\nReadWritePaths=-/mnt/copies\nBindPaths=-/home/jan/copies\nBindReadOnlyPaths=-/root/payroll\nProtectHome=tmpfs\n"
	if diff := cmp.Diff(want, more); diff != "" {
		t.Error(diff)
	}
	unit, err := Unit(UnitSpec{Spec: s})
	if err != nil || !strings.Contains(unit, strings.TrimPrefix(want, "[Service]\n")) {
		t.Errorf("%v in:\n%s", err, unit)
	}
	if more, err := dropIn(UnitSpec{Spec: PackageSpec()}); more != "" || err != nil {
		t.Errorf("the package's own needs nothing more: %q %v", more, err)
	}
}

// TestInstallKeepsSharedFolders names system folders, or that of the configuration, as
// folders to write in. They must not be given to the service's account, as nobody else
// could use them then.
func TestInstallKeepsSharedFolders(t *testing.T) {
	for _, dir := range []string{"/", "/etc", "/etc/ssl", "/run", "/var/log", "/var/lib", "/usr/local/bin", "/srv", "/tmp", "/home", "/etc/balansd", "/etc/balansd/secrets"} {
		f := newFakeSystemd(t)
		spec := PackageSpec()
		spec.Writable = []string{dir}
		if _, err := f.manager().Install(spec); !problem.Is(err, problem.Usage) || !strings.Contains(err.Error(), dir) || problem.Of(err).Next == "" {
			t.Errorf("%s: %v", dir, err)
		}
	}
	for _, dir := range []string{"/", "/var/lib"} {
		spec := PackageSpec()
		spec.DataDir = dir
		if _, err := newFakeSystemd(t).manager().Install(spec); !problem.Is(err, problem.Usage) {
			t.Errorf("%s: %v", dir, err)
		}
	}
	for _, dir := range []string{"/srv/balansd", "/var/log/balansd", "/var/backups/balansd", "/home/copies", "/mnt/disk/copies", "/run/balansd"} {
		spec := PackageSpec()
		spec.Writable = []string{dir}
		if _, err := newFakeSystemd(t).manager().Install(spec); err != nil {
			t.Errorf("%s: %v", dir, err)
		}
	}
}

// TestInstallOwnsOnlyItsFolders installs with folders that exist. Only one with nothing but
// balansd's files is given to the account, with its content.
func TestInstallOwnsOnlyItsFolders(t *testing.T) {
	for _, c := range []struct {
		name  string
		holds []string
		taken bool
	}{
		{"empty", nil, true},
		{"of a state that was moved here", []string{"balansd.db", "balansd.key", "backups/balansd-20261122T013000Z.db", "crash.log", "lost+found/x"}, true},
		{"copies beside the copies of others", []string{"balansd-20261122T013000Z.db", "payroll.bak"}, false},
		{"others' alone", []string{"payroll.bak"}, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFakeSystemd(t)
			if err := os.MkdirAll(filepath.Join(f.root, "mnt/disk/copies"), 0o755); err != nil {
				t.Fatal(err)
			}
			for _, name := range c.holds {
				f.put("/mnt/disk/copies/"+name, "x")
			}
			spec := PackageSpec()
			spec.Writable = []string{"/mnt/disk/copies"}
			steps, err := f.manager().Install(spec)
			if err == nil {
				err = carryOut(f.manager(), steps)
			}
			if _, taken := f.owners["/mnt/disk/copies"]; err != nil || taken != c.taken {
				t.Errorf("%s: %v, given to the account: %v, want %v", c.name, err, taken, c.taken)
			}
		})
	}
}

// TestInstallKeepsTheGroupOfAKey names a key that another group can read, such as that of a
// certificate that a web server uses too. It must keep that group.
func TestInstallKeepsTheGroupOfAKey(t *testing.T) {
	testenv.Need(t, testenv.Root)
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSystemd(t)
		f.put("/etc/ssl/private/server.key", "x")
		at := filepath.Join(f.root, "etc/ssl/private/server.key")
		if err := errors.Join(os.Chown(at, 0, 12345), os.Chmod(at, 0o640)); err != nil {
			t.Fatal(err)
		}
		spec := PackageSpec()
		spec.Readable = []string{"/etc/ssl/private/server.key"}
		steps, err := f.manager().Install(spec)
		if err == nil {
			err = carryOut(f.manager(), steps)
		}
		if !problem.Is(err, problem.NotAllowed) || !strings.Contains(problem.Of(err).Next, SecretsFolder) || f.owners["/etc/ssl/private/server.key"] != "" {
			t.Errorf("%v, %v", err, f.owners)
		}
	})
}

func TestPurge(t *testing.T) {
	for _, path := range []string{"/", "/srv", "/srv/", "/srv/..", "/var/lib", "/var/log/../lib", "/etc", "/home/jan", "/usr/local/bin", "data", ""} {
		f := newFakeSystemd(t)
		f.put("/home/jan/letter", "x")
		if _, err := f.manager().Uninstall(Removal{Purge: []string{path}}); !problem.Is(err, problem.Usage) {
			t.Errorf("%q: %v", path, err)
		}
	}
}

func TestStartFailureMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSystemd(t)
		f.refuse = "exit-code"
		err := f.install()
		if !problem.Is(err, problem.DaemonDown) || !strings.Contains(err.Error(), "exit-code") || !strings.Contains(err.Error(), "no more luck") {
			t.Errorf("%v", err)
		}
		f.refuse = ""
		if err := f.manager().Start(t.Context()); err != nil {
			t.Errorf("after it was mended: %v", err)
		}
	})
}

// TestOrderTimesOut checks that an order that is never carried out times out.
func TestOrderTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := installedSystemd(t)
		f.stuck = true
		for name, do := range map[string]func(context.Context) error{"stop": f.manager().Stop, "restart": f.manager().Restart} {
			began := time.Now()
			if err := do(t.Context()); !problem.Is(err, problem.DaemonDown) || !strings.Contains(err.Error(), "did not "+name) || time.Since(began) > 2*time.Minute {
				t.Errorf("%s: %v after %s", name, err, time.Since(began))
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := f.manager().Stop(ctx); err == nil {
			t.Error("it outlives its context")
		}
		time.Sleep(forEver) // lets the hanging goroutine end
	})
}

// TestStartDoesNotWaitForARestart checks that a start does not wait for the restart delay
// of systemd.
func TestStartDoesNotWaitForARestart(t *testing.T) {
	for name, do := range map[string]func(Manager, context.Context) error{"start": Manager.Start, "restart": Manager.Restart} {
		synctest.Test(t, func(t *testing.T) {
			f := installedSystemd(t)
			f.active, f.sub, f.result, f.pid = "activating", "auto-restart", "signal", 0
			if st := f.status(); st.State != Waiting || st.Result != "signal" {
				t.Errorf("%+v", st)
			}
			if err := do(f.manager(), t.Context()); err != nil || f.status().State != On {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

func TestControlWithoutService(t *testing.T) {
	f := newFakeSystemd(t)
	for _, do := range []func(context.Context) error{f.manager().Start, f.manager().Stop, f.manager().Restart} {
		if err := do(t.Context()); !problem.Is(err, problem.NotFound) {
			t.Errorf("%v", err)
		}
	}
	if slices.ContainsFunc(f.calls, func(c string) bool { return strings.HasPrefix(c, "systemctl st") }) {
		t.Errorf("%v", f.calls)
	}
}

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
	"github.com/rs/zerolog"

	"balansd/problem"
)

// windowsSpec is the spec of an installation. Its data folder is a real one, which is not
// an absolute path on Windows; checkSpec therefore has its own test.
func windowsSpec(dir string) Spec {
	return Spec{Executable: `C:\Program Files\Kantoor 100% été\balansd.exe`, Config: filepath.Join(dir, "balansd.yaml"), DataDir: dir}
}

// installWindows plans and executes an installation, as the command line does.
func installWindows(t *testing.T, m *scmManager, s Spec) error {
	t.Helper()
	return doSteps(t, m.installSteps(s))
}

func doSteps(t *testing.T, steps []Step) error {
	t.Helper()
	for _, s := range steps {
		if s.What == "" {
			t.Error("a step does not say what it does")
		}
		if err := s.Do(t.Context()); err != nil {
			return err
		}
	}
	return nil
}

func fakeManager(f *fakeSCM) *scmManager {
	return &scmManager{scm: f, library: f.library, log: zerolog.Nop()}
}

// dataFolder returns a folder with everything that a data folder can have, each with an
// access list of its own.
func dataFolder(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	for _, name := range []string{"balansd.yaml", "balansd.db", "backups/one.db"} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// The calls whose effects Wine does not show: account, dependencies, delayed start,
// identity, recovery after crash and error, privileges, access lists.
func TestWindowsInstall(t *testing.T) {
	f, dir := newFakeSCM(), dataFolder(t)
	s := windowsSpec(dir)
	s.Readable = []string{`C:\certs\ca.pem`, filepath.Join(dir, "silverfin.secret")}
	s.Writable = []string{filepath.Join(t.TempDir(), "copies")}
	if err := installWindows(t, fakeManager(f), s); err != nil {
		t.Fatal(err)
	}
	command := []string{`C:\Program Files\Kantoor 100% été\balansd.exe`, "run", "--service", "--config", s.Config}
	want := scmConfig{command: command, account: `NT SERVICE\balansd`, displayName: "balansd",
		description:  "Brings social balances from SD Worx Finbox into Silverfin, each night.",
		dependencies: []string{"Tcpip", "Dnscache"}, auto: true, delayed: true, sid: 1}
	if diff := cmp.Diff(want, f.service.config, cmp.AllowUnexported(scmConfig{})); diff != "" {
		t.Error(diff)
	}
	options := map[string]scmOption{
		"recovery":          recovery{delays: []time.Duration{10 * time.Second, time.Minute, 5 * time.Minute}, reset: 24 * time.Hour},
		"recoverAfterError": recoverAfterError(true),
		"preShutdown":       preShutdown(30 * time.Second),
		"privileges":        privileges{"SeChangeNotifyPrivilege"},
	}
	if diff := cmp.Diff(options, f.service.options, cmp.AllowUnexported(recovery{})); diff != "" {
		t.Error(diff)
	}
	if !f.source {
		t.Error("there is no event source")
	}
	const sid = "S-1-5-80-3216120858-621079676-1319477531-3847987084-888722129"
	folder := "O:BAD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1301bf;;;" + sid + ")"
	file := "O:BAD:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;0x1301bf;;;" + sid + ")"
	if diff := cmp.Diff(map[string]string{
		dir: folder, filepath.Join(dir, "backups"): folder,
		filepath.Join(dir, "balansd.db"): file, filepath.Join(dir, "backups", "one.db"): file,
		s.Config: strings.Replace(file, "0x1301bf", "0x1200a9", 1),
	}, f.dacl); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]uint32{
		s.Executable: rightsExecute, `C:\certs\ca.pem`: rightsExecute, s.Writable[0]: rightsModify,
	}, f.granted); diff != "" {
		t.Error(diff)
	}
}

// Installing again completes an installation that failed at any call.
func TestWindowsInstallAfterAnyFailure(t *testing.T) {
	dir := dataFolder(t)
	whole := newFakeSCM()
	if err := installWindows(t, fakeManager(whole), windowsSpec(dir)); err != nil {
		t.Fatal(err)
	}
	n := whole.changes
	if n < 12 {
		t.Fatalf("only %d changes", n)
	}
	for at := 1; at <= n; at++ {
		f := newFakeSCM()
		f.failAt, f.failure = at, 1359 // ERROR_INTERNAL_ERROR
		err := installWindows(t, fakeManager(f), windowsSpec(dir))
		if p := problem.Of(err); err == nil && at <= n-1 || err != nil && (p.Code == problem.Unexpected || p.Next == "") {
			t.Errorf("change %d failed, and the error is %v", at, err)
		}
		if err := installWindows(t, fakeManager(f), windowsSpec(dir)); err != nil {
			t.Fatalf("after a failure of change %d: %v", at, err)
		}
		if diff := cmp.Diff(whole.service.options, f.service.options, cmp.AllowUnexported(recovery{})); diff != "" {
			t.Error(diff)
		}
		if !cmp.Equal(f.service.config, whole.service.config, cmp.AllowUnexported(scmConfig{})) || !f.source || !cmp.Equal(whole.dacl, f.dacl) || !cmp.Equal(whole.granted, f.granted) {
			t.Errorf("after a failure of change %d the service is %+v", at, f)
		}
	}
}

func TestWindowsInstallRepairsSettings(t *testing.T) {
	f, dir := newFakeSCM(), dataFolder(t)
	m := fakeManager(f)
	if err := installWindows(t, m, windowsSpec(dir)); err != nil {
		t.Fatal(err)
	}
	f.service.config.account, f.service.config.auto = "LocalSystem", false
	f.service.config.dependencies = []string{"Gone"}
	delete(f.service.options, "recovery")
	if err := installWindows(t, m, windowsSpec(dir)); err != nil {
		t.Fatal(err)
	}
	if c := f.service.config; c.account != account || !c.auto || len(c.dependencies) != 2 || f.service.options["recovery"] == nil {
		t.Errorf("the service is %+v", f.service)
	}
}

// An unsupported setting is left out; a missing service does not become a dependency.
func TestWindowsInstallWithoutSupport(t *testing.T) {
	f := newFakeSCM()
	f.unknown, f.absent = []string{"sid", "recoverAfterError", "privileges"}, []string{"Dnscache"}
	var log strings.Builder
	m := &scmManager{scm: f, library: f.library, log: zerolog.New(&log)}
	if err := installWindows(t, m, windowsSpec(dataFolder(t))); err != nil {
		t.Fatal(err)
	}
	if c := f.service.config; !slices.Equal(c.dependencies, []string{"Tcpip"}) || len(f.service.options) != 2 {
		t.Errorf("the service is %+v", f.service)
	}
	if n := strings.Count(log.String(), "does not support"); n != 3 || !strings.Contains(log.String(), "Dnscache") {
		t.Errorf("it says: %s", log.String())
	}
}

func TestWindowsInstallRefuses(t *testing.T) {
	well := Spec{Executable: `C:\b\balansd.exe`, Config: `C:\d\balansd.yaml`, DataDir: `C:\d`, Writable: []string{`\\nas\copies`}}
	for name, c := range map[string]struct {
		change func(s *Spec)
		code   problem.Code
	}{
		"relative program":    {func(s *Spec) { s.Executable = `balansd.exe` }, problem.Usage},
		"relative config":     {func(s *Spec) { s.Config = `.\balansd.yaml` }, problem.Usage},
		"no drive":            {func(s *Spec) { s.DataDir = `\data` }, problem.Usage},
		"drive, but relative": {func(s *Spec) { s.Writable = []string{`D:copies`} }, problem.Usage},
		"a whole drive":       {func(s *Spec) { s.DataDir = `D:\` }, problem.Usage},
		"a folder of Windows": {func(s *Spec) { s.DataDir = `c:/windows\Temp` }, problem.Usage},
		"everybody's folder":  {func(s *Spec) { s.DataDir = `C:\ProgramData\` }, problem.Usage},
		"a whole person":      {func(s *Spec) { s.Writable = []string{`C:\Users\jan`} }, problem.Usage},
		"a variable":          {func(s *Spec) { s.Executable = `C:\%TEMP%\balansd.exe` }, problem.NotAllowed},
	} {
		s := well
		c.change(&s)
		if _, err := fakeManager(newFakeSCM()).Install(s); !problem.Is(err, c.code) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := fakeManager(newFakeSCM()).Install(well); err != nil {
		t.Error(err)
	}
	f := newFakeSCM()
	f.admin = false
	if err := fakeManager(f).Rights(); !problem.Is(err, problem.NotAllowed) || !strings.Contains(problem.Of(err).Next, "Run as administrator") {
		t.Error(err)
	}
	f = newFakeSCM()
	f.open = []string{`C:\b: BUILTIN\Users may change it`}
	if _, err := fakeManager(f).Install(well); !problem.Is(err, problem.Usage) || !strings.Contains(err.Error(), f.open[0]) {
		t.Errorf("a program that anybody can change: %v", err)
	}
	// A link would extend the rights to another folder.
	dir := dataFolder(t)
	if err := os.Symlink("/", filepath.Join(dir, "elsewhere")); err != nil {
		t.Skip(err)
	}
	if err := installWindows(t, fakeManager(newFakeSCM()), windowsSpec(dir)); !problem.Is(err, problem.NotAllowed) || !strings.Contains(err.Error(), "is a link") {
		t.Error(err)
	}
}

// installedWindows returns a Manager whose service is installed.
func installedWindows(t *testing.T) (*fakeSCM, *scmManager) {
	t.Helper()
	f := newFakeSCM()
	m := fakeManager(f)
	if err := installWindows(t, m, windowsSpec(dataFolder(t))); err != nil {
		t.Fatal(err)
	}
	f.service.startTakes, f.service.stopTakes = 300*time.Millisecond, time.Second
	return f, m
}

func TestWindowsControl(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, m := installedWindows(t)
		ctx := t.Context()
		state := func(want State) {
			t.Helper()
			if s, err := m.Status(ctx); err != nil || s.State != want {
				t.Errorf("the state is %q, want %q: %v", s.State, want, err)
			}
		}
		well := func(err error) {
			t.Helper()
			if err != nil {
				t.Error(err)
			}
		}
		state(Off)
		well(m.Stop(ctx))
		well(m.Start(ctx))
		state(On)
		well(m.Start(ctx))
		well(m.Restart(ctx))
		state(On)

		// The process was killed, and the manager has not noticed yet.
		f.service.process = false
		state(Failed)
		well(m.Restart(ctx))
		state(On)
		f.service.process = false
		well(m.Stop(ctx))

		f.service.st, f.service.process = scmStatus{state: scmStopped}, false
		f.service.failing = 2
		err := m.Start(ctx)
		if !problem.Is(err, problem.NotAllowed) || !strings.Contains(err.Error(), "exit code 2") {
			t.Error(err)
		}
		state(Failed)
	})
}

// A stop is repeated until the service accepts orders, and waits for the process.
func TestWindowsStopWhileStarting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, m := installedWindows(t)
		f.service.busy = true
		f.service.startTakes = 3 * time.Second
		if err := (&fakeSCMLibrary{f: f}).Start(); err != nil {
			t.Fatal(err)
		}
		if err := m.Stop(t.Context()); err != nil || f.service.process {
			t.Error(err)
		}
	})
}

// A service whose process ends before it can answer has stopped.
func TestWindowsStopWithoutAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, m := installedWindows(t)
		if err := m.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.service.answerLost = true
		if err := m.Stop(t.Context()); err != nil || f.service.process {
			t.Error(err)
		}
	})
}

func TestWindowsOrderTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, m := installedWindows(t)
		if err := m.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.service.deaf = true
		begun := time.Now()
		p := problem.Of(m.Stop(t.Context()))
		if p == nil || !strings.Contains(p.Next, "taskkill /F /PID 4711") || time.Since(begun) > scmStopWait+time.Second {
			t.Errorf("after %s: %v", time.Since(begun), p)
		}
		if err := m.Restart(t.Context()); !strings.Contains(err.Error(), "does not stop") {
			t.Error(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := m.Stop(ctx); !problem.Is(err, problem.Stopped) {
			t.Error(err)
		}
		f.service.deaf = false
		if err := m.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		f.service.startTakes = time.Hour
		if err := m.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "does not come up") {
			t.Error(err)
		}
		time.Sleep(forEver) // lets the hanging goroutine end
	})
}

func TestWindowsUninstall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, m := installedWindows(t)
		dir := dataFolder(t)
		if err := m.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		uninstall := func() error {
			steps, err := m.Uninstall(Removal{Purge: []string{dir}})
			if err != nil {
				return err
			}
			return doSteps(t, steps)
		}
		f.holders = true
		if err := uninstall(); err == nil || !strings.Contains(problem.Of(err).Next, "services.msc") {
			t.Errorf("a service that another program holds: %v", err)
		}
		if f.service != nil {
			t.Error("the service was not deleted")
		}
		if err := installWindows(t, m, windowsSpec(dir)); err == nil || !strings.Contains(err.Error(), "marked for deletion") {
			t.Errorf("an installation beside it: %v", err)
		}
		f.holders = false
		if err := uninstall(); err != nil || f.source {
			t.Error(err)
		}
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Error("the data is still there")
		}
		if _, err := m.Uninstall(Removal{}); !problem.Is(err, problem.NotFound) {
			t.Error(err)
		}
		// The library fails if the event source was removed.
		if err := installWindows(t, m, windowsSpec(dir)); err != nil {
			t.Fatal(err)
		}
		f.source = false
		if err := uninstall(); err != nil || f.service != nil {
			t.Errorf("without an event source: %v", err)
		}
		if err := m.Start(t.Context()); !problem.Is(err, problem.NotFound) {
			t.Error(err)
		}
		if s, err := m.Status(t.Context()); err != nil || s.State != NotInstalled {
			t.Error(s, err)
		}
	})
}

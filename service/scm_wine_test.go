//go:build linux

package service_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"balansd/balance"
	"balansd/internal/testenv"
	"balansd/sandbox"
	"balansd/service"
)

// The test on Windows uses paths with a blank, a percent sign and accents.
const (
	windowsExe    = `C:\Program Files\Kantoor 100% été\balansd.exe`
	windowsFolder = `C:\Kantoor 100% été`
	windowsConfig = windowsFolder + `\balansd.yaml`
	windowsData   = windowsFolder + `\data`
)

// windowsBinary builds a program for Windows as it is delivered.
func windowsBinary(t *testing.T, args ...string) []byte {
	t.Helper()
	exe := filepath.Join(t.TempDir(), "balansd.exe")
	c := exec.Command("go", append(args, "-trimpath", "-o", exe)...)
	c.Args = append(c.Args, "balansd"+map[string]string{"test": "/service"}[args[0]])
	c.Env = append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// windows is the server of an accounting firm with Windows, and a Finbox and a Silverfin
// that it can reach.
type windows struct {
	*testenv.Windows
	t    *testing.T
	sand *sandbox.Sandbox
}

// TestServiceUnderWine goes through the life of an installation on Windows, with the
// program as it is delivered.
func TestServiceUnderWine(t *testing.T) {
	w := &windows{Windows: testenv.NewWindows(t), t: t}
	sand, err := sandbox.Start(sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sand.Close(t.Context()) })
	w.sand = sand
	w.Write(windowsExe, windowsBinary(t, "build", "-ldflags=-s -w"))
	info := w.sand.Info()
	w.Write(windowsFolder+`\secrets\finbox`, []byte(info.Finbox.ClientSecret))
	w.Write(windowsFolder+`\secrets\silverfin`, []byte(info.Silverfin.ClientSecret))
	w.configure("")

	for _, step := range []struct {
		name string
		do   func(*testing.T, *windows)
	}{
		{"absent", windowsAbsent},
		{"dry run", windowsDryRun},
		{"install", windowsInstall},
		{"work", windowsWork},
		{"killed", windowsKilled},
		{"restart and stop", windowsRestart},
		{"install again", windowsInstallAgain},
		{"a mistake in the configuration", windowsMistake},
		{"stopped during a run", windowsStopped},
		{"reboot", windowsReboot},
		{"calls to Windows", windowsCalls},
		{"uninstall", windowsUninstall},
		{"purge", windowsPurge},
	} {
		began := time.Now()
		step.do(t, w)
		t.Logf("%s: %.1f s", step.name, time.Since(began).Seconds())
		if t.Failed() {
			return // the next step depends on this one
		}
	}
}

func (w *windows) configure(more string) {
	w.t.Helper()
	info := w.sand.Info()
	w.Write(windowsConfig, fmt.Appendf(nil, `data_dir: data
language: en
night: {at: "02:30", spread: 0s}
finbox: {base_url: %q, token_url: %q, client_id: %q, client_secret_file: secrets/finbox}
silverfin: {base_url: %q, client_id: %q, client_secret_file: secrets/silverfin, requests_per_second: 100, burst: 100}
%s`, info.Finbox.URL, info.Finbox.TokenURL, info.Finbox.ClientID, info.Silverfin.URL, info.Silverfin.ClientID, more))
}

// want runs balansd and checks its exit code and output.
func (w *windows) want(code int, contains string, args ...string) string {
	w.t.Helper()
	r := w.Run("", windowsExe, args...)
	out := r.Stdout + r.Stderr
	if r.Code != code || !strings.Contains(out, contains) {
		w.t.Fatalf("balansd %s: exit code %d, want %d and %q in:\n%s%s", strings.Join(args, " "), r.Code, code, contains, out, w.log())
	}
	return out
}

// spent is want, and logs how long it took.
func (w *windows) spent(what string, args ...string) {
	w.t.Helper()
	began := time.Now()
	w.want(0, "", args...)
	w.t.Logf("%s: %.2f s", what, time.Since(began).Seconds())
}

// log returns the end of the service's log.
func (w *windows) log() string {
	text, err := os.ReadFile(w.Path(windowsData + `\log\balansd.log`))
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-3000):])
}

func (w *windows) standing() (s standing, code int) {
	w.t.Helper()
	r := w.Run("", windowsExe, "service", "status", "--json")
	if err := json.Unmarshal([]byte(r.Stdout), &s); err != nil {
		w.t.Fatalf("%v in:\n%s%s", err, r.Stdout, r.Stderr)
	}
	return s, r.Code
}

// runs waits until the daemon answers on its pipe, which is after Windows reports it as
// running.
func (w *windows) runs() (s standing) {
	w.t.Helper()
	w.Until("the daemon answers", func() bool {
		s, _ = w.standing()
		return s.Daemon != nil || s.Service.State != service.On
	})
	if s.Service.State != service.On || s.Daemon == nil {
		w.t.Fatalf("the service does not run: %+v\n%s", s, w.log())
	}
	return s
}

func (w *windows) off() {
	w.t.Helper()
	if s, code := w.standing(); code != 1 || s.Service.State != service.Off || s.Service.Result != "" {
		w.t.Errorf("%d %+v\n%s", code, s.Service, w.log())
	}
	w.noProcess()
}

// noProcess waits until none of our processes is left: after Windows reports one as ended,
// it may exist here for a moment.
func (w *windows) noProcess() {
	w.t.Helper()
	w.Until("no process of balansd is left", func() bool { return len(w.Processes(windowsExe, "run")) == 0 })
}

func windowsAbsent(_ *testing.T, w *windows) {
	w.want(1, "not installed", "service", "start")
	w.want(1, "not installed", "service", "uninstall")
}

func windowsDryRun(t *testing.T, w *windows) {
	out := w.want(0, "create the service balansd", "service", "install", "--dry-run", "--config", windowsConfig)
	for _, has := range []string{`NT SERVICE\balansd`, `"` + windowsExe + `" run --service --config "` + windowsConfig + `"`, "10s, 1m0s, 5m0s", windowsData, "event log"} {
		if !strings.Contains(out, has) {
			t.Errorf("the plan does not say %q:\n%s", has, out)
		}
	}
	if s, code := w.standing(); code != 1 || s.Service.State != service.NotInstalled {
		t.Errorf("%d %+v", code, s)
	}
}

func windowsInstall(t *testing.T, w *windows) {
	out := w.want(0, "is installed", "service", "install", "--config", windowsConfig)
	if n := strings.Count(out, "this version of Windows does not support a setting of the service"); n == 0 {
		t.Errorf("what Wine does not offer is left out without a word:\n%s", out)
	}
	s := w.runs()
	if s.Service.Executable != windowsExe || s.Service.Config != windowsConfig || s.Config != windowsConfig || s.DataDir != windowsData ||
		!s.Service.Enabled || s.Service.Account != `NT SERVICE\balansd` || s.Service.PID == 0 || s.Daemon.NextWake.IsZero() || s.Trouble != "" {
		t.Errorf("%+v", s)
	}
	if pids := w.Processes(windowsExe, "--service"); len(pids) != 1 {
		t.Errorf("the processes are %v", pids)
	}
	for _, file := range []string{`\balansd.db`, `\log\balansd.log`} {
		if info, err := os.Stat(w.Path(windowsData + file)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func (w *windows) fill(dossiers int) {
	w.t.Helper()
	err := w.sand.FillWith(sandbox.FillOptions{Companies: dossiers, Dossiers: dossiers, Balances: dossiers, Model: balance.Micro})
	if err != nil {
		w.t.Fatal(err)
	}
}

func windowsWork(t *testing.T, w *windows) {
	info := w.sand.Info()
	firm := info.Silverfin.Firms[0].ID
	w.want(0, "Linked", "connect", "finbox", info.Finbox.ConnectionID, "--config", windowsConfig)
	r := w.Run(w.sand.Silverfin.Grant(firm)+"\n", windowsExe,
		"connect", "silverfin", "--oob", "--firm", strconv.FormatInt(firm, 10), "--config", windowsConfig)
	if r.Code != 0 {
		t.Fatalf("connect silverfin: %+v\n%s", r, w.log())
	}
	w.fill(3)
	w.want(0, "3 new", "sync", "--config", windowsConfig)
	w.want(0, "runs since", "status", "--config", windowsConfig)
	if s := w.runs(); s.Daemon.Counts["done"] != 3 {
		t.Errorf("%+v", s.Daemon)
	}
}

// windowsKilled starts the service by hand: Wine accepts recovery actions and ignores
// them.
func windowsKilled(t *testing.T, w *windows) {
	was := w.runs().Service.PID
	w.Kill(w.Processes(windowsExe, "--service")...)
	if s, code := w.standing(); code != 1 || s.Service.State != service.Failed || !strings.Contains(s.Service.Result, "ended without a reason") {
		t.Errorf("%d %+v", code, s.Service)
	}
	w.want(0, "runs", "service", "start")
	if s := w.runs(); s.Service.PID == was || s.Daemon.Counts["done"] != 3 {
		t.Errorf("%+v", s)
	}
	w.want(0, "runs", "service", "start") // it runs already
}

func windowsRestart(t *testing.T, w *windows) {
	was := w.runs().Service.PID
	w.want(0, "anew", "service", "restart")
	if s := w.runs(); s.Service.PID == was {
		t.Errorf("%+v", s)
	}
	w.spent("stop when idle", "service", "stop")
	w.off()
	w.want(0, "stopped", "service", "stop") // it is stopped already
	began := time.Now()
	w.spent("start", "service", "start")
	w.runs()
	t.Logf("start until the daemon answers: %.2f s", time.Since(began).Seconds())
}

// windowsInstallAgain installs from another path of the program and back, and repairs a
// damaged installation.
func windowsInstallAgain(t *testing.T, w *windows) {
	const elsewhere, source = `C:\elsewhere\balansd.exe`, `HKLM\SYSTEM\CurrentControlSet\Services\EventLog\Application\balansd`
	program, err := os.ReadFile(w.Path(windowsExe))
	if err != nil {
		t.Fatal(err)
	}
	w.Write(elsewhere, program)
	if r := w.Run("", elsewhere, "service", "install", "--config", windowsConfig); r.Code != 0 {
		t.Fatalf("%+v", r)
	}
	if s := w.runs(); s.Service.Executable != elsewhere || len(w.Processes(elsewhere, "--service")) != 1 {
		t.Errorf("%+v", s.Service)
	}
	if r := w.Run("", "reg", "delete", source, "/f"); r.Code != 0 {
		t.Fatalf("%+v", r)
	}
	w.want(0, "bring the service balansd up to date", "service", "install", "--config", windowsConfig)
	if s := w.runs(); s.Service.Executable != windowsExe || !s.Service.Enabled || s.Daemon.Counts["done"] != 3 {
		t.Errorf("%+v", s)
	}
	if r := w.Run("", "reg", "query", source); r.Code != 0 || !strings.Contains(r.Stdout, "EventCreate.exe") {
		t.Errorf("%+v", r)
	}
}

func windowsMistake(t *testing.T, w *windows) {
	w.configure("nights: wrong\n")
	w.want(2, "is not restarted", "service", "restart")
	if s, code := w.standing(); code != 3 || s.Service.State != service.On || !strings.Contains(s.Trouble, "nights") {
		t.Errorf("after a refusal: %d %+v", code, s)
	}
	// Windows itself cannot look first. What a person has to mend ends the service without
	// an exit code, since Windows would start it again and again; status has the reason.
	w.want(0, "", "service", "stop")
	w.Run("", "net", "start", "balansd")
	w.Until("it has ended", func() bool { s, _ := w.standing(); return s.Service.State == service.Off })
	if s, code := w.standing(); code != 1 || !strings.Contains(s.Trouble, "nights") {
		t.Errorf("after a start: %d %+v", code, s)
	}
	w.configure("")
	w.want(0, "runs", "service", "start")
	w.runs()
}

func windowsStopped(t *testing.T, w *windows) {
	w.fill(60)
	w.sand.Silverfin.Faults().SetLatency(50 * time.Millisecond)
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.Run("", windowsExe, "sync", "--config", windowsConfig)
	}()
	w.Until("a run is in progress", func() bool { s, _ := w.standing(); return s.Daemon != nil && s.Daemon.Counts["done"] > 5 })
	w.sand.Silverfin.Faults().SetLatency(5 * time.Second)
	// After the time limit the service would have ended with an error, which off sees.
	w.spent("stop during a run", "service", "stop")
	<-done
	w.off()
	w.sand.Silverfin.Faults().SetLatency(0)
	w.want(0, "runs", "service", "start")
	w.runs()
	w.want(0, "", "sync", "--config", windowsConfig)
	if s := w.runs(); s.Daemon.Counts["done"] != 63 {
		t.Errorf("%+v", s.Daemon)
	}
}

// windowsReboot cuts the power. The service starts with the machine and has its state.
func windowsReboot(t *testing.T, w *windows) {
	w.Reboot()
	if s := w.runs(); s.Daemon.Counts["done"] != 63 {
		t.Errorf("%+v", s.Daemon)
	}
}

// windowsCalls runs the tests that need a Windows inside this one.
func windowsCalls(t *testing.T, w *windows) {
	const exe = `C:\calls\service.test.exe`
	w.Write(exe, windowsBinary(t, "test", "-c"))
	r := w.Run("", exe, "-test.run", "^TestOnWindows", "-test.v")
	if n := strings.Count(r.Stdout, "--- PASS: TestOnWindows"); r.Code != 0 || n < 4 {
		t.Errorf("exit code %d, %d passed:\n%s%s", r.Code, n, r.Stdout, r.Stderr)
	}
}

func windowsUninstall(t *testing.T, w *windows) {
	w.want(0, "is removed", "service", "uninstall")
	if s, code := w.standing(); code != 1 || s.Service.State != service.NotInstalled {
		t.Errorf("%d %+v", code, s.Service)
	}
	w.noProcess()
	if r := w.Run("", "reg", "query", `HKLM\SYSTEM\CurrentControlSet\Services\EventLog\Application\balansd`); r.Code == 0 {
		t.Errorf("the event source is still there: %s", r.Stdout)
	}
	if _, err := os.Stat(w.Path(windowsData + `\balansd.db`)); err != nil {
		t.Errorf("the state is gone: %v", err)
	}
	w.want(1, "not installed", "service", "uninstall")
}

func windowsPurge(t *testing.T, w *windows) {
	w.want(0, "is installed", "service", "install", "--config", windowsConfig)
	if s := w.runs(); s.Daemon.Counts["done"] != 63 {
		t.Errorf("%+v", s.Daemon)
	}
	w.want(2, "--yes", "service", "uninstall", "--purge")
	w.want(0, "is removed", "service", "uninstall", "--purge", "--yes")
	for _, gone := range []string{windowsData, windowsConfig} {
		if _, err := os.Stat(w.Path(gone)); !os.IsNotExist(err) {
			t.Errorf("%s: %v", gone, err)
		}
	}
}

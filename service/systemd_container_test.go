//go:build linux

package service_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"balansd/problem"
	"balansd/service"
)

// The main test uses paths with every character that needs escaping in a unit or a shell.
const (
	oddFolder = `/opt/Kantoor 100% $HOME "Dürer" l'été {{Name}} \x`
	oddExe    = oddFolder + "/balansd"
	oddConfig = oddFolder + "/balansd.yaml"
)

// TestServiceOnSystemd goes through the life of an installation on a real systemd.
func TestServiceOnSystemd(t *testing.T) {
	o := newOffice(t, oddExe, oddConfig, `
data_dir: "/srv/balans data"
folders: [{name: payroll, path: "/home/jan/sociale balans"}]
backup: {folder: /mnt/copies}
portal: {listen: "127.0.0.1:8443", hostnames: [balansd.kantoor.example], certificate_file: portal.crt, key_file: secrets/portal.key}
`)
	o.certify(1)
	o.Must("mkdir", "-p", "/home/jan/sociale balans/Proef BV")
	o.Must("chmod", "700", "/home/jan")

	for _, step := range []struct {
		name string
		do   func(*testing.T, *office)
	}{
		{"nobody may install", nobodyInstalls},
		{"a dry run does nothing", dryRun},
		{"install", install},
		{"the sandbox holds", hardened},
		{"work", work},
		{"the journal", journal},
		{"a renewed certificate", renewed},
		{"install again", installAgain},
		{"an added folder", addedFolder},
		{"killed", killed},
		{"ended by an error", erred},
		{"crashed", crashed},
		{"hung", hung},
		{"a mistake in the configuration", mistake},
		{"stopped during a run", stopped},
		{"reboot without network", reboot},
		{"uninstall", uninstall},
		{"purge", purge},
	} {
		began := time.Now()
		step.do(t, o)
		t.Logf("%s: %.1f s", step.name, time.Since(began).Seconds())
		if t.Failed() {
			return // the next step depends on this one
		}
	}
}

func nobodyInstalls(t *testing.T, o *office) {
	o.Must("chmod", "644", o.config)
	for _, verb := range []string{"install", "uninstall", "start", "stop", "restart"} {
		args := []string{o.exe, "service", verb}
		if verb == "install" {
			o.Must("chmod", "-R", "o+rX", oddFolder) // so that only the access list is wrong
			args = append(args, "--config", o.config)
		}
		r := o.RunAs("nobody", args...)
		if r.Code != 1 || !strings.Contains(r.Stderr, "root") || !strings.Contains(r.Stderr, "sudo") {
			t.Errorf("service %s by nobody: exit code %d\n%s%s", verb, r.Code, r.Stdout, r.Stderr)
		}
	}
	o.Must("chmod", "-R", "o-rwx", oddFolder+"/secrets")
	o.Must("chmod", "640", o.config)
}

func dryRun(t *testing.T, o *office) {
	o.want(0, "write /etc/systemd/system/balansd.service", "service", "install", "--dry-run", "--config", o.config)
	if _, err := os.Stat(o.Path("/etc/systemd/system/balansd.service")); !os.IsNotExist(err) {
		t.Errorf("a dry run wrote the unit: %v", err)
	}
	if s, code := o.standing(); code != 1 || s.Service.State != service.NotInstalled {
		t.Errorf("%d %+v", code, s)
	}
}

func install(t *testing.T, o *office) {
	o.want(0, "is installed", "service", "install", "--config", o.config)
	s := o.runs()
	if s.Service.Executable != o.exe || s.Service.Config != o.config || s.Config != o.config || s.DataDir != "/srv/balans data" ||
		!s.Service.Enabled || s.Service.Account != service.Account || s.Daemon == nil || s.Daemon.NextWake.IsZero() || s.Trouble != "" {
		t.Errorf("%+v", s)
	}
	out := o.want(0, "next night", "service", "status")
	for _, has := range []string{"running since", "with the machine", o.exe, o.config, "/srv/balans data", "journalctl"} {
		if !strings.Contains(out, has) {
			t.Errorf("status does not say %q:\n%s", has, out)
		}
	}
	if r := o.RunAs("nobody", o.exe, "service", "status"); r.Code != 0 || !strings.Contains(r.Stdout, "running since") || !strings.Contains(r.Stdout, "sudo") {
		t.Errorf("status by nobody: %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	uid := strings.Fields(o.Must("id", "-u", service.Account))[0]
	status := o.Must("cat", fmt.Sprintf("/proc/%d/status", s.Service.PID))
	if uid == "0" || !regexp.MustCompile(`Uid:\s+`+uid+`\s+`+uid+`\s+`+uid).MatchString(status) || !strings.Contains(status, "CapEff:\t0000000000000000") {
		t.Errorf("the service does not run as %s without rights:\n%s", uid, status)
	}
	if exe := strings.TrimSpace(o.Must("readlink", fmt.Sprintf("/proc/%d/exe", s.Service.PID))); exe != o.exe {
		t.Errorf("it runs %s", exe)
	}
}

func hardened(t *testing.T, o *office) {
	if r := o.Run("systemd-analyze", "verify", "balansd.service"); r.Code != 0 || r.Stderr != "" {
		t.Errorf("verify: %d\n%s", r.Code, r.Stderr)
	}
	r := o.Run("systemd-analyze", "security", "--threshold=15", "--no-pager", "balansd.service")
	if r.Code != 0 {
		t.Errorf("the exposure is over 1.5:\n%s", r.Stdout)
	}
	lines := strings.Split(strings.TrimSpace(r.Stdout), "\n")
	t.Log(lines[len(lines)-1])
}

func work(t *testing.T, o *office) {
	o.link(3)
	o.want(0, "3 new", "sync", "--config", o.config)
	if s := o.runs(); s.Daemon.Counts["done"] != 3 {
		t.Errorf("%+v", s.Daemon)
	}
	o.want(0, "", "backup", "create", "--config", o.config)
	if names, _ := filepath.Glob(o.Path("/mnt/copies/*")); len(names) == 0 {
		t.Error("no copy of the state in the folder of the administrator's choice")
	}
	memory := o.Must("sh", "-c", fmt.Sprintf("grep VmRSS /proc/%d/status", o.runs().Service.PID))
	t.Logf("memory after a run: %s", strings.Join(strings.Fields(memory), " "))
}

// journal reads the log as an administrator's tools do, by its fields.
func journal(t *testing.T, o *office) {
	read := func(match string) map[string]any {
		t.Helper()
		text := o.Must("journalctl", "--unit=balansd", "--output=json", "--no-pager", "--lines=1", match)
		fields := map[string]any{}
		if err := json.Unmarshal([]byte(text), &fields); err != nil {
			t.Fatalf("%s: %v: %q\n%s", match, err, text, o.journal())
		}
		return fields
	}
	started := read(fmt.Sprintf("BALANSD_EVENT_ID=%d", problem.Started))
	for field, want := range map[string]string{"PRIORITY": "6", "SYSLOG_IDENTIFIER": "balansd", "BALANSD_CONFIG": o.config, "_SYSTEMD_UNIT": "balansd.service"} {
		if started[field] != want {
			t.Errorf("%s is %v, want %q", field, started[field], want)
		}
	}
	if run := read("BALANSD_MESSAGE=run ends"); run["BALANSD_DONE"] != "3" || run["MESSAGE"] == "" {
		t.Errorf("%v", run)
	}
	secret := o.sand.Info().Silverfin.ClientSecret
	if all := o.Must("journalctl", "--unit=balansd", "--output=export", "--no-pager"); strings.Contains(all, secret) {
		t.Error("a secret is in the log")
	}
}

// installAgain repairs a damaged installation.
func installAgain(t *testing.T, o *office) {
	was := o.runs().Service.PID
	o.Write("/etc/systemd/system/balansd.service", "", 0o644) // an interrupted installation leaves it empty
	o.Must("systemctl", "disable", "--quiet", "balansd.service")
	o.Must("chown", "root:root", "/srv/balans data/balansd.db")
	o.want(0, "is installed", "service", "install", "--config", o.config)
	if s := o.runs(); s.Service.PID == was || !s.Service.Enabled || s.Daemon.Counts["done"] != 3 {
		t.Errorf("%+v", s)
	}
	o.want(0, "", "sync", "--config", o.config)
}

// addedFolder adds a folder that the unit hides: that is told, and the service sees it once
// it is installed again.
func addedFolder(_ *testing.T, o *office) {
	const folder, command = "/home/jan/acerta", "sudo balansd service install"
	o.Must("mkdir", "-p", folder)
	o.want(0, command, "syncs", "add", "acerta", folder, "--config", o.config)
	o.want(1, command, "syncs", "test", "acerta", "--config", o.config)
	o.want(0, "is installed", "service", "install", "--config", o.config)
	o.want(0, "holds no social balance yet", "syncs", "test", "acerta", "--config", o.config)
	o.want(0, "is removed", "syncs", "remove", "acerta", "--yes", "--config", o.config)
}

func killed(t *testing.T, o *office) {
	// A start does not wait for the restart delay.
	o.kill("KILL")
	if s, code := o.standing(); code != 1 || s.Service.State != service.Waiting || s.Service.Result != "signal" {
		t.Errorf("%d %+v", code, s.Service)
	}
	o.want(0, "runs", "service", "start")
	o.kill("KILL")
	o.want(0, "anew", "service", "restart")
	// It restarts by itself, too.
	o.dropIn("test", "[Service]\nRestartSec=100ms\n")
	o.kill("KILL")
	o.Until("it is back", func() bool { s, code := o.standing(); return code == 0 && s.Service.Restarts == 1 })
}

// erred makes the service exit with code 1, after which systemd restarts it.
func erred(t *testing.T, o *office) {
	const state = "/srv/balans data/balansd.db"
	o.want(0, "", "service", "stop")
	o.Must("mv", state, state+".aside")
	o.Must("mkdir", state)
	o.dropIn("test", "[Service]\nRestartSec=60\n")
	out := o.want(1, "does not start", "service", "start")
	if !strings.Contains(out, state) {
		t.Errorf("the reason is missing:\n%s", out)
	}
	s, code := o.standing()
	if code != 1 || s.Service.State != service.Waiting || s.Service.Says == "" {
		t.Errorf("%d %+v", code, s.Service)
	}
	t.Logf("it says: %s", s.Service.Says)
	o.dropIn("test", "[Service]\nRestartSec=100ms\n")
	o.Must("rmdir", state)
	o.Must("mv", state+".aside", state)
	o.want(0, "runs", "service", "start")
}

// crashed makes the Go runtime die as of a panic, with traces.
func crashed(t *testing.T, o *office) {
	o.kill("ABRT")
	o.Until("it is back", func() bool { _, code := o.standing(); return code == 0 })
	if log := o.journal(); !strings.Contains(log, "the last run of balansd ended in a crash") || !strings.Contains(log, "SIGABRT") {
		t.Errorf("no report of the crash in:\n%s", log)
	}
	files, err := filepath.Glob(o.Path("/srv/balans data/crash-*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v %v", files, err)
	}
	if text, err := os.ReadFile(files[0]); err != nil || !strings.Contains(string(text), "goroutine") {
		t.Errorf("%v: %s", err, text)
	}
}

func hung(t *testing.T, o *office) {
	o.dropIn("test", "[Service]\nRestartSec=100ms\nWatchdogSec=1s\n")
	o.want(0, "anew", "service", "restart")
	was := o.runs().Service.PID
	o.Must("kill", "-STOP", strconv.Itoa(was))
	o.Until("the hung process is replaced", func() bool {
		s, code := o.standing()
		return code == 0 && s.Service.PID != was && s.Daemon != nil
	})
	if log := o.Must("journalctl", "--unit=balansd", "--no-pager", "--output=cat"); !strings.Contains(log, "Watchdog timeout") {
		t.Errorf("no report of the watchdog in:\n%s", log)
	}
	if err := os.Remove(o.Path("/etc/systemd/system/balansd.service.d/test.conf")); err != nil {
		t.Fatal(err)
	}
	o.Must("systemctl", "daemon-reload")
}

func mistake(t *testing.T, o *office) {
	right, err := os.ReadFile(o.Path(o.config))
	if err != nil {
		t.Fatal(err)
	}
	o.Write(o.config, strings.Replace(string(right), "night:", "nigth:", 1), 0o640)
	pid := func() int { s, _ := o.standing(); return s.Service.PID }()
	refused := func(out string) {
		t.Helper()
		if !strings.Contains(out, "nigth") {
			t.Errorf("the mistake is not named:\n%s", out)
		}
		if s, code := o.standing(); code != 3 || s.Service.PID != pid || s.Daemon == nil && s.Trouble == "" || !strings.Contains(s.Trouble, "nigth") {
			t.Errorf("after a refusal: %d %+v", code, s)
		}
	}
	refused(o.want(2, "is not restarted", "service", "restart"))
	r := o.Run("systemctl", "reload", "balansd")
	if r.Code == 0 {
		t.Error("a reload that was refused looks well")
	}
	refused(o.journal())
	// Systemd itself cannot look first. The reason is there for who looks for errors alone.
	o.Run("systemctl", "restart", "balansd")
	o.Until("it has failed", func() bool { s, _ := o.standing(); return s.Service.State == service.Failed })
	errs := o.Must("journalctl", "--unit=balansd", "--priority=err", "--output=json", "--no-pager", "--lines=20")
	if !strings.Contains(errs, "nigth") || !strings.Contains(errs, fmt.Sprintf("%04d", problem.ConfigInvalid.EventID())) {
		t.Errorf("the reason is no error in the journal:\n%s", errs)
	}
	s, code := o.standing()
	if code != 1 || s.Service.State != service.Failed || s.Service.Restarts != 0 {
		t.Errorf("%d %+v", code, s.Service)
	}
	o.Write(o.config, string(right), 0o640)
	o.want(0, "runs", "service", "start")
	// The running service reads its configuration again.
	o.Must("systemctl", "reload", "balansd")
	o.runs()
}

// renewed replaces the certificate of the pages and its key, as the hook of certbot does,
// and reloads the service. The key is in the folder that root alone may read.
func renewed(t *testing.T, o *office) {
	pid := o.runs().Service.PID
	if got := o.served(); got != 1 {
		t.Errorf("certificate %d is served, want 1", got)
	}
	for serial := int64(2); serial < 4; serial++ {
		o.certify(serial)
		o.Must("systemctl", "reload", "balansd")
		if got := o.served(); got != serial {
			t.Errorf("certificate %d is served, want %d\n%s", got, serial, o.journal())
		}
	}
	o.certify(4)
	out := o.want(0, "", "config", "reload", "--config", o.config)
	if got := o.served(); got != 4 || strings.Contains(out, "restart") {
		t.Errorf("certificate %d is served, want 4; %s", got, out)
	}
	if s := o.runs(); s.Service.PID != pid {
		t.Error("it was restarted")
	}
	if mode := o.Must("stat", "--format=%a %U", "/run/balansd/secrets", "/run/balansd/secrets/portal.key"); mode != "700 balansd\n400 balansd\n" {
		t.Errorf("the copies are %q", mode)
	}
	o.want(0, "", "service", "restart")
	if r := o.Run("ls", "/run/balansd/secrets"); r.Code == 0 {
		t.Error("the copies outlive the service")
	}
	if got := o.served(); got != 4 {
		t.Errorf("after a restart certificate %d is served", got)
	}
}

func stopped(t *testing.T, o *office) {
	spent := func(what string, args ...string) {
		began := time.Now()
		o.want(0, "", args...)
		t.Logf("%s: %.2f s", what, time.Since(began).Seconds())
	}
	spent("stop when idle", "service", "stop")
	spent("start", "service", "start")
	o.fill(60)
	o.sand.Silverfin.Faults().SetLatency(50 * time.Millisecond)
	done := make(chan struct{})
	go func() {
		defer close(done)
		o.run("sync", "--config", o.config)
	}()
	o.Until("a run is in progress", func() bool { s, _ := o.standing(); return s.Daemon != nil && s.Daemon.Counts["done"] > 5 })
	spent("stop during a run", "service", "stop")
	<-done
	if s, _ := o.standing(); s.Service.State != service.Off || s.Service.Result != "" {
		t.Errorf("%+v", s.Service)
	}
	o.sand.Silverfin.Faults().SetLatency(0)
	spent("start", "service", "start")
	o.Until("the daemon answers", func() bool { s, _ := o.standing(); return s.Daemon != nil })
	if s, _ := o.standing(); s.Daemon.Counts["done"] >= 63 {
		t.Errorf("the run was over before the stop: %+v", s)
	}
	o.want(0, "", "sync", "--config", o.config)
	if s := o.runs(); s.Daemon.Counts["done"] != 63 {
		t.Errorf("%+v", s.Daemon)
	}
}

// reboot restarts the machine without a network, as when a server is up before its switch.
func reboot(t *testing.T, o *office) {
	o.Reboot()
	o.runs()
	if r := o.run("sync", "--config", o.config); r.Code == 0 {
		t.Errorf("a run without network succeeds:\n%s", r.Stdout)
	}
	o.Until("it runs all the same", func() bool { s, _ := o.standing(); return s.Service.State == service.On && s.Service.Restarts == 0 })
}

func uninstall(t *testing.T, o *office) {
	o.want(0, "stop the service", "service", "uninstall", "--dry-run")
	o.want(0, "removed", "service", "uninstall")
	if s, code := o.standing(); code != 1 || s.Service.State != service.NotInstalled {
		t.Errorf("%d %+v", code, s)
	}
	if left := o.Run("systemctl", "list-unit-files", "--no-legend", "balansd*").Stdout; left != "" {
		t.Errorf("left: %s", left)
	}
	if _, err := os.Stat(o.Path("/srv/balans data/balansd.db")); err != nil {
		t.Errorf("the state is gone: %v", err)
	}
	o.want(0, "removed", "service", "uninstall") // a second time
	o.want(1, "not installed", "service", "start")
}

func purge(t *testing.T, o *office) {
	o.want(0, "is installed", "service", "install", "--config", o.config, "--no-start")
	o.want(2, "--yes", "service", "uninstall", "--purge")
	o.want(0, "removed", "service", "uninstall", "--purge", "--yes")
	for _, gone := range []string{"/srv/balans data", o.config, oddFolder + "/secrets", "/etc/systemd/system/balansd.service", "/etc/sysusers.d/balansd.conf"} {
		if _, err := os.Lstat(o.Path(gone)); !os.IsNotExist(err) {
			t.Errorf("%s is still there", gone)
		}
	}
}

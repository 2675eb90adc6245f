//go:build linux

package service_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"balansd/internal/testenv"
	"balansd/service"
)

// TestServiceOnSysV goes through the life of an installation on a Debian with SysV init.
func TestServiceOnSysV(t *testing.T) {
	o := newOfficeIn(testenv.NewSysVContainer(t), t, oddExe, oddConfig, "data_dir: \"/srv/balans data\"\n")
	o.want(0, "write /etc/init.d/balansd", "service", "install", "--dry-run", "--config", o.config)
	o.want(1, "not installed", "service", "start")
	sysvRuns := func() standing {
		t.Helper()
		var s standing
		o.Until("the daemon answers", func() bool {
			s, _ = o.standing()
			return s.Daemon != nil || s.Service.State != service.On
		})
		if s.Service.State != service.On {
			t.Fatalf("it does not run: %+v\n%s", s, sysvLog(o))
		}
		return s
	}
	// pid returns the process of the daemon, not of the shell that restarts it.
	pid := func() string {
		return strings.TrimSpace(o.Must("pgrep", "-u", service.Account, "-f", "^"+oddFolder[:5]+".* run --service"))
	}

	o.want(0, "is installed", "service", "install", "--config", o.config)
	s := sysvRuns()
	if s.Service.Manager != "SysV init" || !s.Service.Enabled || s.Service.Executable != o.exe || s.Service.Config != o.config {
		t.Errorf("%+v", s.Service)
	}
	uid := strings.Fields(o.Must("id", "-u", service.Account))[0]
	if status := o.Must("cat", "/proc/"+pid()+"/status"); uid == "0" || !strings.Contains(status, "Uid:\t"+strings.Repeat(uid+"\t", 3)+uid+"\n") ||
		!strings.Contains(status, "CapEff:\t0000000000000000") || !strings.Contains(status, "Umask:\t0077") {
		t.Errorf("it does not run as %s:\n%s", uid, status)
	}
	o.link(3)
	o.want(0, "3 new", "sync", "--config", o.config)
	o.want(0, "/srv/balans data/log/balansd.log", "service", "status")

	// It restarts after a crash; the delay of half a minute is shortened.
	was := pid()
	o.Must("kill", "-KILL", was)
	o.Until("it waits", func() bool { return o.Run("pkill", "-u", service.Account, "-x", "sleep").Code == 0 })
	if sysvRuns(); pid() == was {
		t.Error("it was not started again")
	}
	// If the shell that restarts it is killed as well, a start works.
	o.Must("sh", "-c", "kill -KILL $(cat /run/balansd.pid)")
	o.Until("it is missed", func() bool { s, _ := o.standing(); return s.Service.State == service.Failed })
	was = pid()
	o.want(0, "runs", "service", "start")
	if sysvRuns(); pid() == was {
		t.Error("what was left still runs")
	}
	o.Must("service", "balansd", "reload")
	sysvRuns()

	// A mistake in the configuration is reported, and the start is not repeated.
	right, err := os.ReadFile(o.Path(o.config))
	if err != nil {
		t.Fatal(err)
	}
	o.Write(o.config, strings.Replace(string(right), "night:", "nigth:", 1), 0o640)
	o.want(2, "is not restarted", "service", "restart")
	if s, code := o.standing(); code != 3 || s.Service.State != service.On {
		t.Errorf("after a refusal: %d %+v", code, s.Service)
	}
	o.want(0, "", "service", "stop")
	o.want(1, "config check", "service", "start")
	if s, code := o.standing(); code != 1 || s.Service.State != service.Off {
		t.Errorf("%d %+v", code, s.Service)
	}
	o.Write(o.config, string(right), 0o640)
	o.Must("chown", "root:"+service.Account, o.config)
	o.want(0, "runs", "service", "start")
	sysvRuns()

	// It starts and stops with the machine.
	o.Reboot()
	o.Until("it is started", func() bool { s, _ := o.standing(); return s.Service.State == service.On })
	sysvRuns()
	if log := sysvLog(o); !strings.Contains(log, "balansd stops") {
		t.Errorf("it was not stopped with the machine:\n%s", log)
	}

	// Installing again repairs it, and a stop works.
	o.Must("sh", "-c", "rm /etc/rc?.d/???balansd")
	o.want(0, "is installed", "service", "install", "--config", o.config)
	if s := sysvRuns(); !s.Service.Enabled || s.Daemon.Counts["done"] != 3 {
		t.Errorf("%+v", s)
	}
	o.want(0, "stopped", "service", "stop")
	if s, code := o.standing(); code != 1 || s.Service.State != service.Off || o.Run("pgrep", "-u", service.Account).Code == 0 {
		t.Errorf("%d %+v", code, s.Service)
	}

	o.want(0, "removed", "service", "uninstall")
	if s, _ := o.standing(); s.Service.State != service.NotInstalled {
		t.Errorf("%+v", s)
	}
	for _, pattern := range []string{"/etc/rc?.d/*balansd", "/etc/init.d/balansd", "/run/balansd.pid"} {
		if left, _ := filepath.Glob(o.Path(pattern)); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	}
	if _, err := os.Stat(o.Path("/srv/balans data/balansd.db")); err != nil {
		t.Errorf("the state is gone: %v", err)
	}
}

// sysvLog returns the end of the service's log.
func sysvLog(o *office) string {
	return o.Run("tail", "--lines=20", "/srv/balans data/log/balansd.log").Stdout
}

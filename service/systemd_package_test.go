//go:build linux

package service_test

import (
	"os"
	"strings"
	"testing"

	"balansd/service"
)

// TestPackagedServiceOnSystemd installs the unit as a package does: in the folder of
// packages, with the account and folders that a package makes.
func TestPackagedServiceOnSystemd(t *testing.T) {
	spec := service.PackageSpec()
	o := newOffice(t, spec.Executable, spec.Config, "")
	unit, err := service.Unit(service.UnitSpec{Spec: spec})
	if err != nil {
		t.Fatal(err)
	}
	o.Write("/usr/lib/systemd/system/balansd.service", unit, 0o644)
	o.Write("/usr/lib/sysusers.d/balansd.conf", service.Sysusers(), 0o644)
	o.Must("systemd-sysusers")
	o.Must("chown", "-R", "root:balansd", "/etc/balansd")
	o.Must("chown", "-R", "root:root", "/etc/balansd/secrets")
	o.Must("chmod", "750", "/etc/balansd")
	o.Must("chmod", "700", "/etc/balansd/secrets")
	o.Must("systemctl", "daemon-reload")
	if r := o.Run("systemd-analyze", "verify", "balansd.service"); r.Code != 0 || r.Stderr != "" {
		t.Errorf("verify: %d\n%s", r.Code, r.Stderr)
	}

	// Everything is where the package puts it, so we write no file.
	o.want(0, "unit of the package", "service", "install")
	o.runs()
	o.link(2)
	o.want(0, "2 new", "sync")
	for _, file := range []string{"/etc/systemd/system/balansd.service", "/etc/systemd/system/balansd.service.d", "/etc/sysusers.d/balansd.conf"} {
		if _, err := os.Lstat(o.Path(file)); !os.IsNotExist(err) {
			t.Errorf("%s is there", file)
		}
	}
	if found := o.Run("journalctl", "--unit=balansd", "--grep=mode|warn|denied", "--output=cat", "--no-pager"); found.Stdout != "" {
		t.Errorf("systemd or balansd complains:\n%s", found.Stdout)
	}

	// Other folders need a drop-in.
	o.configure("data_dir: \"/srv/balans data\"\nbackup: {folder: /home/copies}\nlog: {file: /var/log/balansd/balansd.log}\n")
	o.want(0, "add to the unit of the package", "service", "install")
	if s := o.runs(); s.DataDir != "/srv/balans data" || s.Daemon == nil {
		t.Errorf("%+v", s)
	}
	o.want(0, "", "backup", "create")
	if log, err := os.ReadFile(o.Path("/var/log/balansd/balansd.log")); err != nil || !strings.Contains(string(log), "balansd starts") {
		t.Errorf("%v: %s", err, log)
	}

	o.want(1, "apt remove", "service", "uninstall")
	o.Reboot()
	o.runs()

	// Without the folder of secrets systemd does not start it. A start repairs that.
	o.Must("mv", "/etc/balansd/secrets", "/etc/balansd/elsewhere")
	o.Must("sed", "--in-place=", "s#secrets/#elsewhere/#", spec.Config)
	o.Must("chown", "-R", "root:balansd", spec.Config, "/etc/balansd/elsewhere")
	o.Must("chmod", "-R", "g+rX", "/etc/balansd/elsewhere")
	if r := o.Run("systemctl", "restart", "balansd"); r.Code == 0 {
		t.Error("systemd starts it without its folder of secrets")
	}
	o.want(0, "runs", "service", "start")
	o.runs()
}

//go:build linux

package main

import (
	"strings"
	"testing"

	"balansd/internal/testenv"
)

// testDeb takes a .deb on a machine with systemd through first installation, reboot,
// update, removal and purge.
func testDeb(t *testing.T, older, newer string) {
	testenv.Need(t, testenv.Packages, "dpkg", "curl")
	s := newServer(t, older, newer)
	s.simulate()
	// It can be installed where systemd does not run, as in an image build.
	s.sh("unshare --mount sh -ec 'mount -t tmpfs none /run; dpkg -i /packages/0.1.0/balansd-linux-amd64.deb; dpkg --purge balansd'")
	out := s.want("balansd config init", "dpkg -i /packages/0.1.0/balansd-linux-amd64.deb")
	t.Logf("dpkg says:\n%s", out)
	s.want("inactive", "systemctl is-active balansd || true")
	s.want("disabled", "systemctl is-enabled balansd || true")
	s.want("drwxr-x--- root balansd /etc/balansd", "stat -c '%A %U %G %n' /etc/balansd")
	s.want("drwx------ root root", "stat -c '%A %U %G' /etc/balansd/secrets")

	s.want("Wrote /etc/balansd/balansd.yaml", "balansd config init")
	s.configure()
	// The file is root's alone until the service is installed.
	s.want("may not read /etc/balansd/balansd.yaml yet: sudo balansd service install", "balansd config check")
	s.sh("balansd service install")
	if out := s.want("is well", "balansd config check"); strings.Contains(out, "may not read") {
		t.Errorf("after service install config check says\n%s", out)
	}
	s.want("/lib/systemd/system/balansd.service", "systemctl show --property=FragmentPath balansd")
	s.running("0.1.0")
	s.want("balansd", "ps -o user= -p "+s.pid())
	s.link()
	s.deliver(3)
	if n := s.done(); n != 3 {
		t.Fatalf("%d balances are done, want 3", n)
	}

	s.container.Reboot()
	s.info() // waits for the simulators
	s.running("0.1.0")
	if n := s.done(); n != 3 {
		t.Fatalf("%d balances are done after a reboot, want 3", n)
	}

	s.sh("dpkg -i /packages/0.2.0/balansd-linux-amd64.deb")
	s.running("0.2.0")
	s.deliver(2)
	if n := s.done(); n != 5 {
		t.Fatalf("%d balances are done after the update, want 5", n)
	}

	// An invalid configuration must not stop the running service.
	before := s.pid()
	s.sh("cp -a /etc/balansd/balansd.yaml /root/well.yaml && echo 'nonsense: 1' >>/etc/balansd/balansd.yaml")
	s.want("was not restarted", "dpkg -i /packages/0.2.0/balansd-linux-amd64.deb")
	if now := s.pid(); now != before {
		t.Errorf("the service was restarted with a configuration that does not fit")
	}
	s.sh("cp -a /root/well.yaml /etc/balansd/balansd.yaml")

	s.sh("dpkg --remove balansd")
	s.want("inactive", "systemctl is-active balansd || true")
	s.sh("test -s /var/lib/balansd/balansd.db && test -s /etc/balansd/balansd.yaml && ! test -e /usr/bin/balansd")
	s.sh("dpkg -i /packages/0.2.0/balansd-linux-amd64.deb")
	s.running("0.2.0")
	if n := s.done(); n != 5 {
		t.Fatalf("%d balances are done after it was removed and came back, want 5", n)
	}

	// An update leaves a disabled service disabled.
	s.sh("systemctl disable --now balansd && dpkg -i /packages/0.2.0/balansd-linux-amd64.deb")
	s.want("inactive", "systemctl is-active balansd || true")

	// Backups stay, the ledger of an office is not deleted unasked.
	s.sh("systemctl start balansd && balansd backup create && mkdir /srv/elsewhere")
	dry := s.want("keep the backups in /var/lib/balansd/backups", "balansd service uninstall --purge --dry-run")
	for _, has := range []string{"sudo apt purge balansd", "delete for good /var/lib/balansd", "delete for good /etc/balansd", "delete for good /var/log/balansd"} {
		if !strings.Contains(dry, has) {
			t.Errorf("a dry run does not say %q:\n%s", has, dry)
		}
	}
	s.want("is-active", "echo is-active; systemctl is-active balansd")
	s.want("have the package stop", "balansd service uninstall --dry-run")
	if r := s.container.Run("balansd", "service", "uninstall", "--purge", "--yes"); r.Code != 1 || !strings.Contains(r.Stderr, "sudo apt") {
		t.Errorf("uninstalling what the package installed gives %+v", r)
	}
	copies := s.sh("ls /var/lib/balansd/backups")
	s.want("stay in /var/lib/balansd/backups", "dpkg --purge balansd")
	s.sh("! test -e /etc/balansd && ! test -e /var/log/balansd && ! getent passwd balansd && ! getent group balansd")
	if left := s.sh("ls -A /var/lib/balansd && ls /var/lib/balansd/backups"); left != "backups\n"+copies {
		t.Errorf("of\n%s purge leaves\n%s", copies, left)
	}
	s.want("drwx------ root", "stat -c '%A %U' /var/lib/balansd/backups")

	// Installed again, the service owns them, and the ledger comes back from one.
	s.sh("dpkg -i /packages/0.2.0/balansd-linux-amd64.deb")
	s.configure()
	s.sh("balansd service install && balansd service stop")
	s.sh("balansd backup restore --yes /var/lib/balansd/backups/$(ls -t /var/lib/balansd/backups | head -n 1) && balansd service start")
	s.running("0.2.0")
	if n := s.done(); n != 5 {
		t.Errorf("%d balances are done after a purge and a restore, want 5", n)
	}
	s.sh("rm -r /var/lib/balansd/backups && balansd service stop && rm -rf /var/lib/balansd/backups && dpkg --purge balansd")
	s.sh("! test -e /var/lib/balansd && ! test -e /etc/balansd && ! test -e /var/log/balansd && ! getent passwd balansd && ! getent group balansd")
	s.sh("! systemctl cat balansd 2>/dev/null")
}

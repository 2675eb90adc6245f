//go:build linux

package main

import (
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
	s.want("is well", "balansd config check")
	s.sh("balansd service install")
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

	s.sh("dpkg --purge balansd")
	s.sh("! test -e /var/lib/balansd && ! test -e /etc/balansd && ! test -e /var/log/balansd && ! getent passwd balansd && ! getent group balansd")
	s.sh("! systemctl cat balansd 2>/dev/null")
}

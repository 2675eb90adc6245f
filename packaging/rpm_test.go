//go:build linux

package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"balansd/internal/testenv"
)

// testRPM checks which files an .rpm installs, and runs its scripts on a machine with
// systemd. On Debian rpm must be told that its use is intended.
func testRPM(t *testing.T, older, newer string) {
	testenv.Need(t, testenv.Packages, "rpm", "curl")
	root := t.TempDir()
	install := exec.Command("rpm", "--root", root, "--dbpath", "/db", "--nodeps", "--noscripts", "-i",
		filepath.Join(older, "balansd-linux-arm64.rpm"), "--ignorearch")
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	out, err := exec.Command("find", root, "-path", root+"/db", "-prune", "-o", "-type", "f", "-printf", "%m %P\n").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"755 usr/bin/balansd", "644 usr/lib/systemd/system/balansd.service", "644 usr/lib/sysusers.d/balansd.conf",
		"644 usr/share/man/man8/balansd.8.gz", "644 usr/share/bash-completion/completions/balansd",
		"644 usr/share/zsh/site-functions/_balansd", "644 usr/share/fish/vendor_completions.d/balansd.fish",
		"644 usr/share/doc/balansd/config.example.yaml", "644 usr/share/doc/balansd/LICENSE"} {
		if !strings.Contains("\n"+string(out), "\n"+file+"\n") {
			t.Errorf("it lacks %s in:\n%s", file, out)
		}
	}
	if strings.Contains(string(out), " etc/") || strings.Contains(string(out), " var/") {
		t.Errorf("it brings configuration or state:\n%s", out)
	}

	s := newServer(t, older, newer)
	s.simulate()
	const rpm = "rpm --force-debian --nodeps "
	s.want("balansd config init", rpm+"-i /packages/0.1.0/balansd-linux-amd64.rpm")
	s.sh(rpm + "-e balansd")
	// It starts if a configuration exists already, as when a configuration management tool
	// has written it.
	s.configure()
	s.sh("chgrp balansd /etc/balansd/balansd.yaml && chmod 640 /etc/balansd/balansd.yaml")
	s.sh(rpm + "-i /packages/0.1.0/balansd-linux-amd64.rpm")
	s.running("0.1.0")
	s.link()
	s.deliver(2)
	s.sh(rpm + "-U /packages/0.2.0/balansd-linux-amd64.rpm")
	s.running("0.2.0")
	if n := s.done(); n != 2 {
		t.Fatalf("%d balances are done after the update, want 2", n)
	}
	s.want("backups in /var/lib/balansd/backups", rpm+"-e balansd")
	s.want("inactive", "systemctl is-active balansd || true")
	s.sh("test -s /var/lib/balansd/balansd.db && test -s /etc/balansd/balansd.yaml && ! test -e /usr/bin/balansd")
	s.sh("! test -e /etc/systemd/system/multi-user.target.wants/balansd.service")
}

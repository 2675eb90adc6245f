package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Variable is the environment variable that asks for tests which need more than
// Go: "all", or the names of requirements with commas between them.
const Variable = "BALANSD_TEST_REQUIRE"

// Requirement names what a test needs besides Go.
type Requirement string

// What tests need besides Go. "all" in Variable asks for each of them but
// SilverfinCLI, which no package registry has.
const (
	Browser      Requirement = "browser"       // Chromium
	Large        Requirement = "large"         // minutes of CPU time, for documents of 50 MB
	Packages     Requirement = "packages"      // the tools that make and check packages
	Proxies      Requirement = "proxies"       // nginx, Caddy and fail2ban
	Root         Requirement = "root"          // the rights of root
	SilverfinCLI Requirement = "silverfin-cli" // Silverfin's own command-line client
	Strace       Requirement = "strace"        // strace, which sees system calls
	Systemd      Requirement = "systemd"       // systemd's tools and, for a Container, root
	Thorough     Requirement = "thorough"      // minutes of CPU time, to try every case instead of some
	Torture      Requirement = "torture"       // minutes, for seeds of everything that can go wrong together
	Wine         Requirement = "wine"          // Wine, and binutils for what it lacks
)

func requirements() []Requirement {
	return []Requirement{Browser, Large, Packages, Proxies, Root, SilverfinCLI, Strace, Systemd, Thorough, Torture, Wine}
}

// Need skips the test unless Variable asks for r. A test that was asked for
// fails where one of its tools, which are commands, is missing.
func Need(t testing.TB, r Requirement, tools ...string) {
	t.Helper()
	if !Asked(t, r) {
		t.Skipf("runs with %s=%s", Variable, r)
	}
	if r == Root && os.Geteuid() != 0 {
		t.Fatalf("%s=%s asks for this test, and it needs root", Variable, r)
	}
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%s=%s asks for this test, and %s is not installed: .ci/run lists the Debian package", Variable, r, tool)
		}
	}
}

// Asked reports whether Variable asks for r, for a test that does less when it
// does not.
func Asked(t testing.TB, r Requirement) bool {
	t.Helper()
	asked, err := asks(os.Getenv(Variable), r)
	if err != nil {
		t.Fatal(err)
	}
	return asked
}

// asks reports whether the value of Variable asks for r. A name that is no
// requirement is an error: its tests would be skipped silently.
func asks(value string, r Requirement) (bool, error) {
	known := requirements()
	asked := false
	for name := range strings.SplitSeq(value, ",") {
		switch name = strings.TrimSpace(name); {
		case name == "":
		case name == "all":
			asked = asked || r != SilverfinCLI
		case slices.Contains(known, Requirement(name)):
			asked = asked || r == Requirement(name)
		default:
			return false, fmt.Errorf("%s=%s: there is no %q, only all and %v", Variable, value, name, known)
		}
	}
	return asked, nil
}

//go:build !windows

package service

import (
	"strings"
	"testing"

	"balansd/problem"
)

// TestSocketText: the socket has the address of the pages, and never starts a service that
// was stopped.
func TestSocketText(t *testing.T) {
	for address, want := range map[string]string{
		"0.0.0.0:443": "ListenStream=0.0.0.0:443\n", ":443": "ListenStream=443\n", "[::]:443": "ListenStream=[::]:443\n", "localhost:80": "ListenStream=127.0.0.1:80\n",
	} {
		text, err := socketText(address)
		if err != nil || !strings.Contains(text, want) || !strings.Contains(text, "PartOf=balansd.service\n") || strings.Contains(text, "WantedBy") {
			t.Errorf("%s gives %v\n%s", address, err, text)
		}
	}
	if _, err := socketText("balansd.office.example:443"); !problem.Is(err, problem.Usage) {
		t.Errorf("a name gives %v", err)
	}
	with, err := Unit(UnitSpec{Spec: Spec{Executable: "/usr/bin/balansd", Config: "/etc/balansd/balansd.yaml", DataDir: stateFolder, Socket: ":443"}})
	if err != nil || !strings.Contains(with, "Wants=balansd.socket\n") || !strings.Contains(with, "PrivateUsers=yes\n") {
		t.Errorf("the unit is %v\n%s", err, with)
	}
}

//go:build !windows

package service

import (
	"strings"
	"testing"

	"balansd/problem"
)

// TestRemovalOfAPackageIsShown: what removing the package deletes and keeps can be seen
// before, and is the package's to do.
func TestRemovalOfAPackageIsShown(t *testing.T) {
	f := newFakeSystemd(t)
	f.put(packageUnits()[0], "[Service]\n")
	f.put(backupFolder+"/one.db", "a copy")
	steps, err := f.manager().Uninstall(Removal{Shown: true, Purge: []string{stateFolder, configFolder, logFolder, "/srv/elsewhere"}})
	var got []string
	for _, s := range steps {
		if got = append(got, s.What); s.Do != nil {
			t.Errorf("%q can be done", s.What)
		}
	}
	text := strings.Join(got, "\n")
	for _, want := range []string{"sudo apt purge balansd", "delete for good " + stateFolder, "delete for good " + configFolder,
		"delete for good " + logFolder, "leave /srv/elsewhere", "keep the backups in " + backupFolder} {
		if err != nil || !strings.Contains(text, want) {
			t.Errorf("%v: no %q in\n%s", err, want, text)
		}
	}
	if steps, err := f.manager().Uninstall(Removal{Shown: true}); err != nil || len(steps) != 1 || !strings.Contains(steps[0].What, "apt remove") {
		t.Errorf("without purge: %v, %v", steps, err)
	}
	if _, err := f.manager().Uninstall(Removal{Purge: []string{stateFolder}}); !problem.Is(err, problem.NotAllowed) {
		t.Errorf("it can be done: %v", err)
	}
}

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

package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/service"
)

// TestCommandsWithoutState runs commands that only read where balansd never ran: they
// create nothing.
func TestCommandsWithoutState(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	message := "othing is here yet: balansd has no state at " + f.stateFile()
	for _, args := range [][]string{{"status"}, {"ledger", "list"}, {"connections", "list"}} {
		f.want(0, "N"+message+"; link Finbox first: balansd connect finbox", args...)
		r := f.run(append(args, "--json")...)
		if r.code != 0 || !json.Valid([]byte(r.stdout)) || strings.Contains(r.stdout, "null") {
			t.Errorf("%v as JSON returns %+v", args, r)
		}
	}
	csv := filepath.Join(f.dir, "out.csv")
	for _, args := range [][]string{{"ledger", "show", "12"}, {"ledger", "export", "--out", csv}} {
		f.want(1, "Error: n"+message+"\nWhat to do: Link Finbox first: balansd connect finbox CONNECTION-ID.", args...)
	}
	for _, path := range []string{filepath.Dir(f.stateFile()), csv} {
		if _, err := os.Stat(path); err == nil {
			t.Errorf("the commands created %s", path)
		}
	}

	folders := newFixture(t, fixtureOptions{})
	folders.config = folders.write("folders.yaml", "data_dir: other\nfolders: [{name: payroll, path: .}]\n")
	folders.want(0, "; run a sync first: balansd sync", "status")
}

// TestSyncSelection checks that sync reports a firm that is not linked, and a dossier that
// does not exist or is ambiguous.
func TestSyncSelection(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	f.want(1, "Error: Silverfin firm 7 is not linked\nWhat to do: Link it first: balansd connect silverfin.", "sync", "--firm", "7")
	f.link()
	f.addDemo()
	calls := f.sandbox.Finbox.Faults().Total()
	f.want(1, "Error: Silverfin firm 7 is not linked\nWhat to do: Linked are: 1001 (Kantoor Zandbank).", "sync", "--firm", "7")
	if n := f.sandbox.Finbox.Faults().Total(); n != calls {
		t.Errorf("a firm that is not linked causes %d calls", n-calls)
	}
	f.want(3, "", "sync", "--firm", "1001")
	for _, args := range [][]string{{"sync", "--dossier", "Nobody"}, {"sync", "--dry-run", "--dossier", "Nobody"}} {
		f.want(1, "Error: no dossier in the ledger fits \"Nobody\"\n", args...)
	}
	r := f.want(0, "", "sync", "--dossier", "Bakkerij")
	if strings.Contains(r.stderr, "fits") {
		t.Errorf("for one dossier stderr has %s", r.stderr)
	}
	r = f.want(2, `Error: "SRL" fits 3 dossiers: `, "sync", "--dossier", "SRL")
	if !strings.Contains(r.stderr, "Menuiserie Grandsart SRL, 0900.000.642; Pharmacie Beauvallon SRL") {
		t.Errorf("for several dossiers stderr has %s", r.stderr)
	}
	f.want(2, "", "sync", "--dossier", "SRL", "--json")
	f.want(3, "0 new, 1 waiting", "sync", "--dossier", "menuiserie grandsart srl") // the whole name is one
}

// TestStatusOfNightsAndClock checks that both status commands show missed nights and a
// wrong clock. A wrong clock needs a person, as it prevents nightly runs.
func TestStatusOfNightsAndClock(t *testing.T) {
	t.Parallel()
	st := daemon.Status{Version: "test", Running: true, Clock: "the clock of this server shows 1970-01-01",
		Again: time.Date(2026, 11, 22, 3, 10, 0, 0, time.UTC)}
	for day := 21; day >= 18; day-- { // newest first
		st.Missed = append(st.Missed, ledger.MissedNight{Night: balance.Date{Year: 2026, Month: 11, Day: day}, Why: fmt.Sprint("the server slept, ", day)})
	}
	var a, b bytes.Buffer
	(&App{env: Env{Stdout: &a}}).statusText(st, time.UTC)
	(&serviceCommand{app: &App{env: Env{Stdout: &b}}}).statusText(serviceStatus{Service: service.Status{State: service.On}, Daemon: &st, zone: time.UTC})
	for name, text := range map[string]string{"status": a.String(), "service status": b.String()} {
		for _, has := range []string{"1970-01-01", "03:10", "2026-11-21: the server slept, 21"} {
			if !strings.Contains(text, has) {
				t.Errorf("%s does not say %q:\n%s", name, has, text)
			}
		}
	}
}

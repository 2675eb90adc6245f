package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
)

// TestTroubleOfThePassNeedsAPerson holds the exit code of status to the passes:
// an administrator who watches it alone sees a full disk.
func TestTroubleOfThePassNeedsAPerson(t *testing.T) {
	t.Parallel()
	night := balance.Date{Year: 2026, Month: 1, Day: 5}
	well := func(n uint64) *ledger.Pass { return &ledger.Pass{Number: n} }
	full := &ledger.Pass{Number: 5, Night: night, Stopped: "the disk is full"}
	down := &ledger.Pass{Number: 5, Night: night, Problems: []string{"Finbox cannot be reached"}}
	halted := &ledger.Pass{Number: 5, Night: night, Stopped: "it was stopped", Halted: true}
	for name, c := range map[string]struct {
		last, night *ledger.Pass
		needs       bool
	}{
		"no pass yet":            {nil, nil, false},
		"a good night":           {well(5), well(5), false},
		"a night that stopped":   {full, full, true},
		"a night halted":         {halted, halted, false},
		"a night with a problem": {down, down, true},
		"a good pass since":      {well(6), full, false},
		"trouble since":          {full, well(4), true},
		"a night alone":          {nil, down, true},
	} {
		if got := needsPerson(daemon.Status{LastPass: c.last, LastNight: c.night}); got != c.needs {
			t.Errorf("%s: needs a person: %v", name, got)
		}
	}
}

// TestLookingMakesNothing asks a server where balansd never ran.
func TestLookingMakesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	says := "othing is here yet: balansd has no state at " + w.stateFile()
	for _, args := range [][]string{{"status"}, {"ledger", "list"}, {"connections", "list"}} {
		w.want(0, "N"+says+"; link Finbox first: balansd connect finbox", args...)
		r := w.run(append(args, "--json")...)
		if r.code != 0 || !json.Valid([]byte(r.stdout)) || strings.Contains(r.stdout, "null") {
			t.Errorf("%v as JSON gives %+v", args, r)
		}
	}
	csv := filepath.Join(w.dir, "out.csv")
	for _, args := range [][]string{{"ledger", "show", "12"}, {"ledger", "export", "--out", csv}} {
		w.want(1, "Error: n"+says+"\nWhat to do: Link Finbox first: balansd connect finbox CONNECTION-ID.", args...)
	}
	for _, path := range []string{filepath.Dir(w.stateFile()), csv} {
		if _, err := os.Stat(path); err == nil {
			t.Errorf("looking made %s", path)
		}
	}

	folders := newWorld(t, worldOptions{})
	folders.config = folders.write("folders.yaml", "data_dir: other\nfolders: [{name: payroll, path: .}]\n")
	folders.want(0, "; run a pass first: balansd sync", "status")
}

// TestASelectionThatSelectsNothing has sync say so.
func TestASelectionThatSelectsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	w.want(1, "Error: Silverfin firm 7 is not linked\nWhat to do: Link it first: balansd connect silverfin.", "sync", "--firm", "7")
	w.link()
	w.demo()
	calls := w.box.Finbox.Faults().Total()
	w.want(1, "Error: Silverfin firm 7 is not linked\nWhat to do: Linked are: 1001 (Kantoor Zandbank).", "sync", "--firm", "7")
	if n := w.box.Finbox.Faults().Total(); n != calls {
		t.Errorf("a firm that is not linked gives %d calls", n-calls)
	}
	w.want(3, "", "sync", "--firm", "1001")
	for _, args := range [][]string{{"sync", "--dossier", "Nobody"}, {"sync", "--dry-run", "--dossier", "Nobody"}} {
		w.want(1, "Error: no dossier in the ledger fits \"Nobody\"\n", args...)
	}
	r := w.want(0, "", "sync", "--dossier", "Bakkerij")
	if strings.Contains(r.stderr, "fits") {
		t.Errorf("one dossier gives %s", r.stderr)
	}
	r = w.want(3, "", "sync", "--dossier", "SRL", "--json")
	if !strings.HasPrefix(r.stderr, "\"SRL\" fits ") || !strings.Contains(r.stderr, "Menuiserie Grandsart SRL") || !json.Valid([]byte(r.stdout)) {
		t.Errorf("several dossiers give %s", r.stderr)
	}
}

package daemon_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"balansd/daemon"
	"balansd/ledger"

	"github.com/google/go-cmp/cmp"
)

// dryRun gives what a dry run says of each entry.
func (w *world) dryRun() (ledger.Run, []daemon.Progress) {
	w.t.Helper()
	var said []daemon.Progress
	p, err := w.d.Sync(w.t.Context(), daemon.SyncRequest{DryRun: true}, func(p daemon.Progress) {
		if p.Entry != nil {
			said = append(said, p)
		}
	})
	w.must(err)
	return p, said
}

// wantForetold fails unless the next pass does what a dry run says.
func (w *world) wantForetold() (said []daemon.Progress) {
	w.t.Helper()
	dry, said := w.dryRun()
	wet := w.sync()
	if dry.New != wet.New {
		w.t.Errorf("the dry run said %d new, the pass found %d", dry.New, wet.New)
	}
	if diff := cmp.Diff(wet.Outcome, dry.Outcome); diff != "" {
		w.t.Errorf("the dry run said something else than the pass did (-pass +dry run):\n%s", diff)
	}
	return said
}

func TestDryRunForetellsAFileThatWasPutBack(t *testing.T) {
	w, dir := withFolder(t)
	c := w.client(1)
	file := filepath.Join(dir, "Client 1", "sb.csv")
	first, made := w.balance(c, 1), w.clock().Add(-48*time.Hour)
	w.put(file, first, made)
	w.sync()
	w.put(file, w.balance(c, 2), w.clock().Add(-time.Hour))
	w.sync()
	w.put(file, first, made)
	w.wantForetold()
	w.wantHeld(c, first)
}

func TestDryRunForetellsADossierMendedInFinbox(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	w.renumber(c, numberOf(77))
	w.add(c, w.balance(c, 1))
	w.sync()
	w.wantState(w.only(), ledger.Failed, "")
	w.renumber(c, c.number)
	w.wantForetold()
	w.wantState(w.only(), ledger.Done, "")
}

func TestDryRunForetellsTwoEnterprisesInOneFolder(t *testing.T) {
	w, dir := withFolder(t)
	c, d := w.client(1), w.client(2)
	w.put(filepath.Join(dir, "X", "a.csv"), w.balance(c, 1), w.clock().Add(-2*time.Hour))
	w.put(filepath.Join(dir, "X", "b.csv"), w.balance(d, 2), w.clock().Add(-time.Hour))
	w.wantForetold()
	if n := len(w.entries()); n != 2 {
		t.Errorf("%d entries, want 2", n)
	}
}

func TestDryRunForetellsTwoDossiersOfOneCompany(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	other := w.secondDossier(c)
	w.add(c, w.balance(c, 1))
	w.add(other, w.balance(other, 2))
	differ := 0
	for _, s := range w.wantForetold() {
		if s.Entry.State != ledger.Differs {
			continue
		}
		differ++
		if !strings.Contains(s.Would, "another dossier") {
			t.Errorf("it says %q, and not that another dossier wrote there", s.Would)
		}
	}
	if differ != 1 {
		t.Errorf("%d differ, want 1", differ)
	}
}

package daemon_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"

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

// unchanging is a Store of which a dry run may call only what reads.
type unchanging struct {
	daemon.Store
	t *testing.T
}

func (s unchanging) Record(context.Context, ledger.Connection, []ledger.Entry) ([]ledger.Entry, error) {
	s.t.Error("a dry run records in the state")
	return nil, nil
}

func (s unchanging) Move(_ context.Context, steps ...ledger.Step) ([]ledger.Entry, error) {
	s.t.Error("a dry run moves an entry of the state")
	return make([]ledger.Entry, len(steps)), nil
}

func (s unchanging) UpdateConnection(context.Context, string, func(*ledger.Connection)) error {
	s.t.Error("a dry run changes a connection of the state")
	return nil
}

func (s unchanging) UpdateFirm(context.Context, int64, func(*ledger.Firm)) error {
	s.t.Error("a dry run changes a firm of the state")
	return nil
}

// TestDryRunLeavesNothing: all that a dry run changes is in its copy of the state,
// which is gone afterwards, also when the dry run is cut off.
func TestDryRunLeavesNothing(t *testing.T) {
	w := newWorld(t)
	for n := range 3 {
		c := w.client(n + 1)
		w.add(c, w.balance(c, int64(n)))
	}
	w.respoil(func(s daemon.Store) daemon.Store { return unchanging{s, t} })
	before, err := os.ReadDir(w.dir)
	w.must(err)
	dry, _ := w.dryRun()
	if dry.New != 3 || dry.Number != 0 {
		t.Errorf("the dry run is %+v", dry)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err = w.d.Sync(ctx, daemon.SyncRequest{DryRun: true}, func(p daemon.Progress) {
		if p.Entry != nil {
			cancel()
		}
	})
	if !problem.Is(err, problem.Stopped) {
		t.Errorf("a dry run that was cut off: %v", err)
	}
	after, err := os.ReadDir(w.dir)
	w.must(err)
	if len(after) != len(before) {
		t.Errorf("beside the state lie %v, and before %v", after, before)
	}
	if runs, _ := w.keeper.Runs(t.Context(), 10); len(runs) != 0 {
		t.Errorf("a dry run left runs: %+v", runs)
	}
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

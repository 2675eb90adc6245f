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

// dryRun returns what a dry run says of each entry.
func (fx *fixture) dryRun() (ledger.Run, []daemon.Progress) {
	fx.t.Helper()
	var said []daemon.Progress
	p, err := fx.d.Sync(fx.t.Context(), daemon.SyncRequest{DryRun: true}, func(p daemon.Progress) {
		if p.Entry != nil {
			said = append(said, p)
		}
	})
	fx.must(err)
	return p, said
}

// unchanging is a Store of which a dry run may call only what reads.
type unchanging struct {
	daemon.Store
	t *testing.T
}

func (s unchanging) Record(context.Context, ledger.Connection, []ledger.Entry) (added, updated []ledger.Entry, err error) {
	s.t.Error("a dry run records in the state")
	return nil, nil, nil
}

func (s unchanging) Move(_ context.Context, steps ...ledger.Move) ([]ledger.Entry, error) {
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
	fx := newFixture(t)
	for n := range 3 {
		c := fx.client(n + 1)
		fx.add(c, fx.balance(c, int64(n)))
	}
	fx.reopenWith(func(s daemon.Store) daemon.Store { return unchanging{s, t} })
	before, err := os.ReadDir(fx.dir)
	fx.must(err)
	dry, _ := fx.dryRun()
	if dry.New != 3 || dry.Number != 0 {
		t.Errorf("the dry run is %+v", dry)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err = fx.d.Sync(ctx, daemon.SyncRequest{DryRun: true}, func(p daemon.Progress) {
		if p.Entry != nil {
			cancel()
		}
	})
	if !problem.Is(err, problem.Stopped) {
		t.Errorf("a dry run that was cut off: %v", err)
	}
	after, err := os.ReadDir(fx.dir)
	fx.must(err)
	if len(after) != len(before) {
		t.Errorf("beside the state lie %v, and before %v", after, before)
	}
	if runs, _ := fx.store.Runs(t.Context(), 10); len(runs) != 0 {
		t.Errorf("a dry run left runs: %+v", runs)
	}
}

// wantSameAsRun fails unless the next run does what a dry run says.
func (fx *fixture) wantSameAsRun() (said []daemon.Progress) {
	fx.t.Helper()
	dry, said := fx.dryRun()
	real := fx.sync()
	if dry.New != real.New {
		fx.t.Errorf("the dry run said %d new, the run found %d", dry.New, real.New)
	}
	if diff := cmp.Diff(real.Outcome, dry.Outcome); diff != "" {
		fx.t.Errorf("the dry run said something else than the run did (-run +dry run):\n%s", diff)
	}
	return said
}

func TestDryRunForetellsAFileThatWasPutBack(t *testing.T) {
	fx, dir := withFolder(t)
	c := fx.client(1)
	file := filepath.Join(dir, "Client 1", "sb.csv")
	first, made := fx.balance(c, 1), fx.clock().Add(-48*time.Hour)
	fx.put(file, first, made)
	fx.sync()
	fx.put(file, fx.balance(c, 2), fx.clock().Add(-time.Hour))
	fx.sync()
	fx.put(file, first, made)
	fx.wantSameAsRun()
	fx.wantHeld(c, first)
}

func TestDryRunForetellsADossierMendedInFinbox(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	fx.renumber(c, numberOf(77))
	fx.add(c, fx.balance(c, 1))
	fx.sync()
	fx.wantState(fx.only(), ledger.Failed, "")
	fx.renumber(c, c.number)
	fx.wantSameAsRun()
	fx.wantState(fx.only(), ledger.Done, "")
}

func TestDryRunForetellsTwoEnterprisesInOneFolder(t *testing.T) {
	fx, dir := withFolder(t)
	c, d := fx.client(1), fx.client(2)
	fx.put(filepath.Join(dir, "X", "a.csv"), fx.balance(c, 1), fx.clock().Add(-2*time.Hour))
	fx.put(filepath.Join(dir, "X", "b.csv"), fx.balance(d, 2), fx.clock().Add(-time.Hour))
	fx.wantSameAsRun()
	if n := len(fx.entries()); n != 2 {
		t.Errorf("%d entries, want 2", n)
	}
}

func TestDryRunForetellsTwoDossiersOfOneCompany(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	other := fx.secondDossier(c)
	fx.add(c, fx.balance(c, 1))
	fx.add(other, fx.balance(other, 2))
	differ := 0
	for _, s := range fx.wantSameAsRun() {
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

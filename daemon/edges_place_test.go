package daemon_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/sandbox/faults"
	fakefinbox "balansd/sandbox/finbox"
	"balansd/sandbox/madeup"
)

// Both dossiers are on their way to the company when the first has looked at
// its place: the second must see what the first wrote.
func TestTwoDossiersOfOneCompanyInOnePassDoNotWriteOverEachOther(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	other := w.secondDossier(c)
	w.add(c, w.balance(c, 1))
	w.add(other, w.balance(other, 2))
	var located atomic.Int64
	both := make(chan struct{})
	w.hook(hooked{
		located: func() {
			if located.Add(1) == 2 {
				close(both)
			}
		},
		update: func(ctx context.Context) {
			select {
			case <-both:
			case <-ctx.Done():
			}
		},
	})
	w.sync()
	wantWrittenOnce(w)
	states := []ledger.State{w.entries()[0].State, w.entries()[1].State}
	slices.Sort(states)
	if want := []ledger.State{ledger.Differs, ledger.Done}; !slices.Equal(states, want) {
		t.Errorf("the two are %v, want %v", states, want)
	}
}

func TestDossiersOfTheSameIDInTwoConnectionsAreTwoDossiers(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	branch := w.fb.AddConnection(fakefinbox.Environment{Name: "Bijkantoor", Language: "nl", StartDate: balance.DateOf(w.now)})
	_, _, err := w.d.ConnectFinbox(t.Context(), branch, "Els")
	w.must(err)
	_, err = w.fb.AddDossier(branch, fakefinbox.Dossier{ID: c.dossier, EnterpriseNumber: c.number, Name: "Client 1 BV"})
	w.must(err)
	b, older := w.balance(c, 1), w.clock()
	w.add(c, b)
	w.sync()
	_, _, err = w.fb.AddBalance(fakefinbox.NewBalance{ConnectionID: branch, DossierID: c.dossier, Balance: w.balance(c, 2), CreatedAt: older})
	w.must(err)
	w.sync()
	w.wantState(w.entries()[0], ledger.Done, "")
	w.wantState(w.entries()[1], ledger.Differs, "")
	w.wantHeld(c, b)
}

func TestDoneEntryOutOfReachDoesNotEndAPassOverItsDossier(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	w.add(c, w.balance(c, 1))
	w.sync()
	w.must(w.sf.CloseWorkflow(c.company, c.period, workflowName))
	p, err := w.d.Sync(t.Context(), daemon.SyncRequest{Dossier: string(c.number)}, nil)
	w.must(err)
	w.wantState(w.only(), ledger.Done, "")
	if said := strings.Join(p.Problems, "\n"); !strings.Contains(said, "could not be looked at again") {
		t.Errorf("the pass does not say that it saw nothing: %q", said)
	}
}

// A write of more figures than one call takes breaks off in the middle, twice.
// What it left there is balansd's own, also for the correction that follows.
func TestCorrectionAfterBrokenWritesIsNoDifference(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	full := func(seed int64) *balance.Balance {
		b := madeup.Balance(seed, balance.Full, 2025)
		b.EnterpriseNumber = c.number
		return b
	}
	id := w.add(c, full(1))
	w.sf.Faults().Add(faults.Fault{Method: "POST", Path: "/api/", Nth: 2, Times: 2, Kind: faults.ServerError})
	w.sync()
	if n := len(w.sf.Writes()); n == 0 || n >= len(full(1).Values) {
		t.Fatalf("%d figures of %d arrived, want a part", n, len(full(1).Values))
	}
	w.sync()
	w.sf.Faults().Clear()
	w.sync()
	w.wantState(w.only(), ledger.Done, "")
	w.correct(id, full(2))
	w.sync()
	w.wantState(w.entries()[1], ledger.Done, "")
	w.wantHeld(c, full(2))
}

// The place that a person decides on is being written for another dossier at
// that very moment.
func TestDecisionDuringAWriteIsKept(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	other := w.secondDossier(c)
	id := w.add(c, w.balance(c, 1))
	w.sync()
	w.add(other, w.balance(other, 2))
	w.sync()
	w.wantState(w.entries()[1], ledger.Differs, "")
	doubled, cell := w.balance(c, 1), cellOf(t, "1003")
	doubled.Values[cell] = doubled.Values[cell].Add(doubled.Values[cell])
	w.correct(id, doubled)
	var once sync.Once
	w.between = func(d daemon.Destination) daemon.Destination {
		return watched{d, func(context.Context, ledger.Target, ledger.Figures) error {
			once.Do(func() {
				if _, err := w.d.Decide(context.Background(), daemon.Decision{Number: 2, Choice: daemon.KeepSilverfin, By: "Els"}); err != nil {
					t.Error(err)
				}
			})
			return nil
		}}
	}
	w.sync()
	f, err := w.d.Show(t.Context(), 2)
	w.must(err)
	if len(f.Written.Kept) == 0 {
		t.Error("the person's decision is gone")
	}
}

func TestDismissalDuringAPassDoesNotEndIt(t *testing.T) {
	w := newWorld(t)
	c, d := w.client(1), w.client(2)
	w.must(w.sf.CloseWorkflow(c.company, c.period, workflowName))
	w.add(c, w.balance(c, 1))
	w.sync()
	b := w.balance(d, 2)
	w.add(d, b)
	var once sync.Once
	w.hook(hooked{locate: func(ctx context.Context) error {
		once.Do(func() {
			if _, err := w.d.Dismiss(ctx, 1, "Els"); err != nil {
				t.Error(err)
			}
		})
		return nil
	}})
	w.sync()
	w.wantState(w.entries()[0], ledger.Ignored, ledger.Dismissed)
	w.wantHeld(d, b)
}

func TestKeptUnderAnotherDossierIsToldAsKept(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	other := w.secondDossier(c)
	b := w.balance(c, 1)
	w.add(c, b)
	w.sync()
	w.add(other, w.balance(other, 2))
	w.sync()
	w.wantState(w.entries()[1], ledger.Differs, "")
	_, err := w.d.Decide(t.Context(), daemon.Decision{Number: 2, Choice: daemon.KeepSilverfin, By: "Els"})
	w.must(err)
	w.sync()
	w.wantState(w.entries()[1], ledger.Done, "")
	w.wantHeld(c, b)
	f, err := w.d.Show(t.Context(), 2)
	w.must(err)
	if text := f.History[len(f.History)-1].Text; !strings.Contains(text, "kept") {
		t.Errorf("figures were kept, and the story ends with %q", text)
	}
}

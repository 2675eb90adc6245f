package daemon_test

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/sandbox/faults"
	fakefinbox "balansd/sandbox/finbox"
	"balansd/sandbox/madeup"
)

// Both dossiers are on their way to the company when the first has looked at
// its target: the second must see what the first wrote.
func TestTwoDossiersOfOneCompanyInOneRunDoNotWriteOverEachOther(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	other := fx.secondDossier(c)
	fx.add(c, fx.balance(c, 1))
	fx.add(other, fx.balance(other, 2))
	var located atomic.Int64
	both := make(chan struct{})
	fx.hook(hooked{
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
	fx.sync()
	wantWrittenOnce(fx)
	states := []ledger.State{fx.entries()[0].State, fx.entries()[1].State}
	slices.Sort(states)
	if want := []ledger.State{ledger.Differs, ledger.Done}; !slices.Equal(states, want) {
		t.Errorf("the two are %v, want %v", states, want)
	}
}

func TestDossiersOfTheSameIDInTwoConnectionsAreTwoDossiers(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	branch := fx.fb.AddConnection(fakefinbox.Environment{Name: "Bijkantoor", Language: "nl", StartDate: balance.DateOf(fx.now)})
	_, err := fx.d.ConnectFinbox(t.Context(), daemon.ConnectionRequest{ID: branch, By: "Els"})
	fx.must(err)
	_, err = fx.fb.AddDossier(branch, fakefinbox.Dossier{ID: c.dossier, EnterpriseNumber: c.number, Name: "Client 1 BV"})
	fx.must(err)
	b, older := fx.balance(c, 1), fx.clock()
	fx.add(c, b)
	fx.sync()
	_, _, err = fx.fb.AddBalance(fakefinbox.NewBalance{ConnectionID: branch, DossierID: c.dossier, Balance: fx.balance(c, 2), CreatedAt: older})
	fx.must(err)
	fx.sync()
	fx.wantState(fx.entries()[0], ledger.Done, "")
	fx.wantState(fx.entries()[1], ledger.Differs, "")
	fx.wantHeld(c, b)
}

func TestDoneEntryOutOfReachDoesNotEndARunOverItsDossier(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	fx.add(c, fx.balance(c, 1))
	fx.sync()
	fx.must(fx.sf.CloseWorkflow(c.company, c.period, workflowName))
	p, err := fx.d.Sync(t.Context(), daemon.SyncRequest{Dossier: string(c.number)}, nil)
	fx.must(err)
	fx.wantState(fx.only(), ledger.Done, "")
	if said := strings.Join(p.Problems, "\n"); !strings.Contains(said, "could not be compared again") {
		t.Errorf("the run does not say that it saw nothing: %q", said)
	}
}

// A write of more figures than one call takes breaks off in the middle, twice.
// What it left there is balansd's own, also for the correction that follows.
func TestCorrectionAfterBrokenWritesIsNoDifference(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	full := func(seed int64) *balance.Balance {
		b := madeup.Balance(seed, balance.Full, 2025)
		b.EnterpriseNumber = c.number
		return b
	}
	id := fx.add(c, full(1))
	fx.sf.Faults().Add(faults.Fault{Method: "POST", Path: "/api/", Nth: 2, Times: 2, Kind: faults.ServerError})
	fx.sync()
	if n := len(fx.sf.Writes()); n == 0 || n >= len(full(1).Values) {
		t.Fatalf("%d figures of %d arrived, want a part", n, len(full(1).Values))
	}
	fx.sync()
	fx.sf.Faults().Clear()
	fx.sync()
	fx.wantState(fx.only(), ledger.Done, "")
	fx.correct(id, full(2))
	fx.sync()
	fx.wantState(fx.entries()[1], ledger.Done, "")
	fx.wantHeld(c, full(2))
}

// The target that a person decides on is being written for another dossier at
// that very moment.
func TestDecisionDuringAWriteIsKept(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	other := fx.secondDossier(c)
	id := fx.add(c, fx.balance(c, 1))
	fx.sync()
	fx.add(other, fx.balance(other, 2))
	fx.sync()
	fx.wantState(fx.entries()[1], ledger.Differs, "")
	doubled, cell := fx.balance(c, 1), cellOf(t, "1003")
	doubled.Values[cell] = doubled.Values[cell].Add(doubled.Values[cell])
	fx.correct(id, doubled)
	var once sync.Once
	fx.wrapDestination = func(d daemon.Destination) daemon.Destination {
		return observedDestination{d, func(context.Context, ledger.Target, ledger.Figures) error {
			once.Do(func() {
				if _, err := fx.d.Decide(context.Background(), daemon.Decision{Number: 2, Choice: daemon.KeepSilverfin, By: "Els"}); err != nil {
					t.Error(err)
				}
			})
			return nil
		}}
	}
	fx.sync()
	f, err := fx.d.Show(t.Context(), daemon.EntryRequest{Number: 2})
	fx.must(err)
	if len(f.Written.KeepSilverfin) == 0 {
		t.Error("the person's decision is gone")
	}
}

func TestDismissalDuringARunDoesNotEndIt(t *testing.T) {
	fx := newFixture(t)
	c, d := fx.client(1), fx.client(2)
	fx.must(fx.sf.CloseWorkflow(c.company, c.period, workflowName))
	fx.add(c, fx.balance(c, 1))
	fx.sync()
	b := fx.balance(d, 2)
	fx.add(d, b)
	var once sync.Once
	fx.hook(hooked{locate: func(ctx context.Context) error {
		once.Do(func() {
			if _, err := fx.d.Dismiss(ctx, daemon.EntryRequest{Number: 1, By: "Els"}); err != nil {
				t.Error(err)
			}
		})
		return nil
	}})
	fx.sync()
	fx.wantState(fx.entries()[0], ledger.Ignored, ledger.Dismissed)
	fx.wantHeld(d, b)
}

func TestKeptUnderAnotherDossierIsToldAsKept(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	other := fx.secondDossier(c)
	b := fx.balance(c, 1)
	fx.add(c, b)
	fx.sync()
	fx.add(other, fx.balance(other, 2))
	fx.sync()
	fx.wantState(fx.entries()[1], ledger.Differs, "")
	_, err := fx.d.Decide(t.Context(), daemon.Decision{Number: 2, Choice: daemon.KeepSilverfin, By: "Els"})
	fx.must(err)
	fx.sync()
	fx.wantState(fx.entries()[1], ledger.Done, "")
	fx.wantHeld(c, b)
	f, err := fx.d.Show(t.Context(), daemon.EntryRequest{Number: 2})
	fx.must(err)
	if text := f.History[len(f.History)-1].Text; !strings.Contains(text, "kept") {
		t.Errorf("figures were kept, and the story ends with %q", text)
	}
}

// twoClientsInOneFolder puts balances of two clients into one folder and links
// that folder to the company of the first, where the first is delivered.
func twoClientsInOneFolder(t *testing.T, firstName, secondName string) (fx *fixture, first, second client, file string) {
	t.Helper()
	fx, dir := withFolder(t)
	first = fx.client(1)
	second = client{number: numberOf(2)}
	fx.must(fx.store.SaveLink(t.Context(), ledger.DossierLink{Connection: "map", DossierID: "X", FirmID: fx.firm, CompanyID: first.company,
		NumberDiffers: ledger.NumberDiffers{Company: "Client 1 BV", DossierNumber: second.number, CompanyNumber: first.number}}))
	fx.put(filepath.Join(dir, "X", firstName), fx.balance(first, 1), fx.clock().Add(-2*time.Hour))
	fx.sync()
	fx.wantState(fx.only(), ledger.Done, "")
	return fx, first, second, filepath.Join(dir, "X", secondName)
}

func TestTwoClientsOfOneFolderDoNotReplaceEachOther(t *testing.T) {
	for name, file := range map[string]string{"two files": "b.csv", "one file replaced": "a.csv"} {
		t.Run(name, func(t *testing.T) {
			fx, first, second, path := twoClientsInOneFolder(t, "a.csv", file)
			fx.put(path, fx.balance(second, 2), fx.clock().Add(-time.Hour))
			fx.sync()
			e := fx.entries()[1]
			fx.wantState(e, ledger.Differs, "")
			fx.wantHeld(first, fx.balance(first, 1))
			if !strings.Contains(e.Detail, first.number.Pretty()) {
				t.Errorf("the detail does not name the other client: %q", e.Detail)
			}
		})
	}
}

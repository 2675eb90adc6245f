package daemon_test

import (
	"context"
	"iter"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
	"balansd/sandbox/faults"
	fakefinbox "balansd/sandbox/finbox"
)

func TestConnectionRemovedDuringItsListingStaysRemoved(t *testing.T) {
	fx := newFixture(t)
	fx.fb.Faults().OnCall(func(c faults.Call) {
		if strings.HasSuffix(c.Path, "/social-balances") {
			if _, err := fx.d.SetConnection(context.Background(), daemon.ConnectionRequest{ID: fx.conn, Status: ledger.Removed, By: "Els"}); err != nil {
				t.Error(err)
			}
		}
	})
	fx.fb.Faults().Add(faults.Fault{Path: "/v1/", Kind: faults.ServerError})
	fx.sync()
	if c := fx.connection(); c.Status != ledger.Removed {
		t.Errorf("a person removed it, and it is %s", c.Status)
	}
}

// A start date in the future that was a slip is mended by mending it in Finbox
// and connecting again.
func TestStartDateThatWasMendedCounts(t *testing.T) {
	fx := newFixture(t)
	today := balance.DateOf(fx.clock())
	for _, start := range []balance.Date{today.AddDays(90), today} {
		fx.must(fx.fb.SetStartDate(fx.conn, start))
		_, err := fx.d.ConnectFinbox(t.Context(), daemon.ConnectionRequest{ID: fx.conn, By: "Els"})
		fx.must(err)
		if future := fx.connection().ActivatedAt.After(fx.clock()); future != (start != today) {
			t.Errorf("with start date %s balances count from %s", start, fx.connection().ActivatedAt)
		}
	}
	c := fx.client(1)
	fx.add(c, fx.balance(c, 1))
	fx.sync()
	fx.wantState(fx.only(), ledger.Done, "")
}

// TestValidatingShowsThatItIsDeactivated: a person who validates an id, and
// hears that Finbox deactivated it, no longer finds it listed as active. Who
// paused or removed it keeps it so.
func TestValidatingShowsThatItIsDeactivated(t *testing.T) {
	for before, want := range map[ledger.ConnectionStatus]ledger.ConnectionStatus{
		ledger.Active: ledger.Deactivated, ledger.Paused: ledger.Paused, ledger.Removed: ledger.Removed,
	} {
		fx := newFixture(t)
		if before != ledger.Active {
			_, err := fx.d.SetConnection(t.Context(), daemon.ConnectionRequest{ID: fx.conn, Status: before, By: "Els"})
			fx.must(err)
		}
		fx.must(fx.fb.Deactivate(fx.conn))
		if _, err := fx.d.ConnectFinbox(t.Context(), daemon.ConnectionRequest{ID: fx.conn, By: "Els"}); !problem.Is(err, problem.ConnectionClosed) {
			t.Errorf("validating gives %v", err)
		}
		if c := fx.connection(); c.Status != want {
			t.Errorf("it was %s, and is %s, want %s", before, c.Status, want)
		}
	}
}

func TestConnectionActivatedAgainIsShownActive(t *testing.T) {
	fx := newFixture(t)
	fx.must(fx.fb.Deactivate(fx.conn))
	fx.sync()
	if c := fx.connection(); c.Status != ledger.Deactivated || c.Problem == "" {
		t.Fatalf("deactivated in Finbox, and here %s: %q", c.Status, c.Problem)
	}
	fx.must(fx.fb.Activate(fx.conn))
	fx.sync()
	fx.sync()
	if c := fx.connection(); c.Status != ledger.Active || c.Problem != "" {
		t.Errorf("active in Finbox, and here %s: %q", c.Status, c.Problem)
	}
}

func TestDryRunSaysWhatALinkBringsBack(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	fx.addBeforeActivation(c, fx.balance(c, 1))
	fx.sync()
	fx.wantState(fx.only(), ledger.Ignored, ledger.BeforeActivation)
	fx.saveLink(ledger.DossierLink{Connection: fx.conn, DossierID: c.dossier, All: true})
	dry, err := fx.d.Sync(t.Context(), daemon.SyncRequest{DryRun: true}, nil)
	fx.must(err)
	fx.wantState(fx.only(), ledger.Ignored, ledger.BeforeActivation)
	real := fx.sync()
	if dry.Outcome[ledger.Done] != 1 || real.Outcome[ledger.Done] != 1 {
		t.Errorf("the dry run said %v, the run did %v", dry.Outcome, real.Outcome)
	}
}

// recalling is a store that counts the walks over what was ignored as too
// old.
type recalling struct {
	daemon.Store
	walks *atomic.Int64
}

func (k recalling) Entries(ctx context.Context, q ledger.Query) iter.Seq2[ledger.Entry, error] {
	if q.Reason == ledger.BeforeActivation {
		k.walks.Add(1)
	}
	return k.Store.Entries(ctx, q)
}

func TestManyLinksCostOneWalkOverWhatWasIgnored(t *testing.T) {
	fx := newFixture(t)
	const many = 4
	var clients [many]client
	for n := range clients {
		clients[n] = fx.client(n)
		fx.addBeforeActivation(clients[n], fx.balance(clients[n], int64(n)))
	}
	if p := fx.sync(); p.New != many {
		t.Fatalf("%d new, want %d", p.New, many)
	}
	var walks atomic.Int64
	fx.reopenWith(func(k daemon.Store) daemon.Store { return recalling{k, &walks} })
	for _, c := range clients {
		fx.saveLink(ledger.DossierLink{Connection: fx.conn, DossierID: c.dossier, All: true})
	}
	p := fx.sync()
	if walks.Load() != 1 || p.Outcome[ledger.Done] != many {
		t.Errorf("%d walks brought back %v, want one and all %d", walks.Load(), p.Outcome, many)
	}
}

// A start date that is set earlier counts once a person connects again, also
// for what the listing has passed already.
func TestEarlierStartDateReachesBehindWhatWasListed(t *testing.T) {
	fx := newFixture(t)
	c, d := fx.client(1), fx.client(2)
	_, _, err := fx.fb.AddBalance(fakefinbox.NewBalance{ConnectionID: fx.conn, DossierID: c.dossier, Balance: fx.balance(c, 1),
		CreatedAt: fx.clock().AddDate(0, 0, -10)})
	fx.must(err)
	fx.add(d, fx.balance(d, 2))
	fx.sync()
	fx.must(fx.fb.SetStartDate(fx.conn, balance.DateOf(fx.clock().AddDate(0, 0, -20))))
	_, err = fx.d.ConnectFinbox(t.Context(), daemon.ConnectionRequest{ID: fx.conn, By: "Els"})
	fx.must(err)
	fx.sync()
	all := fx.entries()
	if len(all) != 2 {
		t.Fatalf("%d entries, want 2: the balance since the earlier start date is lost", len(all))
	}
	for _, e := range all {
		fx.wantState(e, ledger.Done, "")
	}
}

func TestLinkWithAllReachesBeforeTheStartDate(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	_, _, err := fx.fb.AddBalance(fakefinbox.NewBalance{ConnectionID: fx.conn, DossierID: c.dossier, Balance: fx.balance(c, 1),
		CreatedAt: fx.clock().AddDate(0, 0, -10)})
	fx.must(err)
	fx.saveLink(ledger.DossierLink{Connection: fx.conn, DossierID: c.dossier, All: true})
	fx.sync()
	fx.wantState(fx.only(), ledger.Done, "")
}

// A pause holds from the moment it is asked for: only what is under way is
// finished.
func TestPauseDuringARunHoldsForTheRest(t *testing.T) {
	const many, workers = 30, 8
	fx := newFixture(t)
	for n := range many {
		c := fx.client(n)
		fx.add(c, fx.balance(c, int64(n)))
	}
	var once sync.Once
	fx.hook(hooked{locate: func(ctx context.Context) error {
		once.Do(func() { // nobody gets past this before the pause holds
			if _, err := fx.d.SetConnection(ctx, daemon.ConnectionRequest{ID: fx.conn, Status: ledger.Paused, By: "Els"}); err != nil {
				t.Error(err)
			}
		})
		return nil
	}})
	fx.sync()
	done := 0
	for _, e := range fx.entries() {
		if e.State == ledger.Done {
			done++
			continue
		}
		fx.wantState(e, ledger.Waiting, ledger.ConnectionInactive)
	}
	if done == 0 || done > workers {
		t.Errorf("%d were delivered, want what the %d workers had in hand", done, workers)
	}
}

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
	w := newWorld(t)
	w.fb.Faults().OnCall(func(c faults.Call) {
		if strings.HasSuffix(c.Path, "/social-balances") {
			if _, err := w.d.SetConnection(context.Background(), w.conn, ledger.Removed, "Els"); err != nil {
				t.Error(err)
			}
		}
	})
	w.fb.Faults().Add(faults.Fault{Path: "/v1/", Kind: faults.ServerError})
	w.sync()
	if c := w.connection(); c.Status != ledger.Removed {
		t.Errorf("a person removed it, and it is %s", c.Status)
	}
}

// A start date in the future that was a slip is mended by mending it in Finbox
// and connecting again.
func TestStartDateThatWasMendedCounts(t *testing.T) {
	w := newWorld(t)
	today := balance.DateOf(w.clock())
	for _, start := range []balance.Date{today.AddDays(90), today} {
		w.must(w.fb.SetStartDate(w.conn, start))
		_, _, err := w.d.ConnectFinbox(t.Context(), w.conn, "Els")
		w.must(err)
		if future := w.connection().ActivatedAt.After(w.clock()); future != (start != today) {
			t.Errorf("with start date %s balances count from %s", start, w.connection().ActivatedAt)
		}
	}
	c := w.client(1)
	w.add(c, w.balance(c, 1))
	w.sync()
	w.wantState(w.only(), ledger.Done, "")
}

// TestValidatingShowsThatItIsDeactivated: a person who validates an id, and
// hears that Finbox deactivated it, no longer finds it listed as active. Who
// paused or removed it keeps it so.
func TestValidatingShowsThatItIsDeactivated(t *testing.T) {
	for before, want := range map[ledger.ConnectionStatus]ledger.ConnectionStatus{
		ledger.Active: ledger.Deactivated, ledger.Paused: ledger.Paused, ledger.Removed: ledger.Removed,
	} {
		w := newWorld(t)
		if before != ledger.Active {
			_, err := w.d.SetConnection(t.Context(), w.conn, before, "Els")
			w.must(err)
		}
		w.must(w.fb.Deactivate(w.conn))
		if _, _, err := w.d.ConnectFinbox(t.Context(), w.conn, "Els"); !problem.Is(err, problem.ConnectionClosed) {
			t.Errorf("validating gives %v", err)
		}
		if c := w.connection(); c.Status != want {
			t.Errorf("it was %s, and is %s, want %s", before, c.Status, want)
		}
	}
}

func TestConnectionActivatedAgainIsShownActive(t *testing.T) {
	w := newWorld(t)
	w.must(w.fb.Deactivate(w.conn))
	w.sync()
	if c := w.connection(); c.Status != ledger.Deactivated || c.Problem == "" {
		t.Fatalf("deactivated in Finbox, and here %s: %q", c.Status, c.Problem)
	}
	w.must(w.fb.Activate(w.conn))
	w.sync()
	w.sync()
	if c := w.connection(); c.Status != ledger.Active || c.Problem != "" {
		t.Errorf("active in Finbox, and here %s: %q", c.Status, c.Problem)
	}
}

func TestDryRunSaysWhatALinkBringsBack(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	w.addBeforeActivation(c, w.balance(c, 1))
	w.sync()
	w.wantState(w.only(), ledger.Ignored, ledger.BeforeActivation)
	w.tie(ledger.DossierLink{Connection: w.conn, DossierID: c.dossier, All: true})
	dry, err := w.d.Sync(t.Context(), daemon.SyncRequest{DryRun: true}, nil)
	w.must(err)
	w.wantState(w.only(), ledger.Ignored, ledger.BeforeActivation)
	wet := w.sync()
	if dry.Outcome[ledger.Done] != 1 || wet.Outcome[ledger.Done] != 1 {
		t.Errorf("the dry run said %v, the pass did %v", dry.Outcome, wet.Outcome)
	}
}

// recalling is a keeper that counts the walks over what was ignored as too
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
	w := newWorld(t)
	const many = 4
	var clients [many]client
	for n := range clients {
		clients[n] = w.client(n)
		w.addBeforeActivation(clients[n], w.balance(clients[n], int64(n)))
	}
	if p := w.sync(); p.New != many {
		t.Fatalf("%d new, want %d", p.New, many)
	}
	var walks atomic.Int64
	w.respoil(func(k daemon.Store) daemon.Store { return recalling{k, &walks} })
	for _, c := range clients {
		w.tie(ledger.DossierLink{Connection: w.conn, DossierID: c.dossier, All: true})
	}
	p := w.sync()
	if walks.Load() != 1 || p.Outcome[ledger.Done] != many {
		t.Errorf("%d walks brought back %v, want one and all %d", walks.Load(), p.Outcome, many)
	}
}

// A start date that is set earlier counts once a person connects again, also
// for what the listing has passed already.
func TestEarlierStartDateReachesBehindWhatWasListed(t *testing.T) {
	w := newWorld(t)
	c, d := w.client(1), w.client(2)
	_, _, err := w.fb.AddBalance(fakefinbox.NewBalance{ConnectionID: w.conn, DossierID: c.dossier, Balance: w.balance(c, 1),
		CreatedAt: w.clock().AddDate(0, 0, -10)})
	w.must(err)
	w.add(d, w.balance(d, 2))
	w.sync()
	w.must(w.fb.SetStartDate(w.conn, balance.DateOf(w.clock().AddDate(0, 0, -20))))
	_, _, err = w.d.ConnectFinbox(t.Context(), w.conn, "Els")
	w.must(err)
	w.sync()
	all := w.entries()
	if len(all) != 2 {
		t.Fatalf("%d entries, want 2: the balance since the earlier start date is lost", len(all))
	}
	for _, e := range all {
		w.wantState(e, ledger.Done, "")
	}
}

func TestLinkWithAllReachesBeforeTheStartDate(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	_, _, err := w.fb.AddBalance(fakefinbox.NewBalance{ConnectionID: w.conn, DossierID: c.dossier, Balance: w.balance(c, 1),
		CreatedAt: w.clock().AddDate(0, 0, -10)})
	w.must(err)
	w.tie(ledger.DossierLink{Connection: w.conn, DossierID: c.dossier, All: true})
	w.sync()
	w.wantState(w.only(), ledger.Done, "")
}

// A pause holds from the moment it is asked for: only what is under way is
// finished.
func TestPauseDuringAPassHoldsForTheRest(t *testing.T) {
	const many, workers = 30, 8
	w := newWorld(t)
	for n := range many {
		c := w.client(n)
		w.add(c, w.balance(c, int64(n)))
	}
	var once sync.Once
	w.hook(hooked{locate: func(ctx context.Context) error {
		once.Do(func() { // nobody gets past this before the pause holds
			if _, err := w.d.SetConnection(ctx, w.conn, ledger.Paused, "Els"); err != nil {
				t.Error(err)
			}
		})
		return nil
	}})
	w.sync()
	done := 0
	for _, e := range w.entries() {
		if e.State == ledger.Done {
			done++
			continue
		}
		w.wantState(e, ledger.Waiting, ledger.ConnectionInactive)
	}
	if done == 0 || done > workers {
		t.Errorf("%d were delivered, want what the %d workers had in hand", done, workers)
	}
}

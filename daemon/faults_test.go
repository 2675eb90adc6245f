package daemon_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
	"balansd/sandbox/faults"
)

// converge runs undisturbed nights until nothing is open, and fails unless the
// firm's two clients then hold their balances, each figure written with one
// value only.
func converge(fx *fixture, clients map[client]*balance.Balance) {
	fx.t.Helper()
	for range 4 {
		if _, err := fx.night(); err != nil {
			fx.t.Fatalf("an undisturbed night: %v", err)
		}
	}
	for c, b := range clients {
		fx.wantHeld(c, b)
	}
	for _, e := range fx.entries() {
		if e.State != ledger.Done {
			fx.t.Errorf("entry %d ended %s %s: %s", e.Number, e.State, e.Reason, e.Detail)
		}
	}
	if n := len(fx.entries()); n != len(clients) {
		fx.t.Errorf("%d entries for %d balances", n, len(clients))
	}
	values := map[string]string{}
	for _, x := range fx.sf.Writes() {
		k := fmt.Sprint(x.Company, x.Period, x.Namespace, x.Key)
		if old, twice := values[k]; twice && old != x.New {
			fx.t.Errorf("%s was written twice with different values, %s and %s", k, old, x.New)
		}
		values[k] = x.New
	}
}

// withClients makes a fixture with some clients and a new balance each.
func withClients(t *testing.T, many int) (*fixture, map[client]*balance.Balance) {
	fx := newFixture(t)
	clients := map[client]*balance.Balance{}
	for n := range many {
		c := fx.client(n)
		b := fx.balance(c, int64(n))
		fx.add(c, b)
		clients[c] = b
	}
	return fx, clients
}

// Whatever call fails, in whatever way, the nights after deliver everything,
// and nothing twice with different values.
func TestFaultAtEveryCall(t *testing.T) {
	kinds := []faults.Kind{faults.Unauthorized, faults.Forbidden, faults.NotFound, faults.Conflict, faults.UnprocessableError,
		faults.UnprocessableErrors, faults.TooManyRetryAfter, faults.ServerError, faults.LostBefore, faults.LostAfter,
		faults.Truncated, faults.NotJSON}
	sides := map[string]func(*fixture) *faults.Injector{
		"finbox":    func(fx *fixture) *faults.Injector { return fx.fb.Faults() },
		"silverfin": func(fx *fixture) *faults.Injector { return fx.sf.Faults() },
	}
	for side, injector := range sides {
		for _, kind := range kinds {
			t.Run(fmt.Sprintf("%s/%s", side, kind), func(t *testing.T) {
				t.Parallel()
				for n := 1; ; n++ {
					fx, clients := withClients(t, 1)
					injector(fx).Add(faults.Fault{Nth: n, Kind: kind, RetryAfter: "0"})
					if _, err := fx.d.Sync(t.Context(), daemon.SyncRequest{}, nil); err != nil {
						t.Fatalf("call %d: trouble outside ended the run: %v", n, err)
					}
					hit := injector(fx).Count(func(c faults.Call) bool { return c.Fault != "" }) > 0
					injector(fx).Clear()
					converge(fx, clients)
					if t.Failed() {
						t.Fatalf("after %s at call %d", kind, n)
					}
					if !hit {
						return
					}
				}
			})
		}
	}
}

// faultyStore fails at one of the calls that change the state: before it is
// carried out, or after.
type faultyStore struct {
	daemon.Store
	calls *atomic.Int64
	at    int64
	after bool
}

func (k faultyStore) do(change func() error) error {
	bad := k.calls.Add(1) == k.at
	full := problem.New(problem.StateUnwritable, "the disk is full", "Make room.")
	if bad && !k.after {
		return full
	}
	if err := change(); err != nil {
		return err
	}
	if bad {
		return full
	}
	return nil
}

func (k faultyStore) Record(ctx context.Context, c ledger.Connection, found []ledger.Entry) (added, updated []ledger.Entry, err error) {
	err = k.do(func() error { added, updated, err = k.Store.Record(ctx, c, found); return err })
	return added, updated, err
}

func (k faultyStore) Move(ctx context.Context, steps ...ledger.Move) (moved []ledger.Entry, err error) {
	err = k.do(func() error { moved, err = k.Store.Move(ctx, steps...); return err })
	return moved, err
}

func (k faultyStore) RecordUpload(ctx context.Context, c ledger.Connection, s ledger.Move) (e ledger.Entry, added bool, err error) {
	err = k.do(func() error { e, added, err = k.Store.RecordUpload(ctx, c, s); return err })
	return e, added, err
}

func (k faultyStore) ChangeLinks(ctx context.Context, set, removed []ledger.DossierLink) error {
	return k.do(func() error { return k.Store.ChangeLinks(ctx, set, removed) })
}

func (k faultyStore) SaveLink(ctx context.Context, l ledger.DossierLink) error {
	return k.do(func() error { return k.Store.SaveLink(ctx, l) })
}

func (k faultyStore) BeginRun(ctx context.Context, p ledger.Run) (begun ledger.Run, err error) {
	err = k.do(func() error { begun, err = k.Store.BeginRun(ctx, p); return err })
	return begun, err
}

func (k faultyStore) EndRun(ctx context.Context, p ledger.Run) error {
	return k.do(func() error { return k.Store.EndRun(ctx, p) })
}

// A disk that fails at any commit, before or after it is on disk, ends the
// run with a clear error; when there is room again everything arrives.
func TestFullDiskAtEveryCommit(t *testing.T) {
	for _, after := range []bool{false, true} {
		t.Run(fmt.Sprintf("after=%v", after), func(t *testing.T) {
			for n := int64(1); ; n++ {
				fx, clients := withClients(t, 2)
				var calls atomic.Int64
				fx.reopenWith(func(k daemon.Store) daemon.Store { return faultyStore{k, &calls, n, after} })
				_, err := fx.d.Sync(t.Context(), daemon.SyncRequest{}, nil)
				if hit := calls.Load() >= n; hit && !problem.Is(err, problem.StateUnwritable) {
					t.Fatalf("commit %d: %v, want that the state cannot be written", n, err)
				} else if !hit {
					return
				}
				fx.reopenWith(nil)
				converge(fx, clients)
				if t.Failed() {
					t.Fatalf("after commit %d", n)
				}
			}
		})
	}
}

// reopenWith restarts the daemon on its state, with another fault or none.
func (fx *fixture) reopenWith(wrapStore func(daemon.Store) daemon.Store) {
	fx.t.Helper()
	if err := fx.store.Close(); err != nil {
		fx.t.Fatal(err)
	}
	fx.wrapStore = wrapStore
	fx.open(fx.fbURL, fx.sfURL)
}

// cutStore ends the fixture at one of the changes of the state, as kill -9
// does: that change and all after it never happen, and no call goes out.
type cutStore struct {
	faultyStore
	cut context.CancelFunc
}

func (k cutStore) do(change func() error) error {
	if k.calls.Add(1) >= k.at {
		k.cut()
		return context.Canceled
	}
	return change()
}

func (k cutStore) Record(ctx context.Context, c ledger.Connection, found []ledger.Entry) (added, updated []ledger.Entry, err error) {
	err = k.do(func() error { added, updated, err = k.Store.Record(ctx, c, found); return err })
	return added, updated, err
}

func (k cutStore) RecordUpload(ctx context.Context, c ledger.Connection, m ledger.Move) (e ledger.Entry, added bool, err error) {
	err = k.do(func() error { e, added, err = k.Store.RecordUpload(ctx, c, m); return err })
	return e, added, err
}

func (k cutStore) Move(ctx context.Context, steps ...ledger.Move) (moved []ledger.Entry, err error) {
	err = k.do(func() error { moved, err = k.Store.Move(ctx, steps...); return err })
	return moved, err
}

func (k cutStore) EndRun(ctx context.Context, p ledger.Run) error {
	return k.do(func() error { return k.Store.EndRun(ctx, p) })
}

func TestCutOffAtEveryStep(t *testing.T) {
	for n := int64(1); ; n++ {
		fx, clients := withClients(t, 2)
		ctx, cancel := context.WithCancel(t.Context())
		var calls atomic.Int64
		fx.reopenWith(func(k daemon.Store) daemon.Store {
			return cutStore{faultyStore{Store: k, calls: &calls, at: n}, cancel}
		})
		_, err := fx.d.Sync(ctx, daemon.SyncRequest{}, nil)
		cancel()
		if calls.Load() < n {
			return
		}
		if err == nil {
			t.Fatalf("step %d: a run that was cut off went through", n)
		}
		fx.reopenWith(nil)
		converge(fx, clients)
		if t.Failed() {
			t.Fatalf("after step %d", n)
		}
	}
}

// Stopping in the middle of a run loses nothing, wherever it happens: here at
// every call that reaches Silverfin.
func TestStoppedAtEveryCall(t *testing.T) {
	for n := int64(1); ; n++ {
		fx, clients := withClients(t, 2)
		ctx, cancel := context.WithCancel(t.Context())
		var calls atomic.Int64
		fx.sf.Faults().OnCall(func(faults.Call) {
			if calls.Add(1) == n {
				cancel()
			}
		})
		p, err := fx.d.Sync(ctx, daemon.SyncRequest{}, nil)
		cancel()
		fx.sf.Faults().OnCall(nil)
		if calls.Load() < n {
			return
		}
		if err != nil && p.Stopped == "" {
			t.Errorf("call %d: %v, and the run does not say that it was stopped", n, err)
		}
		if p.NeedsPerson() {
			t.Errorf("call %d: a stop is said to need a person: %+v", n, p)
		}
		converge(fx, clients)
		if t.Failed() {
			t.Fatalf("after call %d", n)
		}
	}
}

// A service that is down for good does not hold up the run for every dossier,
// and nothing is parked for it.
func TestSilverfinDownForAWeek(t *testing.T) {
	fx, clients := withClients(t, 30)
	fx.sf.Faults().Add(faults.Fault{Times: -1, Path: "/api/", Kind: faults.ServerError})
	for range 7 {
		p, err := fx.night()
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Problems) == 0 {
			t.Error("the run does not say that Silverfin is down")
		}
	}
	if n := fx.sf.Faults().Total(); n > 200 {
		t.Errorf("%d calls to a Silverfin that is down", n)
	}
	for _, e := range fx.entries() {
		if e.Parked {
			t.Fatalf("entry %d is parked though nobody can mend it: %s", e.Number, e.Detail)
		}
	}
	fx.sf.Faults().Clear()
	fx.later(time.Hour)
	converge(fx, clients)
}

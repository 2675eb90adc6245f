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
func converge(w *world, clients map[client]*balance.Balance) {
	w.t.Helper()
	for range 4 {
		if _, err := w.night(); err != nil {
			w.t.Fatalf("an undisturbed night: %v", err)
		}
	}
	for c, b := range clients {
		w.wantHeld(c, b)
	}
	for _, e := range w.entries() {
		if e.State != ledger.Done {
			w.t.Errorf("entry %d ended %s %s: %s", e.Number, e.State, e.Reason, e.Detail)
		}
	}
	if n := len(w.entries()); n != len(clients) {
		w.t.Errorf("%d entries for %d balances", n, len(clients))
	}
	values := map[string]string{}
	for _, x := range w.sf.Writes() {
		k := fmt.Sprint(x.Company, x.Period, x.Namespace, x.Key)
		if old, twice := values[k]; twice && old != x.New {
			w.t.Errorf("%s was written twice with different values, %s and %s", k, old, x.New)
		}
		values[k] = x.New
	}
}

// withClients makes a world with some clients and a new balance each.
func withClients(t *testing.T, many int) (*world, map[client]*balance.Balance) {
	w := newWorld(t)
	clients := map[client]*balance.Balance{}
	for n := range many {
		c := w.client(n)
		b := w.balance(c, int64(n))
		w.add(c, b)
		clients[c] = b
	}
	return w, clients
}

// Whatever call fails, in whatever way, the nights after deliver everything,
// and nothing twice with different values.
func TestFaultAtEveryCall(t *testing.T) {
	kinds := []faults.Kind{faults.Unauthorized, faults.Forbidden, faults.NotFound, faults.Conflict, faults.UnprocessableError,
		faults.UnprocessableErrors, faults.TooManyRetryAfter, faults.ServerError, faults.LostBefore, faults.LostAfter,
		faults.Truncated, faults.NotJSON}
	sides := map[string]func(*world) *faults.Injector{
		"finbox":    func(w *world) *faults.Injector { return w.fb.Faults() },
		"silverfin": func(w *world) *faults.Injector { return w.sf.Faults() },
	}
	for side, injector := range sides {
		for _, kind := range kinds {
			t.Run(fmt.Sprintf("%s/%s", side, kind), func(t *testing.T) {
				t.Parallel()
				for n := 1; ; n++ {
					w, clients := withClients(t, 1)
					injector(w).Add(faults.Fault{Nth: n, Kind: kind, RetryAfter: "0"})
					if _, err := w.d.Sync(t.Context(), daemon.SyncRequest{}, nil); err != nil {
						t.Fatalf("call %d: trouble outside ended the pass: %v", n, err)
					}
					hit := injector(w).Count(func(c faults.Call) bool { return c.Fault != "" }) > 0
					injector(w).Clear()
					converge(w, clients)
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

// faultyKeeper fails at one of the calls that change the state: before it is
// carried out, or after.
type faultyKeeper struct {
	daemon.Store
	calls *atomic.Int64
	at    int64
	after bool
}

func (k faultyKeeper) do(change func() error) error {
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

func (k faultyKeeper) Record(ctx context.Context, c ledger.Connection, found []ledger.Entry) (added []ledger.Entry, err error) {
	err = k.do(func() error { added, err = k.Store.Record(ctx, c, found); return err })
	return added, err
}

func (k faultyKeeper) Move(ctx context.Context, steps ...ledger.Step) (moved []ledger.Entry, err error) {
	err = k.do(func() error { moved, err = k.Store.Move(ctx, steps...); return err })
	return moved, err
}

func (k faultyKeeper) BeginRun(ctx context.Context, p ledger.Run) (begun ledger.Run, err error) {
	err = k.do(func() error { begun, err = k.Store.BeginRun(ctx, p); return err })
	return begun, err
}

func (k faultyKeeper) EndRun(ctx context.Context, p ledger.Run) error {
	return k.do(func() error { return k.Store.EndRun(ctx, p) })
}

// A disk that fails at any commit, before or after it is on disk, ends the
// pass with a clear error; when there is room again everything arrives.
func TestFullDiskAtEveryCommit(t *testing.T) {
	for _, after := range []bool{false, true} {
		t.Run(fmt.Sprintf("after=%v", after), func(t *testing.T) {
			for n := int64(1); ; n++ {
				w, clients := withClients(t, 2)
				var calls atomic.Int64
				w.respoil(func(k daemon.Store) daemon.Store { return faultyKeeper{k, &calls, n, after} })
				_, err := w.d.Sync(t.Context(), daemon.SyncRequest{}, nil)
				if hit := calls.Load() >= n; hit && !problem.Is(err, problem.StateUnwritable) {
					t.Fatalf("commit %d: %v, want that the state cannot be written", n, err)
				} else if !hit {
					return
				}
				w.respoil(nil)
				converge(w, clients)
				if t.Failed() {
					t.Fatalf("after commit %d", n)
				}
			}
		})
	}
}

// respoil restarts the daemon on its state, with another fault or none.
func (w *world) respoil(spoil func(daemon.Store) daemon.Store) {
	w.t.Helper()
	if err := w.keeper.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.spoil = spoil
	w.open(w.fbURL, w.sfURL)
}

// cutKeeper ends the world at one of the changes of the state, as kill -9
// does: that change and all after it never happen, and no call goes out.
type cutKeeper struct {
	faultyKeeper
	cut context.CancelFunc
}

func (k cutKeeper) do(change func() error) error {
	if k.calls.Add(1) >= k.at {
		k.cut()
		return context.Canceled
	}
	return change()
}

func (k cutKeeper) Record(ctx context.Context, c ledger.Connection, found []ledger.Entry) (added []ledger.Entry, err error) {
	err = k.do(func() error { added, err = k.Store.Record(ctx, c, found); return err })
	return added, err
}

func (k cutKeeper) Move(ctx context.Context, steps ...ledger.Step) (moved []ledger.Entry, err error) {
	err = k.do(func() error { moved, err = k.Store.Move(ctx, steps...); return err })
	return moved, err
}

func (k cutKeeper) EndRun(ctx context.Context, p ledger.Run) error {
	return k.do(func() error { return k.Store.EndRun(ctx, p) })
}

func TestCutOffAtEveryStep(t *testing.T) {
	for n := int64(1); ; n++ {
		w, clients := withClients(t, 2)
		ctx, cancel := context.WithCancel(t.Context())
		var calls atomic.Int64
		w.respoil(func(k daemon.Store) daemon.Store {
			return cutKeeper{faultyKeeper{Store: k, calls: &calls, at: n}, cancel}
		})
		_, err := w.d.Sync(ctx, daemon.SyncRequest{}, nil)
		cancel()
		if calls.Load() < n {
			return
		}
		if err == nil {
			t.Fatalf("step %d: a pass that was cut off went through", n)
		}
		w.respoil(nil)
		converge(w, clients)
		if t.Failed() {
			t.Fatalf("after step %d", n)
		}
	}
}

// Stopping in the middle of a pass loses nothing, wherever it happens: here at
// every call that reaches Silverfin.
func TestStoppedAtEveryCall(t *testing.T) {
	for n := int64(1); ; n++ {
		w, clients := withClients(t, 2)
		ctx, cancel := context.WithCancel(t.Context())
		var calls atomic.Int64
		w.sf.Faults().OnCall(func(faults.Call) {
			if calls.Add(1) == n {
				cancel()
			}
		})
		p, err := w.d.Sync(ctx, daemon.SyncRequest{}, nil)
		cancel()
		w.sf.Faults().OnCall(nil)
		if calls.Load() < n {
			return
		}
		if err != nil && p.Stopped == "" {
			t.Errorf("call %d: %v, and the pass does not say that it was stopped", n, err)
		}
		if p.NeedsPerson() {
			t.Errorf("call %d: a stop is said to need a person: %+v", n, p)
		}
		converge(w, clients)
		if t.Failed() {
			t.Fatalf("after call %d", n)
		}
	}
}

// A service that is down for good does not hold up the pass for every dossier,
// and nothing is parked for it.
func TestSilverfinDownForAWeek(t *testing.T) {
	w, clients := withClients(t, 30)
	w.sf.Faults().Add(faults.Fault{Times: -1, Path: "/api/", Kind: faults.ServerError})
	for range 7 {
		p, err := w.night()
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Problems) == 0 {
			t.Error("the pass does not say that Silverfin is down")
		}
	}
	if n := w.sf.Faults().Total(); n > 200 {
		t.Errorf("%d calls to a Silverfin that is down", n)
	}
	for _, e := range w.entries() {
		if e.Parked {
			t.Fatalf("entry %d is parked though nobody can mend it: %s", e.Number, e.Detail)
		}
	}
	w.sf.Faults().Clear()
	w.later(time.Hour)
	converge(w, clients)
}

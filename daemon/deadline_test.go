package daemon_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
)

// A call that has no time left says nothing about the balance: it is tried
// again every night.
func TestCallWithoutTimeLeftIsNotTheBalancesFault(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	fx.add(c, fx.balance(c, 1))
	late := true
	fx.hook(hooked{locate: func(context.Context) error {
		if late {
			return context.DeadlineExceeded
		}
		return nil
	}})
	fx.nights(ledger.ParkAfter + 1)
	if e := fx.only(); e.State != ledger.Failed || e.FailClass != ledger.Unavailable || e.Nights != 0 || e.Parked {
		t.Fatalf("entry is %s %s after %d nights, parked %v", e.State, e.FailClass, e.Nights, e.Parked)
	}
	late = false
	fx.nights(1)
	fx.wantState(fx.only(), ledger.Done, "")
}

func TestRunOutOfTimeSaysThatItWasStopped(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	fx.add(c, fx.balance(c, 1))
	fx.deadline = 100 * time.Millisecond
	fx.hook(hooked{locate: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }})
	fx.reopenWith(nil)
	p, err := fx.d.Sync(t.Context(), daemon.SyncRequest{}, nil)
	if !problem.Is(err, problem.Stopped) || !strings.Contains(p.Stopped, "longer than") || !p.NeedsPerson() {
		t.Errorf("error %v, the run says %q", err, p.Stopped)
	}
	for _, e := range fx.entries() {
		fx.wantState(e, ledger.Found, "")
	}
}

// The pace that Silverfin is called at leaves no time for all that waits.
func TestPaceBeyondTheDeadlineFailsNothing(t *testing.T) {
	const many = 12
	fx := newFixture(t)
	for n := range many {
		c := fx.client(n)
		fx.must(fx.sf.CloseWorkflow(c.company, c.period, workflowName))
		fx.add(c, fx.balance(c, int64(n)))
	}
	fx.sync()
	fx.rps, fx.deadline = 0.1, 300*time.Millisecond
	fx.reopenWith(nil)
	if _, err := fx.night(); !problem.Is(err, problem.Stopped) {
		t.Errorf("the night ended with %v, want that it was stopped", err)
	}
	for _, e := range fx.entries() {
		fx.wantState(e, ledger.Waiting, ledger.WorkflowClosed)
	}
}

// A server that is off at night has its nights caught up by day, from the very
// first on.
func TestServerThatIsOnlyOnByDayCatchesUp(t *testing.T) {
	fx := newFixture(t)
	for range 14 {
		fx.mu.Lock()
		next := fx.now.AddDate(0, 0, 1)
		fx.now = time.Date(next.Year(), next.Month(), next.Day(), 8, 0, 0, 0, next.Location())
		fx.mu.Unlock()
		fx.reopenWith(nil) // the server starts at eight
		fx.later(time.Minute)
		ran, err := fx.d.RunNight(t.Context())
		fx.must(err)
		if !ran {
			t.Errorf("the night of %s was not caught up", fx.clock().Format(time.DateOnly))
		}
	}
}

package daemon_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
	"balansd/sandbox/faults"
)

// aheadBy is how far a machine's clock is ahead when its battery is gone.
const aheadBy = 5 * 365 * 24 * time.Hour

// A call that has no time left says nothing about the balance: it is tried
// again every night.
func TestCallWithoutTimeLeftIsNotTheBalancesFault(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	w.add(c, w.balance(c, 1))
	late := true
	w.hook(hooked{locate: func(context.Context) error {
		if late {
			return context.DeadlineExceeded
		}
		return nil
	}})
	w.nights(ledger.ParkAfter + 1)
	if e := w.only(); e.State != ledger.Failed || e.FailClass != ledger.Unavailable || e.Nights != 0 || e.Parked {
		t.Fatalf("entry is %s %s after %d nights, parked %v", e.State, e.FailClass, e.Nights, e.Parked)
	}
	late = false
	w.nights(1)
	w.wantState(w.only(), ledger.Done, "")
}

func TestPassOutOfTimeSaysThatItWasStopped(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	w.add(c, w.balance(c, 1))
	w.deadline = 100 * time.Millisecond
	w.hook(hooked{locate: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }})
	w.respoil(nil)
	p, err := w.d.Sync(t.Context(), daemon.SyncRequest{}, nil)
	if !problem.Is(err, problem.Stopped) || !strings.Contains(p.Stopped, "longer than") || !p.NeedsPerson() {
		t.Errorf("error %v, the pass says %q", err, p.Stopped)
	}
	for _, e := range w.entries() {
		w.wantState(e, ledger.Found, "")
	}
}

// The pace that Silverfin is called at leaves no time for all that waits.
func TestPaceBeyondTheDeadlineFailsNothing(t *testing.T) {
	const many = 12
	w := newWorld(t)
	for n := range many {
		c := w.client(n)
		w.must(w.sf.CloseWorkflow(c.company, c.period, workflowName))
		w.add(c, w.balance(c, int64(n)))
	}
	w.sync()
	w.rps, w.deadline = 0.1, 300*time.Millisecond
	w.respoil(nil)
	if _, err := w.night(); !problem.Is(err, problem.Stopped) {
		t.Errorf("the night ended with %v, want that it was stopped", err)
	}
	for _, e := range w.entries() {
		w.wantState(e, ledger.Waiting, ledger.WorkflowClosed)
	}
}

// A rest that was given while the clock was ahead does not last for years.
func TestClockThatWasAheadDoesNotHoldUpRetries(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	id := w.add(c, w.balance(c, 1))
	w.must(w.fb.SetContent(id, []byte("x")))
	w.later(aheadBy)
	w.nights(1)
	w.wantState(w.only(), ledger.Failed, "")
	w.later(-aheadBy)
	tried := 0
	for range 30 {
		p, err := w.night()
		w.must(err)
		tried += p.Outcome[ledger.Failed]
	}
	if tried == 0 {
		t.Errorf("not tried in 30 nights; the next try is on %s", w.only().NextTry)
	}
}

// Tokens that were given while the clock was ahead are renewed in time all the
// same: Silverfin counts by its own clock.
func TestClockThatWasAheadDoesNotHoldUpRenewals(t *testing.T) {
	w := newWorld(t)
	w.later(aheadBy)
	w.linkFirm(w.firm)
	w.later(-aheadBy)
	w.sf.Faults().ResetLog()
	w.nights(58)
	if w.sf.Faults().Count(func(c faults.Call) bool { return strings.Contains(c.Path, "/oauth/") }) == 0 {
		t.Error("the tokens were not renewed in 58 nights")
	}
}

// A server that is off at night has its nights caught up by day, from the very
// first on.
func TestServerThatIsOnlyOnByDayCatchesUp(t *testing.T) {
	w := newWorld(t)
	for range 14 {
		w.mu.Lock()
		next := w.now.AddDate(0, 0, 1)
		w.now = time.Date(next.Year(), next.Month(), next.Day(), 8, 0, 0, 0, next.Location())
		w.mu.Unlock()
		w.respoil(nil) // the server starts at eight
		w.later(time.Minute)
		ran, err := w.d.RunNight(t.Context())
		w.must(err)
		if !ran {
			t.Errorf("the night of %s was not caught up", w.clock().Format(time.DateOnly))
		}
	}
}

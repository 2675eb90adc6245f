package daemon_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
)

// logged is what a daemon writes into its log.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// count is the number of lines that hold a text.
func (l *logged) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}

// slowly has the next listing take a while, of the bubble's time.
func (n *schedulerFixture) slowly(d time.Duration) {
	var done atomic.Bool
	n.fail(func() bool {
		if done.CompareAndSwap(false, true) {
			time.Sleep(d)
		}
		return false
	})
}

// A run may take hours. That is no sleep of the server, and the state hears
// meanwhile that balansd lives.
func TestALongRunIsNoSleep(t *testing.T) {
	runScheduler(t, func(t *testing.T, n *schedulerFixture) {
		n.slowly(26 * time.Hour)
		n.until("2000-01-12 03:00")
		alive, err := n.store.LastAlive(t.Context())
		if err != nil || n.now().Sub(alive) > 15*time.Minute {
			t.Errorf("during the run it lived last at %s, %v; it is %s", alive, err, n.now())
		}
		n.until("2000-01-13 12:00")
		if got := n.log.count("the server slept"); got != 0 {
			t.Errorf("a long run counts as a sleep %d times", got)
		}
		n.want("11 02:30 nightly", "12 04:30 catch_up: another run was under way from 2000-01-11 02:30 to 2000-01-12 04:30", "13 02:30 nightly")
	})
}

// A night that is due while somebody's run runs begins after it, and says so
// once, whatever that run was.
func TestANightWaitsForARunByHand(t *testing.T) {
	for name, tt := range map[string]struct {
		dry  bool
		want []string
	}{
		"a run":     {false, []string{"11 02:20 by_hand", "11 03:20 catch_up: another run was under way from 2000-01-11 02:20 to 2000-01-11 03:20"}},
		"a dry run": {true, []string{"11 03:20 catch_up: another run was under way at 2000-01-11 02:30"}},
	} {
		t.Run(name, func(t *testing.T) {
			runScheduler(t, func(t *testing.T, n *schedulerFixture) {
				n.until("2000-01-11 02:20")
				n.slowly(time.Hour)
				if _, err := n.d.Sync(t.Context(), daemon.SyncRequest{By: "Els", DryRun: tt.dry}, nil); err != nil {
					t.Fatal(err)
				}
				n.until("2000-01-11 12:00")
				n.want(tt.want...)
				if got := n.log.count("the night was missed"); got != 1 {
					t.Errorf("that the night was late is said %d times", got)
				}
			})
		})
	}
}

// A clock that is set back runs no night again, and does not say every few
// seconds that one was missed.
func TestClockSetBackIsSilent(t *testing.T) {
	for name, back := range map[string]time.Duration{"an hour": time.Hour, "a day": 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			runScheduler(t, func(t *testing.T, n *schedulerFixture) {
				n.until("2000-01-12 03:00")
				n.clock.Add(int64(-back))
				n.until("2000-01-13 12:00")
				n.want("11 02:30 nightly", "12 02:30 nightly", "13 02:30 nightly")
				if got := n.log.count("the night was missed"); got != 0 || len(n.missed()) != 0 {
					t.Errorf("a night that was run is said to be missed %d times, %q", got, n.missed())
				}
			})
		})
	}
}

// A clock that was ahead for a while leaves no missed nights that are still to
// come, and no try that is.
func TestClockAheadAndBackLeavesNothingOfTheFuture(t *testing.T) {
	runScheduler(t, func(t *testing.T, n *schedulerFixture) {
		n.until("2000-01-11 12:00")
		n.fail(func() bool { return n.clock.Load() > 0 })
		n.clock.Add(int64(10 * 24 * time.Hour))
		time.Sleep(30 * time.Minute)
		n.clock.Store(0)
		time.Sleep(30 * time.Minute)
		s, err := n.d.Status(t.Context())
		if err != nil || len(s.Missed) != 0 || s.Again.After(n.now().Add(time.Hour)) {
			t.Errorf("missed are %v, and the next try is at %s: %v", s.Missed, s.Again, err)
		}
		h, err := n.d.History(t.Context(), daemon.HistoryQuery{Limit: 1000})
		if err != nil || len(h.Missed) != 0 {
			t.Errorf("the history has %v, %v", h.Missed, err)
		}
		n.until("2000-01-13 12:00")
		if got := n.runs(); !slices.Contains(got, "12 02:30 nightly") || !slices.Contains(got, "13 02:30 nightly") {
			t.Errorf("the nights after are %q", got)
		}
		// The nights that were said to be missed days early come at their time.
		n.until("2000-01-22 12:00")
		if got := n.missed(); len(got) != 0 {
			t.Errorf("nights that were run are still said to be missed: %q", got)
		}
	})
}

// A restart in the middle of another try of a night, before it could tell
// whether the services answer, does not end the tries.
func TestRestartInTheMiddleOfAnotherTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newSchedulerFixture(t)
		n.until("2000-01-10 12:00")
		n.start()
		n.fail(func() bool { return true })
		n.until("2000-01-11 02:34")
		n.fail(func() bool { time.Sleep(10 * time.Minute); return false })
		n.until("2000-01-11 02:36")
		n.stop()
		n.fail(func() bool { return false })
		n.until("2000-01-11 02:50")
		n.start()
		defer n.stop()
		n.until("2000-01-11 02:51")
		n.want("11 02:30 nightly down", "11 02:35 again", "11 02:50 again")
	})
}

// full is a state that takes no run.
type full struct {
	daemon.Store
	is *atomic.Bool
}

func (f full) BeginRun(ctx context.Context, p ledger.Run) (ledger.Run, error) {
	if f.is.Load() {
		return p, problem.New(problem.StateUnwritable, "the disk is full", "Make room.")
	}
	return f.Store.BeginRun(ctx, p)
}

// A night that cannot begin says why, but not at each look at the clock.
func TestANightThatCannotBeginSaysSoOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newSchedulerFixture(t)
		var is atomic.Bool
		n.wrapStore = func(k daemon.Store) daemon.Store { return full{k, &is} }
		n.until("2000-01-10 12:00")
		n.start()
		defer n.stop()
		is.Store(true)
		n.until("2000-01-11 04:30")
		is.Store(false)
		n.until("2000-01-11 12:00")
		n.want("11 04:30 catch_up: it could not begin: the disk is full")
		if got := n.log.count("the nightly run failed"); got != 1 {
			t.Errorf("it says %d times that it cannot begin", got)
		}
	})
}

// A night that is moved to an hour of today that is over is caught up, and
// nobody is told that balansd did not run.
func TestANightThatIsMovedToAnEarlierHour(t *testing.T) {
	runScheduler(t, func(t *testing.T, n *schedulerFixture) {
		late := n.cfg
		late.Schedule.Hour = 22
		settle := func(context.Context) error { return nil }
		if err := n.d.Reconfigure(t.Context(), late, settle); err != nil {
			t.Fatal(err)
		}
		n.until("2000-01-11 12:00")
		if err := n.d.Reconfigure(t.Context(), n.cfg, settle); err != nil {
			t.Fatal(err)
		}
		n.until("2000-01-12 12:00")
		n.want("10 22:30 nightly", "11 12:00 catch_up: the time of the night was changed after 2000-01-11 02:30", "12 02:30 nightly")
	})
}

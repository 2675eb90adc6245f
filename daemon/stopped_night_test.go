package daemon_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"balansd/daemon"
)

// slowBackupStore is a state whose first backup takes until it is stopped.
type slowBackupStore struct {
	daemon.Store
	once *atomic.Bool
}

func (s slowBackupStore) CheckBackups(ctx context.Context) error {
	if s.once.CompareAndSwap(false, true) {
		<-ctx.Done()
		return ctx.Err()
	}
	return s.Store.CheckBackups(ctx)
}

// A night that a person stops is no failure: nothing is logged as one, it is not run
// again, and the next one comes at its time.
func TestNightThatAPersonStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newSchedulerFixture(t)
		n.wrapStore = func(k daemon.Store) daemon.Store { return slowBackupStore{k, &atomic.Bool{}} }
		n.until("2000-01-10 12:00")
		n.start()
		defer n.stop()
		n.until("2000-01-11 02:40")
		if _, err := n.d.StopSync(t.Context(), daemon.StopRequest{By: "An"}); err != nil {
			t.Fatal(err)
		}
		n.until("2000-01-12 02:40")
		runs, err := n.store.Runs(t.Context(), 10)
		if err != nil || len(runs) != 2 || runs[1].StoppedBy != "An" || runs[0].Stopped != "" {
			t.Errorf("the runs are %+v, %v", runs, err)
		}
		s, err := n.d.Status(t.Context())
		if err != nil || len(s.Missed) > 0 || !s.Again.IsZero() {
			t.Errorf("missed %v, again %v, %v", s.Missed, s.Again, err)
		}
		if bad := n.log.count(`"level":"warn"`) + n.log.count(`"level":"error"`); bad > 0 {
			t.Errorf("%d lines are warnings or errors", bad)
		}
	})
}

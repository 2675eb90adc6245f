package daemon_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"balansd/balance"
	"balansd/daemon"
	"balansd/internal/testenv"
	"balansd/ledger"
	fakefinbox "balansd/sandbox/finbox"
)

// usage is what a process holds.
type usage struct {
	goroutines, descriptors, backups int
	heap, file                       int64 // bytes
}

func (fx *fixture) usage() (u usage) {
	fx.t.Helper()
	synctest.Wait()
	fds, err := os.ReadDir("/proc/self/fd")
	fx.must(err)
	info, err := os.Stat(fx.store.Path())
	fx.must(err)
	copies, err := filepath.Glob(filepath.Join(fx.dir, "backups", "*"))
	fx.must(err)
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what had a finalizer
	runtime.ReadMemStats(&m)
	return usage{runtime.NumGoroutine(), len(fds), len(copies), int64(m.HeapAlloc), info.Size()}
}

// TestManyNightsStayFlat runs 72 nights with 200 connections, fewer unless
// testenv.Thorough is asked for, of which each had a balance in the first. What
// the daemon holds after sixteen days it holds whole weeks later: a night leaves
// nothing behind but its record.
func TestManyNightsStayFlat(t *testing.T) {
	const settled = 16
	nights, connections := settled+7, 20
	if testenv.Asked(t, testenv.Thorough) {
		nights, connections = 72, 200
	}
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		t.Setenv("TMPDIR", "/dev/shm") // ten thousand commits need no disk here
	}
	synctest.Test(t, func(t *testing.T) {
		fx := newMemoryFixture(t)
		for n := range connections {
			fx.conn = fx.fb.AddConnection(fakefinbox.Environment{Name: fmt.Sprintf("Kantoor %d", n), Language: "nl", StartDate: balance.DateOf(fx.clock())})
			_, err := fx.d.ConnectFinbox(t.Context(), daemon.ConnectionRequest{ID: fx.conn, By: "Els"})
			fx.must(err)
			c := fx.client(n)
			fx.add(c, fx.balance(c, int64(n)))
		}
		fx.backup, fx.began = true, time.Now()
		fx.reopenWith(nil)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- fx.d.Run(ctx) }()
		var before usage
		for night := 1; night <= nights; night++ {
			time.Sleep(24 * time.Hour) // the bubble's time
			fx.fb.Faults().ResetLog()  // the sandbox's memory is not the daemon's
			fx.sf.Faults().ResetLog()
			if night == settled {
				before = fx.usage()
			}
		}
		after := fx.usage()
		cancel()
		fx.must(<-ended)

		runs, err := fx.store.Runs(t.Context(), 1000)
		fx.must(err)
		schedulerFixture := 0
		for _, r := range runs {
			if !r.Night.IsZero() && len(r.Problems) == 0 {
				schedulerFixture++
			}
		}
		counts, err := fx.store.Counts(t.Context())
		fx.must(err)
		if schedulerFixture != nights || counts[ledger.Done] != connections {
			t.Errorf("%d nights went well, want %d; %v of %d balances", schedulerFixture, nights, counts, connections)
		}
		t.Logf("after %d nights %+v, after %d %+v", settled, before, nights, after)
		const noise = 256 << 10 // what a few rows of the runtime's own tables take
		if after.goroutines != before.goroutines || after.descriptors != before.descriptors || after.backups != before.backups ||
			after.heap > before.heap+noise || after.file > before.file {
			t.Errorf("it grew from %+v to %+v", before, after)
		}
	})
}

package daemon_test

import (
	"context"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"balansd/balance"
	"balansd/daemon"
	"balansd/folder"
	"balansd/ledger"
	"balansd/problem"
	"balansd/store"

	"github.com/rs/zerolog"
	"pgregory.net/rapid"
)

// unreliableSource is a source that does not answer until a time, and lists nothing.
type unreliableSource struct {
	daemon.Source
	down func() bool
}

func (m unreliableSource) List(context.Context, string) iter.Seq2[ledger.Page, error] {
	return func(yield func(ledger.Page, error) bool) {
		if m.down() {
			yield(ledger.Page{}, problem.New(problem.FinboxDown, "Finbox cannot be reached", ""))
			return
		}
		yield(ledger.Page{}, nil)
	}
}

// schedulerFixture is a daemon in a bubble of time, over the real state and a source
// that may be down.
type schedulerFixture struct {
	t         *testing.T
	path      string
	clock     atomic.Int64 // how far the wall clock is ahead of the bubble's
	down      atomic.Pointer[func() bool]
	skip      bool
	built     time.Time
	wrapStore func(daemon.Store) daemon.Store
	log       logged
	store     *store.Store
	cfg       daemon.Config
	d         *daemon.Daemon
	stop      func()
}

func newSchedulerFixture(t *testing.T) *schedulerFixture {
	n := &schedulerFixture{t: t, path: filepath.Join(t.TempDir(), "state.db")}
	n.fail(func() bool { return false })
	return n
}

// runScheduler runs a test with a daemon that was started at noon of 2000-01-10, in a
// bubble of its own time.
func runScheduler(t *testing.T, test func(t *testing.T, n *schedulerFixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := newSchedulerFixture(t)
		n.until("2000-01-10 12:00")
		n.start()
		defer n.stop()
		test(t, n)
	})
}

func (n *schedulerFixture) now() time.Time { return time.Now().Add(time.Duration(n.clock.Load())) }

// fail says when the source is down.
func (n *schedulerFixture) fail(down func() bool) { n.down.Store(&down) }

// start starts the daemon, as the service does.
func (n *schedulerFixture) start() {
	n.t.Helper()
	var err error
	n.store, err = store.Open(store.Options{Path: n.path, KeyPath: n.path + ".key", Now: n.now})
	if err != nil {
		n.t.Fatal(err)
	}
	err = n.store.SaveConnection(n.t.Context(), ledger.Connection{ID: "c", Kind: ledger.Finbox, Name: "Finbox De Wilde", Status: ledger.Active})
	if err != nil {
		n.t.Fatal(err)
	}
	var k daemon.Store = n.store
	if n.wrapStore != nil {
		k = n.wrapStore(k)
	}
	n.cfg = daemon.Config{Store: k, Backup: true, Built: n.built, Uploads: folder.NewUploads(filepath.Join(filepath.Dir(n.path), "uploads")),
		Scratch:  func(ctx context.Context) (daemon.Store, func(), error) { return n.store.Scratch(ctx) },
		Source:   func(ledger.Connection) (daemon.Source, error) { return unreliableSource{down: *n.down.Load()}, nil },
		Schedule: daemon.Schedule{Hour: 2, Minute: 30, Location: zone(n.t, "Europe/Brussels"), SkipMissed: n.skip},
		Now:      n.now,
		Log:      zerolog.New(&n.log),
	}
	n.d = daemon.New(n.cfg)
	ctx, cancel := context.WithCancel(n.t.Context())
	done := make(chan error, 1)
	go func() { done <- n.d.Run(ctx) }()
	n.stop = func() {
		cancel()
		if err := <-done; err != nil {
			n.t.Error(err)
		}
		if err := n.store.Close(); err != nil {
			n.t.Error(err)
		}
	}
}

// until lets time run.
func (n *schedulerFixture) until(s string) {
	n.t.Helper()
	at, err := time.ParseInLocation("2006-01-02 15:04", s, zone(n.t, "Europe/Brussels"))
	if err != nil {
		n.t.Fatal(err)
	}
	time.Sleep(at.Sub(n.now())) // the bubble's time
	synctest.Wait()
}

// runs lists the runs as "15:04 trigger", oldest first.
func (n *schedulerFixture) runs() []string {
	n.t.Helper()
	all, err := n.store.Runs(n.t.Context(), 100)
	if err != nil {
		n.t.Fatal(err)
	}
	var list []string
	for _, p := range all {
		text := p.Start.In(zone(n.t, "Europe/Brussels")).Format("02 15:04 ") + string(p.Trigger)
		if len(p.Down) > 0 {
			text += " down"
		}
		if p.Missed != "" {
			text += ": " + p.Missed
		}
		list = append(list, text)
	}
	slices.Reverse(list)
	return list
}

func (n *schedulerFixture) want(runs ...string) {
	n.t.Helper()
	if got := n.runs(); !slices.Equal(got, runs) {
		n.t.Errorf("the runs are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(runs, "\n"))
	}
}

// missed lists the missed nights, oldest first.
func (n *schedulerFixture) missed() []string {
	n.t.Helper()
	all, err := n.store.Missed(n.t.Context(), balance.Date{Year: 9000, Month: 1, Day: 1}, 100)
	if err != nil {
		n.t.Fatal(err)
	}
	var list []string
	for _, m := range all {
		list = append(list, m.Night.String()+": "+m.Why)
	}
	slices.Reverse(list)
	return list
}

func TestNightWithoutItsServicesIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newSchedulerFixture(t)
		n.until("2000-01-10 12:00")
		n.start()
		n.until("2000-01-11 00:00")
		downTill := n.now().Add(2*time.Hour + 40*time.Minute)
		n.fail(func() bool { return n.now().Before(downTill) })
		n.until("2000-01-12 12:00")
		n.stop()
		n.start()
		defer n.stop()
		// Tried after 5 minutes and after 10 more; then never again that day.
		n.want("11 02:30 nightly down", "11 02:35 again down", "11 02:45 again", "12 02:30 nightly")
	})
}

func TestNightIsTriedAgainAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newSchedulerFixture(t)
		n.until("2000-01-10 12:00")
		n.start()
		n.fail(func() bool { return true })
		n.until("2000-01-11 02:31")
		n.stop()
		n.until("2000-01-11 09:00")
		n.fail(func() bool { return false })
		n.start()
		defer n.stop()
		n.until("2000-01-11 09:01")
		n.want("11 02:30 nightly down", "11 09:00 again")
	})
}

func TestNightIsNotTriedForEver(t *testing.T) {
	runScheduler(t, func(t *testing.T, n *schedulerFixture) {
		n.fail(func() bool { return true })
		n.until("2000-01-12 02:00")
		runs := n.runs()
		if len(runs) < 8 || len(runs) > 14 || !strings.HasPrefix(runs[len(runs)-1], "11 ") {
			t.Errorf("a day without services has these runs:\n%s", strings.Join(runs, "\n"))
		}
	})
}

func TestMissedNightSaysThatBalansdDidNotRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newSchedulerFixture(t)
		n.until("2000-01-10 12:00")
		n.start()
		n.until("2000-01-11 22:00")
		n.stop()
		n.until("2000-01-14 08:00")
		n.start()
		n.until("2000-01-14 08:01")
		defer n.stop()
		off := ": balansd did not run from 2000-01-11 22:00 to 2000-01-14 08:00"
		n.want("11 02:30 nightly", "14 08:00 catch_up"+off)
		if got, want := n.missed(), []string{"2000-01-12" + off, "2000-01-13" + off}; !slices.Equal(got, want) {
			t.Errorf("missed are %q, want %q", got, want)
		}
	})
}

func TestMissedNightSaysThatTheServerSlept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newSchedulerFixture(t)
		n.skip = true
		n.until("2000-01-10 12:00")
		n.start()
		defer n.stop()
		n.until("2000-01-11 00:00")
		n.clock.Add(int64(8 * time.Hour)) // nothing ran meanwhile
		n.until("2000-01-11 09:00")
		n.want()
		missed := n.missed()
		if len(missed) != 1 || !strings.HasPrefix(missed[0], "2000-01-11: the server slept, or its clock was set from 2000-01-1") {
			t.Errorf("missed are %q", missed)
		}
		s, err := n.d.Status(t.Context())
		if err != nil || len(s.Missed) != 1 {
			t.Errorf("the status tells of %v, error %v", s.Missed, err)
		}
	})
}

func TestClockBeforeTheProgramWasMadeBeginsNoNight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newSchedulerFixture(t)
		n.built = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
		n.until("2000-01-10 12:00")
		n.start()
		defer n.stop()
		n.until("2000-01-12 12:00")
		n.want()
		s, err := n.d.Status(t.Context())
		if err != nil || !strings.Contains(s.Clock, "before this balansd was made") {
			t.Errorf("the status says of the clock %q, error %v", s.Clock, err)
		}
		n.clock.Store(int64(time.Until(n.built) + 12*time.Hour)) // the clock is set right, at noon
		n.until("2026-11-02 12:00")
		if got := n.runs(); !slices.Contains(got, "02 02:30 nightly") {
			t.Errorf("with the clock right the runs are %q", got)
		}
		if s, err = n.d.Status(t.Context()); err != nil || s.Clock != "" {
			t.Errorf("the status says of the clock %q, error %v", s.Clock, err)
		}
	})
}

func TestClockThatServicesDisagreeWithIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newSchedulerFixture(t)
		n.start()
		defer n.stop()
		n.d.ObserveClock(2 * time.Hour)
		time.Sleep(time.Minute)
		if s, err := n.d.Status(t.Context()); err != nil || !strings.Contains(s.Clock, "2h0m0s behind") {
			t.Errorf("the status says of the clock %q, error %v", s.Clock, err)
		}
		n.d.ObserveClock(time.Second)
		time.Sleep(time.Minute)
		if s, err := n.d.Status(t.Context()); err != nil || s.Clock != "" {
			t.Errorf("the status says of the clock %q, error %v", s.Clock, err)
		}
	})
}

// failingStore is a state without backups, and one that may not answer.
type failingStore struct {
	daemon.Store
	frozen  atomic.Pointer[chan struct{}]
	backups atomic.Int64
}

func (s *failingStore) Backup(context.Context) (ledger.Backup, error) {
	s.backups.Add(1)
	return ledger.Backup{}, problem.New(problem.StateUnwritable, "the backup folder is full", "Make room.")
}

func (s *failingStore) LastNight(ctx context.Context) (balance.Date, error) {
	if wait := s.frozen.Load(); wait != nil {
		<-*wait
	}
	return s.Store.LastNight(ctx)
}

func TestNightGoesOnWithoutABackup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newSchedulerFixture(t)
		var k *failingStore
		n.wrapStore = func(real daemon.Store) daemon.Store { k = &failingStore{Store: real}; return k }
		n.until("2000-01-10 12:00")
		n.start()
		defer n.stop()
		n.until("2000-01-11 12:00")
		n.want("11 02:30 nightly")
		runs, err := n.store.Runs(t.Context(), 1)
		if err != nil || k.backups.Load() != 1 || len(runs[0].Problems) != 1 || !strings.Contains(runs[0].Problems[0], "backup folder is full") {
			t.Errorf("%d backups, the run says %q, error %v", k.backups.Load(), runs[0].Problems, err)
		}
	})
}

func TestNightSaysThatTheBackupsAreGone(t *testing.T) {
	runScheduler(t, func(t *testing.T, n *schedulerFixture) {
		n.until("2000-01-11 12:00")
		folder := filepath.Join(filepath.Dir(n.path), "backups")
		if err := os.Rename(folder, folder+"-unmounted"); err != nil {
			t.Fatal(err)
		}
		n.until("2000-01-12 12:00")
		runs, err := n.store.Runs(t.Context(), 1)
		if err != nil || len(runs[0].Problems) != 1 || !strings.Contains(runs[0].Problems[0], "Mount its disk") {
			t.Errorf("the run says %q, error %v", runs[0].Problems, err)
		}
		if _, err := os.Stat(folder); err == nil {
			t.Error("copies were put where the disk is not")
		}
	})
}

func TestHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newSchedulerFixture(t)
		var k *failingStore
		n.wrapStore = func(real daemon.Store) daemon.Store { k = &failingStore{Store: real}; return k }
		n.until("2000-01-10 12:00")
		n.start()
		n.until("2000-01-10 13:00")
		healthy := func() error {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			return n.d.Healthy(ctx)
		}
		if err := healthy(); err != nil {
			t.Errorf("a daemon that is well says %v", err)
		}
		frozen := make(chan struct{})
		k.frozen.Store(&frozen)
		if err := healthy(); err == nil || !strings.Contains(err.Error(), "does not answer") {
			t.Errorf("a frozen state gives %v", err)
		}
		time.Sleep(10 * time.Minute)
		if err := healthy(); err == nil || !strings.Contains(err.Error(), "was not read") {
			t.Errorf("a frozen loop gives %v", err)
		}
		close(frozen)
		time.Sleep(time.Minute)
		if err := healthy(); err != nil {
			t.Errorf("a daemon that came to says %v", err)
		}
		n.stop()
	})
}

// TestEachNightIsRunOrMissed walks through days in which the machine is off at
// random times: each night has a run, or is missed, never both, and none is
// forgotten.
func TestEachNightIsRunOrMissed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		loc, _ := time.LoadLocation("Europe/Brussels")
		n := daemon.Schedule{Hour: rapid.IntRange(0, 23).Draw(t, "hour"), Minute: 30, Location: loc,
			Spread: 20 * time.Minute, SkipMissed: rapid.Bool().Draw(t, "skip"),
			Window: daemon.Window{From: rapid.IntRange(0, 1439).Draw(t, "from"), To: rapid.IntRange(0, 1439).Draw(t, "to")}}
		since := time.Date(2026, 3, rapid.IntRange(20, 31).Draw(t, "day"), 15, 0, 0, 0, loc)
		now, last := since, balance.Date{}
		run, missed := map[balance.Date]bool{}, map[balance.Date]bool{}
		for range rapid.IntRange(1, 12).Draw(t, "stretches") {
			// On for some hours, a look every ten minutes; then off.
			for range rapid.IntRange(0, 300).Draw(t, "on") {
				for _, d := range n.Missed(now, last, since) {
					missed[d] = true
				}
				if night, _, due := n.Due(now, last, since); due {
					run[night], last = true, night
				}
				now = now.Add(10 * time.Minute)
			}
			now = now.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "off")) * time.Hour)
		}
		for _, d := range n.Missed(now, last, since) {
			missed[d] = true
		}
		whenever := n // what waits for its window is neither run nor missed yet
		whenever.Window = daemon.Window{}
		night, _, due := whenever.Due(now, last, since)
		for d := balance.DateOf(since); !balance.DateOf(now).Before(d); d = d.AddDays(1) {
			wake := n.Wake(d)
			if wake.Before(since) || now.Sub(wake) <= 15*time.Minute {
				continue
			}
			told := 0
			for _, is := range []bool{run[d], missed[d], due && night == d} {
				if is {
					told++
				}
			}
			if told != 1 {
				t.Fatalf("the night of %s: run %v, missed %v, due %v", d, run[d], missed[d], due && night == d)
			}
		}
	})
}

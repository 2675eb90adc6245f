package notify_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"balansd/keyvalue"
	"balansd/ledger"
	"balansd/notify"

	"github.com/google/go-cmp/cmp"
)

func want(t *testing.T, step string, got []string, lines ...string) {
	t.Helper()
	slices.Sort(got)
	if diff := cmp.Diff(lines, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", step, diff)
	}
}

// TestToldOnce: a thing is told once, again after a week or when something changed, and
// when it is solved.
func TestToldOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t, openState(t), notify.Channel{ID: "a", Audience: notify.Everyone})
	one, two := waits("1", ledger.NoCompany), waits("2", ledger.NoCompany)
	want(t, "at first", f.report(1, one), "a: new [balance_waits no_company×1], open [], solved []")
	f.clock.Add(24 * time.Hour)
	want(t, "a night later", f.report(2, one))
	f.clock.Add(24 * time.Hour)
	want(t, "with another one", f.report(3, one, two), "a: new [balance_waits no_company×1], open [balance_waits no_company×1], solved []")
	f.clock.Add(7*24*time.Hour - time.Second)
	want(t, "just before a week", f.report(4, one, two))
	f.clock.Add(time.Second)
	want(t, "after a week", f.deliver(), "a: new [], open [balance_waits no_company×2], solved []")
	f.restart()
	want(t, "after a restart", f.report(4, one, two))
	want(t, "when one is solved", f.report(5, two), "a: new [], open [balance_waits no_company×1], solved [balance_waits no_company×1]")
	want(t, "for another reason", f.report(6, waits("2", ledger.PeriodLocked)),
		"a: new [balance_waits period_locked×1], open [], solved [balance_waits no_company×1]")
	want(t, "when all is solved", f.report(7), "a: new [], open [], solved [balance_waits period_locked×1]")
	f.clock.Add(30 * 24 * time.Hour)
	want(t, "when there is nothing", f.report(8))
}

// TestAudiences: each is told what they can do something about.
func TestAudiences(t *testing.T) {
	t.Parallel()
	f := newFixture(t, openState(t), notify.Channel{ID: "admin", Audience: notify.Admins}, notify.Channel{ID: "staff", Audience: notify.Staff},
		notify.Channel{ID: "all", Audience: notify.Everyone})
	template := waits("3", ledger.TemplateMissing)
	template.Role = ledger.CSM
	want(t, "each", f.report(1, relink("Kantoor"), waits("1", ledger.NoCompany), template),
		"admin: new [firm_relink ×1, balance_waits template_missing×1], open [], solved []",
		"all: new [firm_relink ×1, balance_waits no_company×1, balance_waits template_missing×1], open [], solved []",
		"staff: new [balance_waits no_company×1], open [], solved []")
}

// TestBetweenRuns: what people change during the day is told after the next run, what is
// urgent at once.
func TestBetweenRuns(t *testing.T) {
	t.Parallel()
	f := newFixture(t, openState(t), notify.Channel{ID: "a", Audience: notify.Everyone})
	want(t, "after the run", f.report(1, waits("1", ledger.NoCompany)), "a: new [balance_waits no_company×1], open [], solved []")
	want(t, "a balance in between", f.report(1, waits("2", ledger.NoCompany)))
	want(t, "a lost sign-in in between", f.report(1, waits("2", ledger.NoCompany), relink("Kantoor")),
		"a: new [firm_relink ×1], open [balance_waits no_company×1], solved []")
	want(t, "after the next run", f.report(2, waits("2", ledger.NoCompany), relink("Kantoor")),
		"a: new [balance_waits no_company×1], open [firm_relink ×1], solved [balance_waits no_company×1]")
}

// TestTriedAgainByItself: what balansd tries again by itself is told once it gave up.
func TestTriedAgainByItself(t *testing.T) {
	t.Parallel()
	f := newFixture(t, openState(t), notify.Channel{ID: "a", Audience: notify.Everyone})
	down := ledger.Condition{Kind: ledger.FailingConnection, Subject: "c-1", Name: "Finbox", Role: ledger.Admin, Path: "/connection"}
	again := down
	again.Retry = f.clock.Now().Add(time.Hour)
	want(t, "while it is tried again", f.report(1, again))
	want(t, "when it is not", f.report(2, down), "a: new [connection_fails ×1], open [], solved []")
	want(t, "the next night, tried again", f.report(3, again))
	want(t, "at last", f.report(4), "a: new [], open [], solved [connection_fails ×1]")
}

// TestBackoff: a message that cannot be sent holds nothing up, is shown, tried again ever
// later, and never sent when all is over meanwhile.
func TestBackoff(t *testing.T) {
	t.Parallel()
	f := newFixture(t, openState(t), notify.Channel{ID: "a", Audience: notify.Everyone})
	f.breaks(errDown)
	want(t, "down", f.report(1, relink("Kantoor")))
	begin := f.clock.Now()
	var waited []time.Duration
	for range 7 {
		u := f.unsent()
		if len(u) != 1 || u[0].Channel != "a" || !u[0].Since.Equal(begin) || u[0].Problem != errDown.Error() {
			t.Fatalf("unsent is %+v", u)
		}
		waited = append(waited, u[0].Next.Sub(f.clock.Now()))
		f.clock.Add(u[0].Next.Sub(f.clock.Now()) - time.Second)
		attempts := u[0].Attempts
		if f.deliver(); f.unsent()[0].Attempts != attempts {
			t.Fatal("it was tried before its time")
		}
		f.clock.Add(time.Second)
		if f.deliver(); f.unsent()[0].Attempts != attempts+1 {
			t.Fatal("it was not tried in its time")
		}
	}
	if diff := cmp.Diff([]time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 4 * time.Hour, 4 * time.Hour, 4 * time.Hour}, waited); diff != "" {
		t.Errorf("waits (-want +got):\n%s", diff)
	}
	f.breaks(nil)
	want(t, "before its time", f.deliver())
	f.restart()
	want(t, "after a restart", f.deliver(), "a: new [firm_relink ×1], open [], solved []")
	if u := f.unsent(); len(u) != 0 {
		t.Errorf("unsent is %+v", u)
	}

	f.breaks(errDown)
	want(t, "another one", f.report(2, relink("Kantoor"), waits("1", ledger.NoCompany)))
	want(t, "which is over", f.report(3, relink("Kantoor")))
	f.breaks(nil)
	f.clock.Add(24 * time.Hour)
	if want(t, "then it is not told", f.deliver()); len(f.unsent()) != 0 {
		t.Errorf("unsent is %+v", f.unsent())
	}
	f.breaks(errDown)
	f.report(4)
	if u := f.unsent(); len(u) != 1 || u[0].Attempts != 1 {
		t.Errorf("unsent after what was over is %+v", u)
	}
}

// TestChangesWhileItCannotBeSent: the message tells how it is when it can be sent.
func TestChangesWhileItCannotBeSent(t *testing.T) {
	t.Parallel()
	f := newFixture(t, openState(t), notify.Channel{ID: "a", Audience: notify.Everyone})
	f.report(1, waits("1", ledger.NoCompany))
	f.breaks(errDown)
	f.report(2, waits("1", ledger.NoCompany), waits("2", ledger.NoCompany))
	f.report(3, waits("2", ledger.NoCompany))
	f.breaks(nil)
	f.clock.Add(24 * time.Hour)
	want(t, "in one message", f.deliver(), "a: new [balance_waits no_company×1], open [], solved [balance_waits no_company×1]")
}

// TestHeartbeat: one call for each good night, and none for one of long ago.
func TestHeartbeat(t *testing.T) {
	t.Parallel()
	f := newFixture(t, openState(t))
	night := func(number uint64, ago time.Duration) {
		t.Helper()
		if err := f.n.Report(t.Context(), ledger.Report{Night: number, NightEnd: f.clock.Now().Add(-ago)}); err != nil {
			t.Fatal(err)
		}
		f.deliver()
	}
	beats := func(step string, n int) {
		t.Helper()
		if f.beats != n {
			t.Errorf("%s: %d heartbeats, want %d", step, f.beats, n)
		}
	}
	night(0, 0)
	beats("no night yet", 0)
	night(4, time.Minute)
	beats("a good night", 1)
	night(4, time.Hour)
	f.restart()
	night(4, 2*time.Hour)
	beats("the same night", 1)
	night(5, 21*time.Hour)
	beats("a night of yesterday", 1)
	f.breaks(errDown)
	night(6, 0)
	if u := f.unsent(); len(u) != 1 || u[0].Channel != "heartbeat" {
		t.Errorf("unsent is %+v", u)
	}
	f.breaks(nil)
	f.clock.Add(time.Minute)
	f.deliver()
	beats("tried again", 2)
}

// TestTest sends to everybody, changes nothing, and leaves the heartbeat alone.
func TestTest(t *testing.T) {
	t.Parallel()
	f := newFixture(t, openState(t), notify.Channel{ID: "a", Audience: notify.Admins}, notify.Channel{ID: "b", Audience: notify.Staff,
		Send: func(context.Context, notify.Message) error { return errDown }})
	if diff := cmp.Diff([]ledger.NotifyTest{{Channel: "a"}, {Channel: "b", Problem: errDown.Error()}}, f.n.Test(t.Context())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(f.full) != 1 || !f.full[0].Test || f.beats != 0 || len(f.unsent()) != 0 {
		t.Errorf("messages %+v, %d heartbeats, unsent %v", f.full, f.beats, f.unsent())
	}
}

// failing is a state of which one call fails.
type failing struct {
	keyvalue.Store
	left atomic.Int64 // calls before the one that fails
}

var errDisk = errors.New("the disk is full")

func (s *failing) fails() bool { return s.left.Add(-1) == -1 }

func (s *failing) View(ctx context.Context, fn func(keyvalue.Reader) error) error {
	if s.fails() {
		return errDisk
	}
	return s.Store.View(ctx, fn)
}

func (s *failing) Update(ctx context.Context, fn func(keyvalue.Writer) error) error {
	if s.fails() {
		return errDisk
	}
	return s.Store.Update(ctx, fn)
}

// TestFaultAtEveryCall: whatever call of the state fails, everything is told after a
// restart, and once; only what was sent when its record failed is sent again, as the same
// message.
func TestFaultAtEveryCall(t *testing.T) {
	t.Parallel()
	for n := range 12 {
		f := newFixture(t, openState(t), notify.Channel{ID: "a", Audience: notify.Everyone})
		broken := &failing{Store: f.state}
		broken.left.Store(int64(n))
		f.cfg.State = broken
		f.restart()
		reports := []ledger.Report{{Conditions: []ledger.Condition{relink("Kantoor")}, Run: 1, Night: 1, NightEnd: f.clock.Now()}, {Run: 2, Night: 2, NightEnd: f.clock.Now()}}
		for _, r := range reports {
			_ = f.n.Report(t.Context(), r)
			f.n.Deliver(t.Context())
			f.restart() // as after a kill
			if err := f.n.Report(t.Context(), r); err != nil && !errors.Is(err, errDisk) {
				t.Fatal(err)
			}
			f.n.Deliver(t.Context())
		}
		f.restart()
		if err := f.n.Report(t.Context(), reports[1]); err != nil {
			t.Fatal(err)
		}
		f.n.Deliver(t.Context())
		ids := map[string]int{}
		var once []string
		for i, m := range f.full {
			if ids[m.ID]++; ids[m.ID] == 1 {
				once = append(once, f.got[i])
			}
		}
		want(t, "told", once, "a: new [], open [], solved [firm_relink ×1]", "a: new [firm_relink ×1], open [], solved []")
		if len(f.full) > 3 {
			t.Errorf("call %d fails: %d messages", n, len(f.full))
		}
	}
}

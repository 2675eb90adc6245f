package ledger_test

import (
	"testing"
	"time"

	"balansd/balance"
	"balansd/ledger"

	"pgregory.net/rapid"
)

// TestLifeOfAnEntry makes random moves of an entry and checks the invariants of each
// state.
func TestLifeOfAnEntry(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := ledger.Entry{Number: 1, State: ledger.Found}
		now := time.Date(2026, 3, 1, 2, 30, 0, 0, time.UTC)
		night := balance.Date{Year: 2026, Month: 3, Day: 1}
		step := func(next ledger.Entry, err error) {
			if err == nil {
				e = next
			} else if next.State != e.State {
				t.Fatalf("a refused move changed the state to %s", next.State)
			}
			now = now.Add(time.Hour)
		}
		place := ledger.Target{FirmID: 1, CompanyID: 2, PeriodID: 3}
		t.Repeat(map[string]func(*rapid.T){
			"wait":      func(t *rapid.T) { step(e.Wait(rapid.SampledFrom(ledger.Reasons()).Draw(t, "reason"), "d", "n", now)) },
			"refused":   func(*rapid.T) { night = night.AddDays(1); step(e.Fail(ledger.Refused, "d", "n", night, now)) },
			"by hand":   func(*rapid.T) { step(e.Fail(ledger.Refused, "d", "n", balance.Date{}, now)) },
			"down":      func(*rapid.T) { night = night.AddDays(1); step(e.Fail(ledger.Unavailable, "d", "n", night, now)) },
			"send":      func(*rapid.T) { step(e.Send(place, now)) },
			"finish":    func(*rapid.T) { step(e.Finish(place, now)) },
			"differ":    func(*rapid.T) { step(e.Differ(place, []ledger.Difference{{}}, "d", "n", now)) },
			"retry":     func(*rapid.T) { step(e.Retry(now)) },
			"dismiss":   func(*rapid.T) { step(e.Ignore(ledger.Dismissed, "d", "n", now)) },
			"supersede": func(*rapid.T) { step(e.Supersede(9, now)) },
			"": func(t *rapid.T) {
				if e.Parked && (e.State != ledger.Failed || e.Nights < ledger.ParkAfter || e.Open()) {
					t.Fatalf("parked without five failed nights, or still open: %+v", e)
				}
				if (e.Reason != "") != (e.State == ledger.Waiting || e.State == ledger.Ignored) {
					t.Fatalf("reason %q in state %s", e.Reason, e.State)
				}
				if (e.FailClass != "") != (e.State == ledger.Failed) {
					t.Fatalf("fail class %q in state %s", e.FailClass, e.State)
				}
				if (len(e.Differences) > 0) != (e.State == ledger.Differs) {
					t.Fatalf("differences in state %s", e.State)
				}
				if (e.SupersededBy != 0) != (e.State == ledger.Superseded) {
					t.Fatalf("superseded by %d in state %s", e.SupersededBy, e.State)
				}
				if e.State == ledger.Superseded && e.Unsettled() {
					t.Fatal("a superseded entry is settled")
				}
			},
		})
	})
}

func TestFailedNightsBackOffThenPark(t *testing.T) {
	e := ledger.Entry{Number: 1, State: ledger.Found}
	night := balance.Date{Year: 2026, Month: 3, Day: 1}
	var tried []balance.Date
	for range 40 {
		if e.Open() && !night.Before(e.NextTry) {
			tried = append(tried, night)
			var err error
			if e, err = e.Fail(ledger.Refused, "no", "look", night, time.Time{}); err != nil {
				t.Fatal(err)
			}
		}
		night = night.AddDays(1)
	}
	want := []int{1, 2, 4, 7, 11} // skipped for 1, 2, 3, 4 nights
	if len(tried) != len(want) || !e.Parked {
		t.Fatalf("tried on %v, parked %v; want five nights, then parked", tried, e.Parked)
	}
	for i, d := range want {
		if tried[i].Day != d {
			t.Errorf("try %d on %s, want 2026-03-%02d", i+1, tried[i], d)
		}
	}
	e, err := e.Retry(time.Time{})
	if err != nil || !e.Open() || e.Nights != 0 {
		t.Errorf("one click tries it again: %+v, %v", e, err)
	}
}

func TestUnavailableNeverParks(t *testing.T) {
	e := ledger.Entry{Number: 1, State: ledger.Found}
	night := balance.Date{Year: 2026, Month: 3, Day: 1}
	for range 20 {
		var err error
		if e, err = e.Fail(ledger.Unavailable, "down", "", night, time.Time{}); err != nil {
			t.Fatal(err)
		}
		if e.Parked || night.AddDays(1).Before(e.NextTry) {
			t.Fatalf("rests or is parked though nobody can mend it: %+v", e)
		}
		night = night.AddDays(1)
	}
}

// A retry releases an entry that waited for its findings, or whose figures were written
// already, and no other; who released it stays recorded.
func TestRetryReleasesFindings(t *testing.T) {
	now := time.Date(2026, 3, 1, 2, 30, 0, 0, time.UTC)
	for _, reason := range ledger.Reasons() {
		e, err := ledger.Entry{State: ledger.Found}.Wait(reason, "", "", now)
		if err != nil {
			t.Fatal(err)
		}
		if e, err = e.Retry(now); err != nil || e.Released != (reason == ledger.HasFindings) {
			t.Errorf("%s: released %v, %v", reason, e.Released, err)
		}
		if again, err := e.Retry(now); err != nil || again.Released != e.Released {
			t.Errorf("%s, tried again: released %v, %v", reason, again.Released, err)
		}
	}
	for _, state := range []ledger.State{ledger.Done, ledger.Differs} {
		if e, err := (ledger.Entry{State: state}).Retry(now); err != nil || !e.Released {
			t.Errorf("%s: released %v, %v", state, e.Released, err)
		}
	}
}

// TestSince: an entry waits since it began to wait for its reason, however often it is
// tried.
func TestSince(t *testing.T) {
	at := func(hour int) time.Time { return time.Date(2026, 3, 1, hour, 0, 0, 0, time.UTC) }
	e := ledger.Entry{Number: 1, State: ledger.Found}
	steps := []struct {
		name string
		do   func(e ledger.Entry, now time.Time) (ledger.Entry, error)
		want int
	}{
		{"waits", func(e ledger.Entry, now time.Time) (ledger.Entry, error) { return e.Wait(ledger.NoPeriod, "", "", now) }, 0},
		{"waits as before", func(e ledger.Entry, now time.Time) (ledger.Entry, error) { return e.Wait(ledger.NoPeriod, "", "", now) }, 0},
		{"waits for another reason", func(e ledger.Entry, now time.Time) (ledger.Entry, error) {
			return e.Wait(ledger.NoCompany, "", "", now)
		}, 2},
		{"fails", func(e ledger.Entry, now time.Time) (ledger.Entry, error) {
			return e.Fail(ledger.Refused, "", "", balance.Date{}, now)
		}, 3},
		{"fails as before", func(e ledger.Entry, now time.Time) (ledger.Entry, error) {
			return e.Fail(ledger.Refused, "", "", balance.Date{}, now)
		}, 3},
		{"fails otherwise", func(e ledger.Entry, now time.Time) (ledger.Entry, error) {
			return e.Fail(ledger.NotEqual, "", "", balance.Date{}, now)
		}, 5},
		{"is done", func(e ledger.Entry, now time.Time) (ledger.Entry, error) { return e.Finish(ledger.Target{}, now) }, 6},
		{"is archived", func(e ledger.Entry, now time.Time) (ledger.Entry, error) {
			return e.MarkArchived(&ledger.Target{CompanyID: 2}, "", "", now)
		}, 7},
	}
	for i, s := range steps {
		next, err := s.do(e, at(i))
		if err != nil {
			t.Fatal(err)
		}
		if next.Since != at(s.want) {
			t.Errorf("once it %s, it is so since %s, want %s", s.name, next.Since, at(s.want))
		}
		e = next
	}
}

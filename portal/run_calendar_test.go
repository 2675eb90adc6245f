package portal

import (
	"slices"
	"testing"
	"time"

	"balansd/balance"
	"balansd/ledger"
)

// TestCalendar: each day has the kind of its run, and a shape of its own.
func TestCalendar(t *testing.T) {
	day := func(n int) balance.Date { return balance.Date{Year: 2026, Month: 3, Day: n} }
	end := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	runs := []ledger.Run{ // newest first
		{Trigger: ledger.ByHand, End: end, Problems: []string{"x"}},
		{Trigger: ledger.NightRetry, RetryOf: day(9), End: end},
		{Trigger: ledger.Nightly, Night: day(9), End: end, Down: []string{"Finbox"}},
		{Trigger: ledger.CatchUp, Night: day(8), End: end},
		{Trigger: ledger.Nightly, Night: day(7)},
		{Trigger: ledger.Nightly, Night: day(6), End: end},
	}
	c := newCalendar(runs, []ledger.MissedNight{{Night: day(5)}}, day(10))
	kinds, shapes := map[balance.Date]string{}, map[string]bool{}
	for _, n := range c.Days {
		kinds[n.Date] = n.Kind
		n.X, n.Y = 0, 0
		shapes[n.Kind+n.Path()] = true
	}
	want := map[int]string{5: "missed", 6: "good", 7: "problem", 8: "late", 9: "good", 10: "none"}
	for d, kind := range want {
		if kinds[day(d)] != kind {
			t.Errorf("night %d is %s, want %s", d, kinds[day(d)], kind)
		}
	}
	if len(c.Days) != calendarDays || len(shapes) != 5 || c.Counts["good"] != 2 {
		t.Errorf("%d nights in %d shapes: %v", len(c.Days), len(shapes), c.Counts)
	}
	if i := slices.IndexFunc(c.Days, func(n calendarDay) bool { return n.X > c.Width || n.Y > c.Height }); i >= 0 {
		t.Errorf("%v lies outside", c.Days[i])
	}
}

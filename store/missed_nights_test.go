package store_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"balansd/balance"
	"balansd/ledger"
	"balansd/store"
)

func TestRecordAlive(t *testing.T) {
	s := newFixture(t)
	s.with(func(st *store.Store) {
		if at, err := st.LastAlive(t.Context()); err != nil || !at.IsZero() {
			t.Errorf("a new state was last alive at %v, %v", at, err)
		}
		for i := range 3 {
			if err := st.SaveLastAlive(t.Context(), noon.Add(time.Duration(i)*time.Minute)); err != nil {
				t.Fatal(err)
			}
		}
	})
	s.with(func(st *store.Store) {
		if at, err := st.LastAlive(t.Context()); err != nil || !at.Equal(noon.Add(2*time.Minute)) {
			t.Errorf("it was last alive at %v, %v", at, err)
		}
	})
}

func TestMissedNights(t *testing.T) {
	s := newFixture(t)
	night := func(day int, why string) ledger.MissedNight {
		return ledger.MissedNight{Night: balance.Date{Year: 2026, Month: 3, Day: day}, Why: why}
	}
	s.with(func(st *store.Store) {
		for _, nights := range [][]ledger.MissedNight{{night(4, "it slept"), night(3, "it was off")}, {}, {night(4, "something else"), night(5, "it was off")}} {
			if err := st.RecordMissed(t.Context(), nights...); err != nil {
				t.Fatal(err)
			}
		}
		got, err := st.Missed(t.Context(), night(5, "").Night, 2)
		if diff := cmp.Diff([]ledger.MissedNight{night(5, "it was off"), night(4, "it slept")}, got); err != nil || diff != "" {
			t.Error(diff, err)
		}
		missed := func(until, want int) {
			t.Helper()
			if got, err := st.Missed(t.Context(), night(until, "").Night, 10); err != nil || len(got) != want {
				t.Errorf("%v, %v", got, err)
			}
		}
		missed(9, 3)
		missed(4, 2) // the others were recorded by a clock that was ahead
		// A night that a run began is not missed, whichever was recorded first.
		for _, day := range []int{5, 6} {
			if _, err := st.BeginRun(t.Context(), ledger.Run{Trigger: ledger.Nightly, Night: night(day, "").Night}); err != nil {
				t.Fatal(err)
			}
		}
		if err := st.RecordMissed(t.Context(), night(6, "it was off")); err != nil {
			t.Fatal(err)
		}
		missed(9, 2)
	})
}

// TestSinceOfAStateCreatedWithAClockAhead checks that Since is the first plausible time, also
// after a restart, and that the creation time, by which backups recognise the state, does
// not change.
func TestSinceOfAStateCreatedWithAClockAhead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	for _, day := range []int{1, 2} {
		s, err := store.Open(store.Options{Path: path, KeyPath: path + ".key", Now: func() time.Time { return noon.AddDate(1, 0, 0) }})
		if err != nil {
			t.Fatal(err)
		}
		since, err := s.NightsSince(t.Context(), noon.AddDate(0, 0, day))
		if want := noon.AddDate(0, 0, 1); err != nil || !since.Equal(want) {
			t.Errorf("on day %d since %v, %v; want %v", day, since, err, want)
		}
		if created, err := s.Created(t.Context()); err != nil || !created.Equal(noon.AddDate(1, 0, 0)) {
			t.Errorf("created %v, %v", created, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s := openNew(t)
	created, err := s.Created(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if since, err := s.NightsSince(t.Context(), created.AddDate(1, 0, 0)); err != nil || !since.Equal(created) {
		t.Errorf("since %v, %v; want when it was made", since, err)
	}
}

package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"balansd/balance"
	"balansd/ledger"
	"balansd/store"
)

func TestAlive(t *testing.T) {
	s := newShop(t)
	s.with(func(st *store.Store) {
		if at, err := st.LastAlive(t.Context()); err != nil || !at.IsZero() {
			t.Errorf("a new state was last alive at %v, %v", at, err)
		}
		for i := range 3 {
			if err := st.Alive(t.Context(), noon.Add(time.Duration(i)*time.Minute)); err != nil {
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
	s := newShop(t)
	night := func(day int, why string) ledger.MissedNight {
		return ledger.MissedNight{Night: balance.Date{Year: 2026, Month: 3, Day: day}, Why: why}
	}
	s.with(func(st *store.Store) {
		for _, nights := range [][]ledger.MissedNight{{night(4, "it slept"), night(3, "it was off")}, {}, {night(4, "something else"), night(5, "it was off")}} {
			if err := st.NoteMissed(t.Context(), nights...); err != nil {
				t.Fatal(err)
			}
		}
		got, err := st.Missed(t.Context(), 2)
		if diff := cmp.Diff([]ledger.MissedNight{night(5, "it was off"), night(4, "it slept")}, got); err != nil || diff != "" {
			t.Error(diff, err)
		}
		if got, err := st.Missed(t.Context(), 10); err != nil || len(got) != 3 {
			t.Errorf("%v, %v", got, err)
		}
	})
}

package store_test

import (
	"testing"
	"time"

	"balansd/balance"
	"balansd/ledger"
	"balansd/store"

	"go.etcd.io/bbolt"
)

// A night in which a firm or a connection failed is not good, whatever it delivered;
// its good retry later that night is.
func TestGoodNight(t *testing.T) {
	night := balance.Date{Year: 2026, Month: time.March, Day: 9}
	for name, c := range map[string]struct {
		change func(*ledger.Run)
		good   bool
	}{
		"well":                   {func(*ledger.Run) {}, true},
		"the sign-in refused":    {func(p *ledger.Run) { p.Missing = []string{"Kantoor"} }, false},
		"a service out of reach": {func(p *ledger.Run) { p.Down = []string{"Finbox"} }, false},
		"stopped":                {func(p *ledger.Run) { p.Stopped = "disk full" }, false},
		"not ended":              {func(p *ledger.Run) { p.End = time.Time{} }, false},
		"tried again, and well":  {func(p *ledger.Run) { p.Night, p.RetryOf = balance.Date{}, night }, true},
		"by hand":                {func(p *ledger.Run) { p.Night = balance.Date{} }, false},
	} {
		newFixture(t).with(func(st *store.Store) {
			first := endedRun(t, st, ledger.Run{Night: night.AddDays(-1), End: time.Unix(1, 0)})
			run := ledger.Run{Night: night, End: time.Unix(9, 0)}
			c.change(&run)
			second := endedRun(t, st, run)
			want := first
			if c.good {
				want = second
			}
			if _, good, err := st.NightRuns(t.Context()); err != nil || good.Number != want.Number {
				t.Errorf("%s: the newest good night is run %d, want %d: %v", name, good.Number, want.Number, err)
			}
		})
	}
}

// However many runs by hand come after it, the newest night is known; in a state of a
// version that did not record it, too.
func TestGoodNightBehindManyRuns(t *testing.T) {
	s := newFixture(t)
	var night ledger.Run
	want := func(st *store.Store) {
		t.Helper()
		last, good, err := st.NightRuns(t.Context())
		if err != nil || last.Number != night.Number || good.Number != night.Number {
			t.Errorf("the nights are runs %d and %d, want %d: %v", last.Number, good.Number, night.Number, err)
		}
	}
	s.with(func(st *store.Store) {
		if last, good, err := st.NightRuns(t.Context()); err != nil || last.Number+good.Number != 0 {
			t.Errorf("before the first night: %+v, %+v, %v", last, good, err)
		}
		night = endedRun(t, st, ledger.Run{Night: balance.Date{Year: 2026, Month: time.March, Day: 9}, End: time.Unix(9, 0)})
		for range 120 {
			endedRun(t, st, ledger.Run{Trigger: ledger.ByHand, End: time.Unix(10, 0)})
		}
		want(st)
	})
	db, err := bbolt.Open(s.o.Path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error { return tx.Bucket([]byte("meta")).Delete([]byte("good")) })
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s.with(want)
}

// A restore of an older backup keeps the runs, and which of them was the newest good
// night.
func TestGoodNightAfterARestore(t *testing.T) {
	s := newFixture(t)
	night := balance.Date{Year: 2026, Month: time.March, Day: 9}
	var b ledger.Backup
	var newest ledger.Run
	s.with(func(st *store.Store) {
		var err error
		endedRun(t, st, ledger.Run{Night: night, End: time.Unix(1, 0)})
		b, err = st.Backup(t.Context())
		must(t, err)
		newest = endedRun(t, st, ledger.Run{Night: night.AddDays(1), End: time.Unix(9, 0)})
	})
	s.restore(b, store.RestoreOptions{LoseNewer: true})
	s.with(func(st *store.Store) {
		if _, good, err := st.NightRuns(t.Context()); err != nil || good.Number != newest.Number {
			t.Errorf("the newest good night is run %d, want %d: %v", good.Number, newest.Number, err)
		}
	})
}

func endedRun(t *testing.T, st *store.Store, r ledger.Run) ledger.Run {
	t.Helper()
	begun, err := st.BeginRun(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if err := st.EndRun(t.Context(), begun); err != nil {
		t.Fatal(err)
	}
	return begun
}

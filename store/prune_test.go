package store_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"balansd/ledger"
	"balansd/store"
)

const day = 24 * time.Hour

// kept reports which of document, figures and history an entry still has.
func kept(t testing.TB, st *store.Store, n uint64) string {
	t.Helper()
	d, err := st.Document(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	v, err := st.Values(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	story, err := st.History(t.Context(), n)
	if err != nil || len(story) == 0 {
		t.Fatal(story, err)
	}
	var b strings.Builder
	if d != nil {
		b.WriteString("D")
	}
	if v != nil {
		b.WriteString("F")
	}
	if !strings.Contains(story[0].Text, "no longer kept") {
		b.WriteString("S")
	}
	return b.String()
}

// TestPruneBoundaries checks that each part is deleted exactly when its retention ends,
// and that nothing is deleted of an entry that is not settled.
func TestPruneBoundaries(t *testing.T) {
	ctx := t.Context()
	s := newFixture(t)
	s.with(func(st *store.Store) {
		s.add(st, 3)
		settled := s.Now().Add(2 * time.Second) // deliver settles it then
		for n := uint64(1); n <= 3; n++ {
			e, err := st.Entry(ctx, n)
			must(t, err)
			_, err = st.Move(ctx, ledger.Move{Entry: e, Document: []byte("a document")})
			must(t, err)
		}
		e, err := st.Entry(ctx, 2) // waits for a decision
		must(t, err)
		e, err = e.Differ(*e.Target, []ledger.Difference{{Cell: cell("1003")}}, "", "", settled)
		move(t, st, e, err)
		e, err = st.Entry(ctx, 3) // settled again, later
		must(t, err)
		e, err = e.Supersede(9, settled.Add(5*day))
		move(t, st, e, err)

		r := ledger.Retention{Documents: 10 * day, Figures: 20 * day, Histories: 30 * day}
		steps := []struct {
			after      time.Duration
			gone       ledger.Pruned
			one, three string
		}{
			{10*day - 1, ledger.Pruned{}, "DFS", "DFS"},
			{10 * day, ledger.Pruned{Documents: 1}, "FS", "DFS"},
			{20*day - 1, ledger.Pruned{Documents: 1}, "FS", "FS"},
			{20 * day, ledger.Pruned{Figures: 1}, "S", "FS"},
			{30 * day, ledger.Pruned{Figures: 1, Histories: 1}, "", "S"},
			{35 * day, ledger.Pruned{Histories: 1}, "", ""},
			{3000 * day, ledger.Pruned{}, "", ""},
		}
		for _, step := range steps {
			gone, err := st.Prune(ctx, r, settled.Add(step.after))
			if err != nil || gone != step.gone {
				t.Errorf("after %s went %+v, %v; want %+v", step.after, gone, err, step.gone)
			}
			if one, three := kept(t, st, 1), kept(t, st, 3); one != step.one || three != step.three {
				t.Errorf("after %s entries 1 and 3 have %q and %q, want %q and %q", step.after, one, three, step.one, step.three)
			}
			if two := kept(t, st, 2); two != "DFS" {
				t.Errorf("what differs has %q only", two)
			}
		}
		// What a correction needs is still there, and the history goes on.
		e, err = st.Entry(ctx, 1)
		must(t, err)
		if w, err := st.Written(ctx, *e.Target); err != nil || len(w.Confirmed) == 0 || e.ValuesHash == "" || e.SHA256 == "" || e.State != ledger.Done {
			t.Errorf("of entry 1 is left %+v, and %+v of its place, %v", e, w, err)
		}
		again := listed(0)
		if fresh, _, err := st.Record(ctx, ledger.Connection{ID: again.Connection}, []ledger.Entry{again}); err != nil || len(fresh) != 0 {
			t.Errorf("it was taken for new: %v, %v", fresh, err)
		}
		e, err = e.Retry(settled.Add(40 * day))
		e = move(t, st, e, err)
		e, err = e.Finish(ledger.Target{FirmID: 1}, settled.Add(41*day))
		move(t, st, e, err)
		story, err := st.History(ctx, 1)
		if err != nil || len(story) != 3 || story[1].State != ledger.Found || story[2].State != ledger.Done {
			t.Errorf("its story goes on with %+v, %v", story, err)
		}
		if gone, err := st.Prune(ctx, r, settled.Add(100*day)); err != nil || gone != (ledger.Pruned{Histories: 1}) {
			t.Errorf("its new story went as %+v, %v", gone, err)
		}
	})
}

// TestPruneWithoutRetention checks that without a retention nothing is deleted.
func TestPruneWithoutRetention(t *testing.T) {
	s := newFixture(t)
	s.with(func(st *store.Store) {
		s.add(st, 3)
		if gone, err := st.Prune(t.Context(), ledger.Retention{}, noon.AddDate(100, 0, 0)); err != nil || gone != (ledger.Pruned{}) {
			t.Errorf("%+v, %v", gone, err)
		}
	})
}

// TestPruneIsInterrupted cancels it half way; the next call deletes the rest, once. An
// entry found while the clock was years ahead does not hold up the others.
func TestPruneIsInterrupted(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	s.with(func(st *store.Store) {
		s.add(st, 300)
		s.Add(10 * 365 * day)
		s.add(st, 1) // with a clock that is ahead
		s.Add(-10*365*day + time.Hour)
		s.add(st, 399)
		s.Add(50 * day)
		s.add(st, 20) // too young
		r := ledger.Retention{Figures: 30 * day}
		total := 0
		for tries := 0; total < 699; tries++ {
			ctx := &endsAfter{Context: t.Context(), left: 2 + tries}
			gone, err := st.Prune(ctx, r, s.Now())
			if total += gone.Figures; err != nil && !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			if err == nil && total < 699 || tries > 10 {
				t.Fatalf("only %d went", total)
			}
		}
		if gone, err := st.Prune(t.Context(), r, s.Now()); total != 699 || err != nil || gone != (ledger.Pruned{}) {
			t.Errorf("%d went, and then %+v, %v", total, gone, err)
		}
	})
	s.wantEntries(720)
}

// endsAfter is a context that ends after a number of calls of Err.
type endsAfter struct {
	context.Context
	left int
}

func (c *endsAfter) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// BenchmarkBackup measures what is done each night with a state of 100,000 entries.
func BenchmarkBackup(b *testing.B) {
	ctx, n := b.Context(), 100_000
	s := storeOf(b, n)
	now := listed(n).FoundAt.Add(time.Hour)
	measure := func(name string, do func() error) {
		began := time.Now()
		if err := do(); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(time.Since(began).Milliseconds()), name+"-ms")
	}
	var made ledger.Backup
	for b.Loop() {
		var err error
		if made, err = s.Backup(ctx); err != nil {
			b.Fatal(err)
		}
	}
	measure("check", func() error { return s.Check(ctx) })
	b.ReportMetric(float64(longestMove(b, s, n).Milliseconds()), "longest-move-during-check-ms")
	measure("list", func() error { _, err := store.ListBackups(filepath.Dir(made.File)); return err })
	measure("verify", func() error { _, err := store.VerifyBackup(ctx, made.File); return err })
	measure("prune-nothing", func() error {
		_, err := s.Prune(ctx, ledger.Retention{Figures: 36500 * day, Histories: 36500 * day}, now)
		return err
	})
	measure("prune-half", func() error {
		_, err := s.Prune(ctx, ledger.Retention{Figures: now.Sub(listed(n / 2).FoundAt)}, now)
		return err
	})
	measure("prune-again", func() error {
		_, err := s.Prune(ctx, ledger.Retention{Figures: now.Sub(listed(n / 2).FoundAt)}, now)
		return err
	})
}

// longestMove returns the duration of the slowest Move while the state was checked.
func longestMove(b *testing.B, s *store.Store, n int) (longest time.Duration) {
	ctx := b.Context()
	fresh, _, err := s.Record(ctx, ledger.Connection{ID: "7d1c1f6e"}, []ledger.Entry{listed(n)})
	if err != nil {
		b.Fatal(err)
	}
	checked := make(chan error, 1)
	go func() { checked <- s.Check(ctx) }()
	e := fresh[0]
	for {
		select {
		case err := <-checked:
			if err != nil {
				b.Fatal(err)
			}
			return longest
		default:
		}
		began := time.Now()
		moved, err := s.Move(ctx, ledger.Move{Entry: e, Event: ledger.Event{At: began, State: e.State, Text: began.String()}})
		if err != nil {
			b.Fatal(err)
		}
		e, longest = moved[0], max(longest, time.Since(began))
	}
}

package daemon_test

import (
	"context"
	"iter"
	"testing"
	"time"

	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
	"balansd/sandbox/faults"
	fakefinbox "balansd/sandbox/finbox"
)

// lateBalance gives a world whose cursor is days past a balance that Finbox
// begins to show now.
func lateBalance(t *testing.T) *world {
	w := newWorld(t)
	c, other := w.client(1), w.client(2)
	made := w.clock().Add(time.Hour)
	w.later(24 * time.Hour)
	w.nights(1) // the first of this week
	w.later(24 * time.Hour)
	w.add(other, w.balance(other, 2))
	w.sync()
	_, _, err := w.fb.AddBalance(fakefinbox.NewBalance{ConnectionID: w.conn, DossierID: c.dossier, Balance: w.balance(c, 1), CreatedAt: made})
	w.must(err)
	w.sync()
	if n := len(w.entries()); n != 1 {
		t.Fatalf("%d entries: the balance is not late enough", n)
	}
	return w
}

// A balance that Finbox shows later than the overlap reaches back is found by the
// first night of the week, and by no other.
func TestFirstNightOfTheWeekFindsWhatAppearedLate(t *testing.T) {
	w := lateBalance(t)
	cursor := w.connection().Cursor
	found := map[time.Weekday]bool{}
	for range 7 {
		p, err := w.night()
		w.must(err)
		if p.New > 0 {
			found[p.Night.In(time.UTC).Weekday()] = true
		}
	}
	if len(found) != 1 || !found[time.Monday] {
		t.Errorf("found on %v, want Monday", found)
	}
	if got := w.connection().Cursor; got != cursor {
		t.Errorf("the cursor moved from %s to %s", cursor, got)
	}
	for _, e := range w.entries() {
		w.wantState(e, ledger.Done, "")
	}
}

// A person who asks for everything finds it at once.
func TestFullSyncFindsWhatAppearedLate(t *testing.T) {
	w := lateBalance(t)
	w.fb.Faults().ResetLog()
	p, err := w.d.Sync(t.Context(), daemon.SyncRequest{Full: true, DryRun: true}, nil)
	w.must(err)
	if p.New != 1 || len(w.entries()) != 1 {
		t.Errorf("a dry run finds %d and leaves %d entries", p.New, len(w.entries()))
	}
	p, err = w.d.Sync(t.Context(), daemon.SyncRequest{Full: true}, nil)
	w.must(err)
	if p.New != 1 || p.Outcome[ledger.Done] != 1 {
		t.Errorf("new %d, outcome %v", p.New, p.Outcome)
	}
}

// A walk from the beginning that breaks off moves no cursor, loses nothing that
// is new, and is made again the next night.
func TestBrokenWholeListingMovesNothing(t *testing.T) {
	w := lateBalance(t)
	c := w.client(3)
	w.add(c, w.balance(c, 3))
	for w.clock().Weekday() != time.Sunday {
		w.later(24 * time.Hour)
	}
	w.fb.Faults().Add(faults.Fault{Method: "GET", Path: "/v1/connections/" + w.conn + "/social-balances", Kind: faults.ServerError, Nth: 2})
	before := w.connection()
	p, err := w.night()
	w.must(err)
	after := w.connection()
	if p.New != 1 || len(p.Down) != 1 || !after.WholeAt.Equal(before.WholeAt) {
		t.Errorf("new %d, down %v, whole at %v; want the listing of what is new alone", p.New, p.Down, after.WholeAt)
	}
	cursor := after.Cursor
	if p, err = w.night(); err != nil || p.New != 1 {
		t.Errorf("the next night finds %d, %v; want what appeared late", p.New, err)
	}
	if got := w.connection(); got.Cursor != cursor || !got.WholeAt.After(before.WholeAt) {
		t.Errorf("cursor %s, whole at %v", got.Cursor, got.WholeAt)
	}
}

// halfWay is a source whose pages have cursors of their own, and whose walk from
// the beginning breaks off.
type halfWay struct{ daemon.Source }

func (s halfWay) List(ctx context.Context, cursor string) iter.Seq2[ledger.Page, error] {
	if cursor != "" {
		return s.Source.List(ctx, cursor)
	}
	return func(yield func(ledger.Page, error) bool) {
		if yield(ledger.Page{Cursor: "an earlier one"}, nil) {
			yield(ledger.Page{}, problem.New(problem.FinboxDown, "Finbox does not answer", ""))
		}
	}
}

// A walk from the beginning leaves the cursor where it is, also half way.
func TestWholeListingLeavesTheCursor(t *testing.T) {
	w := lateBalance(t)
	cursor := w.connection().Cursor
	w.through = func(s daemon.Source) daemon.Source { return halfWay{s} }
	_, err := w.d.Sync(t.Context(), daemon.SyncRequest{Full: true}, nil)
	w.must(err)
	if got := w.connection().Cursor; got != cursor {
		t.Errorf("the cursor moved from %s to %s", cursor, got)
	}
}

// A clock that was ahead puts nothing off.
func TestWholeListingIsNotPutOffByAClockThatWasAhead(t *testing.T) {
	w := lateBalance(t)
	w.must(w.keeper.UpdateConnection(t.Context(), w.conn, func(c *ledger.Connection) { c.WholeAt = w.clock().AddDate(0, 0, 2) })) // of this week
	if p, err := w.night(); err != nil || p.New != 1 {
		t.Errorf("found %d, %v", p.New, err)
	}
}

// The week's walk costs a call a page more than a night in which nothing is new:
// 50 for 10,000 balances, where Finbox gives 200 a page. Nothing of it goes to
// Silverfin.
func TestCallsOfAWholeListing(t *testing.T) {
	const balances, aPage = 1000, 200
	w := newWorld(t)
	w.settled(balances, w.spread(balances))
	w.idleNight() // on Wednesday, the first of this week
	calls := map[time.Weekday]int{}
	for range 6 {
		finbox, silverfin := w.idleNight()
		calls[w.clock().Weekday()] = finbox
		if silverfin != 0 {
			t.Errorf("%d calls to Silverfin on %s", silverfin, w.clock().Weekday())
		}
	}
	for day, n := range calls {
		want := 1
		if day == time.Monday {
			want = 1 + balances/aPage
		}
		if n != want {
			t.Errorf("%d calls to Finbox on %s, want %d", n, day, want)
		}
	}
}

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

// lateBalance returns a fixture whose cursor is days past a balance that Finbox
// begins to show now.
func lateBalance(t *testing.T) *fixture {
	fx := newFixture(t)
	c, other := fx.client(1), fx.client(2)
	made := fx.clock().Add(time.Hour)
	fx.later(24 * time.Hour)
	fx.nights(1) // the first of this week
	fx.later(24 * time.Hour)
	fx.add(other, fx.balance(other, 2))
	fx.sync()
	_, _, err := fx.fb.AddBalance(fakefinbox.NewBalance{ConnectionID: fx.conn, DossierID: c.dossier, Balance: fx.balance(c, 1), CreatedAt: made})
	fx.must(err)
	fx.sync()
	if n := len(fx.entries()); n != 1 {
		t.Fatalf("%d entries: the balance is not late enough", n)
	}
	return fx
}

// A balance that Finbox shows later than the overlap reaches back is found by the
// first night of the week, and by no other.
func TestFirstNightOfTheWeekFindsWhatAppearedLate(t *testing.T) {
	fx := lateBalance(t)
	cursor := fx.connection().Cursor
	found := map[time.Weekday]bool{}
	for range 7 {
		p, err := fx.night()
		fx.must(err)
		if p.New > 0 {
			found[p.Night.In(time.UTC).Weekday()] = true
		}
	}
	if len(found) != 1 || !found[time.Monday] {
		t.Errorf("found on %v, want Monday", found)
	}
	if got := fx.connection().Cursor; got != cursor {
		t.Errorf("the cursor moved from %s to %s", cursor, got)
	}
	for _, e := range fx.entries() {
		fx.wantState(e, ledger.Done, "")
	}
}

// A person who asks for everything finds it at once.
func TestFullSyncFindsWhatAppearedLate(t *testing.T) {
	fx := lateBalance(t)
	fx.fb.Faults().ResetLog()
	p, err := fx.d.Sync(t.Context(), daemon.SyncRequest{Full: true, DryRun: true}, nil)
	fx.must(err)
	if p.New != 1 || len(fx.entries()) != 1 {
		t.Errorf("a dry run finds %d and leaves %d entries", p.New, len(fx.entries()))
	}
	p, err = fx.d.Sync(t.Context(), daemon.SyncRequest{Full: true}, nil)
	fx.must(err)
	if p.New != 1 || p.Outcome[ledger.Done] != 1 {
		t.Errorf("new %d, outcome %v", p.New, p.Outcome)
	}
}

// A walk from the beginning that breaks off moves no cursor, loses nothing that
// is new, and is made again the next night.
func TestBrokenWholeListingMovesNothing(t *testing.T) {
	fx := lateBalance(t)
	c := fx.client(3)
	fx.add(c, fx.balance(c, 3))
	for fx.clock().Weekday() != time.Sunday {
		fx.later(24 * time.Hour)
	}
	fx.fb.Faults().Add(faults.Fault{Method: "GET", Path: "/v1/connections/" + fx.conn + "/social-balances", Kind: faults.ServerError, Nth: 2})
	before := fx.connection()
	p, err := fx.night()
	fx.must(err)
	after := fx.connection()
	if p.New != 1 || len(p.Down) != 1 || !after.FullyListedAt.Equal(before.FullyListedAt) {
		t.Errorf("new %d, down %v, whole at %v; want the listing of what is new alone", p.New, p.Down, after.FullyListedAt)
	}
	cursor := after.Cursor
	if p, err = fx.night(); err != nil || p.New != 1 {
		t.Errorf("the next night finds %d, %v; want what appeared late", p.New, err)
	}
	if got := fx.connection(); got.Cursor != cursor || !got.FullyListedAt.After(before.FullyListedAt) {
		t.Errorf("cursor %s, whole at %v", got.Cursor, got.FullyListedAt)
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
	fx := lateBalance(t)
	cursor := fx.connection().Cursor
	fx.wrapSource = func(s daemon.Source) daemon.Source { return halfWay{s} }
	_, err := fx.d.Sync(t.Context(), daemon.SyncRequest{Full: true}, nil)
	fx.must(err)
	if got := fx.connection().Cursor; got != cursor {
		t.Errorf("the cursor moved from %s to %s", cursor, got)
	}
}

// A clock that was ahead puts nothing off.
func TestWholeListingIsNotPutOffByAClockThatWasAhead(t *testing.T) {
	fx := lateBalance(t)
	fx.must(fx.store.UpdateConnection(t.Context(), fx.conn, func(c *ledger.Connection) { c.FullyListedAt = fx.clock().AddDate(0, 0, 2) })) // of this week
	if p, err := fx.night(); err != nil || p.New != 1 {
		t.Errorf("found %d, %v", p.New, err)
	}
}

// The week's walk costs a call a page more than a night in which nothing is new:
// 50 for 10,000 balances, where Finbox gives 200 a page. Silverfin is asked for the list
// of companies, read until two readings agree: one may be archived by now.
func TestCallsOfAWholeListing(t *testing.T) {
	const balances, aPage = 1000, 200
	fx := newFixture(t)
	fx.settled(balances, fx.spread(balances))
	fx.idleNight() // on Wednesday, the first of this week
	calls := map[time.Weekday]int{}
	for range 6 {
		finbox, silverfin := fx.idleNight()
		calls[fx.clock().Weekday()] = finbox
		atMost := 0
		if fx.clock().Weekday() == time.Monday {
			atMost = 1 + 2*(1+balances/aPage) // with a renewed token
		}
		if silverfin > atMost {
			t.Errorf("%d calls to Silverfin on %s, want at most %d", silverfin, fx.clock().Weekday(), atMost)
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

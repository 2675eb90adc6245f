package daemon_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/sandbox/faults"
	fakefinbox "balansd/sandbox/finbox"
)

// year is about one year; what is kept in these tests is kept for less.
const year = 365 * 24 * time.Hour

// A clock that is ahead, as of a virtual machine that wakes wrong, makes
// everything look old. Only one that a service confirmed takes documents away.
func TestClockAheadTakesNothingAway(t *testing.T) {
	fx := newFixture(t)
	fx.retention = ledger.Retention{Documents: 3 * year, Figures: 3 * year, Histories: 3 * year}
	fx.reopenWith(nil)
	c := fx.client(1)
	fx.add(c, fx.balance(c, 1))
	fx.sync()
	number := fx.only().Number
	kept := func(after string, want bool) {
		t.Helper()
		document, err := fx.store.Document(t.Context(), number)
		fx.must(err)
		if (document != nil) != want {
			t.Errorf("%s: the document is kept: %v, want %v", after, document != nil, want)
		}
	}
	fx.d.ObserveClock(0)
	fx.later(10 * year)
	fx.nights(1)
	kept("the clock jumped ten years ahead of when it was confirmed", true)
	fx.d.ObserveClock(-10 * year)
	fx.nights(1)
	kept("the services say that it is ten years ahead", true)
	fx.d.ObserveClock(time.Minute)
	fx.nights(1)
	kept("ten years later, as the services say too", false)
}

// A state that was made while the clock was ahead has its nights from the day
// on which the clock was set right, also when the service starts each morning.
func TestStateMadeWhileTheClockWasAheadHasNights(t *testing.T) {
	fx := newFixture(t)
	fx.later(-year)
	for range 3 {
		fx.later(24 * time.Hour)
		fx.reopenWith(nil)
		_, err := fx.d.RunNight(t.Context())
		fx.must(err)
	}
	runs, err := fx.store.Runs(t.Context(), 10)
	fx.must(err)
	if len(runs) != 2 {
		t.Errorf("%d nights were caught up in three days, want the two after the first look: %+v", len(runs), runs)
	}
}

// undated is a source that gives no start date.
type undated struct{ daemon.Source }

func (s undated) Status(ctx context.Context) (ledger.SourceStatus, error) {
	st, err := s.Source.Status(ctx)
	st.StartDate = balance.Date{}
	return st, err
}

// A connection that is linked while the clock is ahead counts balances from now
// on, not from that date.
func TestActivationIsNotPutOffByAClockThatIsAhead(t *testing.T) {
	fx := newFixture(t)
	id := fx.fb.AddConnection(fakefinbox.Environment{Name: "Zonder startdatum", Language: "nl"})
	fx.wrapSource = func(s daemon.Source) daemon.Source { return undated{s} }
	right := fx.clock()
	fx.later(year)
	fx.d.ObserveClock(-year)
	linked, err := fx.d.ConnectFinbox(t.Context(), daemon.ConnectionRequest{ID: id, By: "Els"})
	fx.must(err)
	if !linked.Connection.ActivatedAt.Equal(right) {
		t.Errorf("balances count from %v, want %v", linked.Connection.ActivatedAt, right)
	}
}

// aheadBy is how far a machine's clock is ahead when its battery is gone.
const aheadBy = 5 * 365 * 24 * time.Hour

// A rest that was given while the clock was ahead does not last for years.
func TestClockThatWasAheadDoesNotHoldUpRetries(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	id := fx.add(c, fx.balance(c, 1))
	fx.must(fx.fb.SetContent(id, []byte("x")))
	fx.later(aheadBy)
	fx.nights(1)
	fx.wantState(fx.only(), ledger.Failed, "")
	fx.later(-aheadBy)
	tried := 0
	for range 30 {
		p, err := fx.night()
		fx.must(err)
		tried += p.Outcome[ledger.Failed]
	}
	if tried == 0 {
		t.Errorf("not tried in 30 nights; the next try is on %s", fx.only().NextTry)
	}
}

// Tokens that were given while the clock was ahead are renewed in time all the
// same: Silverfin counts by its own clock.
func TestClockThatWasAheadDoesNotHoldUpRenewals(t *testing.T) {
	fx := newFixture(t)
	fx.later(aheadBy)
	fx.linkFirm(fx.firm)
	fx.later(-aheadBy)
	fx.sf.Faults().ResetLog()
	fx.nights(58)
	if fx.sf.Faults().Count(func(c faults.Call) bool { return strings.Contains(c.Path, "/oauth/") }) == 0 {
		t.Error("the tokens were not renewed in 58 nights")
	}
}

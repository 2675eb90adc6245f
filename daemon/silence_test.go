package daemon_test

import (
	"context"
	"iter"
	"os"
	"path/filepath"
	"slices"
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
	w := newWorld(t)
	w.keep = ledger.Retention{Documents: 3 * year, Figures: 3 * year, Stories: 3 * year}
	w.respoil(nil)
	c := w.client(1)
	w.add(c, w.balance(c, 1))
	w.sync()
	number := w.only().Number
	kept := func(after string, want bool) {
		t.Helper()
		document, err := w.keeper.Document(t.Context(), number)
		w.must(err)
		if (document != nil) != want {
			t.Errorf("%s: the document is kept: %v, want %v", after, document != nil, want)
		}
	}
	w.d.SawClock(0)
	w.later(10 * year)
	w.nights(1)
	kept("the clock jumped ten years ahead of when it was confirmed", true)
	w.d.SawClock(-10 * year)
	w.nights(1)
	kept("the services say that it is ten years ahead", true)
	w.d.SawClock(time.Minute)
	w.nights(1)
	kept("ten years later, as the services say too", false)
}

// A state that was made while the clock was ahead has its nights from the day
// on which the clock was set right, also when the service starts each morning.
func TestStateMadeWhileTheClockWasAheadHasNights(t *testing.T) {
	w := newWorld(t)
	w.later(-year)
	for range 3 {
		w.later(24 * time.Hour)
		w.respoil(nil)
		_, err := w.d.RunNight(t.Context())
		w.must(err)
	}
	passes, err := w.keeper.Runs(t.Context(), 10)
	w.must(err)
	if len(passes) != 2 {
		t.Errorf("%d nights were caught up in three days, want the two after the first look: %+v", len(passes), passes)
	}
}

// listing is a source with something that happens while it is listed.
type listing struct {
	daemon.Source
	between func()
}

func (s listing) List(ctx context.Context, cursor string) iter.Seq2[ledger.Page, error] {
	return func(yield func(ledger.Page, error) bool) {
		for p, err := range s.Source.List(ctx, cursor) {
			s.between()
			if !yield(p, err) {
				return
			}
		}
	}
}

// A person who presses retry during a listing has everything listed once more:
// the listing under way does not put its cursor back.
func TestRetryDuringAListingListsEverythingOnceMore(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	w.renumber(c, "")
	w.sf.ArchiveCompany(c.company)
	w.add(c, w.balance(c, 1))
	w.sync()
	e := w.only()
	w.wantState(e, ledger.Waiting, ledger.NoCompany)
	if w.connection().Cursor == "" {
		t.Fatal("nothing was listed")
	}
	w.through = func(s daemon.Source) daemon.Source {
		return listing{s, func() {
			_, err := w.d.Retry(t.Context(), e.Number, "Els")
			w.must(err)
		}}
	}
	w.sync()
	if got := w.connection().Cursor; got != "" {
		t.Errorf("the cursor is %q: what was mended at the source stays unseen", got)
	}
	w.through = nil
	w.sync()
	if w.connection().Cursor == "" {
		t.Error("the next listing leaves no cursor behind")
	}
}

// A file that a person dismissed and somebody renames stays dismissed.
func TestDismissedFileStaysDismissedUnderAnotherName(t *testing.T) {
	w, dir := withFolder(t)
	c := w.client(1)
	w.must(w.sf.CloseWorkflow(c.company, c.period, workflowName))
	w.put(filepath.Join(dir, "klant", "a.csv"), w.balance(c, 1), w.clock().Add(-time.Hour))
	w.sync()
	_, err := w.d.Dismiss(t.Context(), w.only().Number, "Els")
	w.must(err)
	w.must(os.Rename(filepath.Join(dir, "klant", "a.csv"), filepath.Join(dir, "klant", "niet gebruiken.csv")))
	w.sf.OpenWorkflow(c.company, c.period, workflowName)
	w.sync()
	w.sync()
	w.wantState(w.only(), ledger.Ignored, ledger.Dismissed)
	if n := w.byUs(); n != 0 {
		t.Errorf("%d figures of a dismissed file were written", n)
	}
	story, err := w.keeper.History(t.Context(), 1)
	w.must(err)
	told := slices.DeleteFunc(story, func(e ledger.Event) bool { return !strings.Contains(e.Text, "another name") })
	if len(told) != 1 {
		t.Errorf("the history tells %d times that it came again, want once: %+v", len(told), story)
	}
}

// A deactivated connection whose service does not answer was not looked at: the
// night says so and is tried again.
func TestStatusThatCannotBeAskedIsTold(t *testing.T) {
	w := newWorld(t)
	w.must(w.fb.Deactivate(w.conn))
	w.sync()
	w.fb.Faults().Add(faults.Fault{Kind: faults.ServerError, Times: -1})
	p, err := w.night()
	w.must(err)
	if len(p.Problems) == 0 || len(p.Down) == 0 {
		t.Errorf("problems %v, down %v: want both to name the connection", p.Problems, p.Down)
	}
}

// What is in Silverfin already is not held for its findings when a person has it
// tried again.
func TestRetryOfWhatIsDoneIsNotHeldForFindings(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	w.add(c, w.broken(c, 1))
	w.sync()
	w.wantState(w.only(), ledger.Done, "")
	w.hold = true
	w.respoil(nil)
	_, err := w.d.Retry(t.Context(), 1, "Els")
	w.must(err)
	w.sync()
	w.wantState(w.only(), ledger.Done, "")
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
	w := newWorld(t)
	id := w.fb.AddConnection(fakefinbox.Environment{Name: "Zonder startdatum", Language: "nl"})
	w.through = func(s daemon.Source) daemon.Source { return undated{s} }
	right := w.clock()
	w.later(year)
	w.d.SawClock(-year)
	c, _, err := w.d.ConnectFinbox(t.Context(), id, "Els")
	w.must(err)
	if !c.ActivatedAt.Equal(right) {
		t.Errorf("balances count from %v, want %v", c.ActivatedAt, right)
	}
}

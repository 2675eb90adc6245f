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

	"balansd/daemon"
	"balansd/ledger"
	"balansd/sandbox/faults"
)

// listing is a source with something that happens while it is listed.
type listing struct {
	daemon.Source
	wrapDestination func()
}

func (s listing) List(ctx context.Context, cursor string) iter.Seq2[ledger.Page, error] {
	return func(yield func(ledger.Page, error) bool) {
		for p, err := range s.Source.List(ctx, cursor) {
			s.wrapDestination()
			if !yield(p, err) {
				return
			}
		}
	}
}

// A person who presses retry during a listing has everything listed once more:
// the listing under way does not put its cursor back.
func TestRetryDuringAListingListsEverythingOnceMore(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	fx.renumber(c, "")
	fx.must(fx.sf.ArchiveCompany(c.company))
	fx.add(c, fx.balance(c, 1))
	fx.sync()
	e := fx.only()
	fx.wantState(e, ledger.Waiting, ledger.NoCompany)
	if fx.connection().Cursor == "" {
		t.Fatal("nothing was listed")
	}
	fx.wrapSource = func(s daemon.Source) daemon.Source {
		return listing{s, func() {
			_, err := fx.d.Retry(t.Context(), daemon.EntryRequest{Number: e.Number, By: "Els"})
			fx.must(err)
		}}
	}
	fx.sync()
	if got := fx.connection().Cursor; got != "" {
		t.Errorf("the cursor is %q: what was mended at the source stays unseen", got)
	}
	fx.wrapSource = nil
	fx.sync()
	if fx.connection().Cursor == "" {
		t.Error("the next listing leaves no cursor behind")
	}
}

// A file that a person dismissed and somebody renames stays dismissed.
func TestDismissedFileStaysDismissedUnderAnotherName(t *testing.T) {
	fx, dir := withFolder(t)
	c := fx.client(1)
	fx.must(fx.sf.CloseWorkflow(c.company, c.period, workflowName))
	fx.put(filepath.Join(dir, "klant", "a.csv"), fx.balance(c, 1), fx.clock().Add(-time.Hour))
	fx.sync()
	_, err := fx.d.Dismiss(t.Context(), daemon.EntryRequest{Number: fx.only().Number, By: "Els"})
	fx.must(err)
	fx.must(os.Rename(filepath.Join(dir, "klant", "a.csv"), filepath.Join(dir, "klant", "niet gebruiken.csv")))
	fx.sf.OpenWorkflow(c.company, c.period, workflowName)
	fx.sync()
	fx.sync()
	fx.wantState(fx.only(), ledger.Ignored, ledger.Dismissed)
	if n := fx.byUs(); n != 0 {
		t.Errorf("%d figures of a dismissed file were written", n)
	}
	story, err := fx.store.History(t.Context(), 1)
	fx.must(err)
	told := slices.DeleteFunc(story, func(e ledger.Event) bool { return !strings.Contains(e.Text, "another name") })
	if len(told) != 1 {
		t.Errorf("the history tells %d times that it came again, want once: %+v", len(told), story)
	}
}

// A deactivated connection whose service does not answer was not looked at: the
// night says so and is tried again.
func TestStatusThatCannotBeAskedIsTold(t *testing.T) {
	fx := newFixture(t)
	fx.must(fx.fb.Deactivate(fx.conn))
	fx.sync()
	fx.fb.Faults().Add(faults.Fault{Kind: faults.ServerError, Times: -1})
	p, err := fx.night()
	fx.must(err)
	if len(p.Problems) == 0 || len(p.Down) == 0 {
		t.Errorf("problems %v, down %v: want both to name the connection", p.Problems, p.Down)
	}
}

// What is in Silverfin already is not held for its findings when a person has it
// tried again.
func TestRetryOfWhatIsDoneIsNotHeldForFindings(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	fx.add(c, fx.broken(c, 1))
	fx.sync()
	fx.wantState(fx.only(), ledger.Done, "")
	fx.hold = true
	fx.reopenWith(nil)
	_, err := fx.d.Retry(t.Context(), daemon.EntryRequest{Number: 1, By: "Els"})
	fx.must(err)
	fx.sync()
	fx.wantState(fx.only(), ledger.Done, "")
}

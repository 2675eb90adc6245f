package daemon_test

import (
	"context"
	"iter"
	"strings"
	"testing"
	"time"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
	"balansd/sandbox/madeup"
)

// The number that the bureau mended in Finbox holds for a balance that failed
// by it, also when the listing went on since.
func TestDossierMendedInFinboxIsReadAnew(t *testing.T) {
	for name, meanwhile := range map[string]func(*world){
		"at once": func(*world) {},
		"days later": func(w *world) {
			w.nights(3)
			other := w.client(2)
			w.add(other, w.balance(other, 2))
			w.nights(1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c := w.client(1)
			w.renumber(c, numberOf(77))
			b := w.balance(c, 1)
			w.add(c, b)
			w.sync()
			w.wantState(w.only(), ledger.Failed, "")
			meanwhile(w)
			w.renumber(c, c.number)
			_, err := w.d.Retry(t.Context(), 1, "Els")
			w.must(err)
			w.sync()
			w.wantState(w.entries()[0], ledger.Done, "")
			w.wantHeld(c, b)
		})
	}
}

// Figures that were read while their dossier had the number of their document
// do not go to the company of the number that it has now.
func TestFiguresReadBeforeDoNotFollowADossierToAnotherEnterprise(t *testing.T) {
	w := newWorld(t)
	c, other := w.client(1), w.client(2)
	w.must(w.sf.CloseWorkflow(c.company, c.period, workflowName))
	w.add(c, w.balance(c, 1))
	w.sync()
	w.wantState(w.only(), ledger.Waiting, ledger.WorkflowClosed)
	w.renumber(c, other.number)
	w.sync()
	if e := w.only(); e.State != ledger.Failed || e.FailClass != ledger.Unreadable {
		t.Errorf("entry is %s %s %s: %s", e.State, e.Reason, e.FailClass, e.Detail)
	}
	if n := len(w.sf.Custom(other.company, other.period)); n > 0 {
		t.Errorf("%d figures of enterprise %s are in the company of %s", n, c.number, other.number)
	}
}

// scripted is a source that lists and gives what a test says.
type scripted struct {
	listings  []ledger.Listing
	documents map[string][]byte // by revision
	gone      string            // the id whose document is not there any more
}

func (s *scripted) Status(context.Context) (ledger.SourceStatus, error) {
	return ledger.SourceStatus{Active: true}, nil
}

func (s *scripted) List(context.Context, string) iter.Seq2[ledger.Page, error] {
	return func(yield func(ledger.Page, error) bool) { yield(ledger.Page{Listings: s.listings, Cursor: "x"}, nil) }
}

func (s *scripted) Content(_ context.Context, l ledger.Listing) ([]byte, error) {
	if l.ID == s.gone {
		return nil, problem.New(problem.NotFound, "Finbox does not know it", "")
	}
	return s.documents[l.Revision], nil
}

// withScript makes a world whose connection is scripted.
func withScript(t *testing.T) (*world, *scripted) {
	t.Helper()
	w, s := newWorld(t), &scripted{documents: map[string][]byte{}}
	w.extra = map[string]daemon.Source{w.conn: s}
	return w, s
}

// script gives the listing of a balance, made now, and has its document ready.
func (w *world) script(s *scripted, id, revision, dossier string, b *balance.Balance) ledger.Listing {
	w.t.Helper()
	w.later(time.Second)
	doc, err := madeup.Document(balance.NBBCSV, b)
	w.must(err)
	s.documents[revision] = doc
	return ledger.Listing{ID: id, Revision: revision, FiscalYear: b.FiscalYear, CreatedAt: w.clock(), SHA256: strings.Repeat(revision, 64),
		Dossier: ledger.Dossier{ID: dossier, EnterpriseNumber: b.EnterpriseNumber}}
}

// A correction under the same id replaces what its older revision wrote, though
// the dossier has another id by now.
func TestCorrectionAfterTheDossierGotAnotherIDIsNoDifference(t *testing.T) {
	w, s := withScript(t)
	c := w.client(1)
	s.listings = append(s.listings, w.script(s, "B", "1", "D1", w.balance(c, 1)))
	w.sync()
	w.wantState(w.only(), ledger.Done, "")
	corrected := w.balance(c, 2)
	s.listings = append(s.listings, w.script(s, "B", "2", "D2", corrected))
	w.sync()
	w.wantState(w.entries()[1], ledger.Done, "")
	w.wantHeld(c, corrected)
}

// The bureau withdraws a document and hands it in again: another id, the same
// content.
func TestSameDocumentUnderANewIDIsDelivered(t *testing.T) {
	w, s := withScript(t)
	c := w.client(1)
	b := w.balance(c, 1)
	s.gone = "A"
	s.listings = []ledger.Listing{w.script(s, "A", "1", "D1", b)}
	w.nights(1)
	w.wantState(w.only(), ledger.Failed, "")
	s.listings = []ledger.Listing{w.script(s, "B", "1", "D1", b)}
	w.nights(1)
	all := w.entries()
	w.wantState(all[len(all)-1], ledger.Done, "")
	w.wantHeld(c, b)
}

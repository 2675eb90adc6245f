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
	for name, meanwhile := range map[string]func(*fixture){
		"at once": func(*fixture) {},
		"days later": func(fx *fixture) {
			fx.nights(3)
			other := fx.client(2)
			fx.add(other, fx.balance(other, 2))
			fx.nights(1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			fx := newFixture(t)
			c := fx.client(1)
			fx.renumber(c, numberOf(77))
			b := fx.balance(c, 1)
			fx.add(c, b)
			fx.sync()
			fx.wantState(fx.only(), ledger.Failed, "")
			meanwhile(fx)
			fx.renumber(c, c.number)
			_, err := fx.d.Retry(t.Context(), daemon.EntryRequest{Number: 1, By: "Els"})
			fx.must(err)
			fx.sync()
			fx.wantState(fx.entries()[0], ledger.Done, "")
			fx.wantHeld(c, b)
		})
	}
}

// Figures that were read while their dossier had the number of their document
// do not go to the company of the number that it has now.
func TestFiguresReadBeforeDoNotFollowADossierToAnotherEnterprise(t *testing.T) {
	fx := newFixture(t)
	c, other := fx.client(1), fx.client(2)
	fx.must(fx.sf.CloseWorkflow(c.company, c.period, workflowName))
	fx.add(c, fx.balance(c, 1))
	fx.sync()
	fx.wantState(fx.only(), ledger.Waiting, ledger.WorkflowClosed)
	fx.renumber(c, other.number)
	fx.sync()
	if e := fx.only(); e.State != ledger.Failed || e.FailClass != ledger.Unreadable {
		t.Errorf("entry is %s %s %s: %s", e.State, e.Reason, e.FailClass, e.Detail)
	}
	if n := len(fx.sf.Custom(other.company, other.period)); n > 0 {
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

// withScript makes a fixture whose connection is scripted.
func withScript(t *testing.T) (*fixture, *scripted) {
	t.Helper()
	fx, s := newFixture(t), &scripted{documents: map[string][]byte{}}
	fx.extraSources = map[string]daemon.Source{fx.conn: s}
	return fx, s
}

// script returns the listing of a balance, made now, and has its document ready.
func (fx *fixture) script(s *scripted, id, revision, dossier string, b *balance.Balance) ledger.Listing {
	fx.t.Helper()
	fx.later(time.Second)
	doc, err := madeup.Document(balance.NBBCSV, b)
	fx.must(err)
	s.documents[revision] = doc
	return ledger.Listing{ID: id, Revision: revision, FiscalYear: b.FiscalYear, CreatedAt: fx.clock(), SHA256: strings.Repeat(revision, 64),
		Dossier: ledger.Dossier{ID: dossier, EnterpriseNumber: b.EnterpriseNumber}}
}

// A correction under the same id replaces what its older revision wrote, though
// the dossier has another id by now.
func TestCorrectionAfterTheDossierGotAnotherIDIsNoDifference(t *testing.T) {
	fx, s := withScript(t)
	c := fx.client(1)
	s.listings = append(s.listings, fx.script(s, "B", "1", "D1", fx.balance(c, 1)))
	fx.sync()
	fx.wantState(fx.only(), ledger.Done, "")
	corrected := fx.balance(c, 2)
	s.listings = append(s.listings, fx.script(s, "B", "2", "D2", corrected))
	fx.sync()
	fx.wantState(fx.entries()[1], ledger.Done, "")
	fx.wantHeld(c, corrected)
}

// The bureau withdraws a document and hands it in again: another id, the same
// content.
func TestSameDocumentUnderANewIDIsDelivered(t *testing.T) {
	fx, s := withScript(t)
	c := fx.client(1)
	b := fx.balance(c, 1)
	s.gone = "A"
	s.listings = []ledger.Listing{fx.script(s, "A", "1", "D1", b)}
	fx.nights(1)
	fx.wantState(fx.only(), ledger.Failed, "")
	s.listings = []ledger.Listing{fx.script(s, "B", "1", "D1", b)}
	fx.nights(1)
	all := fx.entries()
	fx.wantState(all[len(all)-1], ledger.Done, "")
	fx.wantHeld(c, b)
}

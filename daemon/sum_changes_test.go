package daemon_test

import (
	"context"
	"sync"
	"testing"

	"balansd/daemon"
	"balansd/ledger"
)

// openSum is a fixture with a sum of 2025 that waits for its workflow.
func openSum(t *testing.T) (fx *fixture, c, other client) {
	t.Helper()
	fx, c, other = grouped(t)
	fx.must(fx.sf.CloseWorkflow(c.company, c.period, workflowName))
	fx.add(c, fx.of(c, 3, 2025))
	fx.add(other, fx.of(other, 4, 2025))
	fx.sync()
	sum, _ := fx.sumOf(2025)
	fx.wantState(sum, ledger.Waiting, ledger.WorkflowClosed)
	fx.sf.OpenWorkflow(c.company, c.period, workflowName)
	return fx, c, other
}

func TestSumIsNotDeliveredWithAPartThatWasDismissed(t *testing.T) {
	fx, c, other := openSum(t)
	_, parts := fx.sumOf(2025)
	_, err := fx.d.Dismiss(t.Context(), daemon.EntryRequest{Number: parts[0].Number, By: "An"})
	fx.must(err)
	fx.sync()
	fx.nothingIn(c)
	sum, _ := fx.sumOf(2025)
	fx.wantState(sum, ledger.Waiting, ledger.PartMissing)

	_, err = fx.d.Retry(t.Context(), daemon.EntryRequest{Number: parts[0].Number, By: "An"})
	fx.must(err)
	fx.sync()
	fx.sync() // the sum can have its turn before its parts
	sum, parts = fx.sumOf(2025)
	fx.wantState(sum, ledger.Done, "")
	fx.wantState(parts[0], ledger.Done, "")
	fx.wantState(parts[1], ledger.Done, "")
	fx.wantHeld(c, added(fx.of(c, 3, 2025), fx.of(other, 4, 2025)))
}

// A pause of one dossier holds for its figures in the sum, whether or not the sum is
// there already.
func TestPauseOfAPartHoldsItsSum(t *testing.T) {
	for _, late := range []bool{false, true} {
		fx, c, other := grouped(t)
		pause := ledger.DossierLink{Connection: fx.conn, DossierID: other.dossier, Paused: true, Note: "wacht op het kantoor"}
		if late {
			fx, c, other = openSum(t)
			pause.Connection, pause.DossierID = fx.conn, other.dossier
		} else {
			fx.add(c, fx.of(c, 3, 2025))
			fx.add(other, fx.of(other, 4, 2025))
		}
		_, err := fx.d.Link(t.Context(), daemon.LinkRequest{DossierLink: pause, By: "An"})
		fx.must(err)
		fx.sync()
		fx.sync()
		fx.nothingIn(c)
		for _, e := range fx.entries() {
			if e.FiscalYear.End.Year == 2025 && len(e.Parts) == 0 {
				fx.wantState(e, ledger.Waiting, ledger.LinkPaused)
			}
		}
		pause.Paused = false
		_, err = fx.d.Link(t.Context(), daemon.LinkRequest{DossierLink: pause, By: "An"})
		fx.must(err)
		fx.sync()
		fx.sync()
		sum, _ := fx.sumOf(2025)
		fx.wantState(sum, ledger.Done, "")
		fx.wantHeld(c, added(fx.of(c, 3, 2025), fx.of(other, 4, 2025)))
	}
}

// A part that is tried again has what Silverfin holds of its sum compared again.
func TestRetriedPartComparesItsSumAgain(t *testing.T) {
	fx, c, other := grouped(t)
	fx.add(c, fx.of(c, 3, 2025))
	fx.add(other, fx.of(other, 4, 2025))
	fx.sync()
	sum, parts := fx.sumOf(2025)
	fx.wantState(sum, ledger.Done, "")
	cell := fx.of(c, 3, 2025).Values.Cells()[0].String()
	fx.must(fx.sf.Set(c.company, c.period, namespace, "code_"+cell, "99.9"))
	_, err := fx.d.Retry(t.Context(), daemon.EntryRequest{Number: parts[0].Number, By: "An"})
	fx.must(err)
	fx.sync()
	sum, parts = fx.sumOf(2025)
	fx.wantState(sum, ledger.Differs, "")
	fx.wantState(parts[0], ledger.Waiting, ledger.PartOfSum)

	_, err = fx.d.Decide(t.Context(), daemon.Decision{Number: sum.Number, Choice: daemon.UseFinbox, By: "An"})
	fx.must(err)
	fx.sync()
	fx.sync()
	sum, parts = fx.sumOf(2025)
	fx.wantState(sum, ledger.Done, "")
	fx.wantState(parts[0], ledger.Done, "")
	fx.wantHeld(c, added(fx.of(c, 3, 2025), fx.of(other, 4, 2025)))
}

// listedStore calls then once a run has listed its sources.
type listedStore struct {
	daemon.Store
	then func()
}

func (k listedStore) Counts(ctx context.Context) (map[ledger.State]int, error) {
	k.then()
	return k.Store.Counts(ctx)
}

// A run under way follows what a person says of a group.
func TestRunFollowsGroupsThatChange(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	other := fx.secondDossier(c)
	a, b := fx.of(c, 3, 2025), fx.of(other, 4, 2025)
	fx.add(c, a)
	fx.sync()
	fx.add(other, b)
	fx.sync()
	fx.wantState(fx.newest(), ledger.Differs, "")
	onceListed := func(do func()) {
		var once sync.Once
		fx.reopenWith(func(k daemon.Store) daemon.Store { return listedStore{k, func() { once.Do(do) }} })
	}
	onceListed(func() { fx.group(c, other) })
	fx.sync()
	sum, _ := fx.sumOf(2025)
	fx.wantState(sum, ledger.Done, "")
	fx.wantHeld(c, added(a, b))

	third := fx.of(c, 5, 2026)
	fx.period(c, 2026)
	fx.add(c, third)
	onceListed(func() {
		_, err := fx.d.Ungroup(t.Context(), daemon.GroupRequest{Dossiers: []string{fx.conn + "/" + c.dossier}, By: "An"})
		fx.must(err)
	})
	fx.sync()
	fx.wantState(fx.newest(), ledger.Done, "")
	if e := fx.newest(); len(e.Parts) > 0 || e.Sum != 0 {
		t.Errorf("the group is dissolved, and the newest entry is %+v", e)
	}
}

// Where the parts are linked to two companies, nothing says which one takes the sum
// until the sum has a link of its own.
func TestPartsThatAreLinkedToTwoCompanies(t *testing.T) {
	fx, c, other := grouped(t)
	elsewhere := fx.otherCompany(c)
	a, b := fx.of(c, 3, 2025), fx.of(other, 4, 2025)
	fx.add(c, a)
	fx.add(other, b)
	link := func(connection, dossier string, to client) {
		t.Helper()
		l := fx.linkTo(to)
		l.Connection, l.DossierID, l.NumberDiffers.Company = connection, dossier, fx.companyName(to)
		fx.saveLink(l)
	}
	link(fx.conn, c.dossier, c)
	link(fx.conn, other.dossier, elsewhere)
	fx.sync()
	sum, _ := fx.sumOf(2025)
	fx.wantState(sum, ledger.Waiting, ledger.PartsDiffer)
	fx.nothingIn(c)
	fx.nothingIn(elsewhere)
	link(sum.Connection, sum.Dossier.ID, elsewhere)
	fx.sync()
	sum, _ = fx.sumOf(2025)
	fx.wantState(sum, ledger.Done, "")
	fx.nothingIn(c)
	fx.wantHeld(elsewhere, added(a, b))
}

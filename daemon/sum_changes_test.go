package daemon_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
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

// Where the connection of a part is paused, its figures go in with no sum.
func TestPauseOfAConnectionHoldsTheSumsOfItsDossiers(t *testing.T) {
	fx, c, _ := openSum(t)
	conn := fx.connection()
	conn.Status = ledger.Paused
	fx.must(fx.store.SaveConnection(t.Context(), conn))
	fx.sync()
	fx.nothingIn(c)
	sum, _ := fx.sumOf(2025)
	fx.wantState(sum, ledger.Waiting, ledger.ConnectionInactive)
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

// A part that waited for its sum is on its own again when the group is dissolved.
func TestPartsOfADissolvedGroupAreOnTheirOwn(t *testing.T) {
	fx, c, other := openSum(t)
	_, err := fx.d.Ungroup(t.Context(), daemon.GroupRequest{Dossiers: []string{fx.conn + "/" + other.dossier}, By: "An"})
	fx.must(err)
	fx.sync()
	_, parts := fx.sumOf(2025)
	first, second, held := parts[0], parts[1], fx.of(c, 3, 2025)
	if first.State != ledger.Done { // they are delivered at once, and either may come first
		first, second, held = second, first, fx.of(other, 4, 2025)
	}
	fx.wantHeld(c, held)
	fx.wantState(first, ledger.Done, "")
	fx.wantState(second, ledger.Differs, "")
	for _, p := range parts {
		if p.Sum != 0 {
			t.Errorf("entry %d still points to sum %d", p.Number, p.Sum)
		}
	}
}

// A group changes by grouping alone: a dissolved one that came back could have a dossier
// that is in another group by now.
func TestGroupIsNoConnectionToPauseOrResume(t *testing.T) {
	fx, _, other := grouped(t)
	g, err := fx.d.Ungroup(t.Context(), daemon.GroupRequest{Dossiers: []string{fx.conn + "/" + other.dossier}, By: "An"})
	fx.must(err)
	_, err = fx.d.SetConnection(t.Context(), daemon.ConnectionRequest{ID: g.ID, Status: ledger.Active, By: "An"})
	if groups, _ := fx.d.Groups(t.Context()); !problem.Is(err, problem.NotAllowed) || len(groups) > 0 {
		t.Errorf("a dissolved group became %v: %v", groups, err)
	}
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

// slowLinks takes a minute to read the links, once it is asked to.
type slowLinks struct {
	listedStore
	slow *atomic.Bool
}

func (k slowLinks) Links(ctx context.Context) ([]ledger.DossierLink, error) {
	links, err := k.Store.Links(ctx)
	if k.slow.CompareAndSwap(true, false) {
		time.Sleep(time.Minute)
	}
	return links, err
}

// No dossier has its turn while a run reads the links that changed.
func TestChangedLinksAreReadBeforeAnyDossierGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fx := newMemoryFixture(t)
		clients := []client{fx.client(1), fx.client(2), fx.client(3)}
		for i, c := range clients {
			fx.add(c, fx.balance(c, int64(i)))
		}
		slow, once := &atomic.Bool{}, sync.Once{}
		pause := func() {
			for _, c := range clients {
				fx.saveLink(ledger.DossierLink{Connection: fx.conn, DossierID: c.dossier, Paused: true})
			}
			slow.Store(true)
		}
		fx.reopenWith(func(k daemon.Store) daemon.Store {
			return slowLinks{listedStore{k, func() { once.Do(pause) }}, slow}
		})
		fx.sync()
		for _, c := range clients {
			fx.nothingIn(c)
		}
	})
}

// A sum that waited in the company of one link goes into that of the next, the night
// after it changed.
func TestSumFollowsAChangedLink(t *testing.T) {
	fx, c, other := openSum(t)
	fx.must(fx.sf.CloseWorkflow(c.company, c.period, workflowName))
	elsewhere := fx.otherCompany(c)
	l := fx.linkTo(elsewhere)
	l.NumberDiffers.Company = fx.companyName(elsewhere)
	fx.saveLink(l)
	fx.nights(1) // of Wednesday
	sum, _ := fx.sumOf(2025)
	fx.wantState(sum, ledger.Done, "")
	fx.wantHeld(elsewhere, added(fx.of(c, 3, 2025), fx.of(other, 4, 2025)))
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

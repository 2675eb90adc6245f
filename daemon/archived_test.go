package daemon_test

import (
	"strings"
	"testing"
	"time"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
	fakesilverfin "balansd/sandbox/silverfin"
)

// setUpAnew archives the company of a client and adds a new one with its number, of
// which the year is open or not.
func (fx *fixture) setUpAnew(c client, open bool) client {
	fx.t.Helper()
	fx.must(fx.sf.ArchiveCompany(c.company))
	anew := c
	anew.company = fx.sf.AddCompany(fx.firm, fakesilverfin.Company{Name: "Nieuw dossier", VAT: c.number.Pretty()})
	anew.period = fx.sf.AddPeriod(anew.company, day("2025-01-01"), day("2025-12-31"))
	if open {
		fx.sf.OpenWorkflow(anew.company, anew.period, workflowName)
	}
	return anew
}

// deliveredClient makes a client whose balance was delivered.
func (fx *fixture) deliveredClient(n int) (client, *balance.Balance) {
	fx.t.Helper()
	c := fx.client(n)
	b := fx.balance(c, int64(n))
	fx.add(c, b)
	fx.sync()
	return c, b
}

// nextMonday runs the nights up to the first one of a week.
func (fx *fixture) nextMonday() ledger.Run {
	fx.t.Helper()
	for {
		r, err := fx.night()
		fx.must(err)
		if r.Night.In(fx.clock().Location()).Weekday() == 1 {
			return r
		}
	}
}

// asked are the ways in which a company that is archived is noticed.
var asked = map[string]func(*fixture) ledger.Run{
	"once a week": (*fixture).nextMonday,
	"sync --full": func(fx *fixture) ledger.Run {
		r, err := fx.d.Sync(fx.t.Context(), daemon.SyncRequest{Full: true}, nil)
		fx.must(err)
		return r
	},
	"its arrows": func(fx *fixture) ledger.Run {
		fx.later(2 * time.Hour) // the companies that are known by then are listed anew
		r, err := fx.d.Sync(fx.t.Context(), daemon.SyncRequest{Dossier: fx.entries()[0].Dossier.EnterpriseNumber.String()}, nil)
		fx.must(err)
		return r
	},
}

// TestArchivedCompanyIsOffered: what was delivered to a company that was archived is
// offered to the new one with its number, and goes there when a person says so; what the
// old one holds stays, and the entry says where.
func TestArchivedCompanyIsOffered(t *testing.T) {
	for how, ask := range asked {
		t.Run(how, func(t *testing.T) {
			fx := newFixture(t)
			old, b := fx.deliveredClient(1)
			anew := fx.setUpAnew(old, true)
			writes := len(fx.sf.Writes())
			run := ask(fx)
			e := fx.only()
			fx.wantState(e, ledger.Done, "")
			if e.Target.CompanyID != old.company || e.Successor == nil || e.Successor.CompanyID != anew.company || !e.NeedsPerson() || len(fx.sf.Writes()) != writes {
				t.Fatalf("target %+v, successor %+v, %d writes", e.Target, e.Successor, len(fx.sf.Writes())-writes)
			}
			if text := strings.Join(run.Problems, ""); !strings.Contains(text, "is archived in Silverfin or gone") {
				t.Errorf("the run says %q", text)
			}
			if history, err := fx.store.History(t.Context(), e.Number); err != nil || history[len(history)-1].Act != ledger.ActArchived {
				t.Errorf("the history ends with %+v, %v", history[len(history)-1], err)
			}
			version := e.Version
			if run = ask(fx); fx.only().Version != version || len(run.Problems) > 0 {
				t.Errorf("it is said again: %v", run.Problems)
			}
			e, err := fx.d.Retry(t.Context(), daemon.EntryRequest{Number: e.Number, By: "An"})
			fx.must(err)
			fx.sync()
			e = fx.only()
			fx.wantState(e, ledger.Done, "")
			fx.wantHeld(anew, b)
			fx.wantHeld(old, b)
			if e.Target.CompanyID != anew.company || len(e.WrittenBefore) != 1 || e.WrittenBefore[0].CompanyID != old.company || e.Successor != nil {
				t.Errorf("target %+v, before %+v", e.Target, e.WrittenBefore)
			}
			fx.wantNothingOverwritten()
		})
	}
}

// TestArchivedCompanyOfALink: a link to a company that is gone does not hide the new one.
func TestArchivedCompanyOfALink(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	_, err := fx.d.Link(t.Context(), daemon.LinkRequest{DossierLink: ledger.DossierLink{Connection: fx.conn, DossierID: c.dossier, FirmID: fx.firm, CompanyID: c.company}})
	fx.must(err)
	fx.add(c, fx.balance(c, 1))
	fx.sync()
	anew := fx.setUpAnew(c, true)
	fx.nextMonday()
	if e := fx.only(); e.State != ledger.Done || e.Successor == nil || e.Successor.CompanyID != anew.company {
		t.Errorf("%s %s, successor %+v", e.State, e.Detail, e.Successor)
	}
}

// TestPausedConnectionIsNotFollowed: what is paused is not delivered anew.
func TestPausedConnectionIsNotFollowed(t *testing.T) {
	fx := newFixture(t)
	fx.follow = true
	fx.reopenWith(nil)
	c, _ := fx.deliveredClient(1)
	fx.setUpAnew(c, true)
	_, err := fx.d.SetConnection(t.Context(), daemon.ConnectionRequest{ID: fx.conn, Status: ledger.Paused})
	fx.must(err)
	fx.nextMonday()
	fx.wantState(fx.only(), ledger.Done, "")
}

// TestOfferIsTakenBack: a company that is there again takes its own balance.
func TestOfferIsTakenBack(t *testing.T) {
	fx := newFixture(t)
	old, b := fx.deliveredClient(1)
	anew := fx.setUpAnew(old, true)
	fx.nextMonday()
	if fx.only().Successor == nil {
		t.Fatal("nothing is offered")
	}
	fx.must(fx.sf.UnarchiveCompany(old.company))
	fx.must(fx.sf.ArchiveCompany(anew.company))
	fx.nextMonday()
	e := fx.only()
	if e.Successor != nil || e.State != ledger.Done || e.NeedsPerson() || e.Next != "" {
		t.Errorf("%s %+v %q", e.State, e.Successor, e.Next)
	}
	fx.wantHeld(old, b)
}

// TestArchivedCompanyIsFollowed: with the setting nobody is asked.
func TestArchivedCompanyIsFollowed(t *testing.T) {
	for how, ask := range asked {
		t.Run(how, func(t *testing.T) {
			fx := newFixture(t)
			fx.follow = true
			fx.reopenWith(nil)
			old, b := fx.deliveredClient(1)
			anew := fx.setUpAnew(old, true)
			ask(fx)
			e := fx.only()
			fx.wantState(e, ledger.Done, "")
			fx.wantHeld(anew, b)
			fx.wantHeld(old, b)
			if len(e.WrittenBefore) != 1 || e.WrittenBefore[0].CompanyID != old.company {
				t.Errorf("before: %+v", e.WrittenBefore)
			}
			// A person's own figures there count as everywhere.
			writes := len(fx.sf.Writes())
			ask(fx)
			if len(fx.sf.Writes()) != writes {
				t.Error("it was written again")
			}
		})
	}
}

// TestNothingIsOffered: not where the year is not open, where the company is there, where
// nobody else has its number, nor while the list of companies is not known whole.
func TestNothingIsOffered(t *testing.T) {
	for name, change := range map[string]func(*fixture, client){
		"not open":       func(fx *fixture, c client) { fx.setUpAnew(c, false) },
		"no new one":     func(fx *fixture, c client) { fx.must(fx.sf.ArchiveCompany(c.company)) },
		"still there":    func(*fixture, client) {},
		"two new ones":   func(fx *fixture, c client) { fx.setUpAnew(fx.setUpAnew(c, true), true); fx.setUpAnew(c, true) },
		"number changed": func(fx *fixture, c client) { fx.must(fx.sf.SetVAT(c.company, "")); fx.twin(c) },
	} {
		for how, ask := range asked {
			t.Run(name+" "+how, func(t *testing.T) {
				fx := newFixture(t)
				fx.follow = true
				fx.reopenWith(nil)
				c, _ := fx.deliveredClient(1)
				change(fx, c)
				writes := len(fx.sf.Writes())
				ask(fx)
				e := fx.only()
				if e.State != ledger.Done || e.Target.CompanyID != c.company || e.Successor != nil || len(fx.sf.Writes()) != writes {
					t.Errorf("%s, %+v, successor %+v, %d writes", e.State, e.Target, e.Successor, len(fx.sf.Writes())-writes)
				}
			})
		}
	}
}

// twin adds another company with the number of a client, open.
func (fx *fixture) twin(c client) {
	fx.t.Helper()
	id := fx.sf.AddCompany(fx.firm, fakesilverfin.Company{Name: "Andere", VAT: c.number.Pretty()})
	fx.sf.OpenWorkflow(id, fx.sf.AddPeriod(id, day("2025-01-01"), day("2025-12-31")), workflowName)
}

// The page of a dossier asks for its financial years, and is told that the company is
// not there.
func TestYearsOfACompanyThatIsGone(t *testing.T) {
	fx := newFixture(t)
	c, _ := fx.deliveredClient(1)
	if _, err := fx.d.Periods(t.Context(), daemon.EntryRequest{Number: fx.only().Number}); err != nil {
		t.Error(err)
	}
	fx.must(fx.sf.ArchiveCompany(c.company))
	_, err := fx.d.Sync(t.Context(), daemon.SyncRequest{Full: true}, nil) // reads the list of companies
	fx.must(err)
	if _, err := fx.d.Periods(t.Context(), daemon.EntryRequest{Number: fx.only().Number}); !problem.Is(err, problem.SilverfinRefused) {
		t.Errorf("the years of a company that is gone: %v", err)
	}
}

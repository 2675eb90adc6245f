package daemon_test

import (
	"context"
	"testing"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
	fakesilverfin "balansd/sandbox/silverfin"
)

// twoCompanies returns a dossier whose number no company has, and two companies to
// link it to: the workflow of the first one is closed.
func twoCompanies(t *testing.T) (fx *fixture, c, a, b client) {
	fx = newFixture(t)
	c = fx.client(1)
	fx.must(fx.sf.ArchiveCompany(c.company))
	company := func(name string) client {
		one := client{dossier: c.dossier, number: c.number, company: fx.sf.AddCompany(fx.firm, fakesilverfin.Company{Name: name})}
		one.period = fx.sf.AddPeriod(one.company, balance.Date{Year: 2025, Month: 1, Day: 1}, balance.Date{Year: 2025, Month: 12, Day: 31})
		fx.sf.OpenWorkflow(one.company, one.period, workflowName)
		return one
	}
	a, b = company("Client A"), company("Client B")
	fx.must(fx.sf.CloseWorkflow(a.company, a.period, workflowName))
	return fx, c, a, b
}

// linkTo is the link of a dossier to a company.
func (fx *fixture) linkTo(c client) ledger.DossierLink {
	return ledger.DossierLink{Connection: fx.conn, DossierID: c.dossier, FirmID: fx.firm, CompanyID: c.company}
}

// saveLink sets a link, as a page does.
func (fx *fixture) saveLink(l ledger.DossierLink) {
	fx.t.Helper()
	_, err := fx.d.Link(fx.t.Context(), daemon.LinkRequest{DossierLink: l, By: "Els"})
	fx.must(err)
}

// A link that a person changes is obeyed by the next night, not by that of
// Monday.
func TestChangedLinkIsObeyedTheNextNight(t *testing.T) {
	for name, change := range map[string]func(fx *fixture, linkTo ledger.DossierLink){
		"on a page": func(fx *fixture, linkTo ledger.DossierLink) { fx.saveLink(linkTo) },
		"in the configuration": func(fx *fixture, linkTo ledger.DossierLink) {
			fx.links = []ledger.DossierLink{linkTo}
			fx.again()
		},
	} {
		t.Run(name, func(t *testing.T) {
			fx, c, a, b := twoCompanies(t)
			made := fx.balance(c, 1)
			fx.add(c, made)
			change(fx, fx.linkTo(a))
			fx.sync()
			fx.wantState(fx.only(), ledger.Waiting, ledger.WorkflowClosed)
			change(fx, fx.linkTo(b))
			fx.nights(1) // of Wednesday
			fx.wantState(fx.only(), ledger.Done, "")
			fx.wantHeld(b, made)
		})
	}
}

// A link that is taken out of the configuration is obeyed no more.
func TestLinkThatIsTakenOutIsObeyedNoMore(t *testing.T) {
	fx, c, a, _ := twoCompanies(t)
	fx.add(c, fx.balance(c, 1))
	fx.links = []ledger.DossierLink{fx.linkTo(a)}
	fx.again()
	fx.sync()
	fx.links = nil
	fx.again()
	fx.nights(1)
	fx.wantState(fx.only(), ledger.Waiting, ledger.NoCompany)
}

// A link that changes during a run is obeyed by that run for what it comes to,
// and by the next one for what it was working on.
func TestLinkThatChangesDuringARun(t *testing.T) {
	fx, c, a, b := twoCompanies(t)
	made := fx.balance(c, 1)
	fx.add(c, made)
	fx.saveLink(fx.linkTo(a))
	once := false
	fx.hook(hooked{locate: func(context.Context) error { // of company A
		if !once {
			once = true
			fx.saveLink(fx.linkTo(b))
		}
		return nil
	}})
	fx.nights(1)
	fx.wantState(fx.only(), ledger.Waiting, ledger.WorkflowClosed)
	fx.nights(1)
	fx.wantState(fx.only(), ledger.Done, "")
	fx.wantHeld(b, made)
}

// One that changes before the dossier's turn is obeyed at once.
func TestLinkThatChangesWhileTheRunLists(t *testing.T) {
	fx, c, a, b := twoCompanies(t)
	made := fx.balance(c, 1)
	fx.add(c, made)
	fx.saveLink(fx.linkTo(a))
	fx.wrapSource = func(s daemon.Source) daemon.Source {
		return listing{s, func() { fx.saveLink(fx.linkTo(b)) }}
	}
	fx.nights(1)
	fx.wantState(fx.only(), ledger.Done, "")
	fx.wantHeld(b, made)
}

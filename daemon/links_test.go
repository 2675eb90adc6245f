package daemon_test

import (
	"context"
	"testing"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
	fakesilverfin "balansd/sandbox/silverfin"
)

// twoCompanies gives a dossier whose number no company has, and two companies to
// link it to: the workflow of the first one is closed.
func twoCompanies(t *testing.T) (w *world, c, a, b client) {
	w = newWorld(t)
	c = w.client(1)
	w.sf.ArchiveCompany(c.company)
	company := func(name string) client {
		one := client{dossier: c.dossier, number: c.number, company: w.sf.AddCompany(w.firm, fakesilverfin.Company{Name: name})}
		one.period = w.sf.AddPeriod(one.company, balance.Date{Year: 2025, Month: 1, Day: 1}, balance.Date{Year: 2025, Month: 12, Day: 31})
		w.sf.OpenWorkflow(one.company, one.period, workflowName)
		return one
	}
	a, b = company("Client A"), company("Client B")
	w.must(w.sf.CloseWorkflow(a.company, a.period, workflowName))
	return w, c, a, b
}

// to is the link of a dossier to a company.
func (w *world) to(c client) ledger.DossierLink {
	return ledger.DossierLink{Connection: w.conn, DossierID: c.dossier, FirmID: w.firm, CompanyID: c.company}
}

// tie sets a link, as a page does.
func (w *world) tie(l ledger.DossierLink) {
	w.t.Helper()
	_, err := w.d.Link(w.t.Context(), l, "Els")
	w.must(err)
}

// A link that a person changes is obeyed by the next night, not by that of
// Monday.
func TestChangedLinkIsObeyedTheNextNight(t *testing.T) {
	for name, change := range map[string]func(w *world, to ledger.DossierLink){
		"on a page": func(w *world, to ledger.DossierLink) { w.tie(to) },
		"in the configuration": func(w *world, to ledger.DossierLink) {
			w.links = []ledger.DossierLink{to}
			w.again()
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, c, a, b := twoCompanies(t)
			made := w.balance(c, 1)
			w.add(c, made)
			change(w, w.to(a))
			w.sync()
			w.wantState(w.only(), ledger.Waiting, ledger.WorkflowClosed)
			change(w, w.to(b))
			w.nights(1) // of Wednesday
			w.wantState(w.only(), ledger.Done, "")
			w.wantHeld(b, made)
		})
	}
}

// A link that is taken out of the configuration is obeyed no more.
func TestLinkThatIsTakenOutIsObeyedNoMore(t *testing.T) {
	w, c, a, _ := twoCompanies(t)
	w.add(c, w.balance(c, 1))
	w.links = []ledger.DossierLink{w.to(a)}
	w.again()
	w.sync()
	w.links = nil
	w.again()
	w.nights(1)
	w.wantState(w.only(), ledger.Waiting, ledger.NoCompany)
}

// A link that changes during a run is obeyed by that run for what it comes to,
// and by the next one for what it was working on.
func TestLinkThatChangesDuringARun(t *testing.T) {
	w, c, a, b := twoCompanies(t)
	made := w.balance(c, 1)
	w.add(c, made)
	w.tie(w.to(a))
	once := false
	w.hook(hooked{locate: func(context.Context) error { // of company A
		if !once {
			once = true
			w.tie(w.to(b))
		}
		return nil
	}})
	w.nights(1)
	w.wantState(w.only(), ledger.Waiting, ledger.WorkflowClosed)
	w.nights(1)
	w.wantState(w.only(), ledger.Done, "")
	w.wantHeld(b, made)
}

// One that changes before the dossier's turn is obeyed at once.
func TestLinkThatChangesWhileTheRunLists(t *testing.T) {
	w, c, a, b := twoCompanies(t)
	made := w.balance(c, 1)
	w.add(c, made)
	w.tie(w.to(a))
	w.through = func(s daemon.Source) daemon.Source {
		return listing{s, func() { w.tie(w.to(b)) }}
	}
	w.nights(1)
	w.wantState(w.only(), ledger.Done, "")
	w.wantHeld(b, made)
}

package daemon_test

import (
	"slices"
	"strings"
	"testing"

	"balansd/ledger"
	"balansd/problem"
	"balansd/sandbox/faults"
)

// otherCompany adds a company with the number and the financial year of another
// client, and an open workflow.
func (w *world) otherCompany(c client) client {
	other := w.client(2)
	other.dossier = c.dossier
	return other
}

// nothingIn wants nothing written to a client's company.
func (w *world) nothingIn(c client) {
	w.t.Helper()
	if n := len(w.sf.Custom(c.company, c.period)); n > 0 {
		w.t.Errorf("%d figures stand in another client's file", n)
	}
}

// unmatched is a client whose own company is gone, with a balance, and another
// client's company.
func unmatched(t *testing.T) (w *world, c, other client) {
	w = newWorld(t)
	c = w.client(1)
	w.must(w.sf.ArchiveCompany(c.company))
	other = w.otherCompany(c)
	w.add(c, w.balance(c, 1))
	w.sync()
	w.wantState(w.only(), ledger.Waiting, ledger.NoCompany)
	return w, c, other
}

func TestLinkBetweenTwoNumbersNeedsTheCompanysName(t *testing.T) {
	w, c, other := unmatched(t)
	l := w.to(other)
	name := w.companyName(other)
	for _, typed := range []string{"", "Somebody Else"} {
		l.NumberDiffers.Company = typed
		would, err := w.d.Link(t.Context(), l, "Els")
		if !problem.Is(err, problem.NumberDiffers) || !strings.Contains(err.Error(), c.number.Pretty()) ||
			!strings.Contains(err.Error(), other.number.Pretty()) || !strings.Contains(err.Error(), name) {
			t.Fatalf("typed %q: %v", typed, err)
		}
		if n := would.NumberDiffers; n.Company != name || !n.Covers(c.number, other.number) {
			t.Errorf("the two sides are %+v", n)
		}
		w.sync()
		w.nothingIn(other)
		w.wantState(w.only(), ledger.Waiting, ledger.NoCompany)
	}
	l.NumberDiffers.Company = "  " + strings.ToUpper(name)
	w.tie(l)
	w.sync()
	w.wantState(w.only(), ledger.Done, "")
	history, err := w.keeper.History(t.Context(), w.only().Number)
	w.must(err)
	if !slices.ContainsFunc(history, func(e ledger.Event) bool {
		return e.Act == ledger.ActLink && e.By == "Els" && strings.Contains(e.Text, c.number.Pretty()) && strings.Contains(e.Text, other.number.Pretty())
	}) {
		t.Errorf("the history does not have both numbers: %+v", history)
	}
	links, err := w.d.Links(t.Context())
	if err != nil || len(links) != 1 || links[0].NumberDiffers.By != "Els" || !links[0].NumberDiffers.Covers(c.number, other.number) {
		t.Errorf("links %+v, %v", links, err)
	}
}

// companyName is what Silverfin calls a client's company.
func (w *world) companyName(c client) string {
	w.t.Helper()
	for _, one := range w.sf.Companies(w.firm) {
		if one.ID == c.company {
			return one.Name
		}
	}
	w.t.Fatalf("no company %d", c.company)
	return ""
}

// A link from before the rule, of the store or of the configuration, waits.
func TestLinkWithoutTheWordWaits(t *testing.T) {
	for name, set := range map[string]func(w *world, l ledger.DossierLink){
		"stored before the rule": func(w *world, l ledger.DossierLink) { w.must(w.keeper.SaveLink(w.t.Context(), l)) },
		"in the configuration": func(w *world, l ledger.DossierLink) {
			w.links = []ledger.DossierLink{l}
			w.again()
		},
		"with another name in the configuration": func(w *world, l ledger.DossierLink) {
			l.NumberDiffers.Company = "Somebody Else"
			w.links = []ledger.DossierLink{l}
			w.again()
		},
		"for other numbers": func(w *world, l ledger.DossierLink) {
			l.NumberDiffers = ledger.NumberDiffers{Company: w.companyName(client{company: l.CompanyID}), DossierNumber: w.client(3).number, CompanyNumber: w.client(4).number}
			w.must(w.keeper.SaveLink(w.t.Context(), l))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, _, other := unmatched(t)
			set(w, w.to(other))
			w.sync()
			w.nothingIn(other)
			w.wantState(w.only(), ledger.Waiting, ledger.NumbersDiffer)
		})
	}
}

// The word covers two numbers: when the company gets a third one, a correction
// waits, until an admin says it again.
func TestCompanyWhoseNumberChangesAfterLinking(t *testing.T) {
	for _, way := range []string{"page", "configuration", "numbers that were equal"} {
		t.Run(way, func(t *testing.T) {
			w, c, other := unmatched(t)
			l := w.to(other)
			if way == "numbers that were equal" {
				w.must(w.sf.SetVAT(other.company, "")) // Silverfin has no number of it yet
			} else {
				l.NumberDiffers.Company = w.companyName(other)
			}
			if way == "configuration" {
				w.links = []ledger.DossierLink{l}
				w.again()
			} else {
				w.tie(l)
			}
			w.sync()
			w.wantState(w.only(), ledger.Done, "")
			third := w.client(5)
			w.must(w.sf.ArchiveCompany(third.company))
			w.must(w.sf.SetVAT(other.company, string(third.number)))
			w.again() // the configuration is read again, and does not say it for the new number
			w.add(c, w.balance(c, 2))
			w.sync()
			newest := w.newest()
			w.wantState(newest, ledger.Waiting, ledger.NumbersDiffer)
			l.NumberDiffers.Company = w.companyName(other)
			w.tie(l)
			w.again()
			w.sync()
			w.wantState(w.newest(), ledger.Done, "")
			links, err := w.d.Links(t.Context())
			if err != nil || len(links) != 1 || links[0].Configured != (way == "configuration") {
				t.Errorf("links %+v, %v", links, err)
			}
		})
	}
}

// newest is the entry with the highest number.
func (w *world) newest() ledger.Entry {
	w.t.Helper()
	for e, err := range w.keeper.Entries(w.t.Context(), ledger.Query{}) {
		w.must(err)
		return e
	}
	w.t.Fatal("no entry")
	return ledger.Entry{}
}

// Silverfin is asked before a link is believed.
func TestLinkToACompanyThatCannotBeRead(t *testing.T) {
	w, _, other := unmatched(t)
	w.sf.Faults().Add(faults.Fault{Method: "GET", Path: "/api/v4/f/*/companies/*", Kind: faults.ServerError, Times: -1})
	if _, err := w.d.Link(t.Context(), w.to(other), "Els"); !problem.Is(err, problem.SilverfinDown) {
		t.Errorf("%v", err)
	}
	if links, err := w.d.Links(t.Context()); err != nil || len(links) != 0 {
		t.Errorf("links %v, %v", links, err)
	}
}

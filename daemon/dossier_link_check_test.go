package daemon_test

import (
	"slices"
	"strings"
	"testing"

	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
	"balansd/sandbox/faults"
)

// otherCompany adds a company with the number and the financial year of another
// client, and an open workflow.
func (fx *fixture) otherCompany(c client) client {
	other := fx.client(2)
	other.dossier = c.dossier
	return other
}

// nothingIn wants nothing written to a client's company.
func (fx *fixture) nothingIn(c client) {
	fx.t.Helper()
	if n := len(fx.sf.Custom(c.company, c.period)); n > 0 {
		fx.t.Errorf("%d figures stand in another client's file", n)
	}
}

// unmatched is a client whose own company is gone, with a balance, and another
// client's company.
func unmatched(t *testing.T) (fx *fixture, c, other client) {
	fx = newFixture(t)
	c = fx.client(1)
	fx.must(fx.sf.ArchiveCompany(c.company))
	other = fx.otherCompany(c)
	fx.add(c, fx.balance(c, 1))
	fx.sync()
	fx.wantState(fx.only(), ledger.Waiting, ledger.NoCompany)
	return fx, c, other
}

func TestLinkBetweenTwoNumbersNeedsTheCompanysName(t *testing.T) {
	fx, c, other := unmatched(t)
	l := fx.linkTo(other)
	name := fx.companyName(other)
	for _, typed := range []string{"", "Somebody Else"} {
		l.NumberDiffers.Company = typed
		would, err := fx.d.Link(t.Context(), daemon.LinkRequest{DossierLink: l, By: "Els"})
		if !problem.Is(err, problem.NumberDiffers) || !strings.Contains(err.Error(), c.number.Pretty()) ||
			!strings.Contains(err.Error(), other.number.Pretty()) || !strings.Contains(err.Error(), name) {
			t.Fatalf("typed %q: %v", typed, err)
		}
		if n := would.NumberDiffers; n.Company != name || !n.Covers(c.number, other.number) {
			t.Errorf("the two sides are %+v", n)
		}
		fx.sync()
		fx.nothingIn(other)
		fx.wantState(fx.only(), ledger.Waiting, ledger.NoCompany)
	}
	l.NumberDiffers.Company = "  " + strings.ToUpper(name)
	fx.saveLink(l)
	fx.sync()
	fx.wantState(fx.only(), ledger.Done, "")
	history, err := fx.store.History(t.Context(), fx.only().Number)
	fx.must(err)
	if !slices.ContainsFunc(history, func(e ledger.Event) bool {
		return e.Act == ledger.ActLink && e.By == "Els" && strings.Contains(e.Text, c.number.Pretty()) && strings.Contains(e.Text, other.number.Pretty())
	}) {
		t.Errorf("the history does not have both numbers: %+v", history)
	}
	links, err := fx.d.Links(t.Context())
	if err != nil || len(links) != 1 || links[0].NumberDiffers.By != "Els" || !links[0].NumberDiffers.Covers(c.number, other.number) {
		t.Errorf("links %+v, %v", links, err)
	}
}

// companyName is what Silverfin calls a client's company.
func (fx *fixture) companyName(c client) string {
	fx.t.Helper()
	for _, one := range fx.sf.Companies(fx.firm) {
		if one.ID == c.company {
			return one.Name
		}
	}
	fx.t.Fatalf("no company %d", c.company)
	return ""
}

// A link from before the rule, of the store or of the configuration, waits.
func TestLinkWithoutTheWordWaits(t *testing.T) {
	for name, set := range map[string]func(fx *fixture, l ledger.DossierLink){
		"stored before the rule": func(fx *fixture, l ledger.DossierLink) { fx.must(fx.store.SaveLink(fx.t.Context(), l)) },
		"in the configuration": func(fx *fixture, l ledger.DossierLink) {
			fx.links = []ledger.DossierLink{l}
			fx.again()
		},
		"with another name in the configuration": func(fx *fixture, l ledger.DossierLink) {
			l.NumberDiffers.Company = "Somebody Else"
			fx.links = []ledger.DossierLink{l}
			fx.again()
		},
		"for other numbers": func(fx *fixture, l ledger.DossierLink) {
			l.NumberDiffers = ledger.NumberDiffers{Company: fx.companyName(client{company: l.CompanyID}), DossierNumber: fx.client(3).number, CompanyNumber: fx.client(4).number}
			fx.must(fx.store.SaveLink(fx.t.Context(), l))
		},
	} {
		t.Run(name, func(t *testing.T) {
			fx, _, other := unmatched(t)
			set(fx, fx.linkTo(other))
			fx.sync()
			fx.nothingIn(other)
			fx.wantState(fx.only(), ledger.Waiting, ledger.NumbersDiffer)
		})
	}
}

// The word covers two numbers: when the company gets a third one, a correction
// waits, until an admin says it again.
func TestCompanyWhoseNumberChangesAfterLinking(t *testing.T) {
	for _, way := range []string{"page", "configuration", "numbers that were equal"} {
		t.Run(way, func(t *testing.T) {
			fx, c, other := unmatched(t)
			l := fx.linkTo(other)
			if way == "numbers that were equal" {
				fx.must(fx.sf.SetVAT(other.company, "")) // Silverfin has no number of it yet
			} else {
				l.NumberDiffers.Company = fx.companyName(other)
			}
			if way == "configuration" {
				fx.links = []ledger.DossierLink{l}
				fx.again()
			} else {
				fx.saveLink(l)
			}
			fx.sync()
			fx.wantState(fx.only(), ledger.Done, "")
			third := fx.client(5)
			fx.must(fx.sf.ArchiveCompany(third.company))
			fx.must(fx.sf.SetVAT(other.company, string(third.number)))
			fx.again() // the configuration is read again, and does not say it for the new number
			fx.add(c, fx.balance(c, 2))
			fx.sync()
			newest := fx.newest()
			fx.wantState(newest, ledger.Waiting, ledger.NumbersDiffer)
			l.NumberDiffers.Company = fx.companyName(other)
			fx.saveLink(l)
			fx.again()
			fx.sync()
			fx.wantState(fx.newest(), ledger.Done, "")
			links, err := fx.d.Links(t.Context())
			if err != nil || len(links) != 1 || links[0].Configured != (way == "configuration") {
				t.Errorf("links %+v, %v", links, err)
			}
		})
	}
}

// newest is the entry with the highest number.
func (fx *fixture) newest() ledger.Entry {
	fx.t.Helper()
	for e, err := range fx.store.Entries(fx.t.Context(), ledger.Query{}) {
		fx.must(err)
		return e
	}
	fx.t.Fatal("no entry")
	return ledger.Entry{}
}

// Silverfin is asked before a link is believed.
func TestLinkToACompanyThatCannotBeRead(t *testing.T) {
	fx, _, other := unmatched(t)
	fx.sf.Faults().Add(faults.Fault{Method: "GET", Path: "/api/v4/f/*/companies/*", Kind: faults.ServerError, Times: -1})
	if _, err := fx.d.Link(t.Context(), daemon.LinkRequest{DossierLink: fx.linkTo(other), By: "Els"}); !problem.Is(err, problem.SilverfinDown) {
		t.Errorf("%v", err)
	}
	if links, err := fx.d.Links(t.Context()); err != nil || len(links) != 0 {
		t.Errorf("links %v, %v", links, err)
	}
}

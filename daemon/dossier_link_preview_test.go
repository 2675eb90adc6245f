package daemon_test

import (
	"testing"

	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
)

// preview shows both sides of a link.
func (fx *fixture) preview(l ledger.DossierLink) daemon.LinkPreview {
	fx.t.Helper()
	p, err := fx.d.PreviewLink(fx.t.Context(), daemon.LinkRequest{DossierLink: l, By: "Els"})
	fx.must(err)
	return p
}

func TestPreviewOfALink(t *testing.T) {
	fx, c, _, b := twoCompanies(t)
	made := fx.balance(c, 1)
	fx.add(c, made)
	fx.sync()
	writes := len(fx.sf.Writes())
	p := fx.preview(fx.linkTo(b))
	if p.Company.Name != "Client B" || p.Dossier.EnterpriseNumber != c.number || p.NumbersDiffer || p.Firm != "Kantoor De Wilde" || len(p.Periods) != 1 || p.Before.CompanyID != 0 {
		t.Errorf("the sides are %+v", p)
	}
	if len(p.Balances) != 1 || p.Balances[0].Outlook.Kind != daemon.OutlookEmpty || p.Balances[0].Outlook.Writes != len(made.Values) {
		t.Errorf("the balances are %+v", p.Balances)
	}
	if links, err := fx.d.Links(t.Context()); err != nil || len(links) != 0 || len(fx.sf.Writes()) != writes {
		t.Errorf("the preview changed something: %v, %v", links, err)
	}
	if _, err := fx.d.Link(t.Context(), daemon.LinkRequest{DossierLink: fx.linkTo(b), Seen: p.Seen, By: "Els"}); err != nil {
		t.Error(err)
	}
	fx.sync()
	fx.wantHeld(b, made)
	if p := fx.preview(fx.linkTo(b)); len(p.Balances) != 1 || p.Balances[0].Outlook != nil {
		t.Errorf("what is done stays, and is %+v", p.Balances)
	}
}

// All balances of the source, also those from before the activation; and what a person
// typed differs.
func TestPreviewOfALinkThatReachesBack(t *testing.T) {
	for typed, want := range map[string]daemon.OutlookKind{"": daemon.OutlookEmpty, "12345": daemon.OutlookDiffers} {
		fx := newFixture(t)
		c := fx.client(1)
		made := fx.balance(c, 1)
		fx.addBeforeActivation(c, made)
		fx.sync()
		fx.wantState(fx.only(), ledger.Ignored, ledger.BeforeActivation)
		if typed != "" {
			fx.must(fx.sf.Set(c.company, c.period, namespace, "code_"+made.Values.Cells()[0].String(), typed))
		}
		l := ledger.DossierLink{Connection: fx.conn, DossierID: c.dossier}
		if p := fx.preview(l); len(p.Balances) != 0 {
			t.Errorf("from the activation: %+v", p.Balances)
		}
		l.All = true
		if p := fx.preview(l); len(p.Balances) != 1 || p.Balances[0].Outlook.Kind != want {
			t.Errorf("with %q typed: %+v", typed, p.Balances)
		}
		fx.wantState(fx.only(), ledger.Ignored, ledger.BeforeActivation)
		fx.saveLink(l)
		fx.sync()
		if typed != "" {
			fx.wantState(fx.only(), ledger.Differs, "")
			continue
		}
		fx.wantHeld(c, made)
	}
}

// A link is set only with both sides as they were seen.
func TestLinkOfSidesThatChangedSince(t *testing.T) {
	for name, change := range map[string]func(fx *fixture, c, other client){
		"the company got another number": func(fx *fixture, _, other client) {
			fx.must(fx.sf.SetVAT(other.company, string(fx.client(7).number)))
		},
		"the company got another client's number, and the word was of the old one": func(fx *fixture, _, other client) {
			fx.must(fx.sf.SetVAT(other.company, ""))
		},
		"another person linked it elsewhere": func(fx *fixture, c, _ client) {
			fx.saveLink(ledger.DossierLink{Connection: fx.conn, DossierID: c.dossier, FirmID: fx.firm})
		},
	} {
		t.Run(name, func(t *testing.T) {
			fx, c, other := unmatched(t)
			p := fx.preview(fx.linkTo(other))
			if !p.NumbersDiffer || !p.Link.NumberDiffers.Covers(c.number, other.number) {
				t.Fatalf("the sides are %+v", p)
			}
			change(fx, c, other)
			l := fx.linkTo(other)
			l.NumberDiffers.Company = fx.companyName(other)
			if _, err := fx.d.Link(t.Context(), daemon.LinkRequest{DossierLink: l, Seen: p.Seen, By: "Els"}); !problem.Is(err, problem.Conflict) {
				t.Errorf("%v", err)
			}
			fx.sync()
			fx.nothingIn(other)
		})
	}
}

package daemon_test

import (
	"strings"
	"testing"

	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
)

// A company whose number stands among other words takes its balance.
func TestNumberAmongOtherWordsMatches(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	fx.must(fx.sf.SetVAT(c.company, "TVA BE-"+c.number.Pretty()+" (RPR Gent)"))
	b := fx.balance(c, 1)
	fx.add(c, b)
	fx.sync()
	fx.wantState(fx.only(), ledger.Done, "")
	fx.wantHeld(c, b)
}

// A company with two numbers takes nothing by itself, and the dossier says why. A
// link takes it, unless neither number is the dossier's.
func TestCompanyWithTwoNumbers(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	b := fx.balance(c, 1)
	fx.must(fx.sf.SetVAT(c.company, "BE"+numberOf(2).String()+" / "+c.number.Pretty()))
	fx.add(c, b)
	fx.sync()
	e := fx.only()
	fx.wantState(e, ledger.Waiting, ledger.NoCompany)
	if !strings.Contains(e.Detail, "Client 1 BV") || !strings.Contains(e.Detail, "several: "+numberOf(2).Pretty()+", "+c.number.Pretty()) {
		t.Errorf("it does not say why: %s", e.Detail)
	}

	link := ledger.DossierLink{Connection: fx.conn, DossierID: c.dossier, FirmID: fx.firm, CompanyID: c.company}
	fx.must(fx.sf.SetVAT(c.company, "BE"+numberOf(2).String()+" / "+numberOf(3).Pretty()))
	if _, err := fx.d.Link(t.Context(), daemon.LinkRequest{DossierLink: link, By: "Els"}); !problem.Is(err, problem.NumberDiffers) {
		t.Errorf("linked to a company with two other numbers: %v", err)
	}
	fx.must(fx.sf.SetVAT(c.company, "BE"+numberOf(2).String()+" / "+c.number.Pretty()))
	_, err := fx.d.Link(t.Context(), daemon.LinkRequest{DossierLink: link, By: "Els"})
	fx.must(err)
	fx.sync()
	fx.wantState(fx.only(), ledger.Done, "")
	fx.wantHeld(c, b)
}

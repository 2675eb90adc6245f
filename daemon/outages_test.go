package daemon_test

import (
	"fmt"
	"strings"
	"testing"

	"balansd/ledger"
	"balansd/sandbox/faults"
)

// failing has Silverfin answer 500 to what is written to a company, always.
func (fx *fixture) failing(c client) {
	fx.sf.Faults().Add(faults.Fault{Method: "POST", Path: fmt.Sprintf("/api/v4/f/%d/companies/%d/", fx.firm, c.company), Kind: faults.ServerError, Times: -1})
}

// One dossier that Silverfin cannot do is one failed entry, and no night without
// its services: it is not run again.
func TestOneDossierThatAnswers500IsNoOutage(t *testing.T) {
	for _, clients := range []int{5, 1} {
		fx := newFixture(t)
		var last client
		for n := range clients {
			last = fx.client(n + 1)
			fx.add(last, fx.balance(last, int64(n)))
		}
		fx.failing(last)
		p, err := fx.night()
		fx.must(err)
		if p.Outcome[ledger.Failed] != 1 || p.Outcome[ledger.Done] != clients-1 {
			t.Fatalf("outcome %v", p.Outcome)
		}
		if len(p.Down) != 0 || !p.Succeeded() || len(p.Problems) == 0 {
			t.Errorf("of %d dossiers: down %v, missing %v, problems %v; want only a problem", clients, p.Down, p.Missing, p.Problems)
		}
		s, err := fx.d.Status(t.Context())
		fx.must(err)
		if !s.Again.IsZero() {
			t.Errorf("of %d dossiers: the night is run again at %v", clients, s.Again)
		}
	}
}

// The same where nothing at all was done for the firm: its companies tell
// whether it answers.
func TestOnlyDossierOfANightIsNoOutage(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	fx.must(fx.sf.CloseWorkflow(c.company, c.period, workflowName))
	fx.add(c, fx.balance(c, 1))
	fx.nights(1)
	fx.wantState(fx.only(), ledger.Waiting, ledger.WorkflowClosed)
	fx.sf.Faults().Add(faults.Fault{Path: fmt.Sprintf("/api/v4/f/%d/companies/%d/", fx.firm, c.company), Kind: faults.ServerError, Times: -1})
	if p, err := fx.night(); err != nil || len(p.Down) != 0 || p.Outcome[ledger.Failed] != 1 {
		t.Errorf("down %v, outcome %v, %v", p.Down, p.Outcome, err)
	}
	fx.sf.Faults().Add(faults.Fault{Path: fmt.Sprintf("/api/v4/f/%d/companies", fx.firm), Kind: faults.ServerError, Times: -1})
	if p, err := fx.night(); err != nil || len(p.Down) != 1 || p.Succeeded() {
		t.Errorf("nothing of the firm answers: down %v, %v", p.Down, err)
	}
}

// A night is good when each active connection was listed and each firm could be
// worked in.
func TestGoodNight(t *testing.T) {
	for name, wrapStore := range map[string]func(fx *fixture){
		"Finbox refuses the sign-in": func(fx *fixture) {
			fx.fb.Faults().Add(faults.Fault{Path: "/", Kind: faults.Unauthorized, Times: -1})
		},
		"Finbox does not answer": func(fx *fixture) { fx.fb.Faults().Add(faults.Fault{Path: "/", Kind: faults.ServerError, Times: -1}) },
		"the firm must be linked again": func(fx *fixture) {
			fx.must(fx.store.UpdateFirm(fx.t.Context(), fx.firm, func(f *ledger.Firm) { f.Relink = "the consent was withdrawn" }))
		},
		"the firm is listed by nobody": func(fx *fixture) {
			fx.sf.Faults().Add(faults.Fault{Path: fmt.Sprintf("/api/v4/f/%d/companies", fx.firm), Kind: faults.ServerError, Times: -1})
		},
	} {
		t.Run(name, func(t *testing.T) {
			fx := newFixture(t)
			c := fx.client(1)
			fx.add(c, fx.balance(c, 1))
			wrapStore(fx)
			p, err := fx.night()
			fx.must(err)
			if p.Succeeded() || len(p.Missing) != 1 {
				t.Errorf("the night counts as good, missing %v; problems %v", p.Missing, p.Problems)
			}
			fx.fb.Faults().Clear()
			fx.sf.Faults().Clear()
			fx.must(fx.store.UpdateFirm(t.Context(), fx.firm, func(f *ledger.Firm) { f.Relink = "" }))
			if p, err = fx.night(); err != nil || !p.Succeeded() || strings.Join(p.Missing, "") != "" {
				t.Errorf("the next night does not: missing %v, problems %v, %v", p.Missing, p.Problems, err)
			}
		})
	}
}

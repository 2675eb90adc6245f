package daemon_test

import (
	"fmt"
	"strings"
	"testing"

	"balansd/ledger"
	"balansd/sandbox/faults"
)

// failing has Silverfin answer 500 to what is written to a company, always.
func (w *world) failing(c client) {
	w.sf.Faults().Add(faults.Fault{Method: "POST", Path: fmt.Sprintf("/api/v4/f/%d/companies/%d/", w.firm, c.company), Kind: faults.ServerError, Times: -1})
}

// One dossier that Silverfin cannot do is one failed entry, and no night without
// its services: it is not run again.
func TestOneDossierThatAnswers500IsNoOutage(t *testing.T) {
	for _, clients := range []int{5, 1} {
		w := newWorld(t)
		var last client
		for n := range clients {
			last = w.client(n + 1)
			w.add(last, w.balance(last, int64(n)))
		}
		w.failing(last)
		p, err := w.night()
		w.must(err)
		if p.Outcome[ledger.Failed] != 1 || p.Outcome[ledger.Done] != clients-1 {
			t.Fatalf("outcome %v", p.Outcome)
		}
		if len(p.Down) != 0 || !p.Good() || len(p.Problems) == 0 {
			t.Errorf("of %d dossiers: down %v, missing %v, problems %v; want only a problem", clients, p.Down, p.Missing, p.Problems)
		}
		s, err := w.d.Status(t.Context())
		w.must(err)
		if !s.Again.IsZero() {
			t.Errorf("of %d dossiers: the night is run again at %v", clients, s.Again)
		}
	}
}

// The same where nothing at all was done for the firm: its companies tell
// whether it answers.
func TestOnlyDossierOfANightIsNoOutage(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	w.must(w.sf.CloseWorkflow(c.company, c.period, workflowName))
	w.add(c, w.balance(c, 1))
	w.nights(1)
	w.wantState(w.only(), ledger.Waiting, ledger.WorkflowClosed)
	w.sf.Faults().Add(faults.Fault{Path: fmt.Sprintf("/api/v4/f/%d/companies/%d/", w.firm, c.company), Kind: faults.ServerError, Times: -1})
	if p, err := w.night(); err != nil || len(p.Down) != 0 || p.Outcome[ledger.Failed] != 1 {
		t.Errorf("down %v, outcome %v, %v", p.Down, p.Outcome, err)
	}
	w.sf.Faults().Add(faults.Fault{Path: fmt.Sprintf("/api/v4/f/%d/companies", w.firm), Kind: faults.ServerError, Times: -1})
	if p, err := w.night(); err != nil || len(p.Down) != 1 || p.Good() {
		t.Errorf("nothing of the firm answers: down %v, %v", p.Down, err)
	}
}

// A night is good when each active connection was listed and each firm could be
// worked in.
func TestGoodNight(t *testing.T) {
	for name, spoil := range map[string]func(w *world){
		"Finbox refuses the sign-in": func(w *world) {
			w.fb.Faults().Add(faults.Fault{Path: "/", Kind: faults.Unauthorized, Times: -1})
		},
		"Finbox does not answer": func(w *world) { w.fb.Faults().Add(faults.Fault{Path: "/", Kind: faults.ServerError, Times: -1}) },
		"the firm must be linked again": func(w *world) {
			w.must(w.keeper.UpdateFirm(w.t.Context(), w.firm, func(f *ledger.Firm) { f.Relink = "the consent was withdrawn" }))
		},
		"the firm is listed by nobody": func(w *world) {
			w.sf.Faults().Add(faults.Fault{Path: fmt.Sprintf("/api/v4/f/%d/companies", w.firm), Kind: faults.ServerError, Times: -1})
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c := w.client(1)
			w.add(c, w.balance(c, 1))
			spoil(w)
			p, err := w.night()
			w.must(err)
			if p.Good() || len(p.Missing) != 1 {
				t.Errorf("the night counts as good, missing %v; problems %v", p.Missing, p.Problems)
			}
			w.fb.Faults().Clear()
			w.sf.Faults().Clear()
			w.must(w.keeper.UpdateFirm(t.Context(), w.firm, func(f *ledger.Firm) { f.Relink = "" }))
			if p, err = w.night(); err != nil || !p.Good() || strings.Join(p.Missing, "") != "" {
				t.Errorf("the next night does not: missing %v, problems %v, %v", p.Missing, p.Problems, err)
			}
		})
	}
}

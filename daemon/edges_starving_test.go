package daemon_test

import (
	"context"
	"fmt"
	"testing"

	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
	"balansd/sandbox/faults"
)

const (
	// manyBad is how many dossiers go wrong: more than there are workers, and far
	// more failures than make an outage.
	manyBad = 20
	// turnsOfBad is how many nights it takes at most until each of them was tried
	// once: an outage lets at least four through.
	turnsOfBad = manyBad/4 + 1
)

// wantDelivered has a good balance come in after the bad ones failed, and fails
// unless it is delivered all the same.
func (w *world) wantDelivered() {
	w.t.Helper()
	w.nights(1)
	c := w.client(manyBad + 1)
	b := w.balance(c, manyBad+1)
	w.add(c, b)
	w.nights(turnsOfBad)
	all := w.entries()
	for _, e := range all[:manyBad] {
		w.wantState(e, ledger.Failed, "")
	}
	w.wantState(all[manyBad], ledger.Done, "")
	w.wantHeld(c, b)
}

func TestDocumentsThatFinboxCannotGiveStarveNothing(t *testing.T) {
	w := newWorld(t)
	for n := 1; n <= manyBad; n++ {
		c := w.client(n)
		id := w.add(c, w.balance(c, int64(n)))
		w.fb.Faults().Add(faults.Fault{Path: "/v1/social-balances/" + id + "/", Kind: faults.ServerError, Times: -1})
	}
	w.wantDelivered()
}

func TestCompaniesThatSilverfinCannotShowStarveNothing(t *testing.T) {
	w := newWorld(t)
	for n := 1; n <= manyBad; n++ {
		c := w.client(n)
		w.add(c, w.balance(c, int64(n)))
		w.sf.Faults().Add(faults.Fault{Path: fmt.Sprintf("/api/v4/f/%d/companies/%d/", w.firm, c.company), Kind: faults.ServerError, Times: -1})
	}
	w.wantDelivered()
}

// A rubric that the mapping does not know is no outage of Silverfin: all is
// tried in the same night.
func TestRubricsWithoutAPlaceAreNoOutage(t *testing.T) {
	w := newWorld(t)
	unmapped := map[int64]bool{}
	for n := 1; n <= manyBad; n++ {
		c := w.client(n)
		unmapped[c.company] = true
		w.add(c, w.balance(c, int64(n)))
	}
	good := w.client(manyBad + 1)
	w.add(good, w.balance(good, manyBad+1))
	w.between = func(d daemon.Destination) daemon.Destination {
		return watched{d, func(_ context.Context, p ledger.Target, _ ledger.Figures) error {
			if unmapped[p.CompanyID] {
				return problem.New(problem.ConfigInvalid, "the mapping to Silverfin has no place for rubric 1003", "")
			}
			return nil
		}}
	}
	w.nights(1)
	all := w.entries()
	for _, e := range all[:manyBad] {
		w.wantState(e, ledger.Failed, "")
	}
	w.wantState(all[manyBad], ledger.Done, "")
}

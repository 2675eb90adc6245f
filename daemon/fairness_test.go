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
func (fx *fixture) wantDelivered() {
	fx.t.Helper()
	fx.nights(1)
	c := fx.client(manyBad + 1)
	b := fx.balance(c, manyBad+1)
	fx.add(c, b)
	fx.nights(turnsOfBad)
	all := fx.entries()
	for _, e := range all[:manyBad] {
		fx.wantState(e, ledger.Failed, "")
	}
	fx.wantState(all[manyBad], ledger.Done, "")
	fx.wantHeld(c, b)
}

func TestDocumentsThatFinboxCannotGiveStarveNothing(t *testing.T) {
	fx := newFixture(t)
	for n := 1; n <= manyBad; n++ {
		c := fx.client(n)
		id := fx.add(c, fx.balance(c, int64(n)))
		fx.fb.Faults().Add(faults.Fault{Path: "/v1/social-balances/" + id + "/", Kind: faults.ServerError, Times: -1})
	}
	fx.wantDelivered()
}

func TestCompaniesThatSilverfinCannotShowStarveNothing(t *testing.T) {
	fx := newFixture(t)
	for n := 1; n <= manyBad; n++ {
		c := fx.client(n)
		fx.add(c, fx.balance(c, int64(n)))
		fx.sf.Faults().Add(faults.Fault{Path: fmt.Sprintf("/api/v4/f/%d/companies/%d/", fx.firm, c.company), Kind: faults.ServerError, Times: -1})
	}
	fx.wantDelivered()
}

// A rubric that the mapping does not know is no outage of Silverfin: all is
// tried in the same night.
func TestRubricsWithoutAPlaceAreNoOutage(t *testing.T) {
	fx := newFixture(t)
	unmapped := map[int64]bool{}
	for n := 1; n <= manyBad; n++ {
		c := fx.client(n)
		unmapped[c.company] = true
		fx.add(c, fx.balance(c, int64(n)))
	}
	good := fx.client(manyBad + 1)
	fx.add(good, fx.balance(good, manyBad+1))
	fx.wrapDestination = func(d daemon.Destination) daemon.Destination {
		return observedDestination{d, func(_ context.Context, p ledger.Target, _ ledger.Figures) error {
			if unmapped[p.CompanyID] {
				return problem.New(problem.ConfigInvalid, "the mapping to Silverfin has no place for rubric 1003", "")
			}
			return nil
		}}
	}
	fx.nights(1)
	all := fx.entries()
	for _, e := range all[:manyBad] {
		fx.wantState(e, ledger.Failed, "")
	}
	fx.wantState(all[manyBad], ledger.Done, "")
}

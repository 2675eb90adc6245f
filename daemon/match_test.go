package daemon

import (
	"testing"

	"balansd/balance"
	"balansd/ledger"
)

// Two firms have a company with one number. Whichever answered first, the
// detail says the same, so that the history has one step for all nights.
func TestSeveralCompaniesAreNamedInOneOrder(t *testing.T) {
	const number = balance.EnterpriseNumber("0402754886")
	one, two := ledger.Firm{ID: 1, Name: "Een"}, ledger.Firm{ID: 2, Name: "Twee"}
	a, b := ledger.Company{ID: 7, Name: "A", EnterpriseNumber: number}, ledger.Company{ID: 5, Name: "B", EnterpriseNumber: number}
	said := map[string]bool{}
	for _, hits := range [][]inFirm{{{one, a}, {one, b}, {two, a}}, {{two, a}, {one, b}, {one, a}}} {
		ix := companyIndex{firms: []ledger.Firm{one, two}}
		said[ix.miss(number, hits).Error()] = true
	}
	if len(said) != 1 {
		t.Errorf("the order of the answers shows: %v", said)
	}
}

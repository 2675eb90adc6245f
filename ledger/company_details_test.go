package ledger_test

import (
	"testing"

	"balansd/administration"
	"balansd/ledger"

	"github.com/google/go-cmp/cmp"
)

// TestCompanyChange writes the parts of a street that a person chose, and leaves the others.
func TestCompanyChange(t *testing.T) {
	type v = administration.Values
	company := ledger.Company{Details: ledger.CompanyDetails{ledger.CompanyName: "Peeters", ledger.CompanyStreet: "Kerkstraat 5 bus 2", ledger.CompanyCity: "Gent"}}
	for name, c := range map[string]struct {
		values v
		want   ledger.CompanyDetails
	}{
		"nothing":           {nil, ledger.CompanyDetails{}},
		"what it has":       {v{administration.City: "Gent", administration.Number: "5"}, ledger.CompanyDetails{}},
		"a number alone":    {v{administration.Number: "7"}, ledger.CompanyDetails{ledger.CompanyStreet: "Kerkstraat 7 bus 2"}},
		"no box":            {v{administration.Box: ""}, ledger.CompanyDetails{ledger.CompanyStreet: "Kerkstraat 5"}},
		"all of it":         {v{administration.Street: "Veldstraat", administration.Number: "1", administration.Box: "A"}, ledger.CompanyDetails{ledger.CompanyStreet: "Veldstraat 1 bus A"}},
		"what is not taken": {v{administration.LegalForm: "BV", administration.Directors: "An"}, ledger.CompanyDetails{}},
		"a name":            {v{administration.Name: "Peeters BV"}, ledger.CompanyDetails{ledger.CompanyName: "Peeters BV"}},
	} {
		if diff := cmp.Diff(c.want, company.Change(c.values, "nl")); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestCompanyRecord tells what is not known from what is empty.
func TestCompanyRecord(t *testing.T) {
	r := ledger.Company{Details: ledger.CompanyDetails{ledger.CompanyStreet: "Hof ter Weze", ledger.CompanyCity: ""}}.Record()
	if r.Knows(administration.Number) || !r.Knows(administration.Street) || !r.Knows(administration.City) || r.Knows(administration.Name) {
		t.Errorf("it knows %v", r.Known)
	}
}

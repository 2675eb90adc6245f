package daemon_test

import (
	"fmt"
	"slices"
	"testing"

	"balansd/daemon"
	fakesilverfin "balansd/sandbox/silverfin"
)

// A company without a dossier shows the dossiers that may be its, and those that have one
// are left out.
func TestFreeCompanies(t *testing.T) {
	fx := newFixture(t)
	delivered, lost := fx.client(1), fx.client(2)
	fx.must(fx.sf.ArchiveCompany(lost.company))
	fx.add(delivered, fx.balance(delivered, 1))
	fx.add(lost, fx.balance(lost, 2))
	slip := []byte(lost.number)
	slip[8], slip[9] = slip[9], slip[8]
	fx.sf.AddCompany(fx.firm, fakesilverfin.Company{Name: "Holding Noord", VAT: string(slip)})
	fx.sf.AddCompany(fx.firm, fakesilverfin.Company{Name: "Zonder dossier"})
	fx.sync()
	page, err := fx.d.FreeCompanies(t.Context(), daemon.CompanyQuery{})
	fx.must(err)
	var got []string
	for _, c := range page.Companies {
		for _, d := range c.Candidates {
			got = append(got, fmt.Sprintf("%s: %s %s", c.Company.Name, d.Entry.Dossier.Name, d.Suggestion.Why))
		}
		if len(c.Candidates) == 0 {
			got = append(got, c.Company.Name)
		}
	}
	if want := []string{"Holding Noord: Client 2 BV number_slip", "Zonder dossier"}; !slices.Equal(got, want) || page.Total != 2 {
		t.Errorf("%d: %q, want %q", page.Total, got, want)
	}
	if page, err := fx.d.FreeCompanies(t.Context(), daemon.CompanyQuery{Search: "zonder", Limit: 1}); err != nil || len(page.Companies) != 1 || page.Total != 1 {
		t.Errorf("%+v, %v", page, err)
	}
}

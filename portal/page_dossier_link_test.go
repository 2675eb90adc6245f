package portal

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"balansd/daemon"
	"balansd/daemon/daemontest"
	"balansd/ledger"
	"balansd/problem"
)

// numberConflictAPI links to a company with another enterprise number.
type numberConflictAPI struct {
	*stubAPI
	sides ledger.NumberDiffers
}

func (d *numberConflictAPI) Link(ctx context.Context, r daemon.LinkRequest) (ledger.DossierLink, error) {
	typed := r.NumberDiffers
	saved, _ := d.stubAPI.Link(ctx, r) // records the call
	saved.NumberDiffers = d.sides
	if !typed.Names(d.sides.Company) {
		return saved, problem.New(problem.NumberDiffers, "the numbers differ", "")
	}
	return saved, nil
}

// TestLinkWithOtherNumber: both sides are shown, an admin confirms by typing the
// company's name, and nobody else can.
func TestLinkWithOtherNumber(t *testing.T) {
	e := ledger.Entry{Number: 5, State: ledger.Waiting, Reason: ledger.NoCompany}
	e.Dossier = ledger.Dossier{ID: "d5", Name: "Optique Grandsart SC", EnterpriseNumber: "0901024684"}
	d := &numberConflictAPI{&stubAPI{entries: []ledger.Entry{e}, status: daemon.Status{Firms: []ledger.Firm{{ID: 12}}}},
		ledger.NumberDiffers{Company: "Andere Klant BV", DossierNumber: "0901024684", CompanyNumber: "0402754886"}}
	d.API = &daemontest.API{}
	f := newFixture(t, func(c *Config) { c.API = d })
	const address = "https://live.getsilverfin.com/f/12/345/ledgers/1"
	for _, name := range []string{annName, benName} {
		admin := name == annName
		got := f.signedIn(name).post("/dossiers/5/link", "address", address)
		for _, want := range []string{"Optique Grandsart SC", "0901.024.684", "Andere Klant BV", "0402.754.886"} {
			if got.code != http.StatusConflict || !strings.Contains(got.body, want) {
				t.Fatalf("%s: %d, without %q", name, got.code, want)
			}
		}
		if form := strings.Contains(got.body, `name="number_differs"`); form != admin {
			t.Errorf("%s may confirm: %v", name, form)
		}
	}
	if got := f.signedIn(benName).post("/dossiers/5/link", "address", address, "number_differs", "Andere Klant BV"); got.code != http.StatusConflict {
		t.Errorf("staff confirmed: %d", got.code)
	}
	if got := f.signedIn(annName).post("/dossiers/5/link", "address", address, "number_differs", "Andere"); got.code != http.StatusConflict || !strings.Contains(got.body, "role=\"alert\"") {
		t.Errorf("a wrong name: %d", got.code)
	}
	if n := len(d.callsOf("Retry")); n != 0 {
		t.Errorf("it was tried %d times", n)
	}
	if got := f.signedIn(annName).post("/dossiers/5/link", "address", address, "number_differs", "Andere Klant BV"); got.code != http.StatusSeeOther {
		t.Errorf("an admin could not confirm: %d", got.code)
	}
	if n := len(d.callsOf("Retry")); n != 1 {
		t.Errorf("it was tried %d times", n)
	}
}

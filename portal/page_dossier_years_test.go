package portal

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"balansd/balance"
	"balansd/daemon"
	"balansd/daemon/daemontest"
	"balansd/ledger"
	"balansd/problem"
)

// yearsAPI has one dossier with financial years in Silverfin.
type yearsAPI struct {
	*stubAPI
	list    daemon.CompanyPeriods
	down    error
	tied    []daemon.TieRequest
	refused error
}

func (d *yearsAPI) Periods(context.Context, daemon.EntryRequest) (daemon.CompanyPeriods, error) {
	return d.list, d.down
}

func (d *yearsAPI) Tie(_ context.Context, r daemon.TieRequest) (ledger.Entry, error) {
	d.tied = append(d.tied, r)
	return d.entries[0], d.refused
}

func financialYear(t *testing.T, start, end string) (year balance.Period) {
	t.Helper()
	var err error
	if year.Start, err = balance.ParseDate(start); err == nil {
		year.End, err = balance.ParseDate(end)
	}
	if err != nil {
		t.Fatal(err)
	}
	return year
}

func withYears(t *testing.T) (*fixture, *yearsAPI) {
	t.Helper()
	e := ledger.Entry{Number: 5, Version: 9, State: ledger.Waiting, Reason: ledger.YearDiffers, Target: &ledger.Target{FirmID: 1, CompanyID: 2}}
	e.Dossier = ledger.Dossier{ID: "d5", Name: "Bakkerij Maes"}
	e.FiscalYear = financialYear(t, "2024-01-01", "2024-12-30")
	other := e
	other.Number, other.State, other.FiscalYear = 4, ledger.Done, financialYear(t, "2023-01-01", "2023-12-31")
	period := func(id int64, start, end string) daemon.BalancesPeriod {
		year := financialYear(t, start, end)
		return daemon.BalancesPeriod{CompanyPeriod: ledger.CompanyPeriod{ID: id, End: year.End, FiscalYear: year}}
	}
	likely, taken, interim := period(70, "2024-01-01", "2024-12-31"), period(71, "2023-01-01", "2023-12-31"), period(72, "2022-01-01", "2022-09-30")
	likely.Near, taken.Entries, interim.Interim = true, []ledger.Entry{other}, true
	d := &yearsAPI{stubAPI: &stubAPI{entries: []ledger.Entry{e}},
		list: daemon.CompanyPeriods{FirmID: 1, CompanyID: 2, Company: "Maes & Zn", Year: e.FiscalYear, Periods: []daemon.BalancesPeriod{likely, taken, interim}}}
	d.API = &daemontest.API{}
	return newFixture(t, func(c *Config) { c.API = d }), d
}

// TestYearsPage: the financial years in Silverfin are shown with the balances in them and
// that of the balance, and the ones that it may go into have a button.
func TestYearsPage(t *testing.T) {
	f, d := withYears(t)
	ben := f.signedIn(benName)
	if got := ben.get("/dossiers/5"); !strings.Contains(got.body, `href="/dossiers/5/years"`) || !strings.Contains(got.body, `hx-trigger="load"`) {
		t.Error("the page of the dossier does not lead to the financial years")
	}
	got := ben.get("/dossiers/5/years")
	for _, part := range []string{"01/01/2024 – 30/12/2024", "01/01/2024 – 31/12/2024", "mogelijk bedoeld", `href="/dossiers/4"`, `name="seen" value="9"`, `name="period" value="70"`} {
		if !strings.Contains(got.body, part) {
			t.Errorf("the page lacks %q: %s", part, got.body)
		}
	}
	if strings.Contains(got.body, `value="71"`) || strings.Contains(got.body, "2022") {
		t.Error("a year that holds another balance, or an interim period, is offered")
	}
	d.down = problem.New(problem.SilverfinDown, "Silverfin does not answer", "")
	ben.header.Set("HX-Request", "true")
	if got := ben.get("/dossiers/5/years"); got.code != http.StatusOK || !strings.Contains(got.body, "niet opgehaald") {
		t.Errorf("without Silverfin the page of a dossier shows %d %s", got.code, got.body)
	}
	d.down = problem.New(problem.SilverfinRefused, "there is no such company", "")
	if got := ben.get("/dossiers/5/years"); got.code != http.StatusOK || !strings.Contains(got.body, "gearchiveerd") {
		t.Errorf("of a company that is gone the page of a dossier shows %d %s", got.code, got.body)
	}
	ben.header.Del("HX-Request")
	if got := ben.get("/dossiers/5/years"); got.code == http.StatusOK {
		t.Errorf("without Silverfin: %d", got.code)
	}
}

// TestTieOnThePage: the choice is made under the person's name, for the version that they
// saw, and taken back as easily.
func TestTieOnThePage(t *testing.T) {
	f, d := withYears(t)
	ben := f.signedIn(benName)
	for _, form := range [][]string{{"period", "70"}, {"seen", "9"}, {"period", "x", "seen", "9"}, {"period", "-1", "seen", "9"}} {
		if got := ben.post("/dossiers/5/tie", form...); got.code != http.StatusBadRequest || len(d.tied) != 0 {
			t.Errorf("%v: %d, tied %v", form, got.code, d.tied)
		}
	}
	if got := ben.post("/dossiers/5/tie", "period", "70", "seen", "9"); got.code != http.StatusSeeOther {
		t.Errorf("it answers %d", got.code)
	}
	if want := (daemon.TieRequest{Number: 5, PeriodID: 70, Seen: 9, By: benName}); len(d.tied) != 1 || d.tied[0] != want {
		t.Errorf("tied %+v, want %+v", d.tied, want)
	}
	d.entries[0].Tie = &ledger.PeriodTie{By: "An", Period: d.list.Periods[0].CompanyPeriod, Year: d.list.Year}
	got := ben.get("/dossiers/5/years")
	for _, part := range []string{"An koos op", `name="period" value="0"`} {
		if !strings.Contains(got.body, part) {
			t.Errorf("the page lacks %q", part)
		}
	}
	d.refused = problem.New(problem.Conflict, "it changed", "")
	if got := ben.post("/dossiers/5/tie", "period", "0", "seen", "9"); got.code != http.StatusSeeOther || d.tied[1].PeriodID != 0 {
		t.Errorf("it answers %d, tied %+v", got.code, d.tied)
	}
	if got := ben.get("/dossiers/5"); !strings.Contains(got.body, "intussen iets gewijzigd") {
		t.Error("the page does not say that it was refused")
	}
}

// TestArchivedDossier: a dossier that was set up anew in Silverfin is told, a button
// delivers to the new one, and what stays in the old one has its address.
func TestArchivedDossier(t *testing.T) {
	e := ledger.Entry{Number: 5, State: ledger.Done, Target: &ledger.Target{FirmID: 1, CompanyID: 2, PeriodID: 3}, Successor: &ledger.Target{FirmID: 1, CompanyID: 9, PeriodID: 10}}
	f := newStubFixture(t, &stubAPI{entries: []ledger.Entry{e}})
	got := f.signedIn(benName).get("/dossiers/5")
	for _, part := range []string{"gearchiveerd of verdwenen", `action="/dossiers/5/retry"`, "Ook in het nieuwe dossier invullen"} {
		if !strings.Contains(got.body, part) {
			t.Errorf("the page lacks %q", part)
		}
	}
	e.Successor, e.WrittenBefore = nil, []ledger.Target{{CompanyName: "Oud", URL: "https://silverfin.example/f/1/2/ledgers/3", PeriodEnd: financialYear(t, "2024-01-01", "2024-12-31").End}}
	f = newStubFixture(t, &stubAPI{entries: []ledger.Entry{e}})
	if got := f.signedIn(benName).get("/dossiers/5"); !strings.Contains(got.body, `href="https://silverfin.example/f/1/2/ledgers/3"`) || strings.Contains(got.body, "nieuwe dossier") {
		t.Error("the page does not lead to what stays in the old dossier")
	}
}

package portal

import (
	"context"
	"net/http"
	"net/url"
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
	switch {
	case r.Seen != "as shown":
		return saved, problem.New(problem.Conflict, "the sides changed", "")
	case !typed.Names(d.sides.Company):
		return saved, problem.New(problem.NumberDiffers, "the numbers differ", "")
	}
	return saved, nil
}

func (d *numberConflictAPI) PreviewLink(_ context.Context, r daemon.LinkRequest) (daemon.LinkPreview, error) {
	l := r.DossierLink
	l.NumberDiffers = d.sides
	return daemon.LinkPreview{Link: l, Dossier: ledger.Dossier{ID: "d5", EnterpriseNumber: d.sides.DossierNumber},
		Company:       ledger.Company{ID: l.CompanyID, Name: d.sides.Company, EnterpriseNumber: d.sides.CompanyNumber, Address: "Kerkstraat 1, 9000 Gent"},
		NumbersDiffer: true, Seen: "as shown"}, nil
}

func (d *numberConflictAPI) Links(context.Context) ([]ledger.DossierLink, error) { return nil, nil }

func newNumberConflict(t *testing.T) (*fixture, *numberConflictAPI) {
	e := ledger.Entry{Number: 5, State: ledger.Waiting, Reason: ledger.NoCompany}
	e.Dossier = ledger.Dossier{ID: "d5", Name: "Optique Grandsart SC", EnterpriseNumber: "0901024684"}
	d := &numberConflictAPI{&stubAPI{entries: []ledger.Entry{e}, status: daemon.Status{Firms: []ledger.Firm{{ID: 12}}}},
		ledger.NumberDiffers{Company: "Andere Klant BV", DossierNumber: "0901024684", CompanyNumber: "0402754886"}}
	d.API = &daemontest.API{}
	return newFixture(t, func(c *Config) { c.API = d }), d
}

// TestLinkWithOtherNumber: both sides are shown, an admin confirms by typing the
// company's name, and nobody else can.
func TestLinkWithOtherNumber(t *testing.T) {
	f, d := newNumberConflict(t)
	sides := "/dossiers/5/link?address=" + url.QueryEscape("https://live.getsilverfin.com/f/12/345/ledgers/1")
	for _, name := range []string{annName, benName} {
		admin := name == annName
		got := f.signedIn(name).get(sides)
		for _, want := range []string{"Optique Grandsart SC", "0901.024.684", "Andere Klant BV", "0402.754.886", "Kerkstraat 1, 9000 Gent", "note bad"} {
			if got.code != http.StatusOK || !strings.Contains(got.body, want) {
				t.Fatalf("%s: %d, without %q", name, got.code, want)
			}
		}
		if form := strings.Contains(got.body, `name="number_differs"`); form != admin {
			t.Errorf("%s may confirm: %v", name, form)
		}
	}
	fields := []string{"firm", "12", "company", "345", "seen", "as shown"}
	post := func(person, word string) reply {
		return f.signedIn(person).post("/dossiers/5/link", append(fields, "number_differs", word)...)
	}
	if got := post(benName, "Andere Klant BV"); got.code != http.StatusConflict {
		t.Errorf("staff confirmed: %d", got.code)
	}
	if got := post(annName, "Andere"); got.code != http.StatusConflict || !strings.Contains(got.body, `class="hint" role="alert"`) {
		t.Errorf("a wrong name: %d", got.code)
	}
	if n := len(d.callsOf("Retry")); n != 0 {
		t.Errorf("it was tried %d times", n)
	}
	started := make(chan daemon.SyncRequest, 1)
	d.Run = func(_ context.Context, r daemon.SyncRequest, _ func(daemon.Progress)) (ledger.Run, error) {
		started <- r
		return ledger.Run{}, nil
	}
	got := post(annName, "Andere Klant BV")
	if got.code != http.StatusSeeOther || !strings.HasPrefix(got.header.Get("Location"), "/dossiers/5?job=") {
		t.Errorf("an admin could not confirm: %d %v", got.code, got.header)
	}
	if r := <-started; r.Dossier != "d5" || !r.Wait {
		t.Errorf("the sync that starts is %+v", r)
	}
	if n := len(d.callsOf("Retry")); n != 1 {
		t.Errorf("it was tried %d times", n)
	}
}

// TestLinkFormThatIsNotCurrent: without having seen both sides, or with sides that
// changed since, nothing is linked and both are shown.
func TestLinkFormThatIsNotCurrent(t *testing.T) {
	f, d := newNumberConflict(t)
	got := f.signedIn(annName).post("/dossiers/5/link", "address", "https://live.getsilverfin.com/f/12/345", "number_differs", "Andere Klant BV")
	if to := got.header.Get("Location"); got.code != http.StatusSeeOther || !strings.HasPrefix(to, "/dossiers/5/link?address=") || len(d.callsOf("Link")) != 0 {
		t.Errorf("without the sides: %d to %s", got.code, to)
	}
	got = f.signedIn(annName).post("/dossiers/5/link", "firm", "12", "company", "345", "seen", "before", "number_differs", "Andere Klant BV")
	if got.code != http.StatusConflict || !strings.Contains(got.body, "Intussen is iets gewijzigd") || !strings.Contains(got.body, `value="as shown"`) {
		t.Errorf("with other sides: %d", got.code)
	}
	if n := len(d.callsOf("Retry")); n != 0 {
		t.Errorf("it was tried %d times", n)
	}
}

// TestLinkPage: suggestions with why, what may be changed, and a link of the
// configuration that may not.
func TestLinkPage(t *testing.T) {
	f, d := newNumberConflict(t)
	got := f.signedIn(benName).get("/dossiers/5/link?q=optique")
	if want := `name="from" value="all"`; got.code != http.StatusOK || !strings.Contains(got.body, want) || !strings.Contains(got.body, `href="/dossiers/5/link?firm=`) {
		t.Errorf("%d, without %s", got.code, want)
	}
	if calls := d.callsOf("Clients"); len(calls) != 1 || !strings.Contains(calls[0], "Optique Grandsart SC") || !strings.Contains(calls[0], "Search:optique") {
		t.Errorf("asked for %q", calls)
	}
	if got := f.signedIn(benName).post("/dossiers/5/unlink"); got.code != http.StatusSeeOther || len(d.callsOf("Unlink")) != 1 {
		t.Errorf("unlinked: %d, %v", got.code, d.callsOf("Unlink"))
	}
}

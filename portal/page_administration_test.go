package portal

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"balansd/administration"
	"balansd/balance"
	"balansd/daemon"
	"balansd/daemon/daemontest"
	"balansd/ledger"
	"balansd/problem"

	"github.com/google/go-cmp/cmp"
)

// administrationStub is a stubAPI with companies of which a source states something else. It
// decides as the daemon does, without Silverfin.
type administrationStub struct {
	*stubAPI

	mu        sync.Mutex
	companies []ledger.Administration
	decided   []daemon.AdministrationDecision
	synced    []daemon.AdministrationSync
	picked    []daemon.PickRequest
	searched  []daemon.ReferenceQuery
}

// administrationDay is when the sources of the stub were listed.
func administrationDay() time.Time { return time.Date(2026, 3, 9, 2, 31, 0, 0, time.UTC) }

// comparedCompany returns a company with what a source states and what Silverfin has of it.
func comparedCompany(id int64, name string, n balance.EnterpriseNumber, stated, held administration.Values) ledger.Administration {
	a := ledger.Administration{FirmID: 1, CompanyID: id, Company: name, EnterpriseNumber: n, Source: "kantoor", Reference: fmt.Sprint("K", id),
		ListedAt: administrationDay(), Stated: stated, Held: held, Version: 7}
	for _, f := range administration.Fields() {
		if s, ok := stated[f]; ok && s != held[f] {
			a.Differences = append(a.Differences, administration.Difference{Field: f, Source: s, Silverfin: held[f]})
		}
	}
	return a
}

// withAdministration serves the pages with three companies: one moved and changed a director,
// and has a picked reference; one moved, and has a name that a person keeps; and one is as the
// source states it.
func withAdministration(t *testing.T) (*fixture, *administrationStub) {
	t.Helper()
	const moved, other, same = "Bakkerij Van Hoolwegen BV", "Transports Marchandelle SA", "Optiek Klaasveldt BV"
	address := administration.Values{"street": "Stationsstraat 14 bus 3", "postal_code": "9300", "city": "Aalst", "legal_form": "BV"}
	stated := administration.Values{"name": moved, "street": "Nijverheidslaan 201", "postal_code": "9320", "city": "Erembodegem", "legal_form": "BV",
		"directors": "Annelies Van Hoolwegen; Karel Vermeersch-Vandenbroeck; Hoolwegen Management BV", "general_meeting": "15/06"}
	held := maps.Clone(address)
	held["name"], held["directors"], held["general_meeting"] = moved, "Annelies Van Hoolwegen; Jozef Van Hoolwegen", "15/06"
	first := comparedCompany(2, moved, "0900102194", stated, held)
	first.Pick = &ledger.AdministrationPick{Source: "kantoor", Reference: "K2", By: annName, At: administrationDay()}
	first.History = []ledger.AdministrationEvent{
		{At: administrationDay(), Act: ledger.AdministrationNamed, Source: "kantoor", Changes: []administration.Difference{{Field: administration.Name, Source: moved}}},
		{At: administrationDay(), Act: ledger.AdministrationPicked, By: annName, Source: "kantoor"},
	}
	second := comparedCompany(3, other, "0900102293", administration.Values{"name": "Marchandelle Logistics SA", "street": "Rue du Moulin 8", "city": "Ath"},
		administration.Values{"name": other, "street": "Chaussée de Bruxelles 40", "city": "Ath"})
	second = second.Keep(second.Differences[:1], benName, administrationDay())
	third := comparedCompany(4, same, "0900102392", administration.Values{"name": same}, administration.Values{"name": same})
	d := &administrationStub{stubAPI: &stubAPI{}, companies: []ledger.Administration{first, second, third}}
	e := differing(5)
	e.State, e.Reason, e.Dossier.Name, e.Dossier.EnterpriseNumber = ledger.Waiting, ledger.WorkflowClosed, moved, "0900102194"
	lost := differing(6)
	lost.State, lost.Reason, lost.Target, lost.Dossier = ledger.Waiting, ledger.NoCompany, nil, lostDossier()
	d.entries = []ledger.Entry{lost, e}
	d.API = &daemontest.API{}
	return newFixture(t, func(c *Config) { c.API = d }), d
}

func (d *administrationStub) sources() []daemon.AdministrationSource {
	return []daemon.AdministrationSource{
		{Name: "kantoor", Kind: administration.ClientList, ListedAt: administrationDay(), Report: administration.Report{Read: 3, Found: 3}},
		{Name: "kbo", Kind: administration.KBO, Register: true, ListedAt: administrationDay(), Report: administration.Report{Read: 2, Found: 1},
			Problem: "the archive of the KBO breaks off. Download it again.", ProblemCode: "bad_document", FailedAt: administrationDay()},
		{Name: "national_bank", Kind: administration.NationalBank},
	}
}

// lostDossier is a dossier without a company in Silverfin.
func lostDossier() ledger.Dossier {
	return ledger.Dossier{ID: "d6", Name: "Pharmacie Beauvallon SRL", EnterpriseNumber: "0900102491"}
}

func (d *administrationStub) findings() []daemon.NumberFinding {
	lost := lostDossier()
	return []daemon.NumberFinding{{Kind: daemon.NumberUnknown, Entry: 6, Dossier: lost, Source: "kbo"},
		{Kind: daemon.NumberOtherNumber, Entry: 6, Dossier: lost, Source: "kantoor", Name: lost.Name, Number: "0900102590"}}
}

func (d *administrationStub) Show(ctx context.Context, r daemon.EntryRequest) (daemon.EntryDetail, error) {
	f, err := d.stubAPI.Show(ctx, r)
	if f.Entry.Reason == ledger.NoCompany {
		f.Numbers, f.Registered = d.findings(), []daemon.RegisteredName{{Source: "kantoor", Name: "Apotheek Schoondal BV", City: "Halle"}, {Source: "kbo", Unknown: true}}
	}
	return f, err
}

func (d *administrationStub) ListAdministration(_ context.Context, q daemon.AdministrationQuery) (daemon.AdministrationPage, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	page := daemon.AdministrationPage{Sources: d.sources()}
	for _, a := range d.companies {
		if open := len(a.Open()) > 0; (open || !q.Open) && strings.Contains(a.Company, q.Search) {
			page.Companies, page.Total = append(page.Companies, a), page.Total+1
		}
	}
	return page, nil
}

func (d *administrationStub) ShowAdministration(_ context.Context, r daemon.AdministrationRequest) (daemon.AdministrationDetail, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, a := range d.companies {
		if a.CompanyID == r.CompanyID {
			return daemon.AdministrationDetail{Administration: a, Firm: "Kantoor Dender", Unavailable: []string{daemon.Shareholders},
				Others: []daemon.StatedBy{{Source: "kbo", Reference: "0900.102.194", ListedAt: administrationDay(),
					Values: administration.Values{"name": "VAN HOOLWEGEN", "street": "Nijverheidslaan 201", "box": "", "city": "Aalst"}}}}, nil
		}
	}
	return daemon.AdministrationDetail{}, problem.New(problem.NotFound, "nothing is known of it", "")
}

func (d *administrationStub) References(_ context.Context, q daemon.ReferenceQuery) (daemon.ReferencePage, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.searched = append(d.searched, q)
	if strings.Contains(q.Search, "nergens") {
		return daemon.ReferencePage{}, nil
	}
	return daemon.ReferencePage{Total: 40, References: []daemon.AdministrationReference{
		{Source: "kantoor", Reference: "K2", Name: "Bakkerij Van Hoolwegen BV", EnterpriseNumber: "0900102194", City: "Erembodegem"},
		{Source: "kantoor", Reference: "K9", Name: "Van Hoolwegen & Zonen <NV>"}}}, nil
}

func (d *administrationStub) NumberFindings(context.Context, daemon.NumberQuery) (daemon.NumberPage, error) {
	return daemon.NumberPage{Findings: d.findings(), Total: 2}, nil
}

func (d *administrationStub) PickReference(_ context.Context, r daemon.PickRequest) (ledger.Administration, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.picked = append(d.picked, r)
	return d.companies[0], nil
}

func (d *administrationStub) SyncAdministration(_ context.Context, r daemon.AdministrationSync) (daemon.AdministrationSynced, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.synced = append(d.synced, r)
	return daemon.AdministrationSynced{Problems: []string{"kbo: the archive breaks off."}}, nil
}

// DecideAdministration refuses a decision about another version, as the daemon does.
func (d *administrationStub) DecideAdministration(_ context.Context, r daemon.AdministrationDecision) (daemon.AdministrationDecided, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := slices.IndexFunc(d.companies, func(a ledger.Administration) bool { return a.CompanyID == r.Companies[0].CompanyID })
	if i < 0 || d.companies[i].Version != r.Companies[0].Version {
		return daemon.AdministrationDecided{}, problem.New(problem.Conflict, "it changed", "")
	}
	d.decided = append(d.decided, r)
	a := d.companies[i].Clone()
	about := func(x administration.Difference) bool {
		return len(r.Fields) == 0 || slices.Contains(r.Fields, x.Field)
	}
	if r.Choice == daemon.KeepCompanies {
		a = a.Keep(slices.DeleteFunc(a.Open(), func(x administration.Difference) bool { return !about(x) }), r.By, administrationDay())
	} else {
		a.Differences = slices.DeleteFunc(a.Differences, func(x administration.Difference) bool { return about(x) && daemon.CanUse(x) })
	}
	a.Version++
	d.companies[i] = a
	return daemon.AdministrationDecided{Done: []ledger.Administration{a}}, nil
}

// decisions returns the decisions so far, and forgets them.
func (d *administrationStub) decisions() []daemon.AdministrationDecision {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := d.decided
	d.decided = nil
	return list
}

// TestAdministrationDecisions: a person uses or keeps what a source states, of one company,
// of single fields, and of all that is ticked on the list.
func TestAdministrationDecisions(t *testing.T) {
	seen := func(id int64) []daemon.SeenAdministration {
		return []daemon.SeenAdministration{{FirmID: 1, CompanyID: id, Version: 7}}
	}
	for name, c := range map[string]struct {
		form []string
		want []daemon.AdministrationDecision
	}{
		"use all of one":  {[]string{"do", "use:1/2/7"}, []daemon.AdministrationDecision{{Companies: seen(2), Choice: daemon.UseSource, By: benName}}},
		"keep all of one": {[]string{"do", "keep:1/2/7"}, []daemon.AdministrationDecision{{Companies: seen(2), Choice: daemon.KeepCompanies, By: benName}}},
		"use two fields": {[]string{"do", "use", "field", "1/2/7:street", "field", "1/2/7:city"},
			[]daemon.AdministrationDecision{{Companies: seen(2), Fields: []administration.Field{"street", "city"}, Choice: daemon.UseSource, By: benName}}},
		"keep a field": {[]string{"do", "keep", "field", "1/2/7:directors"},
			[]daemon.AdministrationDecision{{Companies: seen(2), Fields: []administration.Field{"directors"}, Choice: daemon.KeepCompanies, By: benName}}},
		"in bulk": {[]string{"do", "use", "company", "1/2/7", "field", "1/2/7:street", "field", "1/3/7:street"},
			[]daemon.AdministrationDecision{{Companies: seen(2), Choice: daemon.UseSource, By: benName},
				{Companies: seen(3), Fields: []administration.Field{"street"}, Choice: daemon.UseSource, By: benName}}},
		"the button of one, whatever is ticked": {[]string{"do", "keep:1/3/7", "company", "1/2/7"},
			[]daemon.AdministrationDecision{{Companies: seen(3), Choice: daemon.KeepCompanies, By: benName}}},
	} {
		t.Run(name, func(t *testing.T) {
			f, d := withAdministration(t)
			b := f.signedIn(benName)
			got := b.post("/administration", append(c.form, "back", "/administration?all=1")...)
			if got.code != http.StatusSeeOther || got.header.Get("Location") != "/administration?all=1" {
				t.Fatalf("gives %d to %s: %s", got.code, got.header.Get("Location"), got.body)
			}
			if page := b.get("/administration?all=1"); !strings.Contains(page.body, "Gedaan.") {
				t.Errorf("the page does not say that it is done:\n%s", page.body)
			}
			if diff := cmp.Diff(c.want, d.decisions()); diff != "" {
				t.Errorf("decided (-want +got)\n%s", diff)
			}
		})
	}
}

// TestAdministrationNotDecided: nothing ticked, another version than what was seen, and forms
// that no page makes decide nothing.
func TestAdministrationNotDecided(t *testing.T) {
	f, d := withAdministration(t)
	b := f.signedIn(benName)
	for _, c := range []struct {
		form []string
		code int
		says string
	}{
		{[]string{"do", "use"}, http.StatusSeeOther, "Vink eerst iets aan."},
		{[]string{"do", "use:1/2/6"}, http.StatusSeeOther, "Er is iets gewijzigd sinds je het zag"},
		{[]string{"do", "erase"}, http.StatusBadRequest, ""},
		{[]string{"do", "use", "company", "all"}, http.StatusBadRequest, ""},
	} {
		got := b.post("/administration", c.form...)
		if page := b.get("/administration"); got.code != c.code || !strings.Contains(page.body, c.says) {
			t.Errorf("%q gives %d, and a page without %q:\n%s", c.form, got.code, c.says, page.body)
		}
	}
	if list := d.decisions(); list != nil {
		t.Errorf("decided %+v", list)
	}
}

// TestAdministrationList: the list shows what is open, all with ?all=1, and what a source has
// of odd numbers.
func TestAdministrationList(t *testing.T) {
	f, _ := withAdministration(t)
	b := f.signedIn(benName)
	open, all := b.get("/administration").body, b.get("/administration?all=1").body
	for text, inOpen := range map[string]bool{"Bakkerij Van Hoolwegen BV": true, "Rue du Moulin 8": true, "Marchandelle Logistics SA": false, "Optiek Klaasveldt BV": false,
		"Erembodegem": true, `value="1/2/7:directors"`: true, "0900.102.590": true} {
		if strings.Contains(open, text) != inOpen {
			t.Errorf("the list of what is open contains %q: %v", text, !inOpen)
		}
	}
	if !strings.Contains(all, "Optiek Klaasveldt BV") {
		t.Errorf("the list of all lacks a company:\n%s", all)
	}
}

// TestAdministrationPick picks a reference of a search, takes the pick away, and compares one
// company.
func TestAdministrationPick(t *testing.T) {
	f, d := withAdministration(t)
	b := f.signedIn(benName)
	const page = "/administration/1/2"
	if got := b.get(page + "?q=zonen"); !strings.Contains(got.body, "Van Hoolwegen &amp; Zonen &lt;NV&gt;") {
		t.Errorf("the search shows no reference:\n%s", got.body)
	}
	if q := d.searched[len(d.searched)-1]; q.Search != "zonen" {
		t.Errorf("searched for %+v", q)
	}
	if got := b.get(page + "?q=nergens"); !strings.Contains(got.body, "Geen referentie gevonden.") {
		t.Errorf("a search without a result does not say so:\n%s", got.body)
	}
	for _, reference := range []string{"kantoor\nK9", ""} {
		if got := b.post(page+"/pick", "reference", reference); got.code != http.StatusSeeOther || got.header.Get("Location") != page {
			t.Errorf("picking %q gives %d to %s", reference, got.code, got.header.Get("Location"))
		}
	}
	want := []daemon.PickRequest{{FirmID: 1, CompanyID: 2, Source: "kantoor", Reference: "K9", By: benName}, {FirmID: 1, CompanyID: 2, By: benName}}
	if diff := cmp.Diff(want, d.picked); diff != "" {
		t.Errorf("picked (-want +got)\n%s", diff)
	}
	b.post("/administration/sync", "company", "1/2", "back", page)
	if diff := cmp.Diff([]daemon.AdministrationSync{{FirmID: 1, CompanyID: 2, By: benName}}, d.synced); diff != "" {
		t.Errorf("compared (-want +got)\n%s", diff)
	}
	if got := b.get(page); !strings.Contains(got.body, "Niet alles kon gelezen worden") {
		t.Errorf("the page does not say that a source failed:\n%s", got.body)
	}
	for _, path := range []string{"/administration/1/99", "/administration/1/x"} {
		if got := b.get(path); got.code != http.StatusNotFound {
			t.Errorf("%s gives %d", path, got.code)
		}
	}
}

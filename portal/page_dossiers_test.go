package portal

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"balansd/daemon"
	"balansd/daemon/daemontest"
	"balansd/ledger"

	"github.com/google/go-cmp/cmp"
)

// TestDossierQuery: the address is parsed, and the addresses of other pages are right.
func TestDossierQuery(t *testing.T) {
	q, err := url.ParseQuery("q=bakkerij&state=waiting&firm=12&connection=c1&sort=year&page=3")
	if err != nil {
		t.Fatal(err)
	}
	want := daemon.DossierQuery{Search: "bakkerij", States: []ledger.State{ledger.Waiting}, FirmID: 12, Connection: "c1",
		Order: daemon.ByYear, Offset: 100, Limit: 50}
	if diff := cmp.Diff(want, dossierQuery(q)); diff != "" {
		t.Error(diff)
	}
	if got := listAddress("/dossiers", q, "state", "done"); got != "/dossiers?connection=c1&firm=12&q=bakkerij&sort=year&state=done" {
		t.Error(got)
	}
	by, err := url.ParseQuery("state=waiting&reason=no_company&year=2025&sort=-updated&page=2")
	if err != nil {
		t.Fatal(err)
	}
	want = daemon.DossierQuery{States: []ledger.State{ledger.Waiting}, Cause: "no_company", Year: 2025, Order: daemon.ByUpdated, Reverse: true,
		Offset: 50, Limit: 50}
	if diff := cmp.Diff(want, dossierQuery(by)); diff != "" {
		t.Error(diff)
	}
	for _, c := range []struct{ key, value, want string }{
		{"state", "failed", "/dossiers?sort=-updated&state=failed&year=2025"}, // a reason belongs to its state
		{"page", "3", "/dossiers?page=3&reason=no_company&sort=-updated&state=waiting&year=2025"},
		{"reason", "", "/dossiers?sort=-updated&state=waiting&year=2025"},
	} {
		if got := listAddress("/dossiers", by, c.key, c.value); got != c.want {
			t.Errorf("with %s=%s: %s, want %s", c.key, c.value, got, c.want)
		}
	}
	odd := dossierQuery(url.Values{"state": {"x"}, "firm": {"-"}, "sort": {"drop"}, "page": {"-4"}})
	if diff := cmp.Diff(daemon.DossierQuery{Order: daemon.ByName, Limit: 50}, odd); diff != "" {
		t.Error(diff)
	}
	d := &stubAPI{}
	const many = 2005
	for i := range many {
		e := ledger.Entry{Number: uint64(i + 1), State: ledger.Done}
		e.Dossier.Name = "=" + strings.Repeat("A", i%7)
		d.entries = append(d.entries, e)
	}
	f := newStubFixture(t, d)
	ben := f.signedIn(benName)
	page := ben.get("/dossiers?page=2")
	for _, text := range []string{"51 tot 100 van 2.005", `href="/dossiers?page=3"`, `href="/dossiers"`} {
		if !strings.Contains(page.body, text) {
			t.Errorf("the page lacks %s", text)
		}
	}
	file := ben.get("/dossiers.csv?q=x")
	if rows := strings.Count(file.body, "\r\n"); rows != many+1 || strings.Contains(file.body, ";=") {
		t.Errorf("the file has %d rows", rows)
	}
}

// TestDossierFilters: the page offers the reasons that there are, the years, the columns
// to sort by, and what may have been meant.
func TestDossierFilters(t *testing.T) {
	d := filteredAPI{&stubAPI{API: &daemontest.API{}}, daemon.DossierPage{
		Total: 3, Counts: map[ledger.State]int{ledger.Waiting: 3}, Causes: map[string]int{"no_company": 1, "no_period": 2, "of_a_later_version": 1},
		Years: []int{2025, 2024}, Suggestions: []daemon.SearchSuggestion{{Search: "delcourtois", Count: 4}},
		Entries: []ledger.Entry{{Number: 1, State: ledger.Waiting, Reason: ledger.NoPeriod}},
	}}
	f := newFixture(t, func(c *Config) { c.API = d })
	page := f.signedIn(benName).get("/dossiers?state=waiting&reason=no_period&q=delcortois&sort=year").body
	at := 0
	for _, text := range []string{
		`<option value="2025">2025</option>`,
		`<a href="/dossiers?q=delcortois&amp;sort=year&amp;state=waiting" aria-current="true">Het boekjaar bestaat nog niet`, // once more takes the filter away
		`<a href="/dossiers?q=delcortois&amp;reason=no_company&amp;sort=year&amp;state=waiting">Geen dossier in Silverfin`,
		`<a href="/dossiers?q=delcourtois&amp;reason=no_period&amp;sort=year&amp;state=waiting">delcourtois</a> <span class="count">4</span>`,
		`<th scope="col" aria-sort="descending"><a href="/dossiers?q=delcortois&amp;reason=no_period&amp;sort=-year&amp;state=waiting">`,
	} {
		i := strings.Index(page[at:], text)
		if i < 0 {
			t.Fatalf("the page lacks %s after byte %d:\n%s", text, at, page)
		}
		at += i
	}
}

// filteredAPI answers each query with the same page.
type filteredAPI struct {
	*stubAPI
	page daemon.DossierPage
}

func (d filteredAPI) Dossiers(context.Context, daemon.DossierQuery) (daemon.DossierPage, error) {
	return d.page, nil
}

// reorderingAPI moves a dossier to the front of the list after each call.
type reorderingAPI struct{ *stubAPI }

func (d reorderingAPI) Dossiers(ctx context.Context, q daemon.DossierQuery) (daemon.DossierPage, error) {
	page, err := d.stubAPI.Dossiers(ctx, q)
	one := d.entries[1200]
	copy(d.entries[1:1201], d.entries[:1200])
	d.entries[0] = one
	return page, err
}

// TestDownloadDossiersDuringRun: each dossier is in the file once.
func TestDownloadDossiersDuringRun(t *testing.T) {
	d := reorderingAPI{&stubAPI{API: &daemontest.API{}}}
	for i := range 1500 {
		e := ledger.Entry{Number: uint64(i + 1), State: ledger.Done}
		e.Dossier.Name = fmt.Sprintf("Klant%04d", i)
		d.entries = append(d.entries, e)
	}
	f := newFixture(t, func(c *Config) { c.API = d })
	file := f.signedIn(benName).get("/dossiers.csv?sort=updated")
	for i := range 1500 {
		if n := strings.Count(file.body, fmt.Sprintf("Klant%04d", i)); n != 1 {
			t.Fatalf("Klant%04d is %d times in the file", i, n)
		}
	}
}

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

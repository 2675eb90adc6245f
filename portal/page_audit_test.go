package portal

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"balansd/accounts"
	"balansd/daemon"
	"balansd/daemon/daemontest"
)

// TestAuditNames: the audit log has names and links in place of numbers and ids, and can be
// filtered, searched and taken along.
func TestAuditNames(t *testing.T) {
	stub := listedAPI()
	stub.API = &daemontest.API{}
	f := newFixture(t, func(c *Config) { c.API = searchingAPI{stub} })
	ann := f.signedIn(annName)
	for _, r := range []accounts.Record{
		{Who: "Cis", What: "retry", On: "#3"},
		{Who: "Cis", What: "bulk-dismiss", On: "#1 … #3 (2 / 3)"},
		{Who: "Cis", What: "link", On: "dos-000737 → /f/11/7"},
		{Who: "Cis", What: "connection-paused", On: "c1"},
		{Who: "Cis", What: "remove-firm", On: "12"},
		{Who: "Cis", What: "retry", On: "#999", Outcome: "not_found"},
		{Who: "Cis", What: "stop-sync", On: "#3"}, // a run
	} {
		f.log.Record(t.Context(), r)
	}
	page := ann.get("/audit").body
	for _, text := range []string{`<a href="/dossiers/3">Bakkerij (#3)</a></td>`, `<a href="/dossiers/1">Garage (#1)</a> … <a href="/dossiers/3">Bakkerij (#3)</a> (2 / 3)`,
		`<a href="/dossiers/3">Bakkerij</a> → Kantoor Noord / 7`, `<a href="/connection">Kantoor Finbox</a>`, `<a href="/connection">Kantoor/Zuid</a>`, `">#999</td>`, `">#3</td>`} {
		if !strings.Contains(page, text) {
			t.Errorf("the page lacks %s:\n%s", text, page)
		}
	}
	for query, want := range map[string]int{"": 12, "?q=garage": 2, "?q=bakkerij": 3, "?q=c1": 1, "?kind=dossiers": 4, "?kind=links": 1, "?kind=people": 5, "?kind=settings": 2,
		"?failed=1": 1, "?q=cis": 7, "?q=genegeerd": 1, "?to=2020-01-01": 0, "?from=2020-01-01&kind=decisions": 0, "?q=koppeling+gepauzeerd": 1} {
		got := ann.get("/audit" + query).body
		if rows := strings.Count(got, `<td class="nowrap"`); rows != want {
			t.Errorf("%s has %d rows, want %d", query, rows, want)
		}
		if file := ann.get("/audit.csv" + query).body; strings.Count(file, "\r\n") != want+1 {
			t.Errorf("%s as a file: %s", query, file)
		}
	}
	if got := f.signedIn(benName).get("/audit.csv"); got.code != http.StatusForbidden {
		t.Errorf("a member of staff gets %d", got.code)
	}
}

// searchingAPI searches names and ids.
type searchingAPI struct{ *stubAPI }

func (d searchingAPI) Dossiers(_ context.Context, q daemon.DossierQuery) (page daemon.DossierPage, _ error) {
	for _, e := range d.entries {
		if strings.Contains(strings.ToLower(e.Dossier.Name+" "+e.Dossier.ID), strings.ToLower(q.Search)) {
			page.Entries = append(page.Entries, e)
		}
	}
	return page, nil
}

package portal

import (
	"bytes"
	"context"
	"encoding/base64"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"balansd/daemon"
	"balansd/daemon/daemontest"
	"balansd/ledger"
	"balansd/problem"
)

// tableAPI imports a table with one wrong row when its text says so.
type tableAPI struct{ *stubAPI }

func (d *tableAPI) ImportLinks(_ context.Context, r daemon.LinkImport) (daemon.LinkImported, error) {
	d.Record("ImportLinks", string(r.Data), r.Apply, r.Seen)
	out := daemon.LinkImported{Seen: "as shown", Unchanged: 2, Effects: []daemon.LinkEffect{{Line: 2, Kind: daemon.LinkMoved,
		Dossier: ledger.Dossier{Name: "Optique Grandsart SC"}, Company: ledger.Company{Name: "Andere Klant BV"}}}}
	switch {
	case strings.Contains(string(r.Data), "wrong"):
		out.Wrong = []ledger.LinkMistake{{Line: 3, What: "connection \"c1\" has no dossier \"7\"", Code: "unknown_dossier", Values: []string{"c1", "7"}},
			{Line: 4, What: "the numbers differ", Problem: string(problem.NumberDiffers)}, {Line: 5, What: "it is wrong", Code: "of_a_later_version"}}
	case r.Apply && r.Seen != out.Seen:
		return out, problem.New(problem.Conflict, "it changed", "")
	default:
		out.Applied = r.Apply
	}
	return out, nil
}

// postTable sends a form with a table.
func (b *browser) postTable(t *testing.T, fields ...string) reply {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for i := 0; i < len(fields); i += 2 {
		if err := form.WriteField(fields[i], fields[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.f.server.URL+"/links/import", &body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.send(req)
}

// TestLinksTable: what a table would change is shown first, it is changed once that was
// seen, a wrong row shows no button, and only admins may.
func TestLinksTable(t *testing.T) {
	d := &tableAPI{&stubAPI{}}
	d.API = &daemontest.API{}
	f := newFixture(t, func(c *Config) { c.API = d })
	ann := f.signedIn(annName)
	shown := ann.postTable(t, "table", "a;b")
	data := base64.StdEncoding.EncodeToString([]byte("a;b"))
	for _, want := range []string{"Optique Grandsart SC", "Andere Klant BV", `value="` + data + `"`, `value="as shown"`, "Deze koppelingen wijzigen"} {
		if !strings.Contains(shown.body, want) {
			t.Errorf("without %q: %s", want, shown.body)
		}
	}
	got := ann.postTable(t, "table", "wrong")
	if strings.Contains(got.body, "Deze koppelingen wijzigen") {
		t.Errorf("a wrong row: %s", got.body)
	}
	for _, want := range []string{"<strong>rij 3</strong>: Koppeling “c1” heeft geen dossier “7”.", `<strong>rij 4</strong>: `, `<span lang="en">the numbers differ</span>`,
		`<span lang="en">it is wrong</span>`} {
		if !strings.Contains(got.body, want) {
			t.Errorf("the wrong rows lack %q: %s", want, got.body)
		}
	}
	if strings.Contains(got.body, "has no dossier") {
		t.Errorf("a wrong row is told in English: %s", got.body)
	}
	if got := ann.postTable(t, "data", data, "seen", "before"); got.code != http.StatusOK || !strings.Contains(got.body, "Intussen is iets gewijzigd") {
		t.Errorf("of what changed since: %d", got.code)
	}
	if got := ann.postTable(t, "data", data, "seen", "as shown"); got.code != http.StatusSeeOther {
		t.Errorf("imported: %d", got.code)
	}
	before := len(d.callsOf("ImportLinks"))
	if got := f.signedIn(benName).postTable(t, "data", data, "seen", "as shown"); got.code != http.StatusForbidden || len(d.callsOf("ImportLinks")) != before {
		t.Errorf("staff imported: %d", got.code)
	}
}

// TestLinksPage lists links, and companies without a dossier with those that may be.
func TestLinksPage(t *testing.T) {
	f := newFixture(t)
	got := f.signedIn(benName).get("/links")
	if got.code != http.StatusOK || !strings.Contains(got.body, "/link?firm=") || strings.Contains(got.body, "/links/import") {
		t.Errorf("%d: %s", got.code, got.body)
	}
	if got := f.signedIn(benName).get("/links/export.csv"); got.code != http.StatusOK || !strings.HasPrefix(got.header.Get("Content-Type"), "text/csv") {
		t.Errorf("the table: %d", got.code)
	}
}

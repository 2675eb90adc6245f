package portal

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"balansd/balance"
	"balansd/daemon"
	"balansd/daemon/daemontest"
	"balansd/ledger"
	"balansd/problem"

	"github.com/google/go-cmp/cmp"
)

// doubtAPI has one entry in doubt, with its document, and records what is accepted.
type doubtAPI struct {
	*stubAPI
	doc      []byte
	accepted []daemon.AcceptRequest
	err      error
}

func (d *doubtAPI) Document(context.Context, daemon.EntryRequest) (daemon.Document, error) {
	return daemon.Document{Name: "../x.pdf", Data: d.doc}, nil
}

func (d *doubtAPI) Accept(_ context.Context, r daemon.AcceptRequest) (ledger.Entry, error) {
	d.accepted = append(d.accepted, r)
	e := d.entries[0]
	e.Doubts = slices.DeleteFunc(slices.Clone(e.Doubts), func(x balance.Doubt) bool {
		return slices.ContainsFunc(r.Readings, func(a daemon.Answer) bool { return a.Code == x.Code })
	})
	return e, d.err
}

// inDoubt serves a dossier whose PDF leaves an amount, a column and the year open.
func inDoubt(t *testing.T, doc string) (*fixture, *doubtAPI) {
	t.Helper()
	e := ledger.Entry{Number: 5, Version: 9, State: ledger.Waiting, Reason: ledger.DoubtfulFigures}
	e.Dossier = ledger.Dossier{ID: "d5", Name: "Bakkerij Maes"}
	e.Doubts = []balance.Doubt{
		{Kind: balance.TwoReadings, Code: "1021", Readings: []string{"44300", "44.3"}, Where: "page 3", Page: 3},
		{Kind: balance.TwoReadings, Code: "1003P", Readings: []string{"4.5", ""}, Where: "page 4", Page: 4},
		{Kind: balance.TwoAmounts, Code: "1013", Readings: []string{"7", "8"}, Where: "lines 3 and 4", Lines: []int{3, 4}},
		{Kind: balance.DoubtfulYear, Readings: []string{"2024-01-01/2024-12-31", "2025-12-31"}},
	}
	e.Accepted = []ledger.AcceptedReading{{Code: "1023", Reading: "12.5", Typed: true, Readings: []string{"1", "2"}, By: "Els"}}
	d := &doubtAPI{stubAPI: &stubAPI{entries: []ledger.Entry{e}}, doc: []byte(doc)}
	d.API = &daemontest.API{}
	return newFixture(t, func(c *Config) { c.API = d }), d
}

// TestDoubtsOnThePage: each doubtful figure is shown with its readings and its place,
// beside the original at that page, without scripts.
func TestDoubtsOnThePage(t *testing.T) {
	f, _ := inDoubt(t, "%PDF-1.7")
	got := f.signedIn(benName).get("/dossiers/5")
	for _, part := range []string{`value="=44300"`, `value="=44.3"`, "44.300,00", `value="="`, `name="typed.1021"`, `name="reading.year"`, `value="=2024-01-01/2024-12-31"`,
		`href="/dossiers/5/original#page=4" target="original"`, `src="/dossiers/5/original#page=3"`, "pagina 3", "regel 3, 4", "01/01/2024 – 31/12/2024", `name="seen" value="9"`, "12,50", "Els"} {
		if !strings.Contains(got.body, part) {
			t.Errorf("the page lacks %s", part)
		}
	}
	if got.code != http.StatusOK || strings.Contains(got.body, `name="typed.year"`) || !strings.Contains(got.header.Get("Content-Security-Policy"), "; frame-src 'self'") {
		t.Errorf("%d, %v", got.code, got.header)
	}
}

// TestAcceptOnThePage: what a person chose or typed is accepted under their name; what
// cannot be is refused on the page, with what they typed.
func TestAcceptOnThePage(t *testing.T) {
	f, d := inDoubt(t, "%PDF-1.7")
	ben := f.signedIn(benName)
	got := ben.post("/dossiers/5/accept", "seen", "9", "reading.1021", "typed", "typed.1021", "44.300")
	if got.code != http.StatusUnprocessableEntity || !strings.Contains(got.body, `value="44.300"`) || !strings.Contains(got.body, `aria-invalid="true"`) || len(d.accepted) != 0 {
		t.Errorf("an amount with two readings: %d, accepted %v", got.code, d.accepted)
	}
	if got := ben.post("/dossiers/5/accept", "seen", "9"); got.code != http.StatusSeeOther || len(d.accepted) != 0 {
		t.Errorf("no answer: %d, accepted %v", got.code, d.accepted)
	}
	if got := ben.post("/dossiers/5/accept", "seen", "x", "reading.1021", "=44300"); got.code != http.StatusBadRequest {
		t.Errorf("an odd version: %d", got.code)
	}
	got = ben.post("/dossiers/5/accept", "seen", "9", "reading.1021", "=44300", "reading.1003P", "=", "typed.1013", "9", "reading.year", "=2025-12-31")
	want := []daemon.AcceptRequest{{Number: 5, Seen: 9, By: benName, Readings: []daemon.Answer{{Code: "1021", Reading: "44300"}, {Code: "1003P"},
		{Code: "1013", Reading: "9"}, {Code: "year", Reading: "2025-12-31"}}}}
	if diff := cmp.Diff(want, d.accepted); diff != "" || got.code != http.StatusSeeOther || got.header.Get("Location") != "/dossiers/5" {
		t.Errorf("%d to %s (-want +got)\n%s", got.code, got.header.Get("Location"), diff)
	}
	d.err = problem.New(problem.Conflict, "the entry changed", "")
	if got := ben.post("/dossiers/5/accept", "seen", "9", "reading.1021", "=44300"); got.code != http.StatusSeeOther || !strings.Contains(ben.get("/dossiers/5").body, "intussen gewijzigd") {
		t.Errorf("an entry that changed: %d", got.code)
	}
	audit := f.signedIn(annName).get("/audit").body
	if !strings.Contains(audit, "lezing of sociale balans gekozen") || !strings.Contains(audit, "(#5)</a> 1021 1003P 1013 year") || strings.Contains(audit, "44300") {
		t.Error("the audit log does not have the rubrics, or has their figures")
	}
	d.entries[0].Reason, d.entries[0].Doubts, d.err, d.accepted = ledger.WhichCounts, nil, nil, nil
	if got := ben.post("/dossiers/5/accept"); got.code != http.StatusSeeOther || len(d.accepted) != 1 || len(d.accepted[0].Readings) != 0 {
		t.Errorf("which counts: %d, %v", got.code, d.accepted)
	}
}

// TestOriginal: a PDF is shown by the browser itself under a policy of its own, all else
// is a download; who is not signed in gets neither, and who looked is recorded.
func TestOriginal(t *testing.T) {
	for doc, inline := range map[string]bool{"%PDF-1.7 x": true, "<html><script>alert(1)</script>": false, " %PDF-1.7": false, "a;b": false, "": false} {
		f, _ := inDoubt(t, doc)
		if got := f.browser().get("/dossiers/5/original"); got.code == http.StatusOK || strings.Contains(got.body, "PDF-1.7") {
			t.Errorf("%q without signing in: %d", doc, got.code)
		}
		got := f.signedIn(benName).get("/dossiers/5/original")
		kind, disposition, policy := got.header.Get("Content-Type"), got.header.Get("Content-Disposition"), got.header.Get("Content-Security-Policy")
		if got.code != http.StatusOK || got.header.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(policy, "default-src 'none'") ||
			inline != (kind == "application/pdf") || inline != strings.HasPrefix(disposition, "inline; filename=\"sociale-balans-5.pdf") ||
			inline == strings.HasPrefix(disposition, "attachment;") || strings.Contains(policy, "script-src") || got.body != doc {
			t.Errorf("%q: %d %v", doc, got.code, got.header)
		}
		if !strings.Contains(f.signedIn(annName).get("/audit").body, "origineel document bekeken") {
			t.Errorf("%q: the look is not in the audit log", doc)
		}
	}
}

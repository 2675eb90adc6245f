package portal

import (
	"strings"
	"testing"

	"balansd/balance"
	"balansd/ledger"
)

// TestDocumentIsDownloaded: a browser saves it, under a name that is not the document's.
func TestDocumentIsDownloaded(t *testing.T) {
	e := ledger.Entry{Number: 4, State: ledger.Done}
	e.ID, e.Dossier = "../../x\r\nSet-Cookie: a=b\".html", ledger.Dossier{Name: "x", EnterpriseNumber: "0443246943"}
	e.FiscalYear.End = balance.Date{Year: 2024, Month: 12, Day: 31}
	for head, ending := range map[string]string{"<html><script>": "xbrl", "%PDF-1.7": "pdf", "\ufeff {": "json", "a;b": "csv", "": "csv"} {
		if got, want := documentName(e, []byte(head)), "sociale-balans-0443246943-2024-4."+ending; got != want {
			t.Errorf("%q is saved as %s, want %s", head, got, want)
		}
	}
	f := newStubFixture(t, &stubAPI{entries: []ledger.Entry{e}})
	got := f.signedIn(benName).get("/dossiers/4/document")
	h := got.header
	if h.Get("Content-Type") != "application/octet-stream" || !strings.HasPrefix(h.Get("Content-Disposition"), `attachment; filename="sociale-balans-`) ||
		h.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(h.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("the document comes with %v", h)
	}
}

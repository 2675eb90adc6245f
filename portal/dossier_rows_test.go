package portal

import (
	"html/template"
	"strings"
	"testing"

	"balansd/daemon/daemontest"
	"balansd/ledger"
)

// TestDossierRowsFollowTheEntry shows the list again after each change: of the entry, and of
// the language.
func TestDossierRowsFollowTheEntry(t *testing.T) {
	d := &stubAPI{API: &daemontest.API{}}
	f := newStubFixture(t, d)
	ann := f.signedIn(annName)
	for i, c := range []struct {
		version  uint64
		state    ledger.State
		language string
	}{{1, ledger.Found, "en"}, {2, ledger.Done, "en"}, {3, ledger.Sending, "en"}, {3, ledger.Sending, "fr"}, {3, ledger.Sending, "en"}} {
		e := ledger.Entry{Number: 7, Version: c.version, State: c.state}
		e.Dossier.Name = "Bakkerij <Zon>"
		d.entries = []ledger.Entry{e}
		ann.post("/language", "language", c.language, "next", "/")
		locale := f.web.locales[c.language]
		want, err := locale.t("state." + string(c.state))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // rendered, and then as it was rendered
			_, row, _ := strings.Cut(ann.get("/dossiers").body, "<tbody>")
			if !strings.Contains(row, "Bakkerij &lt;Zon&gt;") || !strings.Contains(row, template.HTMLEscapeString(want)) {
				t.Errorf("step %d: the row lacks %q: %s", i, want, row)
			}
		}
	}
}

// TestDossierRowsAreBounded adds many rows: few are kept, those that are asked for among them.
func TestDossierRowsAreBounded(t *testing.T) {
	var d dossierRows
	first := dossierRowKey{language: "nl", number: 0}
	for n := range uint64(10 * mostDossierRows) {
		d.add(dossierRowKey{language: "nl", number: n}, "row")
		if _, ok := d.get(first); !ok {
			t.Fatalf("a row that is always asked for is gone after %d others", n)
		}
		if kept := len(d.newest) + len(d.former); kept > 2*mostDossierRows+1 {
			t.Fatalf("%d rows are kept", kept)
		}
	}
}

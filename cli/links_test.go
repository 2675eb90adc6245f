package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"balansd/daemon"
	"balansd/ledger"
)

// TestLinksByTable: a table that was exported is changed and imported; without a terminal
// it is only shown, and one wrong row refuses it as a whole.
func TestLinksByTable(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	f.link()
	f.addDemo()
	f.run("sync")
	file := filepath.Join(f.dir, "links.csv")
	f.want(0, "dossiers to "+file, "links", "export", file)
	f.want(0, "0 rows change something", "links", "import", file)

	var one ledger.Entry
	for _, e := range f.entries() {
		if e.State == ledger.Done && (one.Number == 0 || e.Number < one.Number) {
			one = e
		}
	}
	row := fmt.Sprintf("%s;%s;", one.Connection, one.Dossier.ID)
	table := func(rows ...string) {
		text := "connection;dossier;paused;note\n" + strings.Join(rows, "\n")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	table(row+"yes;a note", "payrol;1;;", row+"yes;")
	r := f.want(2, ":3: connection \"payrol\" has no dossier \"1\"", "links", "import", file, "--yes")
	r.want(t, 2, ":4: dossier", "links", "import")
	f.want(0, "No dossier is linked by hand", "links", "list")

	table(row + "yes;a note")
	f.want(3, "line 2: ", "links", "import", file)
	f.want(3, "would be changed; nothing was changed", "links", "import", file)
	f.want(0, "No dossier is linked by hand", "links", "list")
	done := read[daemon.LinkImported](t, f, 0, "links", "import", file, "--yes")
	if !done.Applied || len(done.Effects) != 1 || !done.Effects[0].Link.Paused {
		t.Errorf("imported %+v", done)
	}
	f.want(0, "a note", "links", "list")

	f.want(0, "", "links", "set", one.Connection, one.Dossier.ID, "--resume")
	f.want(3, "would count; nothing was changed", "links", "set", one.Connection, one.Dossier.ID, "--from", "all")
	f.want(0, "count from: all", "links", "set", one.Connection, one.Dossier.ID, "--from", "all", "--yes")
	f.want(0, "What was written stays", "links", "remove", one.Connection, one.Dossier.ID)
	f.want(1, "has no link", "links", "remove", one.Connection, one.Dossier.ID)
	f.want(2, "no start", "links", "set", one.Connection, one.Dossier.ID, "--from", "yesterday")
}

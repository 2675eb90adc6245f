package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"balansd/balance"
	"balansd/ledger"
	"balansd/sandbox"
)

// TestBackupOfUploads restores a state with uploads: they have their documents, are
// exported, and are neither delivered again nor asked for.
func TestBackupOfUploads(t *testing.T) {
	t.Parallel()
	f := newAddFixture(t)
	ready := f.demo.Find(sandbox.SituationNew)
	file := f.document("balans.csv", balance.NBBCSV, ready[0])
	f.want(0, ready[0].Name, "add", file, "--yes")
	before := f.entries()[ready[0].Name]
	writes := f.writes()

	made := read[ledger.Backup](t, f.fixture, 0, "backup", "create")
	f.want(0, "", "backup", "verify", made.File)
	if err := os.Remove(f.stateFile()); err != nil {
		t.Fatal(err)
	}
	f.want(0, "", "backup", "restore", made.File, "--yes")
	f.want(0, "", "connect", "silverfin", "--take-over")

	f.want(0, "", "sync")
	e := f.entries()[ready[0].Name]
	if e.State != ledger.Done || e.Number != before.Number || e.SHA256 != before.SHA256 || f.writes() != writes {
		t.Errorf("after the restore, entry %d is %s, with %d writes more", e.Number, e.State, f.writes()-writes)
	}
	f.want(0, "uploaded", "ledger", "show", "1")
	f.want(0, "is entry 1 already", "add", file, "--yes")
	if n := len(f.entries()); n != 1 || f.writes() != writes {
		t.Errorf("the same file makes %d entries and %d writes", n, f.writes()-writes)
	}
	export := filepath.Join(f.dir, "export.csv")
	f.want(0, "", "ledger", "export", "--out", export)
	text, err := os.ReadFile(export)
	if err != nil || !strings.Contains(string(text), ready[0].Name) {
		t.Errorf("the export has %s, %v", text, err)
	}
}

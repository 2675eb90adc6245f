package daemon

import (
	"testing"

	"balansd/ledger"
)

// An archive that could not be looked at says nothing of what is in it.
func TestUnsureOfArchives(t *testing.T) {
	t.Parallel()
	f := folderListing{content: &ledger.FolderContent{Unsure: []string{"A/in.zip", "B/"}}}
	for id, want := range map[string]bool{
		"A/in.zip": true, "A/in.zip!/a.csv": true, "A/in.zip!/b/c.zip!/a.csv": true, "A/in.zipper": false, "A/other.zip!/a.csv": false,
		"B/x.csv": true, "B/x.zip!/y.csv": true, "Bis/x.csv": false,
	} {
		if f.isUnsure(id) != want {
			t.Errorf("%s: %t", id, !want)
		}
	}
}

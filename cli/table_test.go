package cli

import (
	"strings"
	"testing"
)

// TestTableOfMembersIsChecked names each mistake of a table of XBRL members
// with its line, together with the other mistakes.
func TestTableOfMembersIsChecked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{more: "documents: {cbso_table: own.tsv}\nlanguage2: nl\n"})
	w.write("own.tsv", "code\tmetric\tprd\tmembers\tsource\n1003\tam1\tprd:m1\n9999\tx\ty\tz\tknown\n")
	r := w.want(2, "own.tsv:2:1: documents.cbso_table", "config", "check")
	for _, also := range []string{"own.tsv:3:1:", "language2"} {
		if !strings.Contains(r.stderr, also) {
			t.Errorf("the check lacks %s:\n%s", also, r.stderr)
		}
	}
}

// TestInspectWantsTheConfigurationThatIsNamed reads a document with a
// configuration that cannot be: its table might have read it otherwise.
func TestInspectWantsTheConfigurationThatIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{more: "language2: nl\n"})
	file := w.write("balance.csv", "x")
	w.want(2, "language2", "balance", "inspect", file)
}

package cli

import (
	"strings"
	"testing"
)

// TestConfigCheckCBSOTable reports each mistake of a table of XBRL members with its line,
// together with the other mistakes.
func TestConfigCheckCBSOTable(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{more: "documents: {cbso_table: own.tsv}\nlanguage2: nl\n"})
	f.write("own.tsv", "code\tmetric\tprd\tmembers\tsource\n1003\tam1\tprd:m1\n9999\tx\ty\tz\tknown\n")
	r := f.want(2, "own.tsv:2:1: documents.cbso_table", "config", "check")
	for _, also := range []string{"own.tsv:3:1:", "language2"} {
		if !strings.Contains(r.stderr, also) {
			t.Errorf("the check lacks %s:\n%s", also, r.stderr)
		}
	}
}

// TestInspectMissingConfig checks that a document is not read with a configuration that is
// invalid, as its table could change the result.
func TestInspectMissingConfig(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{more: "language2: nl\n"})
	file := f.write("balance.csv", "x")
	f.want(2, "language2", "balance", "inspect", file)
}

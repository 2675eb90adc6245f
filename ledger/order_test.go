package ledger_test

import (
	"testing"
	"time"

	"balansd/balance"
	"balansd/ledger"
)

func TestCompareSiblings(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	entry := func(number uint64, id, revision string, made time.Duration) ledger.Entry {
		return ledger.Entry{Number: number, FoundAt: noon, Listing: ledger.Listing{ID: id, Revision: revision, CreatedAt: noon.Add(made)}}
	}
	with := func(e ledger.Entry, change func(*ledger.Entry)) ledger.Entry { change(&e); return e }
	correction := func(e *ledger.Entry) { e.Correction = true }
	hashed := func(e *ledger.Entry) { e.ValuesHash = "h" }
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		kind ledger.ConnectionKind
		a, b ledger.Entry
		want int // of a against b
	}{
		"revision 10 after 9, whatever the times":    {ledger.Finbox, entry(1, "A", "10", -9*day), entry(2, "A", "9", -day), 1},
		"an opaque revision says nothing":            {ledger.Finbox, entry(1, "A", "b", -day), entry(2, "A", "a", -2*day), 1},
		"numbers of two ids say nothing":             {ledger.Finbox, entry(1, "A", "9", -2*day), entry(2, "B", "1", -day), -1},
		"one file is what was listed last":           {ledger.Folder, entry(1, "A", "9", -day), entry(2, "A", "1", -2*day), -1},
		"two files by their times":                   {ledger.Folder, entry(1, "A", "9", -day), entry(2, "B", "1", -2*day), 1},
		"a time ahead is when it was found":          {ledger.Finbox, entry(1, "A", "x", 9*day), entry(2, "B", "x", 0), 0},
		"a correction before a later initial":        {ledger.Finbox, with(entry(1, "A", "x", -2*day), correction), entry(2, "B", "x", -day), 1},
		"a later revision of one id, though initial": {ledger.Finbox, with(entry(1, "A", "1", -2*day), correction), entry(2, "A", "2", -day), -1},
		"equal in everything":                        {ledger.Finbox, entry(1, "A", "x", -day), entry(2, "B", "x", -day), 0},
		"the same figures":                           {ledger.Finbox, with(entry(1, "A", "x", -day), hashed), with(entry(2, "B", "x", -day), hashed), -1},
		"the same figures, some of them in doubt": {ledger.Finbox, with(entry(1, "A", "x", -day), hashed),
			with(entry(2, "B", "x", -day), func(e *ledger.Entry) { hashed(e); e.Doubts = []balance.Doubt{{}} }), 0},
		"a person's word": {ledger.Finbox, with(entry(1, "A", "1", -day), func(e *ledger.Entry) { e.Chosen = 2 }), entry(2, "A", "2", 0), 1},
		"a person's word does not cover what came later": {ledger.Finbox, with(entry(1, "A", "1", -day), func(e *ledger.Entry) { e.Chosen = 2 }), entry(3, "A", "3", 0), -1},
	} {
		if got := ledger.CompareSiblings(c.kind, c.a, c.b, false); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
		if got := ledger.CompareSiblings(c.kind, c.b, c.a, false); got != -c.want {
			t.Errorf("%s, the other way round: %d, want %d", name, got, -c.want)
		}
	}
}

// Of two balances of one filing, one of them in whole euros, the exact one counts, unless
// a person chose the other.
func TestCompareSiblingsOfOneFiling(t *testing.T) {
	exact := ledger.Entry{Number: 1, Listing: ledger.Listing{ID: "A", Revision: "1"}}
	rounded := ledger.Entry{Number: 2, Rounded: true, Correction: true, Listing: ledger.Listing{ID: "A", Revision: "2", CreatedAt: time.Unix(1e9, 0)}}
	chosen := rounded
	chosen.Chosen = 1
	for _, c := range []struct {
		a, b ledger.Entry
		want int
	}{{exact, rounded, 1}, {rounded, exact, -1}, {exact, chosen, -1}, {chosen, exact, 1}} {
		if got := ledger.CompareSiblings(ledger.Finbox, c.a, c.b, true); got != c.want {
			t.Errorf("%d against %d: %d, want %d", c.a.Number, c.b.Number, got, c.want)
		}
	}
}

// Balances of different years or enterprise numbers are never siblings, whatever the id.
// An unknown year or number is no difference if the id is the same.
func TestSiblingOf(t *testing.T) {
	entry := func(id, dossier, number string, year int) ledger.Entry {
		e := ledger.Entry{Connection: "C", Listing: ledger.Listing{ID: id, Dossier: ledger.Dossier{ID: dossier, EnterpriseNumber: balance.EnterpriseNumber(number)}}}
		if year != 0 {
			e.FiscalYear.End = balance.Date{Year: year, Month: 12, Day: 31}
		}
		return e
	}
	for name, c := range map[string]struct {
		a, b ledger.Entry
		want bool
	}{
		"one id":                           {entry("A", "D", "1", 2025), entry("A", "D", "1", 2025), true},
		"one id, in two dossiers":          {entry("A", "D", "1", 2025), entry("A", "E", "1", 2025), true},
		"one id, two years":                {entry("A", "D", "1", 2025), entry("A", "D", "1", 2024), false},
		"one id, two numbers":              {entry("A", "D", "1", 2025), entry("A", "D", "2", 2025), false},
		"one id, a year that is not known": {entry("A", "D", "1", 2025), entry("A", "D", "1", 0), true},
		"one id, nothing known":            {entry("A", "D", "", 0), entry("A", "D", "", 0), true},
		"one id, a number not known":       {entry("A", "D", "1", 2025), entry("A", "D", "", 2025), true},
		"one dossier and year":             {entry("A", "D", "1", 2025), entry("B", "D", "1", 2025), true},
		"one dossier, two numbers":         {entry("A", "D", "1", 2025), entry("B", "D", "2", 2025), false},
		"one dossier, no year known":       {entry("A", "D", "1", 0), entry("B", "D", "1", 0), false},
		"two dossiers":                     {entry("A", "D", "1", 2025), entry("B", "E", "1", 2025), false},
	} {
		if c.a.SiblingOf(c.b) != c.want || c.b.SiblingOf(c.a) != c.want {
			t.Errorf("%s: want %v", name, c.want)
		}
	}
}

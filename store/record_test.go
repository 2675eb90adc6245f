package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"balansd/ledger"
)

func TestRecordLeavesOutWhatIsKnown(t *testing.T) {
	s := openNew(t)
	later := func(e ledger.Entry, by time.Duration) ledger.Entry { e.CreatedAt = e.CreatedAt.Add(by); return e }
	other := func(e ledger.Entry) ledger.Entry { e.Connection = "C2"; return e }
	cases := []struct {
		what string
		e    ledger.Entry
		new  bool
	}{
		{"the first", found("A", "1", "D1", "x"), true},
		{"the same revision again, other content", found("A", "1", "D1", "y"), false},
		{"another revision with the newest content", later(found("A", "2", "D1", "x"), time.Hour), false},
		{"another revision with new content", later(found("A", "3", "D1", "y"), 2*time.Hour), true},
		{"back to the first content, in another dossier's name", later(found("A", "4", "D9", "x"), 3*time.Hour), true},
		{"listed late: an older revision does not become the newest", later(found("A", "0", "D8", "z"), -time.Hour), true},
		{"the newest is still of content x", later(found("A", "5", "D7", "x"), 4*time.Hour), false},
		{"another id with the content of a live entry of the dossier", found("B", "1", "D1", "y"), false},
		{"the same content in another dossier", found("C", "1", "D2", "y"), true},
		{"the same in another connection", other(found("A", "1", "D1", "x")), true},
		{"no hash is no content", found("E", "1", "D1", ""), true},
		{"no hash again, another revision", found("E", "2", "D1", ""), true},
	}
	for _, c := range cases {
		if fresh := record(t, s, c.e); (len(fresh) == 1) != c.new {
			t.Errorf("%s: recorded %v, want new %v", c.what, fresh, c.new)
		}
	}
	twice := found("F", "1", "D3", "q")
	if fresh := record(t, s, twice, twice); len(fresh) != 1 {
		t.Errorf("one listing twice on a page gave %d entries", len(fresh))
	}
}

func TestRecordTakesContentOfSettledEntriesAgain(t *testing.T) {
	s := openNew(t)
	e := record(t, s, found("A", "1", "D1", "x"))[0]
	ignored, err := e.Ignore(ledger.Dismissed, "dismissed", "", noon)
	move(t, s, ignored, err)
	if fresh := record(t, s, found("B", "1", "D1", "x")); len(fresh) != 1 {
		t.Errorf("the content of an ignored entry kept a new one out")
	}
}

func TestRecordMovesTheCursorAndKeepsAPause(t *testing.T) {
	s := openNew(t)
	ctx := t.Context()
	c := ledger.Connection{ID: "C1", Status: ledger.Paused, Kind: ledger.Finbox}
	if err := s.SaveConnection(ctx, c); err != nil {
		t.Fatal(err)
	}
	listing := c
	listing.Status, listing.Cursor = ledger.Active, "42"
	fresh, err := s.Record(ctx, listing, []ledger.Entry{found("A", "1", "D1", "x")})
	if err != nil {
		t.Fatal(err)
	}
	if fresh[0].Number != 1 || fresh[0].Version != 1 {
		t.Errorf("the first entry has number %d, version %d", fresh[0].Number, fresh[0].Version)
	}
	got, err := s.Connections(ctx)
	if err != nil {
		t.Fatal(err)
	}
	c.Cursor = "42"
	if diff := cmp.Diff([]ledger.Connection{c}, got); diff != "" {
		t.Error(diff)
	}
}

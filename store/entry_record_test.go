package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"balansd/balance"
	"balansd/ledger"
)

func TestRecordSkipsKnownBalances(t *testing.T) {
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
		{"another id with the content of a live entry of the dossier", found("B", "1", "D9", "x"), false},
		{"another id with the content of an entry that a newer one replaces", found("B", "1", "D1", "y"), true},
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

// TestRecordAcceptsContentOfADismissedEntry checks that content of a dismissed or failed entry is
// accepted under another id, so that a document that could not be fetched can be supplied
// again.
func TestRecordAcceptsContentOfADismissedEntry(t *testing.T) {
	p := ledger.Target{FirmID: 1}
	cases := map[ledger.State]struct {
		move func(ledger.Entry) (ledger.Entry, error)
		new  bool
	}{
		ledger.Ignored: {func(e ledger.Entry) (ledger.Entry, error) { return e.Ignore(ledger.BeforeActivation, "", "", noon) }, true},
		ledger.Failed: {func(e ledger.Entry) (ledger.Entry, error) {
			return e.Fail(ledger.Unreadable, "not there", "", balance.Date{}, noon)
		}, true},
		ledger.Superseded: {func(e ledger.Entry) (ledger.Entry, error) { return e.Supersede(9, noon) }, true},
		ledger.Waiting:    {func(e ledger.Entry) (ledger.Entry, error) { return e.Wait(ledger.NoCompany, "", "", noon) }, false},
		ledger.Sending:    {func(e ledger.Entry) (ledger.Entry, error) { return e.Send(p, noon) }, false},
		ledger.Done:       {func(e ledger.Entry) (ledger.Entry, error) { return e.Finish(p, noon) }, false},
		ledger.Differs:    {func(e ledger.Entry) (ledger.Entry, error) { return e.Differ(p, nil, "", "", noon) }, false},
	}
	for state, c := range cases {
		s := openNew(t)
		moved, err := c.move(record(t, s, found("A", "1", "D1", "x"))[0])
		move(t, s, moved, err)
		if fresh := record(t, s, found("B", "1", "D1", "x")); (len(fresh) == 1) != c.new {
			t.Errorf("beside an entry that is %s, the same content of another id gave %v; want new %v", state, fresh, c.new)
		}
		if fresh := record(t, s, found("A", "2", "D1", "x")); len(fresh) != 0 {
			t.Errorf("the content of an entry that is %s was recorded again under its own id", state)
		}
	}
}

// TestRecordCorrectionIsReverted records a balance, its correction, and the first content again.
// That one counts in the end, even if no run came in between.
func TestRecordCorrectionIsReverted(t *testing.T) {
	hours := func(e ledger.Entry, n int) ledger.Entry {
		e.CreatedAt = noon.Add(time.Duration(n) * time.Hour)
		return e
	}
	byID := []ledger.Entry{hours(found("A", "1", "D1", "x"), 0), hours(found("A", "2", "D1", "y"), 1), hours(found("A", "3", "D1", "x"), 2)}
	byYear := []ledger.Entry{hours(found("A", "1", "D1", "x"), 0), hours(found("B", "1", "D1", "y"), 1), hours(found("C", "1", "D1", "x"), 2)}
	for what, all := range map[string][]ledger.Entry{"of one id": byID, "of one year": byYear} {
		one := openNew(t)
		if fresh := record(t, one, all...); len(fresh) != 3 {
			t.Errorf("%s, in one listing: %d new", what, len(fresh))
		}
		if fresh := record(t, one, all...); len(fresh) != 0 {
			t.Errorf("%s, listed again: %d new", what, len(fresh))
		}
		apart := openNew(t)
		record(t, apart, all[0])
		if fresh := record(t, apart, all[1:]...); len(fresh) != 2 {
			t.Errorf("%s, in two listings: %d new", what, len(fresh))
		}
	}
}

// TestRecordFolder checks that the current content of a file in a folder counts, whatever
// its modification time.
func TestRecordFolder(t *testing.T) {
	s := openNew(t)
	file := func(revision, content string, hour int) ledger.Entry {
		e := found("D1/balans.csv", revision, "D1", content)
		e.CreatedAt = noon.Add(time.Duration(hour) * time.Hour)
		return e
	}
	cases := []struct {
		what     string
		e        ledger.Entry
		revision string // the revision it is recorded with; empty when it is not new
	}{
		{"first", file("r1", "x", 1), "r1"},
		{"again", file("r1", "x", 1), ""},
		{"changed", file("r2", "y", 2), "r2"},
		{"put back from a backup", file("r1", "x", 1), "r1+2"},
		{"still as it was put back", file("r1", "x", 1), ""},
		{"touched", file("r9", "x", 9), ""},
		{"changed again", file("r2", "y", 2), "r2+3"},
		{"put back again", file("r1", "x", 1), "r1+4"},
		{"replaced by an older file", file("r0", "z", 0), "r0"},
		{"that one again", file("r0", "z", 0), ""},
	}
	for _, c := range cases {
		fresh, _, err := s.Record(t.Context(), ledger.Connection{ID: "C1", Kind: ledger.Folder}, []ledger.Entry{c.e})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if len(fresh) > 0 {
			got = fresh[0].Revision
		}
		if got != c.revision {
			t.Errorf("%s: recorded as revision %q, want %q", c.what, got, c.revision)
		}
	}
}

func TestRecordUpdatesOpenEntries(t *testing.T) {
	s := openNew(t)
	ctx := t.Context()
	e := found("A", "1", "D1", "x")
	e.Dossier = ledger.Dossier{ID: "D1"}
	record(t, s, e)

	e.Dossier = ledger.Dossier{ID: "D2", AffiliationNumber: "AF", EnterpriseNumber: "0402754886", Name: "Bakkerij"}
	e.Model, e.MediaTypes = balance.Micro, []string{"text/csv"}
	record(t, s, e)
	want := e
	want.Number, want.Version = 1, 2
	check := func(what string) {
		t.Helper()
		got, err := s.Entry(ctx, 1)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", what, err, diff)
		}
	}
	check("the listing told more")
	record(t, s, e)
	check("the listing told the same")
	if q := numbers(t, s.Entries(ctx, ledger.Query{Dossier: "D2"})); len(q) != 1 {
		t.Errorf("the entry is not found by its new dossier: %v", q)
	}
	if events, err := s.History(ctx, 1); err != nil || len(events) != 1 {
		t.Errorf("events %v, %v", events, err)
	}

	// What was read from the document stays, though the listing has less.
	read := want
	read.ValuesHash, read.Model, read.Dossier.Name = "h", balance.Abbreviated, "Bakkerij Peeters"
	waiting, err := read.Wait(ledger.NoCompany, "", "", noon)
	want = move(t, s, waiting, err)
	e.Dossier = ledger.Dossier{ID: "D2", Name: "D2"}
	e.Model, e.MediaTypes = balance.Full, nil
	record(t, s, e)
	check("the listing told less than the document")

	done, err := want.Finish(ledger.Target{FirmID: 1}, noon)
	want = move(t, s, done, err)
	e.Dossier.Name = "Another"
	record(t, s, e)
	check("the entry is settled")
}

// TestRecordAnotherEnterprise checks that figures read for one enterprise are never used
// for another.
func TestRecordAnotherEnterprise(t *testing.T) {
	s := openNew(t)
	e := found("A", "1", "D1", "x")
	have := record(t, s, e)[0]
	have.ValuesHash = "h"
	waiting, err := have.Wait(ledger.NoCompany, "", "", noon)
	want := move(t, s, waiting, err)
	check := func(what string) {
		t.Helper()
		got, err := s.Entry(t.Context(), 1)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", what, err, diff)
		}
	}
	e.Dossier.Name = "Another name"
	want.Dossier.Name = e.Dossier.Name
	want.Version++
	record(t, s, e)
	check("another name")
	e.Dossier.EnterpriseNumber = "0454352156"
	want.Dossier.EnterpriseNumber, want.ValuesHash = e.Dossier.EnterpriseNumber, ""
	want.Version++
	record(t, s, e)
	check("another enterprise number")
}

func TestRecordKeepsThePause(t *testing.T) {
	s := openNew(t)
	ctx := t.Context()
	c := ledger.Connection{ID: "C1", Status: ledger.Paused, Kind: ledger.Finbox, Name: "Kantoor", Language: "", ActivatedAt: noon}
	if err := s.SaveConnection(ctx, c); err != nil {
		t.Fatal(err)
	}
	listing := ledger.Connection{ID: "C1", Status: ledger.Active, Kind: ledger.Finbox, Name: "old", Language: "fr", Cursor: "42", ListedAt: noon, Problem: "p"}
	fresh, _, err := s.Record(ctx, listing, []ledger.Entry{found("A", "1", "D1", "x")})
	if err != nil {
		t.Fatal(err)
	}
	if fresh[0].Number != 1 || fresh[0].Version != 1 {
		t.Errorf("the first entry has number %d, version %d", fresh[0].Number, fresh[0].Version)
	}
	c.Cursor, c.ListedAt, c.Problem = "42", noon, "p"
	got, err := s.Connections(ctx)
	if diff := cmp.Diff([]ledger.Connection{c}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	listing.Problem = ""
	if _, _, err := s.Record(ctx, listing, nil); err != nil {
		t.Fatal(err)
	}
	if got, err = s.Connections(ctx); err != nil || got[0].Problem != "" {
		t.Errorf("the problem stays after a good listing: %v, %v", got, err)
	}
}

// TestRecordLeavesDismissedContentAside checks that a dismissed document stays dismissed
// under another name, also beside a newer one, and that its history mentions the copy
// once.
func TestRecordLeavesDismissedContentAside(t *testing.T) {
	s := openNew(t)
	dismissed, err := record(t, s, found("A", "1", "D1", "x"))[0].Ignore(ledger.Dismissed, "", "", noon)
	move(t, s, dismissed, err)
	newer := found("A", "2", "D1", "y")
	newer.CreatedAt = noon.Add(time.Hour)
	record(t, s, newer)
	for _, again := range []string{"B", "B", "C"} {
		if fresh := record(t, s, found(again, "1", "D1", "x")); len(fresh) != 0 {
			t.Errorf("recorded %v", fresh)
		}
	}
	if fresh := record(t, s, found("B", "1", "D2", "x")); len(fresh) != 1 {
		t.Error("another dossier's is left out as well")
	}
	events, err := s.History(t.Context(), 1)
	if err != nil || len(events) != 3 {
		t.Errorf("events %+v, %v; want one step more than found and dismissed", events, err)
	}
}

// TestRecordLeavesAnEmptiedCursorEmpty checks that a listing under way does not overwrite
// a cursor that was reset meanwhile.
func TestRecordLeavesAnEmptiedCursorEmpty(t *testing.T) {
	s := openNew(t)
	ctx := t.Context()
	c := ledger.Connection{ID: "C1", Status: ledger.Active, Cursor: "one"}
	cursor := func(c ledger.Connection) string {
		t.Helper()
		if _, _, err := s.Record(ctx, c, nil); err != nil {
			t.Fatal(err)
		}
		all, err := s.Connections(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return all[0].Cursor
	}
	if got := cursor(c); got != "one" {
		t.Fatalf("cursor %q, want one", got)
	}
	if err := s.UpdateConnection(ctx, "C1", (*ledger.Connection).ResetCursor); err != nil {
		t.Fatal(err)
	}
	c.Cursor = "two"
	if got := cursor(c); got != "" {
		t.Errorf("the listing under way left %q", got)
	}
	c.CursorResets++
	if got := cursor(c); got != "two" {
		t.Errorf("the next listing left %q", got)
	}
}

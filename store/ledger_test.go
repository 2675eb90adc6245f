package store_test

import (
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
	"balansd/store"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// found makes a short entry of connection C1.
func found(id, revision, dossier, content string) ledger.Entry {
	e := ledger.Entry{Connection: "C1", FoundAt: noon, UpdatedAt: noon, State: ledger.Found}
	e.ID, e.Revision, e.CreatedAt = id, revision, noon
	e.Dossier = ledger.Dossier{ID: dossier, AffiliationNumber: "AF-" + dossier, EnterpriseNumber: "0402754886", Name: "Bakkerij " + dossier}
	e.FiscalYear = balance.Period{Start: balance.Date{Year: 2025, Month: 1, Day: 1}, End: balance.Date{Year: 2025, Month: 12, Day: 31}}
	if content != "" {
		e.SHA256 = hexHash(content)
	}
	return e
}

func record(t testing.TB, s *store.Store, entries ...ledger.Entry) []ledger.Entry {
	t.Helper()
	fresh, err := s.Record(t.Context(), ledger.Connection{ID: "C1", Status: ledger.Active}, entries)
	if err != nil {
		t.Fatal(err)
	}
	return fresh
}

func move(t testing.TB, s *store.Store, e ledger.Entry, err error) ledger.Entry {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	moved, err := s.Move(t.Context(), ledger.Step{Entry: e, Event: ledger.Event{At: e.UpdatedAt, State: e.State, Reason: e.Reason, Text: "moved"}})
	if err != nil {
		t.Fatal(err)
	}
	return moved[0]
}

func numbers(t testing.TB, walk iter.Seq2[ledger.Entry, error]) []uint64 {
	t.Helper()
	list := []uint64{}
	for e, err := range walk {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, e.Number)
	}
	return list
}

func wantCode(t testing.TB, err error, code problem.Code, parts ...string) {
	t.Helper()
	if !problem.Is(err, code) {
		t.Fatalf("error %v is no %s", err, code)
	}
	p := problem.Of(err)
	for _, part := range parts {
		if !strings.Contains(p.Error()+" "+p.Next, part) {
			t.Errorf("the problem does not name %q: %v / %s", part, p, p.Next)
		}
	}
}

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

func TestMoveKeepsEverything(t *testing.T) {
	s := openNew(t)
	ctx := t.Context()
	e := record(t, s, found("A", "1", "D1", "x"))[0]
	p := ledger.Place{FirmID: 1, CompanyID: 2, PeriodID: 3, PeriodEnd: e.FiscalYear.End, URL: "https://example.test/3"}
	sending, err := e.Send(p, noon.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	cell, other := balance.Cell{Code: "1003"}, balance.Cell{Code: "1003", Previous: true}
	w := ledger.Written{Confirmed: ledger.Figures{cell: "1.5"}, Intended: ledger.Figures{}, Given: ledger.Figures{other: "n/a"},
		Kept: map[balance.Cell]ledger.Kept{other: {Finbox: "1", Silverfin: "two\x00 €"}}, By: e.Number}
	document := []byte(strings.Repeat("<xbrl/>\x00", 100))
	moved, err := s.Move(ctx, ledger.Step{Entry: sending, Written: &w, Values: values(7), Document: document,
		Event: ledger.Event{At: noon, Pass: 3, State: ledger.Sending, Text: "sending"}})
	if err != nil {
		t.Fatal(err)
	}
	want := sending
	want.Version = 2
	got, err := s.Entry(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, have := range []ledger.Entry{moved[0], got} {
		if diff := cmp.Diff(want, have); diff != "" {
			t.Error(diff)
		}
	}
	v, err := s.Values(ctx, 1)
	if err != nil || v.Hash() != values(7).Hash() {
		t.Errorf("values %v, %v", v, err)
	}
	d, err := s.Document(ctx, 1)
	if err != nil || string(d) != string(document) {
		t.Errorf("document %.20q, %v", d, err)
	}
	p.URL = "another address of the same place"
	known, err := s.Written(ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	w.Intended = nil // an empty set of figures is none
	if diff := cmp.Diff(w, known); diff != "" {
		t.Error(diff)
	}
	story, err := s.Story(ctx, 1)
	if err != nil || len(story) != 2 || story[0].State != ledger.Found || story[1].Text != "sending" || story[1].Pass != 3 {
		t.Errorf("story %v, %v", story, err)
	}
}

func TestNothingKept(t *testing.T) {
	s := openNew(t)
	ctx := t.Context()
	record(t, s, found("A", "1", "D1", "x"))
	if v, err := s.Values(ctx, 1); v != nil || err != nil {
		t.Errorf("values %v, %v", v, err)
	}
	if d, err := s.Document(ctx, 1); d != nil || err != nil {
		t.Errorf("document %v, %v", d, err)
	}
	if w, err := s.Written(ctx, ledger.Place{FirmID: 1}); w.By != 0 || w.Confirmed != nil || err != nil {
		t.Errorf("written %v, %v", w, err)
	}
	_, err := s.Entry(ctx, 2)
	wantCode(t, err, problem.NotFound, "2")
	_, err = s.Story(ctx, 2)
	wantCode(t, err, problem.NotFound, "2")
}

func TestMoveIsAllOrNothing(t *testing.T) {
	s := openNew(t)
	ctx := t.Context()
	es := record(t, s, found("A", "1", "D1", "x"), found("B", "1", "D2", "y"))
	a, err := es[0].Wait(ledger.NoCompany, "no company", "", noon)
	if err != nil {
		t.Fatal(err)
	}
	b, err := es[1].Wait(ledger.NoPeriod, "no period", "", noon)
	if err != nil {
		t.Fatal(err)
	}
	b.Version = 7
	_, err = s.Move(ctx, ledger.Step{Entry: a, Values: values(1)}, ledger.Step{Entry: b})
	wantCode(t, err, problem.Conflict, "entry 2", "Bakkerij D2")
	gone := b
	gone.Number = 99
	_, err = s.Move(ctx, ledger.Step{Entry: a}, ledger.Step{Entry: gone})
	wantCode(t, err, problem.NotFound, "99")
	if e, err := s.Entry(ctx, 1); err != nil || e.State != ledger.Found || e.Version != 1 {
		t.Errorf("the first step was kept: %v, %v", e, err)
	}
	if v, _ := s.Values(ctx, 1); v != nil {
		t.Error("the values of a refused step were kept")
	}
	// Two steps of one entry follow each other.
	a2, err := a.Wait(ledger.NoPeriod, "no period", "", noon)
	if err != nil {
		t.Fatal(err)
	}
	a2.Version++
	moved, err := s.Move(ctx, ledger.Step{Entry: a}, ledger.Step{Entry: a2})
	if err != nil || moved[1].Version != 3 {
		t.Fatalf("%v, %v", moved, err)
	}
	counts, err := s.Counts(ctx)
	if diff := cmp.Diff(map[ledger.State]int{ledger.Found: 1, ledger.Waiting: 1}, counts); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

// TestConflictsDoNotSpread has many workers move entries at once, some with an
// old version: each gets its own answer.
func TestConflictsDoNotSpread(t *testing.T) {
	s := openNew(t)
	ctx := t.Context()
	var page []ledger.Entry
	for i := range 200 {
		page = append(page, found(fmt.Sprint(i), "1", fmt.Sprint("D", i), fmt.Sprint(i)))
	}
	fresh := record(t, s, page...)
	parallel(t, 16, len(fresh), func(i int) error {
		e, err := fresh[i].Wait(ledger.NoCompany, "no company", "", noon)
		if err != nil {
			return err
		}
		stale := i%3 == 0
		if stale {
			e.Version = 0
		}
		_, err = s.Move(ctx, ledger.Step{Entry: e})
		if problem.Is(err, problem.Conflict) != stale || !stale && err != nil {
			return fmt.Errorf("entry %d: %w", i, err)
		}
		return nil
	})
	counts, err := s.Counts(ctx)
	if diff := cmp.Diff(map[ledger.State]int{ledger.Found: 67, ledger.Waiting: 133}, counts); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestSiblings(t *testing.T) {
	s := openNew(t)
	otherYear := found("D", "1", "D1", "4")
	otherYear.FiscalYear.End = balance.Date{Year: 2024, Month: 12, Day: 31}
	otherConnection := found("A", "1", "D1", "1")
	otherConnection.Connection = "C2"
	es := record(t, s, found("A", "1", "D1", "1"), found("A", "2", "D2", "2"), found("B", "1", "D1", "3"),
		otherYear, otherConnection, found("E", "1", "D3", "5"))
	got, err := s.Siblings(t.Context(), es[0])
	if err != nil || len(got) != 2 || got[0].Number != 2 || got[1].Number != 3 {
		t.Errorf("siblings %v, %v", got, err)
	}
	// What the document says of the year completes the listing, and counts.
	moved := es[3]
	moved.FiscalYear = es[0].FiscalYear
	if moved, err = moved.Wait(ledger.NoCompany, "", "", noon); err != nil {
		t.Fatal(err)
	}
	move(t, s, moved, nil)
	if got, err = s.Siblings(t.Context(), es[0]); err != nil || len(got) != 3 {
		t.Errorf("siblings after the year was completed %v, %v", got, err)
	}
}

func TestQuery(t *testing.T) {
	s := openNew(t)
	ctx := t.Context()
	es := record(t, s, found("A", "1", "D1", "1"), found("B", "1", "D2", "2"), found("C", "1", "Éclair", "3"), found("D", "1", "D4", "4"))
	e, err := es[1].Wait(ledger.NoPeriod, "", "", noon)
	move(t, s, e, err)
	e, err = es[2].Finish(ledger.Place{FirmID: 12, CompanyID: 1, PeriodID: 1}, noon)
	move(t, s, e, err)
	e, err = es[0].Ignore(ledger.BeforeActivation, "", "", noon)
	move(t, s, e, err)
	e, err = es[3].Fail(ledger.Refused, "", "", balance.Date{}, noon)
	e.Parked = true
	move(t, s, e, err)
	cases := []struct {
		q    ledger.Query
		want []uint64
	}{
		{ledger.Query{}, []uint64{4, 3, 2, 1}},
		{ledger.Query{Limit: 2}, []uint64{4, 3}},
		{ledger.Query{Below: 3}, []uint64{2, 1}},
		{ledger.Query{Below: 1}, []uint64{}},
		{ledger.Query{States: []ledger.State{ledger.Done, ledger.Failed}}, []uint64{4, 3}},
		{ledger.Query{States: []ledger.State{ledger.Failed, ledger.Ignored}, Below: 4}, []uint64{1}},
		{ledger.Query{Reason: ledger.BeforeActivation}, []uint64{1}},
		{ledger.Query{Reason: ledger.NoPeriod}, []uint64{2}},
		{ledger.Query{Reason: ledger.NoCompany}, []uint64{}},
		{ledger.Query{Connection: "C1"}, []uint64{4, 3, 2, 1}},
		{ledger.Query{Connection: "C2"}, []uint64{}},
		{ledger.Query{FirmID: 12}, []uint64{3}},
		{ledger.Query{Dossier: "D2"}, []uint64{2}},
		{ledger.Query{Dossier: "d2"}, []uint64{2}}, // part of the name
		{ledger.Query{Dossier: "AF-D4"}, []uint64{4}},
		{ledger.Query{Dossier: "AF-D"}, []uint64{}}, // a number matches as a whole
		{ledger.Query{Dossier: " bakkerij é"}, []uint64{3}},
		{ledger.Query{Dossier: "BE 0402.754.886", Limit: 1}, []uint64{4}},
		{ledger.Query{Dossier: "BE 0402.754.887"}, []uint64{}},
	}
	for _, c := range cases {
		if diff := cmp.Diff(c.want, numbers(t, s.Entries(ctx, c.q))); diff != "" {
			t.Errorf("%+v: %s", c.q, diff)
		}
	}
	if diff := cmp.Diff([]uint64{2}, numbers(t, s.Open(ctx))); diff != "" {
		t.Errorf("open: %s", diff)
	}
}

// TestWalksGoOnWhileTheyChange walks over many chunks while the consumer moves
// what it gets: no transaction is held, and every entry comes once.
func TestWalksGoOnWhileTheyChange(t *testing.T) {
	s := openNew(t)
	ctx := t.Context()
	var page []ledger.Entry
	for i := range 700 {
		page = append(page, found(fmt.Sprint(i), "1", fmt.Sprint("D", i), fmt.Sprint(i)))
	}
	record(t, s, page...)
	next := uint64(1)
	for e, err := range s.Open(ctx) {
		if err != nil || e.Number != next {
			t.Fatalf("entry %d came, want %d: %v", e.Number, next, err)
		}
		next++
		if e, err = e.Ignore(ledger.Dismissed, "seen", "", noon); err != nil {
			t.Fatal(err)
		}
		move(t, s, e, nil)
	}
	if next != 701 {
		t.Errorf("the walk ended before %d", next)
	}
	if got := numbers(t, s.Entries(ctx, ledger.Query{States: []ledger.State{ledger.Ignored}})); len(got) != 700 || got[0] != 700 {
		t.Errorf("%d entries are ignored", len(got))
	}
}

func TestStoryFoldsAndIsBounded(t *testing.T) {
	s := openNew(t)
	e := record(t, s, found("A", "1", "D1", "x"))[0]
	tell := func(text string) {
		moved, err := s.Move(t.Context(), ledger.Step{Entry: e, Event: ledger.Event{At: noon, State: e.State, Text: text}})
		if err != nil {
			t.Fatal(err)
		}
		e = moved[0]
	}
	for range 3 {
		tell("the workflow is closed")
	}
	story, err := s.Story(t.Context(), 1)
	if err != nil || len(story) != 2 {
		t.Fatalf("three nights of waiting make a story of %d, %v", len(story), err)
	}
	for i := range 300 {
		tell(fmt.Sprint("step ", i))
	}
	story, err = s.Story(t.Context(), 1)
	if err != nil || len(story) != 201 {
		t.Fatalf("the story has %d events, %v", len(story), err)
	}
	if story[19].Text != "step 17" || story[20].Text != "Left out here: 102 steps." || story[21].Text != "step 120" || story[200].Text != "step 299" {
		t.Errorf("the gap is not where it should be: %q, %q, %q, %q", story[19].Text, story[20].Text, story[21].Text, story[200].Text)
	}
}

func TestConnectionsFirmsLinks(t *testing.T) {
	s := openNew(t)
	ctx := t.Context()
	for _, id := range []string{"b", "a", "b"} {
		if err := s.SaveConnection(ctx, ledger.Connection{ID: id, Name: "of " + id, Status: ledger.Active}); err != nil {
			t.Fatal(err)
		}
	}
	cs, err := s.Connections(ctx)
	if err != nil || len(cs) != 2 || cs[0].ID != "a" || cs[1].ID != "b" {
		t.Errorf("connections %v, %v", cs, err)
	}
	for _, id := range []int64{300, 12} {
		if err := s.SaveFirm(ctx, ledger.Firm{ID: id}); err != nil {
			t.Fatal(err)
		}
		if err := s.Secrets().Put(ctx, store.FirmSecret(id, "tokens"), []byte("t")); err != nil {
			t.Fatal(err)
		}
	}
	if fs, err := s.Firms(ctx); err != nil || len(fs) != 2 || fs[0].ID != 12 {
		t.Errorf("firms %v, %v", fs, err)
	}
	if err := s.RemoveFirm(ctx, 12); err != nil {
		t.Fatal(err)
	}
	if fs, err := s.Firms(ctx); err != nil || len(fs) != 1 || fs[0].ID != 300 {
		t.Errorf("firms %v, %v", fs, err)
	}
	for id, want := range map[int64]string{12: "", 300: "t"} {
		if got, err := s.Secrets().Get(ctx, store.FirmSecret(id, "tokens")); err != nil || string(got) != want {
			t.Errorf("the tokens of firm %d are %q, %v", id, got, err)
		}
	}
	links := []ledger.Linked{{Connection: "a", DossierID: "bc", FirmID: 1}, {Connection: "ab", DossierID: "c", FirmID: 2}, {Connection: "a", DossierID: "bc", FirmID: 3, All: true}}
	for _, l := range links {
		if err := s.SaveLink(ctx, l); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Links(ctx)
	if err != nil || len(got) != 2 {
		t.Fatalf("links %v, %v", got, err)
	}
	for _, l := range got {
		if l != links[1] && l != links[2] {
			t.Errorf("link %v", l)
		}
	}
}

func TestPasses(t *testing.T) {
	s := openNew(t)
	ctx := t.Context()
	if d, err := s.LastNight(ctx); err != nil || !d.IsZero() {
		t.Errorf("last night %v, %v", d, err)
	}
	night := balance.Date{Year: 2026, Month: 3, Day: 1}
	for i, p := range []ledger.Pass{{Trigger: ledger.Nightly, Night: night}, {Trigger: ledger.ByHand}, {Trigger: ledger.CatchUp, Night: night.AddDays(1)}} {
		got, err := s.BeginPass(ctx, p)
		if err != nil || got.Number != uint64(i+1) {
			t.Fatalf("pass %v, %v", got, err)
		}
	}
	if d, err := s.LastNight(ctx); err != nil || d != night.AddDays(1) {
		t.Errorf("last night %v, %v", d, err)
	}
	_, err := s.BeginPass(ctx, ledger.Pass{Trigger: ledger.CatchUp, Night: night})
	wantCode(t, err, problem.Conflict, "2026-03-01")
	if err := s.EndPass(ctx, ledger.Pass{Number: 2, Trigger: ledger.ByHand, New: 7, Outcome: map[ledger.State]int{ledger.Done: 7}}); err != nil {
		t.Fatal(err)
	}
	ps, err := s.Passes(ctx, 2)
	if err != nil || len(ps) != 2 || ps[0].Number != 3 || ps[1].New != 7 {
		t.Errorf("passes %v, %v", ps, err)
	}
	wantCode(t, s.EndPass(ctx, ledger.Pass{Number: 9}), problem.NotFound, "9")
}

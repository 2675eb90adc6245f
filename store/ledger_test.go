package store_test

import (
	"fmt"
	"iter"
	"slices"
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

// found returns a short entry of connection C1.
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
	fresh, _, err := s.Record(t.Context(), ledger.Connection{ID: "C1", Status: ledger.Active}, entries)
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
	moved, err := s.Move(t.Context(), ledger.Move{Entry: e, Event: ledger.Event{At: e.UpdatedAt, State: e.State, Reason: e.Reason, Text: "moved"}})
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

func TestMoveStoresEverything(t *testing.T) {
	s := openNew(t)
	ctx := t.Context()
	e := record(t, s, found("A", "1", "D1", "x"))[0]
	p := ledger.Target{FirmID: 1, CompanyID: 2, PeriodID: 3, PeriodEnd: e.FiscalYear.End, URL: "https://example.test/3"}
	sending, err := e.Send(p, noon.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	cell, other := balance.Cell{Code: "1003"}, balance.Cell{Code: "1003", Previous: true}
	w := ledger.Written{Confirmed: ledger.Figures{cell: "1.5"}, Intended: ledger.Figures{}, UseFinbox: map[balance.Cell]ledger.Seen{other: {Finbox: "1.5", Silverfin: "n/a"}},
		KeepSilverfin: map[balance.Cell]ledger.Seen{other: {Finbox: "1", Silverfin: "two\x00 €"}}, By: e.Number}
	document := []byte(strings.Repeat("<xbrl/>\x00", 100))
	moved, err := s.Move(ctx, ledger.Move{Entry: sending, Written: &w, Values: values(7), Document: document,
		Event: ledger.Event{At: noon, Run: 3, State: ledger.Sending, Text: "sending"}})
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
	w.Intended = nil // an empty set of figures is stored as none
	w.Version = 1
	if diff := cmp.Diff(w, known); diff != "" {
		t.Error(diff)
	}
	events, err := s.History(ctx, 1)
	if err != nil || len(events) != 2 || events[0].State != ledger.Found || events[1].Text != "sending" || events[1].Run != 3 {
		t.Errorf("events %v, %v", events, err)
	}
}

func TestEntryWithoutFiguresOrDocument(t *testing.T) {
	s := openNew(t)
	ctx := t.Context()
	record(t, s, found("A", "1", "D1", "x"))
	if v, err := s.Values(ctx, 1); v != nil || err != nil {
		t.Errorf("values %v, %v", v, err)
	}
	if d, err := s.Document(ctx, 1); d != nil || err != nil {
		t.Errorf("document %v, %v", d, err)
	}
	if w, err := s.Written(ctx, ledger.Target{FirmID: 1}); w.By != 0 || w.Confirmed != nil || err != nil {
		t.Errorf("written %v, %v", w, err)
	}
	_, err := s.Entry(ctx, 2)
	wantCode(t, err, problem.NotFound, "2")
	_, err = s.History(ctx, 2)
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
	_, err = s.Move(ctx, ledger.Move{Entry: a, Values: values(1)}, ledger.Move{Entry: b})
	wantCode(t, err, problem.Conflict, "entry 2", "Bakkerij D2")
	gone := b
	gone.Number = 99
	_, err = s.Move(ctx, ledger.Move{Entry: a}, ledger.Move{Entry: gone})
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
	moved, err := s.Move(ctx, ledger.Move{Entry: a}, ledger.Move{Entry: a2})
	if err != nil || moved[1].Version != 3 {
		t.Fatalf("%v, %v", moved, err)
	}
	counts, err := s.Counts(ctx)
	if diff := cmp.Diff(map[ledger.State]int{ledger.Found: 1, ledger.Waiting: 1}, counts); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

// TestMoveRefusesAnOldRecordOfATarget checks that a move is refused if it is based on an old
// record of what was written to a target: two entries may have the same target, and
// neither may overwrite the record of the other.
func TestMoveRefusesAnOldRecordOfATarget(t *testing.T) {
	s := openNew(t)
	ctx := t.Context()
	es := record(t, s, found("A", "1", "D1", "x"), found("B", "1", "D1", "y"))
	p := ledger.Target{FirmID: 1, CompanyID: 2, PeriodID: 3, PeriodEnd: es[0].FiscalYear.End}
	step := func(e ledger.Entry, version uint64) ledger.Move {
		sending, err := e.Send(p, noon)
		if err != nil {
			t.Fatal(err)
		}
		return ledger.Move{Entry: sending, Written: &ledger.Written{By: e.Number, Version: version}}
	}
	_, err := s.Move(ctx, step(es[0], 1)) // nothing is written there yet
	wantCode(t, err, problem.Conflict, "2025-12-31", "Bakkerij D1", "entry 1")
	first := step(es[0], 0)
	moved, err := s.Move(ctx, first)
	if err != nil || first.Written.Version != 0 {
		t.Fatalf("%v; the caller's record became %+v", err, first.Written)
	}
	_, err = s.Move(ctx, step(es[1], 0))
	wantCode(t, err, problem.Conflict, "Bakkerij D1")
	if w, err := s.Written(ctx, p); err != nil || w.By != 1 || w.Version != 1 {
		t.Errorf("known is %+v, %v", w, err)
	}
	if e, err := s.Entry(ctx, 2); err != nil || e.State != ledger.Found {
		t.Errorf("the refused step moved %v, %v", e, err)
	}
	// Two steps of one target follow each other; a third one with an old version is
	// refused.
	_, err = s.Move(ctx, step(moved[0], 1), step(es[1], 1))
	wantCode(t, err, problem.Conflict)
	if _, err = s.Move(ctx, step(moved[0], 1), step(es[1], 2)); err != nil {
		t.Fatal(err)
	}
	if w, err := s.Written(ctx, p); err != nil || w.By != 2 || w.Version != 3 {
		t.Errorf("known is %+v, %v", w, err)
	}
}

// TestConflictsOfConcurrentMoves moves entries concurrently, some with an old version. Each
// caller gets the result of its own move.
func TestConflictsOfConcurrentMoves(t *testing.T) {
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
		_, err = s.Move(ctx, ledger.Move{Entry: e})
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
	// The financial year from the document completes the listing.
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

func TestNoSiblings(t *testing.T) {
	s := openNew(t)
	unknown := func(e ledger.Entry) ledger.Entry { e.FiscalYear = balance.Period{}; return e }
	of := func(e ledger.Entry, n balance.EnterpriseNumber) ledger.Entry {
		e.Dossier.EnterpriseNumber = n
		return e
	}
	es := record(t, s,
		unknown(found("A", "1", "D1", "1")), unknown(found("B", "1", "D1", "2")), unknown(found("A", "2", "D1", "3")),
		of(found("C", "1", "D2", "4"), "0443246943"), of(found("D", "1", "D2", "5"), "0454352156"),
		of(found("C", "2", "D2", "6"), "0454352156"), of(found("E", "1", "D2", "7"), ""))
	for i, want := range [][]uint64{{3}, {}, {1}, {7}, {6, 7}, {5, 7}, {4, 5, 6}} {
		siblings, err := s.Siblings(t.Context(), es[i])
		got := []uint64{}
		for _, e := range siblings {
			got = append(got, e.Number)
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("siblings of %d: %v (-want +got):\n%s", i+1, err, diff)
		}
	}
}

func TestQuery(t *testing.T) {
	s := openNew(t)
	ctx := t.Context()
	es := record(t, s, found("A", "1", "D1", "1"), found("B", "1", "D2", "2"), found("C", "1", "Éclair", "3"), found("D", "1", "D4", "4"))
	e, err := es[1].Wait(ledger.NoPeriod, "", "", noon)
	move(t, s, e, err)
	e, err = es[2].Finish(ledger.Target{FirmID: 12, CompanyID: 1, PeriodID: 1}, noon)
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
		{ledger.Query{Connection: "C1", DossierID: "D2"}, []uint64{2}},
		{ledger.Query{Connection: "C1", DossierID: "D2", States: []ledger.State{ledger.Done}}, []uint64{}},
		{ledger.Query{Connection: "C1", DossierID: "D2", Below: 2}, []uint64{}},
		{ledger.Query{Connection: "C2", DossierID: "D2"}, []uint64{}},
		{ledger.Query{Connection: "C1", DossierID: "d2"}, []uint64{}}, // exactly
		{ledger.Query{DossierID: "D2", States: []ledger.State{ledger.Waiting}}, []uint64{2}},
		{ledger.Query{FirmID: 12}, []uint64{3}},
		{ledger.Query{Dossier: "D2"}, []uint64{2}},
		{ledger.Query{Dossier: "d2"}, []uint64{2}}, // a part of the name
		{ledger.Query{Dossier: "AF-D4"}, []uint64{4}},
		{ledger.Query{Dossier: "AF-D"}, []uint64{}}, // a number matches only as a whole
		{ledger.Query{Dossier: " bakkerij é"}, []uint64{3}},
		{ledger.Query{Dossier: "BE 0402.754.886", Limit: 1}, []uint64{4}},
		{ledger.Query{Dossier: "BE 0402.754.887"}, []uint64{}},
	}
	for _, c := range cases {
		if diff := cmp.Diff(c.want, numbers(t, s.Entries(ctx, c.q))); diff != "" {
			t.Errorf("%+v: %s", c.q, diff)
		}
		heads := []ledger.Head{}
		for h, err := range s.HeadsOf(ctx, c.q) {
			if err != nil {
				t.Fatal(err)
			}
			heads = append(heads, h)
		}
		want := []ledger.Head{}
		for e, err := range s.Entries(ctx, c.q) {
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, e.Head())
		}
		if diff := cmp.Diff(want, heads); diff != "" {
			t.Errorf("%+v: the heads are others (-want +got):\n%s", c.q, diff)
		}
	}
	if diff := cmp.Diff([]uint64{2}, numbers(t, s.OpenEntries(ctx))); diff != "" {
		t.Errorf("open: %s", diff)
	}
}

// The entries of one dossier come chunk by chunk too, newest first.
func TestQueryOfADossier(t *testing.T) {
	t.Parallel()
	s := openNew(t)
	var page []ledger.Entry
	var want []uint64
	for i := range 300 {
		dossier := "D1"
		if i%3 == 0 {
			dossier = "D2"
		} else {
			want = append(want, uint64(i+1))
		}
		page = append(page, found(fmt.Sprint(i), "1", dossier, fmt.Sprint(i)))
	}
	record(t, s, page...)
	slices.Reverse(want)
	if diff := cmp.Diff(want, numbers(t, s.Entries(t.Context(), ledger.Query{Connection: "C1", DossierID: "D1"}))); diff != "" {
		t.Error(diff)
	}
}

// TestIterateWhileEntriesMove iterates over many chunks while the consumer moves the
// entries. No transaction is held open, and each entry comes once.
func TestIterateWhileEntriesMove(t *testing.T) {
	t.Parallel()
	s := openNew(t)
	ctx := t.Context()
	var page []ledger.Entry
	for i := range 700 {
		page = append(page, found(fmt.Sprint(i), "1", fmt.Sprint("D", i), fmt.Sprint(i)))
	}
	record(t, s, page...)
	next := uint64(1)
	for e, err := range s.OpenEntries(ctx) {
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

func TestHistoryIsFoldedAndBounded(t *testing.T) {
	t.Parallel()
	s := openNew(t)
	e := record(t, s, found("A", "1", "D1", "x"))[0]
	tell := func(text string) {
		moved, err := s.Move(t.Context(), ledger.Move{Entry: e, Event: ledger.Event{At: noon, State: e.State, Text: text}})
		if err != nil {
			t.Fatal(err)
		}
		e = moved[0]
	}
	for range 3 {
		tell("the workflow is closed")
	}
	events, err := s.History(t.Context(), 1)
	if err != nil || len(events) != 2 {
		t.Fatalf("three nights of waiting make a history of %d, %v", len(events), err)
	}
	for i := range 300 {
		tell(fmt.Sprint("step ", i))
	}
	events, err = s.History(t.Context(), 1)
	if err != nil || len(events) != 201 {
		t.Fatalf("the history has %d events, %v", len(events), err)
	}
	if events[19].Text != "step 17" || events[20].Text != "Left out here: 102 steps." || events[21].Text != "step 120" || events[200].Text != "step 299" {
		t.Errorf("the gap is not where it should be: %q, %q, %q, %q", events[19].Text, events[20].Text, events[21].Text, events[200].Text)
	}
}

package daemon

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"testing"
	"time"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// listed is a store that has entries, and nothing else.
type listed struct {
	Store
	entries map[uint64]ledger.Entry
}

func (l listed) Entries(context.Context, ledger.Query) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		for _, n := range slices.Backward(slices.Sorted(maps.Keys(l.entries))) {
			if !yield(l.entries[n], nil) {
				return
			}
		}
	}
}

func (l listed) Heads(context.Context) iter.Seq2[ledger.Head, error] {
	return func(yield func(ledger.Head, error) bool) {
		for _, n := range slices.Sorted(maps.Keys(l.entries)) {
			if !yield(l.entries[n].Head(), nil) {
				return
			}
		}
	}
}

func (l listed) Entry(_ context.Context, number uint64) (ledger.Entry, error) {
	e, ok := l.entries[number]
	if !ok {
		return e, problem.New(problem.NotFound, "there is no such entry", "")
	}
	return e, nil
}

func (l listed) Connections(context.Context) ([]ledger.Connection, error) {
	return []ledger.Connection{{ID: "c"}, {ID: "other"}}, nil
}

func (l listed) SameID(_ context.Context, e ledger.Entry) (same []ledger.Entry, err error) {
	for _, n := range slices.Sorted(maps.Keys(l.entries)) {
		if have := l.entries[n]; have.Number != e.Number && have.Connection == e.Connection && have.ID == e.ID {
			same = append(same, have)
		}
	}
	return same, nil
}

func (l listed) Move(_ context.Context, steps ...ledger.Move) ([]ledger.Entry, error) {
	var moved []ledger.Entry
	for _, s := range steps {
		l.entries[s.Entry.Number] = s.Entry
		moved = append(moved, s.Entry)
	}
	return moved, nil
}

// stand is the plain way to tell which entry stands for its dossier.
func stand(entries map[uint64]ledger.Entry) map[dossierKey]uint64 {
	best := map[dossierKey]ledger.Entry{}
	over := func(e ledger.Entry) int {
		return map[ledger.State]int{ledger.Superseded: 2, ledger.Ignored: 1}[e.State]
	}
	for _, n := range slices.Sorted(maps.Keys(entries)) {
		e := entries[n]
		key := dossierKey{e.Connection, e.Dossier.ID}
		have, ok := best[key]
		better := cmp.Or(cmp.Compare(over(have), over(e)), e.FiscalYear.End.Compare(have.FiscalYear.End), cmp.Compare(e.Number, have.Number))
		if !ok || better > 0 {
			best[key] = e
		}
	}
	numbers := map[dossierKey]uint64{}
	for key, e := range best {
		numbers[key] = e.Number
	}
	return numbers
}

// TestDossierIndexFollowsTheLedger changes entries at random: the dossier index always
// shows what the whole ledger says, in each order and year as one that is built anew.
func TestDossierIndexFollowsTheLedger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store := listed{entries: map[uint64]ledger.Entry{}}
		now := func() time.Time { return time.Unix(0, 0) }
		d := New(Config{Store: store, Now: now})
		for range rapid.IntRange(1, 30).Draw(t, "changes") {
			n := rapid.Uint64Range(1, 12).Draw(t, "number")
			e := ledger.Entry{Number: n, Version: store.entries[n].Version + 1, Connection: "c", State: rapid.SampledFrom(ledger.States()).Draw(t, "state")}
			client := rapid.Uint64Range(0, 2).Draw(t, "dossier") // its source may put it under another one
			e.Dossier = ledger.Dossier{ID: fmt.Sprint(client), Name: fmt.Sprintf("Client %d", client)}
			e.FiscalYear.End = balance.Date{Year: rapid.IntRange(2023, 2025).Draw(t, "year"), Month: 12, Day: 31}
			e.UpdatedAt = time.Unix(rapid.Int64Range(0, 5).Draw(t, "updated"), 0)
			if _, err := d.config().Store.Move(t.Context(), ledger.Move{Entry: e}); err != nil {
				t.Fatal(err)
			}
			got := map[dossierKey]uint64{}
			for _, e := range dossiersPageOf(t, d, DossierQuery{}).Entries {
				got[dossierKey{e.Connection, e.Dossier.ID}] = e.Number
			}
			if diff := gocmp.Diff(stand(store.entries), got, gocmp.AllowUnexported(dossierKey{})); diff != "" {
				t.Fatalf("the index has others (-want +got):\n%s", diff)
			}
			q := DossierQuery{Year: rapid.SampledFrom([]int{0, 2023, 2024, 2025}).Draw(t, "of year"),
				Order: rapid.SampledFrom([]DossierOrder{ByName, ByState, ByUpdated, ByYear, ByCreated}).Draw(t, "order")}
			want := dossiersPageOf(t, New(Config{Store: store, Now: now}), q)
			if diff := gocmp.Diff(want, dossiersPageOf(t, d, q)); diff != "" {
				t.Fatalf("%+v gives others than an index that is built anew (-want +got):\n%s", q, diff)
			}
		}
	})
}

func dossiersPageOf(t *rapid.T, d *Daemon, q DossierQuery) DossierPage {
	page, err := d.Dossiers(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// newLargeDaemon returns a daemon that has a hundred thousand dossiers, whose names have
// their number in them.
func newLargeDaemon(name string) (*Daemon, listed) {
	store := listed{entries: map[uint64]ledger.Entry{}}
	for n := uint64(1); n <= 100_000; n++ {
		e := ledger.Entry{Number: n, Connection: "c", State: ledger.Done}
		e.Dossier = ledger.Dossier{ID: fmt.Sprint(n), Name: fmt.Sprintf(name, n)}
		store.entries[n] = e
	}
	return New(Config{Store: store}), store
}

// BenchmarkDossiers searches a hundred thousand dossiers, one of which changed
// since the last time.
func BenchmarkDossiers(b *testing.B) {
	d, store := newLargeDaemon("Cliënt nummer %d uit Gent")
	for b.Loop() {
		d.dossierIndex.update([]ledger.Entry{store.entries[7]})
		if _, err := d.Dossiers(b.Context(), DossierQuery{Search: "gent nummer", Limit: 50}); err != nil {
			b.Fatal(err)
		}
	}
}

// Two changes of an entry may be told in the other order than they were kept:
// the later one stays.
func TestDossierIndexKeepsTheLaterChange(t *testing.T) {
	was := ledger.Entry{Number: 7, Version: 2, Connection: "c", State: ledger.Waiting, Listing: ledger.Listing{Dossier: ledger.Dossier{ID: "d"}}}
	is := was
	is.Version, is.State = 3, ledger.Done
	b := dossierIndex{rows: map[dossierKey]*dossierRows{}, byNumber: map[uint64]*dossierRow{}}
	b.update([]ledger.Entry{is})
	b.update([]ledger.Entry{was})
	if got := b.rows[dossierKey{"c", "d"}]; got == nil || got.latest.state != ledger.Done {
		t.Errorf("the index has %+v", got)
	}
}

// blockingHeads is a store whose walk over all heads waits, once it has read the first.
type blockingHeads struct {
	listed
	reading, goOn chan struct{}
}

func (s blockingHeads) Heads(ctx context.Context) iter.Seq2[ledger.Head, error] {
	return func(yield func(ledger.Head, error) bool) {
		first := true
		for h, err := range s.listed.Heads(ctx) {
			if !yield(h, err) {
				return
			}
			if first {
				close(s.reading)
				<-s.goOn
				first = false
			}
		}
	}
}

// TestDossierIndexIsReadWhileItIsBuiltAgain asks for dossiers while the index, which is
// too old, is built again, and changes one meanwhile: nobody waits, and nothing is lost.
func TestDossierIndexIsReadWhileItIsBuiltAgain(t *testing.T) {
	store := listed{entries: map[uint64]ledger.Entry{}}
	for n := uint64(1); n <= 3; n++ {
		store.entries[n] = ledger.Entry{Number: n, Version: 1, Connection: "c", State: ledger.Waiting,
			Listing: ledger.Listing{Dossier: ledger.Dossier{ID: fmt.Sprint(n)}}}
	}
	now := time.Unix(0, 0)
	var index dossierIndex
	if err := index.build(t.Context(), store, now); err != nil {
		t.Fatal(err)
	}
	now = now.Add(maxIndexAge)
	blocked := blockingHeads{store, make(chan struct{}), make(chan struct{})}
	if err := index.build(t.Context(), blocked, now); err != nil { // begins in the background
		t.Fatal(err)
	}
	<-blocked.reading
	if err := index.build(t.Context(), blocked, now); err != nil { // the second caller does not wait either
		t.Fatal(err)
	}
	if got := index.inOrder(ByName, false); len(got) != 3 {
		t.Errorf("meanwhile it has %d dossiers", len(got))
	}
	changed := store.entries[1] // what was read already
	changed.Version, changed.State = 2, ledger.Done
	index.update([]ledger.Entry{changed})
	if got := index.inOrder(ByState, false); got[2].number != 1 || got[2].state != ledger.Done {
		t.Errorf("meanwhile it has %+v last", got[2])
	}
	close(blocked.goOn)
	index.building.Lock() // until it is built
	defer index.building.Unlock()
	if got := index.inOrder(ByState, false); len(got) != 3 || got[2].number != 1 || got[2].state != ledger.Done {
		t.Errorf("afterwards it has %d dossiers, %+v last", len(got), got[len(got)-1])
	}
	if _, old := index.age(now); old {
		t.Error("it is still old")
	}
}

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

func (l listed) Entry(_ context.Context, number uint64) (ledger.Entry, error) {
	return l.entries[number], nil
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

// TestBoardFollowsTheLedger changes entries at random: the dossier index always shows
// what a look at the whole ledger does.
func TestBoardFollowsTheLedger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store := listed{entries: map[uint64]ledger.Entry{}}
		d := New(Config{Store: store, Now: func() time.Time { return time.Unix(0, 0) }})
		for range rapid.IntRange(1, 30).Draw(t, "changes") {
			n := rapid.Uint64Range(1, 12).Draw(t, "number")
			e := ledger.Entry{Number: n, Connection: "c", State: rapid.SampledFrom(ledger.States()).Draw(t, "state")}
			e.Dossier = ledger.Dossier{ID: fmt.Sprint(n % 3), Name: fmt.Sprintf("Client %d", n%3)}
			e.FiscalYear.End = balance.Date{Year: rapid.IntRange(2023, 2025).Draw(t, "year"), Month: 12, Day: 31}
			if _, err := d.config().Store.Move(t.Context(), ledger.Move{Entry: e}); err != nil {
				t.Fatal(err)
			}
			page, err := d.Dossiers(t.Context(), DossierQuery{})
			if err != nil {
				t.Fatal(err)
			}
			got := map[dossierKey]uint64{}
			for _, e := range page.Entries {
				got[dossierKey{e.Connection, e.Dossier.ID}] = e.Number
			}
			if diff := gocmp.Diff(stand(store.entries), got, gocmp.AllowUnexported(dossierKey{})); diff != "" {
				t.Fatalf("the board shows others (-want +got):\n%s", diff)
			}
		}
	})
}

func TestDossiers(t *testing.T) {
	store := listed{entries: map[uint64]ledger.Entry{}}
	for i, c := range []struct {
		name  string
		state ledger.State
		firm  int64
	}{
		{"Boulangerie Éléonore SRL", ledger.Done, 1}, {"Bakkerij Zilt BV", ledger.Differs, 1},
		{"Atelier Noir SRL", ledger.Waiting, 2}, {"bakkerij aan zee", ledger.Done, 2},
	} {
		n := uint64(i + 1)
		e := ledger.Entry{Number: n, Connection: "c", State: c.state, Target: &ledger.Target{FirmID: c.firm}, UpdatedAt: time.Unix(int64(n), 0)}
		if c.state == ledger.Waiting {
			e.Reason = ledger.HasFindings
		}
		e.Dossier = ledger.Dossier{ID: fmt.Sprintf("1AB%d", n), Name: c.name, EnterpriseNumber: "0402754886"}
		store.entries[n] = e
	}
	d := New(Config{Store: store})
	for _, c := range []struct {
		name  string
		q     DossierQuery
		want  []uint64
		total int
	}{
		{"by name, whatever the case and accents", DossierQuery{}, []uint64{3, 4, 2, 1}, 4},
		{"a page", DossierQuery{Offset: 1, Limit: 2}, []uint64{4, 2}, 4},
		{"beyond the end", DossierQuery{Offset: 9, Limit: 2}, nil, 4},
		{"accents do not count", DossierQuery{Search: "eleonore"}, []uint64{1}, 1},
		{"words in any order", DossierQuery{Search: "ZEE bakk"}, []uint64{4}, 1},
		{"a number as people write it", DossierQuery{Search: "0402.754.886", Limit: 1}, []uint64{3}, 4},
		{"an id", DossierQuery{Search: "1ab2"}, []uint64{2}, 1},
		{"of a state", DossierQuery{States: []ledger.State{ledger.Done}}, []uint64{4, 1}, 2},
		{"for a reason", DossierQuery{Reason: ledger.HasFindings}, []uint64{3}, 1},
		{"of a firm", DossierQuery{FirmID: 2}, []uint64{3, 4}, 2},
		{"what needs somebody first", DossierQuery{Order: ByState}, []uint64{2, 3, 4, 1}, 4},
		{"what changed last first", DossierQuery{Order: ByUpdated, Limit: 1}, []uint64{4}, 4},
	} {
		page, err := d.Dossiers(t.Context(), c.q)
		if err != nil {
			t.Fatal(err)
		}
		var got []uint64
		for _, e := range page.Entries {
			got = append(got, e.Number)
		}
		if !slices.Equal(got, c.want) || page.Total != c.total {
			t.Errorf("%s: %v of %d, want %v of %d", c.name, got, page.Total, c.want, c.total)
		}
	}
	page, err := d.Dossiers(t.Context(), DossierQuery{FirmID: 1, States: []ledger.State{ledger.Done}})
	if want := map[ledger.State]int{ledger.Done: 1, ledger.Differs: 1}; err != nil || !maps.Equal(page.Counts, want) {
		t.Errorf("the counts are %v, want %v, error %v", page.Counts, want, err)
	}
}

// BenchmarkDossiers searches a hundred thousand dossiers, one of which changed
// since the last time.
func BenchmarkDossiers(b *testing.B) {
	store := listed{entries: map[uint64]ledger.Entry{}}
	for n := uint64(1); n <= 100_000; n++ {
		e := ledger.Entry{Number: n, Connection: "c", State: ledger.Done}
		e.Dossier = ledger.Dossier{ID: fmt.Sprint(n), Name: fmt.Sprintf("Cliënt nummer %d uit Gent", n)}
		store.entries[n] = e
	}
	d := New(Config{Store: store})
	for b.Loop() {
		d.dossierIndex.update([]ledger.Entry{store.entries[7]})
		if _, err := d.Dossiers(b.Context(), DossierQuery{Search: "gent 99", Limit: 50}); err != nil {
			b.Fatal(err)
		}
	}
}

// Two changes of an entry may be told in the other order than they were kept:
// the later one stays.
func TestBoardKeepsTheLaterChange(t *testing.T) {
	was := ledger.Entry{Number: 7, Version: 2, Connection: "c", State: ledger.Waiting, Listing: ledger.Listing{Dossier: ledger.Dossier{ID: "d"}}}
	is := was
	is.Version, is.State = 3, ledger.Done
	b := dossierIndex{rows: map[dossierKey]*dossierRow{}}
	b.update([]ledger.Entry{is})
	b.update([]ledger.Entry{was})
	if got := b.rows[dossierKey{"c", "d"}]; got == nil || got.state != ledger.Done {
		t.Errorf("the board has %+v", got)
	}
}

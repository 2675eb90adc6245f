package store_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
	"balansd/store"
)

// model is the ledger in plain maps, with which the store must agree.
type model struct {
	entries map[uint64]ledger.Entry
	stories map[uint64][]string
	values  map[uint64]string         // hash
	written map[string]ledger.Written // target key -> by whom, and the version
	kind    ledger.ConnectionKind
	cursor  string
	now     time.Time
	last    uint64 // the highest number given out
}

func (m *model) numbers() []uint64 { return slices.Sorted(maps.Keys(m.entries)) }

// newest returns the newest entry of an id, with which listings are compared.
func (m *model) newest(id string) (newest ledger.Entry) {
	for _, n := range slices.Sorted(maps.Keys(m.entries)) {
		have := m.entries[n]
		if have.ID == id && (newest.Number == 0 || m.later(have, newest)) {
			newest = have
		}
	}
	return newest
}

// siblings returns the entries of the same balance, by the simplest rule.
func (m *model) siblings(e ledger.Entry) (numbers []uint64) {
	for n, o := range m.entries {
		known := !e.FiscalYear.End.IsZero() && !o.FiscalYear.End.IsZero()
		year := o.FiscalYear.End == e.FiscalYear.End
		strangers := o.Dossier.EnterpriseNumber != "" && e.Dossier.EnterpriseNumber != "" && o.Dossier.EnterpriseNumber != e.Dossier.EnterpriseNumber
		if n != e.Number && !strangers && (o.ID == e.ID && (year || !known) || o.Dossier.ID == e.Dossier.ID && year && known) {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers
}

// take returns what Record makes of a listing, by the simplest rule: the number of the
// entry that it repeats or, if it is new, the entry.
func (m *model) take(e ledger.Entry) (again uint64, fresh *ledger.Entry) {
	newest := m.newest(e.ID)
	same := newest.Number != 0 && newest.SHA256 == e.SHA256
	for n, have := range m.entries {
		if have.ID == e.ID && have.Revision == e.Revision {
			again = n
		}
	}
	switch {
	case m.kind == ledger.Folder && same:
		return newest.Number, nil
	case m.kind == ledger.Folder && again != 0:
		e.Revision += fmt.Sprint("+", newest.Number)
	case again != 0:
		return again, nil
	case same:
		return 0, nil
	}
	for _, have := range m.entries {
		live := have.State != ledger.Superseded && have.State != ledger.Ignored && have.State != ledger.Failed && !m.outdated(have)
		if have.ID != e.ID && have.Dossier.ID == e.Dossier.ID && have.SHA256 == e.SHA256 && (live || have.Reason == ledger.Dismissed) {
			return 0, nil
		}
	}
	return 0, &e
}

// outdated reports whether an entry has a newer sibling.
func (m *model) outdated(e ledger.Entry) bool {
	return slices.ContainsFunc(m.siblings(e), func(n uint64) bool {
		return m.later(m.entries[n], e)
	})
}

// later reports which of two siblings is newer, by the simplest rule.
func (m *model) later(a, b ledger.Entry) bool {
	made := func(e ledger.Entry) time.Time {
		if e.CreatedAt.After(e.FoundAt) {
			return e.FoundAt
		}
		return e.CreatedAt
	}
	switch {
	case a.ID == b.ID && m.kind != ledger.Folder && a.Revision != b.Revision:
		return a.Revision > b.Revision // they have one digit
	case a.ID == b.ID && m.kind == ledger.Folder, made(a).Equal(made(b)):
		return a.Number > b.Number
	default:
		return made(a).After(made(b))
	}
}

// refresh applies a listing to an entry that is not settled.
func (m *model) refresh(n uint64, l ledger.Listing) {
	e := m.entries[n]
	if e.State == ledger.Done || e.State == ledger.Superseded || e.State == ledger.Ignored {
		return
	}
	number := e.Dossier.EnterpriseNumber
	e.Dossier = l.Dossier
	if e.Dossier.EnterpriseNumber == "" {
		e.Dossier.EnterpriseNumber = number
	}
	if e.Dossier.EnterpriseNumber != number {
		e.ValuesHash = "" // it must be read again
	}
	if e.Dossier != m.entries[n].Dossier {
		e.Version++
	}
	m.entries[n] = e
}

func drawEntry(t *rapid.T) ledger.Entry {
	few := func(name string, n int) string { return fmt.Sprint(name, rapid.IntRange(1, n).Draw(t, name)) }
	e := found(few("id", 6), few("", 3), few("D", 3), few("content", 6))
	e.CreatedAt = noon.Add(time.Duration(rapid.IntRange(-4, 1).Draw(t, "created")) * time.Hour)
	e.Dossier.EnterpriseNumber = rapid.SampledFrom([]balance.EnterpriseNumber{"", "0402754886", "0454352156"}).Draw(t, "number")
	e.FiscalYear.End.Year = rapid.IntRange(2023, 2025).Draw(t, "year")
	if e.FiscalYear.End.Year == 2023 {
		e.FiscalYear = balance.Period{} // not known
	}
	return e
}

// drawMove makes a random move of an entry.
func drawMove(t *rapid.T, e ledger.Entry, now time.Time) (ledger.Entry, error) {
	p := ledger.Target{FirmID: 1, CompanyID: rapid.Int64Range(1, 3).Draw(t, "company"), PeriodID: int64(e.FiscalYear.End.Year)}
	switch s := rapid.SampledFrom(ledger.States()).Draw(t, "to"); s {
	case ledger.Found:
		return e.Retry(now)
	case ledger.Waiting:
		return e.Wait(rapid.SampledFrom(ledger.Reasons()).Draw(t, "reason"), "", "", now)
	case ledger.Failed:
		n, err := e.Fail(ledger.Refused, "no", "", balance.DateOf(now), now)
		n.Parked = rapid.Bool().Draw(t, "parked")
		return n, err
	case ledger.Sending:
		return e.Send(p, now)
	case ledger.Done:
		return e.Finish(p, now)
	case ledger.Differs:
		return e.Differ(p, []ledger.Difference{{Cell: balance.Cell{Code: "1003"}, Silverfin: "x"}}, "", "", now)
	case ledger.Superseded:
		return e.Supersede(e.Number+1, now)
	default:
		why := rapid.SampledFrom([]ledger.Reason{ledger.Dismissed, ledger.BeforeActivation}).Draw(t, "why")
		return e.Ignore(why, "left aside", "", now)
	}
}

// TestAgainstModel applies the operations of a daemon and of people in random order,
// closing and reopening the store in between, and compares the store with the model.
func TestAgainstModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "balansd-model")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		o := store.Options{Path: filepath.Join(dir, "balansd.db")}
		s, err := store.Open(o)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		m := &model{map[uint64]ledger.Entry{}, map[uint64][]string{}, map[uint64]string{}, map[string]ledger.Written{},
			rapid.SampledFrom([]ledger.ConnectionKind{ledger.Finbox, ledger.Folder}).Draw(t, "kind"), "", noon, 0}
		var old *saved
		t.Repeat(map[string]func(*rapid.T){
			"record": func(t *rapid.T) { m.record(t, s) },
			"upload": func(t *rapid.T) { m.upload(t, s) },
			"move":   func(t *rapid.T) { m.move(t, s) },
			"reopen": func(t *rapid.T) {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				if s, err = store.Open(o); err != nil {
					t.Fatal(err)
				}
			},
			"prune":  func(t *rapid.T) { m.prune(t, s) },
			"backup": func(t *rapid.T) { old = m.save(t, s) },
			"restore": func(t *rapid.T) {
				if old == nil {
					return
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				m.restore(t, o, old)
				if s, err = store.Open(o); err != nil {
					t.Fatal(err)
				}
			},
			"": func(t *rapid.T) { m.compare(t, s) },
		})
	})
}

func (m *model) record(t *rapid.T, s *store.Store) {
	var page, added []ledger.Entry
	before := maps.Clone(m.entries)
	for range rapid.IntRange(0, 4).Draw(t, "page") {
		e := drawEntry(t)
		page = append(page, e)
		again, fresh := m.take(e)
		if again != 0 {
			m.refresh(again, e.Listing)
		}
		if fresh != nil {
			m.last++
			fresh.Number, fresh.Version = m.last, 1
			m.entries[fresh.Number] = *fresh
			m.stories[fresh.Number] = []string{"The social balance was listed for the first time."}
		}
	}
	for _, n := range slices.Sorted(maps.Keys(m.entries)) {
		if _, ok := before[n]; !ok {
			added = append(added, m.entries[n])
		}
	}
	m.cursor += "."
	c := ledger.Connection{ID: "C1", Kind: m.kind, Cursor: m.cursor}
	got, _, err := s.Record(t.Context(), c, page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(added, got); diff != "" {
		t.Fatal(diff)
	}
}

// move makes one or two steps, some of them based on an old version.
func (m *model) move(t *rapid.T, s *store.Store) {
	if len(m.entries) == 0 {
		return
	}
	m.now = m.now.Add(time.Minute)
	var steps []ledger.Move
	fits := true
	places := map[string]uint64{} // versions after the steps so far
	for _, n := range rapid.SliceOfNDistinct(rapid.SampledFrom(m.numbers()), 1, min(2, len(m.entries)), rapid.ID).Draw(t, "numbers") {
		e, err := drawMove(t, m.entries[n], m.now)
		if err != nil {
			return // ledger does not allow it
		}
		if rapid.IntRange(0, 5).Draw(t, "stale") == 0 {
			e.Version--
			fits = false
		}
		step := ledger.Move{Entry: e, Event: ledger.Event{At: m.now, State: e.State, Reason: e.Reason, Text: "to " + string(e.State)}}
		if rapid.Bool().Draw(t, "values") {
			step.Values = values(n + e.Version)
			step.Entry.ValuesHash = step.Values.Hash()
		}
		if e.Target != nil && rapid.Bool().Draw(t, "written") {
			key := e.Target.Key()
			version, ok := places[key]
			if !ok {
				version = m.written[key].Version
			}
			if rapid.IntRange(0, 5).Draw(t, "stale place") == 0 {
				version += rapid.Uint64Range(1, 2).Draw(t, "ahead")
				fits = false
			}
			places[key] = version + 1
			step.Written = &ledger.Written{Confirmed: ledger.FiguresOf(values(n)), By: n, Version: version}
		}
		steps = append(steps, step)
	}
	moved, err := s.Move(t.Context(), steps...)
	if !fits {
		if !problem.Is(err, problem.Conflict) {
			t.Fatalf("an old version gave %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	for i, step := range steps {
		e := step.Entry
		e.Version++
		if diff := cmp.Diff(e, moved[i]); diff != "" {
			t.Fatal(diff)
		}
		m.keep(e, step)
	}
}

func (m *model) keep(e ledger.Entry, step ledger.Move) {
	m.entries[e.Number] = e
	text := step.Event.Text + string(step.Event.Reason)
	if story := m.stories[e.Number]; story[len(story)-1] != text {
		m.stories[e.Number] = append(story, text)
	}
	if step.Values != nil {
		m.values[e.Number] = step.Values.Hash()
	}
	if step.Written != nil {
		m.written[e.Target.Key()] = ledger.Written{By: step.Written.By, Version: step.Written.Version + 1}
	}
}

func (m *model) compare(t *rapid.T, s *store.Store) {
	ctx := t.Context()
	var all, open []ledger.Entry
	counts := map[ledger.State]int{}
	for _, n := range slices.Sorted(maps.Keys(m.entries)) {
		e := m.entries[n]
		all = append(all, e)
		counts[e.State]++
		if e.Open() {
			open = append(open, e)
		}
	}
	slices.Reverse(all)
	for e, err := range s.Entries(ctx, ledger.Query{}) {
		if err != nil || len(all) == 0 || !cmp.Equal(all[0], e, cmpopts.EquateEmpty()) {
			t.Fatalf("the walk differs, error %v (-want +got):\n%s", err, cmp.Diff(all[:min(1, len(all))], []ledger.Entry{e}))
		}
		all = all[1:]
	}
	for e, err := range s.OpenEntries(ctx) {
		if err != nil || len(open) == 0 || !cmp.Equal(open[0], e, cmpopts.EquateEmpty()) {
			t.Fatalf("the walk of open entries gives %v, %v", e, err)
		}
		open = open[1:]
	}
	if len(all)+len(open) > 0 {
		t.Fatalf("the walks left out %v and %v", all, open)
	}
	got, err := s.Counts(ctx)
	if err != nil || !cmp.Equal(counts, got) {
		t.Fatalf("counts are %v, %v; want %v", got, err, counts)
	}
	for place, want := range m.written {
		var p ledger.Target
		if _, err := fmt.Sscanf(place, "%d/%d/%d/%d", &p.FirmID, &p.CompanyID, &p.PeriodID, &p.ReconciliationID); err != nil {
			t.Fatal(err)
		}
		if w, err := s.Written(ctx, p); err != nil || w.By != want.By || w.Version != want.Version {
			t.Fatalf("of place %s is known %+v, %v; want %+v", place, w, err, want)
		}
	}
	if len(m.entries) > 0 {
		m.compareOne(t, s, m.entries[rapid.SampledFrom(m.numbers()).Draw(t, "look at")])
	}
}

// compareOne compares everything stored for one entry.
func (m *model) compareOne(t *rapid.T, s *store.Store, e ledger.Entry) {
	ctx := t.Context()
	story, err := s.History(ctx, e.Number)
	texts := []string{}
	for _, event := range story {
		if !strings.Contains(event.Text, "under another name") { // TestRecordLeavesDismissedContentAside covers those
			texts = append(texts, event.Text+string(event.Reason))
		}
	}
	if diff := cmp.Diff(m.stories[e.Number], texts); diff != "" || err != nil {
		t.Fatal(diff, err)
	}
	v, err := s.Values(ctx, e.Number)
	if hash, ok := m.values[e.Number]; err != nil || ok != (v != nil) || ok && v.Hash() != hash {
		t.Fatalf("values %v, %v", v, err)
	}
	var got []uint64
	want := m.siblings(e)
	siblings, err := s.Siblings(ctx, e)
	for _, o := range siblings {
		got = append(got, o.Number)
	}
	if err != nil || !slices.Equal(want, got) {
		t.Fatalf("siblings of %d are %v, %v; want %v", e.Number, got, err, want)
	}
	cs, err := s.Connections(ctx)
	if err != nil || len(cs) != 1 || cs[0].Cursor != m.cursor {
		t.Fatalf("connections %v, %v; want cursor %s", cs, err, m.cursor)
	}
}

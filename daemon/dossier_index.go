package daemon

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unique"

	"balansd/balance"
	"balansd/ledger"

	"golang.org/x/text/cases"
	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// maxIndexAge is the age at which the index is built anew. Changes by this daemon show
// at once, those by another one on the same state once that is done.
const maxIndexAge = 10 * time.Minute

// dossierIndex holds all dossiers in memory, so that people can search and sort a
// hundred thousand of them at once. It is built on first use and is safe for
// concurrent use. While it is built again, the former one is used.
type dossierIndex struct {
	building sync.Mutex // held while it is built

	mu         sync.Mutex
	recording  bool          // while it is built: changes are recorded in missed
	missed     []*dossierRow // those that what is being built may lack
	builtAt    time.Time
	generation uint64 // grows with every change
	rows       map[dossierKey]*dossierRows
	byNumber   map[uint64]*dossierRow
	latest     rowLists // one row a dossier
	byYear     rowLists // one row a dossier and financial year
	yearList   yearsAt
	selections selections

	lastOverview overviewAt
}

// dossierRows are the rows of a dossier.
type dossierRows struct {
	all    []*dossierRow // one a balance
	latest *dossierRow
	byYear []*dossierRow // those whose financial year is known, one of each
}

// yearsAt are the years of all rows, as they were at a generation.
type yearsAt struct {
	years      []int
	generation uint64
}

type dossierKey struct{ connection, dossier string }

// dossierRow is what is searched and sorted by. It is never changed once it is
// in the index.
type dossierRow struct {
	key        dossierKey
	number     uint64 // of the balance that represents the dossier
	version    uint64 // of its entry
	end        balance.Date
	updated    time.Time
	created    time.Time
	since      time.Time // in its state, for its cause
	state      ledger.State
	stateIndex int    // of the state in ledger.States, for counting
	cause      string // why it waits or is ignored, or how it failed
	firm       int64
	company    int64
	name       string // folded, for searching
	search     string
	enterprise string // the enterprise number, a part of search; empty for none
}

// fold returns a text without case and accents, for comparing.
func fold(s string) string {
	if ascii(s) { // nearly all of them
		return strings.ToLower(s)
	}
	t := transform.Chain(norm.NFD, runes.Remove(runes.In(unicode.Mn)), norm.NFC, cases.Fold())
	out, _, err := transform.String(t, s)
	if err != nil {
		return strings.ToLower(s)
	}
	return out
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= unicode.MaxASCII {
			return false
		}
	}
	return true
}

// rowOf makes the row of an entry. It does not hold on to the texts of the head, which
// are one piece of memory: a hundred thousand rows would take twice as much.
func rowOf(e ledger.Head) *dossierRow {
	d := e.Dossier
	r := &dossierRow{key: dossierKey{unique.Make(e.Connection).Value(), strings.Clone(d.ID)}, number: e.Number, version: e.Version, end: e.YearEnd,
		updated: e.UpdatedAt, created: e.CreatedAt, stateIndex: max(0, slices.Index(ledger.States(), e.State)),
		since: e.Since, cause: unique.Make(e.Cause).Value(), firm: e.FirmID, company: e.CompanyID}
	r.state = unique.Make(e.State).Value()
	name := fold(cmp.Or(d.Name, d.ID))
	parts := []string{name, fold(d.ID), fold(d.AffiliationNumber), d.EnterpriseNumber.String(), d.EnterpriseNumber.Pretty(),
		fold(e.ID), "#" + strconv.FormatUint(e.Number, 10) + "\n"}
	if e.CompanyName != "" {
		parts = append(parts, fold(e.CompanyName))
	}
	r.search = strings.Join(parts, "\n")
	r.name = r.search[:len(name)]
	at := len(parts[0]) + len(parts[1]) + len(parts[2]) + 3
	r.enterprise = r.search[at : at+len(parts[3])]
	return r
}

// represents reports whether r represents its dossier rather than o: an entry that
// is not superseded or ignored comes first, then the later year, then the newer
// balance.
func (r *dossierRow) represents(o *dossierRow) bool {
	over := func(x *dossierRow) int {
		switch x.state {
		case ledger.Superseded:
			return 2
		case ledger.Ignored:
			return 1
		default:
			return 0
		}
	}
	if c := cmp.Compare(over(o), over(r)); c != 0 {
		return c > 0
	}
	if c := r.end.Compare(o.end); c != 0 {
		return c > 0
	}
	return r.number >= o.number
}

// put adds a row to the index, in the place of that of an earlier version of its entry.
func (b *dossierIndex) put(r *dossierRow) {
	old := b.byNumber[r.number]
	if old != nil && old.version > r.version {
		return // a stale update: the newer one came first
	}
	b.byNumber[r.number] = r
	if old != nil {
		d := b.rows[old.key]
		d.all = slices.DeleteFunc(d.all, func(o *dossierRow) bool { return o == old })
		if old.key != r.key { // the source has it under another dossier now
			b.choose(d, old.end)
			if len(d.all) == 0 {
				delete(b.rows, old.key)
			}
		}
	}
	d := b.rows[r.key]
	if d == nil {
		d = &dossierRows{}
		b.rows[r.key] = d
	}
	d.all = append(d.all, r)
	b.choose(d, r.end)
	if old != nil && old.key == r.key && old.end != r.end {
		b.choose(d, old.end)
	}
}

// choose sets the rows that represent a dossier, and its financial year that ends on end.
func (b *dossierIndex) choose(d *dossierRows, end balance.Date) {
	var latest, ofYear *dossierRow
	for _, r := range d.all {
		if latest == nil || r.represents(latest) {
			latest = r
		}
		if r.end == end && (ofYear == nil || r.represents(ofYear)) {
			ofYear = r
		}
	}
	b.latest.replace(d.latest, latest)
	d.latest = latest
	if end.IsZero() {
		return
	}
	i := slices.IndexFunc(d.byYear, func(o *dossierRow) bool { return o.end == end })
	if i < 0 {
		i = len(d.byYear)
		d.byYear = append(d.byYear, nil)
	}
	b.byYear.replace(d.byYear[i], ofYear)
	if d.byYear[i] = ofYear; ofYear == nil {
		d.byYear = slices.Delete(d.byYear, i, i+1)
	}
}

// update brings the index up to date with entries that were changed.
func (b *dossierIndex) update(entries []ledger.Entry) {
	rows := make([]*dossierRow, len(entries))
	for i, e := range entries {
		rows[i] = rowOf(e.Head())
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.generation++
	if b.recording {
		b.missed = append(b.missed, rows...)
	}
	if b.rows == nil {
		return
	}
	for _, r := range rows {
		b.put(r)
	}
}

// build builds the index on first use, and again, beside the callers, when it is old.
func (b *dossierIndex) build(ctx context.Context, store Store, now time.Time) error {
	built, old := b.age(now)
	switch {
	case built && !old:
		return nil
	case built:
		if b.building.TryLock() {
			go func() {
				defer b.building.Unlock()
				_ = b.rebuild(context.WithoutCancel(ctx), store, now) // the next caller tries again
			}()
		}
		return nil
	}
	b.building.Lock()
	defer b.building.Unlock()
	if built, _ := b.age(now); built {
		return nil // by another caller
	}
	return b.rebuild(ctx, store, now)
}

// age reports whether the index was built, and is too old.
func (b *dossierIndex) age(now time.Time) (built, old bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.rows != nil, now.Sub(b.builtAt).Abs() >= maxIndexAge
}

// rebuild builds the index from the ledger. The caller holds building.
func (b *dossierIndex) rebuild(ctx context.Context, store Store, now time.Time) error {
	b.mu.Lock()
	b.recording = true
	size := len(b.byNumber)
	orders := [2][]DossierOrder{slices.Collect(maps.Keys(b.latest.lists)), slices.Collect(maps.Keys(b.byYear.lists))}
	b.mu.Unlock()
	fresh := &dossierIndex{rows: make(map[dossierKey]*dossierRows, size), byNumber: make(map[uint64]*dossierRow, size)}
	var err error
	for h, readErr := range store.Heads(ctx) {
		if err = readErr; err != nil {
			break
		}
		fresh.put(rowOf(h))
	}
	for i, used := range orders {
		for _, o := range used { // those that people look at; it takes a while
			fresh.inOrder(o, i == 1)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == nil {
		for _, r := range b.missed {
			fresh.put(r)
		}
		b.rows, b.byNumber, b.latest, b.byYear, b.builtAt = fresh.rows, fresh.byNumber, fresh.latest, fresh.byYear, now
		b.generation++
	}
	b.recording, b.missed = false, nil
	return err
}

// inCompany returns the dossiers that go to a company.
func (b *dossierIndex) inCompany(firm, company int64) []dossierKey {
	b.mu.Lock()
	defer b.mu.Unlock()
	var keys []dossierKey
	for key, rows := range b.rows {
		if r := rows.latest; r.firm == firm && r.company == company {
			keys = append(keys, key)
		}
	}
	return keys
}

// inOrder returns rows in an order: one a dossier, or one a dossier and financial year.
// The slice must not be changed.
func (b *dossierIndex) inOrder(o DossierOrder, byYear bool) []*dossierRow {
	b.mu.Lock()
	defer b.mu.Unlock()
	lists := &b.latest
	if byYear {
		lists = &b.byYear
	}
	return lists.inOrder(o, func(yield func(*dossierRow) bool) {
		for _, d := range b.rows {
			rows := []*dossierRow{d.latest}
			if byYear {
				rows = d.byYear
			}
			for _, r := range rows {
				if !yield(r) {
					return
				}
			}
		}
	})
}

// indexedStore is a Store that updates the dossier index with each change.
type indexedStore struct {
	Store
	dossierIndex *dossierIndex
}

func (s indexedStore) Move(ctx context.Context, moves ...ledger.Move) ([]ledger.Entry, error) {
	moved, err := s.Store.Move(ctx, moves...)
	if err == nil {
		s.dossierIndex.update(moved)
	}
	return moved, err
}

func (s indexedStore) RecordUpload(ctx context.Context, c ledger.Connection, m ledger.Move) (ledger.Entry, bool, error) {
	e, added, err := s.Store.RecordUpload(ctx, c, m)
	if added {
		s.dossierIndex.update([]ledger.Entry{e})
	}
	return e, added, err
}

func (s indexedStore) Record(ctx context.Context, c ledger.Connection, found []ledger.Entry) (added, updated []ledger.Entry, err error) {
	added, updated, err = s.Store.Record(ctx, c, found)
	if err == nil && len(added)+len(updated) > 0 {
		s.dossierIndex.update(slices.Concat(added, updated))
	}
	return added, updated, err
}

// years returns the years in which a financial year ends, newest first. The slice must
// not be changed.
func (b *dossierIndex) years() []int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.yearList.years != nil && b.yearList.generation == b.generation {
		return b.yearList.years
	}
	seen := map[int]bool{}
	for _, d := range b.rows {
		for _, r := range d.byYear {
			seen[r.end.Year] = true
		}
	}
	years := slices.SortedFunc(maps.Keys(seen), func(x, y int) int { return cmp.Compare(y, x) })
	b.yearList = yearsAt{years, b.generation}
	return years
}

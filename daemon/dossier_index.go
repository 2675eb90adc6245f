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

	"balansd/balance"
	"balansd/ledger"

	"golang.org/x/text/cases"
	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// maxIndexAge is the age at which the index is built anew. Changes by this daemon show
// at once, those by another one on the same state after this time at the latest.
const maxIndexAge = 10 * time.Minute

// dossierIndex holds all dossiers in memory, so that people can search and sort a
// hundred thousand of them at once. It is built on first use and is safe for
// concurrent use.
type dossierIndex struct {
	mu         sync.Mutex
	builtAt    time.Time
	generation uint64 // grows with every change
	rows       map[dossierKey]*dossierRows
	latest     rowLists // one row a dossier
	byYear     rowLists // one row a dossier and financial year
	yearList   yearsAt

	lastOverview overviewAt
}

// dossierRows are the rows of a dossier.
type dossierRows struct {
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

// rowOf makes the row of an entry.
func rowOf(e ledger.Entry) *dossierRow {
	d := e.Dossier
	r := &dossierRow{key: dossierKey{e.Connection, d.ID}, number: e.Number, version: e.Version, end: e.FiscalYear.End,
		updated: e.UpdatedAt, created: e.CreatedAt, state: e.State, stateIndex: max(0, slices.Index(ledger.States(), e.State)),
		since: e.Since, cause: e.Cause(), name: fold(cmp.Or(d.Name, d.ID))}
	parts := []string{r.name, fold(d.ID), fold(d.AffiliationNumber), d.EnterpriseNumber.String(), d.EnterpriseNumber.Pretty(),
		fold(e.ID), "#" + strconv.FormatUint(e.Number, 10) + "\n"}
	if e.Target != nil {
		r.firm, r.company = e.Target.FirmID, e.Target.CompanyID
		parts = append(parts, fold(e.Target.CompanyName))
	}
	r.search = strings.Join(parts, "\n")
	r.enterprise = strings.SplitN(r.search, "\n", 5)[3]
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

// put adds a row to the index, unless another represents its dossier, and its financial
// year. unsure reports that the index has to be built again to decide that.
func (b *dossierIndex) put(r *dossierRow) (unsure bool) {
	d := b.rows[r.key]
	if d == nil {
		d = &dossierRows{}
		b.rows[r.key] = d
	}
	unsure = b.latest.put(&d.latest, r)
	if slices.ContainsFunc(d.byYear, func(o *dossierRow) bool { return o.number == r.number && o.end != r.end && o.version < r.version }) {
		return true // it left its year
	}
	if r.end.IsZero() {
		return unsure
	}
	i := slices.IndexFunc(d.byYear, func(o *dossierRow) bool { return o.end == r.end })
	if i < 0 {
		i = len(d.byYear)
		d.byYear = append(d.byYear, nil)
	}
	return b.byYear.put(&d.byYear[i], r) || unsure
}

// update brings the index up to date with entries that were changed.
func (b *dossierIndex) update(entries []ledger.Entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.generation++
	if b.rows == nil {
		return
	}
	for _, e := range entries {
		if b.put(rowOf(e)) {
			b.rows = nil
			return
		}
	}
}

// invalidate has the index built anew when it is used next.
func (b *dossierIndex) invalidate() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.generation++
	b.rows = nil
}

// build builds the index unless there is one that is not too old.
func (b *dossierIndex) build(ctx context.Context, store Store, now time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rows != nil && now.Sub(b.builtAt).Abs() < maxIndexAge {
		return nil
	}
	fresh := &dossierIndex{rows: make(map[dossierKey]*dossierRows, len(b.rows))}
	for e, err := range store.Entries(ctx, ledger.Query{}) {
		if err != nil {
			return err
		}
		fresh.put(rowOf(e))
	}
	b.rows, b.latest, b.byYear, b.builtAt = fresh.rows, rowLists{}, rowLists{}, now
	b.generation++
	return nil
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

func (s indexedStore) Record(ctx context.Context, c ledger.Connection, found []ledger.Entry) ([]ledger.Entry, error) {
	added, err := s.Store.Record(ctx, c, found)
	if len(found) > 0 {
		// What was there already may have been brought up to date.
		s.dossierIndex.invalidate()
	}
	return added, err
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

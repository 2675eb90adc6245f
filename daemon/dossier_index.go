package daemon

import (
	"cmp"
	"context"
	"slices"
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
	rows       map[dossierKey]*dossierRow
	sorted     map[DossierOrder]sortedRows
}

// sortedRows are all rows in an order, as they were at a generation.
type sortedRows struct {
	rows       []*dossierRow
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
	state      ledger.State
	reason     ledger.Reason
	stateIndex int // of the state in ledger.States, for counting
	firm       int64
	company    int64
	name       string // folded, for searching
	search     string
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
		updated: e.UpdatedAt, state: e.State, reason: e.Reason, stateIndex: max(0, slices.Index(ledger.States(), e.State)), name: fold(cmp.Or(d.Name, d.ID))}
	if e.Target != nil {
		r.firm, r.company = e.Target.FirmID, e.Target.CompanyID
	}
	parts := []string{r.name, fold(d.ID), fold(d.AffiliationNumber), d.EnterpriseNumber.String(), d.EnterpriseNumber.Pretty()}
	if e.Target != nil {
		parts = append(parts, fold(e.Target.CompanyName))
	}
	r.search = strings.Join(parts, "\n")
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

// put adds a row to the index, unless another represents its dossier. unsure reports
// that the index has to be built again to decide that.
func (b *dossierIndex) put(r *dossierRow) (unsure bool) {
	have, ok := b.rows[r.key]
	switch {
	case ok && have.number == r.number && have.version > r.version:
		// A stale update: the newer one came first.
	case !ok || r.represents(have):
		b.rows[r.key] = r
	case have.number == r.number:
		return true // it represented its dossier, and perhaps no longer does
	}
	return false
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
	fresh := &dossierIndex{rows: make(map[dossierKey]*dossierRow, len(b.rows))}
	for e, err := range store.Entries(ctx, ledger.Query{}) {
		if err != nil {
			return err
		}
		fresh.put(rowOf(e))
	}
	b.rows, b.builtAt = fresh.rows, now
	b.generation++
	return nil
}

// inCompany returns the dossiers that go to a company.
func (b *dossierIndex) inCompany(firm, company int64) []dossierKey {
	b.mu.Lock()
	defer b.mu.Unlock()
	var keys []dossierKey
	for key, r := range b.rows {
		if r.firm == firm && r.company == company {
			keys = append(keys, key)
		}
	}
	return keys
}

// inOrder returns all rows in an order. The slice must not be changed.
func (b *dossierIndex) inOrder(o DossierOrder) []*dossierRow {
	b.mu.Lock()
	defer b.mu.Unlock()
	have, ok := b.sorted[o]
	if ok && have.generation == b.generation {
		return have.rows
	}
	// Little changes from one query to the next, and what is nearly in order is
	// sorted fast.
	rows := make([]*dossierRow, 0, len(b.rows))
	old := make(map[dossierKey]bool, len(have.rows))
	for _, r := range have.rows {
		if now, there := b.rows[r.key]; there {
			rows, old[r.key] = append(rows, now), true
		}
	}
	if len(rows) < len(b.rows) {
		for key, r := range b.rows {
			if !old[key] {
				rows = append(rows, r)
			}
		}
	}
	slices.SortFunc(rows, o.compare())
	if b.sorted == nil {
		b.sorted = map[DossierOrder]sortedRows{}
	}
	b.sorted[o] = sortedRows{rows, b.generation}
	return rows
}

// compare orders rows; of equal ones by name, and by number at last, so that a
// page never shows a dossier twice.
func (o DossierOrder) compare() func(a, b *dossierRow) int {
	byName := func(a, b *dossierRow) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.number, b.number))
	}
	switch o {
	case ByUpdated:
		return func(a, b *dossierRow) int { return cmp.Or(b.updated.Compare(a.updated), byName(a, b)) }
	case ByState:
		// What needs somebody comes first.
		first := []ledger.State{ledger.Differs, ledger.Failed, ledger.Waiting, ledger.Sending, ledger.Found, ledger.Done}
		rank := func(r *dossierRow) int {
			if i := slices.Index(first, r.state); i >= 0 {
				return i
			}
			return len(first)
		}
		return func(a, b *dossierRow) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), byName(a, b)) }
	case ByYear:
		return func(a, b *dossierRow) int { return cmp.Or(b.end.Compare(a.end), byName(a, b)) }
	default:
		return byName
	}
}

// DossierOrder says how dossiers are sorted.
type DossierOrder string

// The orders.
const (
	ByName    DossierOrder = "name"
	ByState   DossierOrder = "state"   // what needs somebody first
	ByUpdated DossierOrder = "updated" // what changed last first
	ByYear    DossierOrder = "year"    // the latest financial year first
)

// DossierQuery selects dossiers. The zero DossierQuery is all of them, by name.
type DossierQuery struct {
	Search     string         `json:"search,omitempty"` // words, all of which the name, an id or a number holds
	States     []ledger.State `json:"states,omitempty"`
	Reason     ledger.Reason  `json:"reason,omitempty"`
	FirmID     int64          `json:"firm_id,omitempty"`
	Connection string         `json:"connection,omitempty"`
	Order      DossierOrder   `json:"order,omitempty"`
	Offset     int            `json:"offset,omitempty"`
	Limit      int            `json:"limit,omitempty"` // 0 for all
}

// DossierPage is a page of dossiers. Each is shown by one balance: of those that
// count, that of the latest year.
type DossierPage struct {
	Entries []ledger.Entry       `json:"entries"`
	Total   int                  `json:"total"`  // how many match
	Counts  map[ledger.State]int `json:"counts"` // how many match but for the states asked for, by state
}

// Dossiers lists dossiers.
func (d *Daemon) Dossiers(ctx context.Context, q DossierQuery) (DossierPage, error) {
	store := d.config().Store
	if err := d.dossierIndex.build(ctx, store, d.config().Now()); err != nil {
		return DossierPage{}, err
	}
	page := DossierPage{Counts: map[ledger.State]int{}, Entries: []ledger.Entry{}}
	words := strings.Fields(fold(q.Search))
	var numbers []uint64
	states := ledger.States()
	counts := make([]int, len(states)) // a map would take most of the time
	for _, r := range d.dossierIndex.inOrder(q.Order) {
		if !r.matches(q, words) {
			continue
		}
		counts[r.stateIndex]++
		if len(q.States) > 0 && !slices.Contains(q.States, r.state) {
			continue
		}
		page.Total++
		if page.Total > q.Offset && (q.Limit == 0 || len(numbers) < q.Limit) {
			numbers = append(numbers, r.number)
		}
	}
	for i, n := range counts {
		if n > 0 {
			page.Counts[states[i]] = n
		}
	}
	for _, n := range numbers {
		e, err := store.Entry(ctx, n)
		if err != nil {
			return DossierPage{}, err
		}
		page.Entries = append(page.Entries, e)
	}
	return page, nil
}

func (r *dossierRow) matches(q DossierQuery, words []string) bool {
	if q.FirmID != 0 && r.firm != q.FirmID || q.Reason != "" && r.reason != q.Reason || q.Connection != "" && r.key.connection != q.Connection {
		return false
	}
	for _, w := range words {
		if !strings.Contains(r.search, w) {
			return false
		}
	}
	return true
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

package daemon

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"balansd/ledger"
	"balansd/problem"
)

// DossierOrder says how dossiers are sorted.
type DossierOrder string

// The orders.
const (
	ByName    DossierOrder = "name"
	ByState   DossierOrder = "state"   // what needs somebody first
	ByUpdated DossierOrder = "updated" // what changed last first
	ByYear    DossierOrder = "year"    // the latest financial year first
	ByCreated DossierOrder = "created" // the newest balance first
)

// DossierQuery selects dossiers. The zero DossierQuery is all of them, by name.
type DossierQuery struct {
	// Search is words, all of which the name, an id or a number holds: enterprise
	// numbers in any spelling, affiliation numbers, sync references, names of companies
	// in Silverfin, and balances by their id or as #8.
	Search     string         `json:"search,omitempty"`
	States     []ledger.State `json:"states,omitempty"`
	Cause      string         `json:"reason,omitempty"` // as ledger.Entry.Cause has it
	FirmID     int64          `json:"firm_id,omitempty"`
	Connection string         `json:"connection,omitempty"`
	Year       int            `json:"year,omitempty"` // in which the financial year ends; 0 for the latest of each dossier
	// EveryYear lists each financial year of a dossier, where no Year is asked for.
	EveryYear bool `json:"every_year,omitempty"`
	// Missing selects the dossiers that had a balance of a financial year that ended in
	// the year before and have none of one that ended in this year; 0 for all.
	Missing int          `json:"missing,omitempty"`
	Order   DossierOrder `json:"order,omitempty"`
	Reverse bool         `json:"reverse,omitempty"`
	Offset  int          `json:"offset,omitempty"`
	Limit   int          `json:"limit,omitempty"` // 0 for all
}

// DossierPage is a page of dossiers. Each is shown by one balance: of those that
// count, that of the latest year, or of the year that was asked for.
type DossierPage struct {
	Entries []ledger.Entry       `json:"entries"`
	Total   int                  `json:"total"`  // how many match
	Counts  map[ledger.State]int `json:"counts"` // how many match but for the states asked for, by state
	// Causes says how many match but for the cause asked for, by ledger.Entry.Cause.
	Causes map[string]int `json:"reasons,omitempty"`
	// Years are the years in which a financial year ends, newest first.
	Years []int `json:"years,omitempty"`
	// Suggestions are searches that find something, where this one found nothing
	// because of a slip.
	Suggestions []SearchSuggestion `json:"suggestions,omitempty"`
}

// Dossiers lists dossiers.
func (d *Daemon) Dossiers(ctx context.Context, q DossierQuery) (DossierPage, error) {
	store := d.config().Store
	if err := d.dossierIndex.build(ctx, store, d.config().Now()); err != nil {
		return DossierPage{}, err
	}
	s, err := d.dossierIndex.selected(q, func() (selection, error) { return d.selectDossiers(ctx, q) })
	if err != nil {
		return DossierPage{}, err
	}
	page := s.page
	page.Counts, page.Causes, page.Suggestions = maps.Clone(page.Counts), maps.Clone(page.Causes), slices.Clone(page.Suggestions)
	page.Years, page.Entries = d.dossierIndex.years(), []ledger.Entry{}
	numbers := s.numbers[min(q.Offset, len(s.numbers)):]
	if q.Limit > 0 {
		numbers = numbers[:min(q.Limit, len(numbers))]
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

// selectDossiers selects dossiers from the index.
func (d *Daemon) selectDossiers(ctx context.Context, q DossierQuery) (selection, error) {
	terms, err := searchTerms(ctx, d.config().Store, q.Search)
	if err != nil {
		return selection{}, err
	}
	if q.Missing != 0 {
		q.Year = q.Missing - 1
	}
	rows := d.dossierIndex.inOrder(q.Order, q.Year != 0 || q.EveryYear)
	if q.Missing != 0 {
		rows = d.dossierIndex.withoutBalance(rows, q.Missing)
	}
	s := selectRows(rows, q, terms)
	if len(s.page.Counts) == 0 && q.Search != "" {
		s.page.Suggestions = suggestSearches(q, rows)
	}
	return s, nil
}

// selectRows returns the rows that a query selects, and counts them.
func selectRows(rows []*dossierRow, q DossierQuery, terms []searchTerm) selection {
	s := selection{page: DossierPage{Counts: map[ledger.State]int{}, Causes: map[string]int{}}}
	states := ledger.States()
	counts := make([]int, len(states)) // a map would take most of the time
	for i := range rows {
		r := rows[i]
		if q.Reverse {
			r = rows[len(rows)-1-i]
		}
		if !r.matches(q, terms) {
			continue
		}
		ofCause := q.Cause == "" || r.cause == q.Cause
		if ofCause {
			counts[r.stateIndex]++
		}
		if len(q.States) > 0 && !slices.Contains(q.States, r.state) {
			continue
		}
		if r.cause != "" {
			s.page.Causes[r.cause]++
		}
		if ofCause {
			s.numbers = append(s.numbers, r.number)
		}
	}
	s.page.Total = len(s.numbers)
	for i, n := range counts {
		if n > 0 {
			s.page.Counts[states[i]] = n
		}
	}
	return s
}

// matches reports whether a row is selected, whatever its state and cause.
func (r *dossierRow) matches(q DossierQuery, terms []searchTerm) bool {
	if q.FirmID != 0 && r.firm != q.FirmID || q.Connection != "" && r.key.connection != q.Connection || q.Year != 0 && r.end.Year != q.Year {
		return false
	}
	for _, t := range terms {
		if !strings.Contains(r.search, t.text) && !slices.Contains(t.dossiers, r.key) {
			return false
		}
	}
	return true
}

// searchTerm is one thing that a person searches for.
type searchTerm struct {
	text     string       // folded
	dossiers []dossierKey // that have a balance of this number or id, perhaps an older one
}

// numberInSearch is an enterprise number as people write it, on an invoice too. It may
// have a slip: whether it is one is not asked.
var numberInSearch = regexp.MustCompile(`(?:\b|be)[\s.\-]*\(?[01]?\)?[\s.\-]?\d{3}[\s.\-]?\d{3}[\s.\-]?\d{3}\b`)

// foldSearch returns the words of a search, each enterprise number as its digits.
func foldSearch(search string) []string {
	text := numberInSearch.ReplaceAllStringFunc(fold(search), func(s string) string {
		digits := onlyDigits(s)
		if len(digits) == 9 { // the older form
			digits = "0" + digits
		}
		return " " + digits + " "
	})
	words := strings.Fields(text)
	for i, w := range words {
		if rest, ok := strings.CutPrefix(w, "be"); ok && onlyDigits(rest) != "" && strings.Trim(rest, "0123456789.") == "" {
			words[i] = rest // a part of a number
		}
	}
	// BE alone, or what a number leaves of "BE ", is no word of a name.
	if len(words) > 1 && slices.ContainsFunc(words, func(w string) bool { return onlyDigits(w) != "" }) {
		words = slices.DeleteFunc(words, func(w string) bool { return w == "be" })
	}
	return words
}

func onlyDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

// searchTerms returns what a search asks for.
func searchTerms(ctx context.Context, store Store, search string) ([]searchTerm, error) {
	ids := map[string]string{} // as they were typed
	for _, word := range strings.Fields(search) {
		ids[fold(word)] = word
	}
	words := foldSearch(search)
	terms := make([]searchTerm, 0, len(words))
	for _, w := range words {
		t := searchTerm{text: w}
		var err error
		switch number, isNumber := strings.CutPrefix(w, "#"); {
		case isNumber:
			t.text += "\n" // #8 is not #81
			t.dossiers, err = dossierOfEntry(ctx, store, number)
		case ids[w] != "" && onlyDigits(w) != "":
			t.dossiers, err = dossiersOfID(ctx, store, ids[w])
		}
		if err != nil {
			return nil, err
		}
		terms = append(terms, t)
	}
	return terms, nil
}

// dossierOfEntry returns the dossier of an entry; none where there is no such entry.
func dossierOfEntry(ctx context.Context, store Store, number string) ([]dossierKey, error) {
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return nil, nil
	}
	e, err := store.Entry(ctx, n)
	switch {
	case problem.Is(err, problem.NotFound):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return []dossierKey{{e.Connection, e.Dossier.ID}}, nil
}

// dossiersOfID returns the dossiers that have a balance of this id, also one that was
// superseded.
func dossiersOfID(ctx context.Context, store Store, id string) (keys []dossierKey, err error) {
	connections, err := store.Connections(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range connections {
		entries, err := store.SameID(ctx, ledger.Entry{Connection: c.ID, Listing: ledger.Listing{ID: id}})
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			keys = append(keys, dossierKey{e.Connection, e.Dossier.ID})
		}
	}
	return keys, nil
}

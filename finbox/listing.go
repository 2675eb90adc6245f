package finbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"balansd/balance"
	"balansd/internal/clip"
	"balansd/ledger"
)

// List iterates over the pages of balances created since cursor, each page oldest
// first. The cursor is the creation time of the newest balance and the entity tag
// of the listing. Only the last page has a new cursor: whatever order Finbox lists
// in, nothing older can follow then. The overlap is subtracted from the cursor;
// with the empty cursor everything is listed, also from before the start date of
// the connection. If the entity tag still matches, nothing is new, and the only
// page is empty and has the same cursor.
//
// A malformed item is named in the page's Problems, and for a week the cursor stays
// before it, so that it is listed again. The error of a deactivated connection is
// ledger.ErrDeactivated.
func (c *Connection) List(ctx context.Context, cursor string) iter.Seq2[ledger.Page, error] {
	return func(yield func(ledger.Page, error) bool) {
		w := listingWalk{connection: c, now: c.client.cfg.Now(), cursor: cursor}
		after, tag := time.Unix(0, 0), "" // without a time Finbox leaves out what is before the start date
		if cursor != "" {
			var err error
			if w.start, tag, err = parseCursor(cursor); err != nil {
				w.cursor = ""
				w.problems = append(w.problems, fmt.Sprintf(
					"The saved cursor of %s is unreadable; everything is listed again.", c))
			} else {
				after = w.start.Add(-c.client.cfg.Overlap)
			}
		}
		query := url.Values{"created_after": {after.UTC().Format(time.RFC3339Nano)}}
		for answer, err := range c.pages(ctx, "/social-balances", query, tag) {
			if err != nil {
				yield(ledger.Page{}, err)
				return
			}
			if answer.unchanged {
				yield(ledger.Page{Cursor: cursor}, nil)
				return
			}
			if !yield(w.page(answer), nil) {
				return
			}
		}
	}
}

// Dossiers iterates over the dossiers of the environment, page by page. Dossiers
// without an id are left out.
func (c *Connection) Dossiers(ctx context.Context) iter.Seq2[[]ledger.Dossier, error] {
	return func(yield func([]ledger.Dossier, error) bool) {
		for answer, err := range c.pages(ctx, "/dossiers", url.Values{}, "") {
			if err != nil {
				yield(nil, err)
				return
			}
			dossiers := make([]ledger.Dossier, 0, len(answer.items))
			for _, raw := range answer.items {
				var d struct {
					dossierJSON
					ID   string `json:"id"`
					Name string `json:"name"`
				}
				if json.Unmarshal(raw, &d) != nil || !isIdentifier(d.ID) {
					continue
				}
				dossier, _ := d.dossier(d.ID, d.Name)
				dossiers = append(dossiers, dossier)
			}
			if !yield(dossiers, nil) {
				return
			}
		}
	}
}

// holdPeriod is how long a malformed item keeps the cursor before it. What is not
// corrected by then is unlikely to be, and everything after it would be listed
// each night.
const holdPeriod = 7 * 24 * time.Hour

// listingWalk is the state of one iteration over a listing.
type listingWalk struct {
	connection  *Connection
	now         time.Time
	cursor      string    // from which it started; may be empty
	start       time.Time // the time in cursor
	tag         string    // of the whole listing at the start of the walk
	newest      time.Time // creation time of the listed items
	held        time.Time // creation time of the oldest malformed item that holds the cursor; zero for none
	heldUndated bool      // a malformed item without creation time holds the cursor
	problems    []string  // for the next page
}

// page returns the listings of one page of items.
func (w *listingWalk) page(answer listPage) ledger.Page {
	p := ledger.Page{Listings: make([]ledger.Listing, 0, len(answer.items)), Problems: w.problems, Cursor: w.cursor}
	w.problems = nil
	if answer.first {
		// The tags of later pages are of a listing that may have grown since.
		w.tag = answer.tag
	}
	for _, raw := range answer.items {
		l, note, err := w.item(raw)
		if err == nil {
			p.Listings = append(p.Listings, l)
		}
		if note != "" && !slices.Contains(p.Problems, note) { // items without an id have the same note
			p.Problems = append(p.Problems, note)
		}
	}
	slices.SortStableFunc(p.Listings, func(a, b ledger.Listing) int { return a.CreatedAt.Compare(b.CreatedAt) })
	if answer.next == "" {
		p.Cursor = w.nextCursor()
	}
	return p
}

// item decodes one item and records what the cursor depends on. note is a sentence
// for the page's Problems; with an error, it says what was left out.
func (w *listingWalk) item(raw json.RawMessage) (l ledger.Listing, note string, err error) {
	var it itemJSON
	wrongType := json.Unmarshal(raw, &it) != nil
	l, note, err = it.listing(wrongType)
	undated := l.CreatedAt.IsZero()
	old := !undated && l.CreatedAt.Before(w.now.Add(-holdPeriod))
	if old {
		// In the order of creation, all items before an old one are old, too.
		w.heldUndated = false
	}
	switch {
	case err == nil:
		if l.CreatedAt.After(w.newest) {
			w.newest = l.CreatedAt
		}
		return l, note, nil
	case undated:
		w.heldUndated = true
	case !old && (w.held.IsZero() || l.CreatedAt.Before(w.held)):
		w.held = l.CreatedAt
	}
	if errors.Is(err, errNoID) {
		return l, fmt.Sprintf("An item without an id in %s could not be listed.", w.connection), err
	}
	return l, fmt.Sprintf("The social balance %s in %s could not be listed: %v.", clip.Line(it.ID), w.connection, err), err
}

// nextCursor returns the cursor after the whole walk. It never goes back, never past
// an item that holds it, and never into the future: if Finbox's clock was ahead for
// an hour, items created after its correction must still be listed.
func (w *listingWalk) nextCursor() string {
	to, tag := w.newest, w.tag
	if to.After(w.now) {
		to = w.now
	}
	if !w.held.IsZero() {
		tag = ""
		if !to.Before(w.held) {
			to = w.held.Add(-time.Nanosecond) // Finbox lists what is later than the cursor
		}
	}
	if w.heldUndated || to.Before(w.start) {
		to = w.start
	}
	if w.heldUndated {
		tag = ""
	}
	return formatCursor(to.UTC(), tag)
}

// dossierJSON has the fields that both listings share.
type dossierJSON struct {
	AffiliationNumber string `json:"affiliation_number"`
	EnterpriseNumber  string `json:"enterprise_number"`
}

// dossier returns the dossier. An invalid enterprise number is left empty and named
// in note, a sentence.
func (d dossierJSON) dossier(id, name string) (dossier ledger.Dossier, note string) {
	dossier = ledger.Dossier{
		ID:                strings.TrimSpace(id),
		AffiliationNumber: clip.Line(d.AffiliationNumber),
		Name:              clip.Line(name),
	}
	if strings.TrimSpace(d.EnterpriseNumber) == "" {
		return dossier, ""
	}
	n, err := balance.ParseEnterpriseNumber(d.EnterpriseNumber)
	if err != nil {
		if errors.Is(err, balance.ErrEnterpriseNumberCheck) {
			err = fmt.Errorf("%w: compare it with the register (form: 0123.456.789)", err)
		}
		note = fmt.Sprintf("The dossier %s (%s) has a wrong enterprise number in Finbox: %v. Correct it in Finbox.",
			dossier.Name, dossier.ID, err)
	}
	dossier.EnterpriseNumber = n
	return dossier, note
}

type itemJSON struct {
	dossierJSON
	ID          string `json:"id"`
	Revision    string `json:"revision"`
	DossierID   string `json:"dossier_id"`
	DossierName string `json:"dossier_name"`
	FiscalYear  struct {
		Start string `json:"start"`
		End   string `json:"end"`
	} `json:"fiscal_year"`
	Model      string   `json:"model"`
	CreatedAt  string   `json:"created_at"`
	MediaTypes []string `json:"media_types"`
	SHA256     string   `json:"sha256"`
}

// errNoID is the error of an item without an id to name it by.
var errNoID = errors.New("its id is missing")

var sha256Hex = regexp.MustCompile(`^[0-9a-f]{64}$`)

// listing returns the item as a ledger.Listing. With an error it still has CreatedAt
// if that is valid.
func (it itemJSON) listing(wrongType bool) (l ledger.Listing, note string, err error) {
	created, createdErr := time.Parse(time.RFC3339Nano, it.CreatedAt)
	if createdErr == nil {
		l.CreatedAt = created.UTC()
	}
	start, startErr := balance.ParseDate(it.FiscalYear.Start)
	end, endErr := balance.ParseDate(it.FiscalYear.End)
	sum := strings.ToLower(it.SHA256)
	switch {
	case !isIdentifier(it.ID):
		return l, "", errNoID
	case wrongType:
		return l, "", fmt.Errorf("a field is of another type than agreed")
	case !isIdentifier(it.Revision):
		return l, "", fmt.Errorf("its revision is missing")
	case !isIdentifier(it.DossierID):
		return l, "", fmt.Errorf("its dossier is missing")
	case createdErr != nil:
		return l, "", fmt.Errorf("its time of creation is missing or unreadable")
	case startErr != nil || endErr != nil || end.Before(start):
		return l, "", fmt.Errorf("its financial year is missing or impossible")
	case !sha256Hex.MatchString(sum):
		return l, "", fmt.Errorf("its sha256 is missing or unreadable")
	}
	l.ID, l.Revision = strings.TrimSpace(it.ID), strings.TrimSpace(it.Revision)
	l.FiscalYear = balance.Period{Start: start, End: end}
	l.Model = model(it.Model)
	l.SHA256, l.MediaTypes = sum, it.MediaTypes
	l.Dossier, note = it.dossier(it.DossierID, it.DossierName)
	return l, note, nil
}

// isIdentifier reports whether s can be an identifier. The contract excludes the
// two path segments with a meaning of their own.
func isIdentifier(s string) bool {
	s = strings.TrimSpace(s)
	return s != "" && len(s) <= 200 && s != "." && s != ".."
}

// model returns s if it is a model that balansd knows, else empty: the document
// names it, too.
func model(s string) balance.Model {
	switch m := balance.Model(s); m {
	case balance.Full, balance.Abbreviated, balance.Micro:
		return m
	default:
		return ""
	}
}

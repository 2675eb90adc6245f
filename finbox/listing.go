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

// List walks the balances created since cursor, page by page as Finbox gives
// them, each page oldest first. The cursor is the time of the newest balance
// recorded with the listing's entity tag, and moves with the last page alone:
// only then it is known that nothing older is to come, in whatever order Finbox
// lists. The overlap is subtracted when listing; the empty cursor lists all that
// there is, from before the connection's start date too. Where Finbox says that
// the tag still holds, nothing is new, and the one page is empty and has the same
// cursor.
//
// An item that cannot be understood is named in the page's Problems, and the
// cursor stays before it for a week, so that it is listed again until it can. A
// deactivated connection gives an error that is ledger.ErrClosed.
func (c *Connection) List(ctx context.Context, cursor string) iter.Seq2[ledger.Page, error] {
	return func(yield func(ledger.Page, error) bool) {
		w := walk{connection: c, now: c.client.cfg.Now(), cursor: cursor}
		after, tag := time.Unix(0, 0), "" // Finbox alone would leave out what is before the start date
		if cursor != "" {
			var err error
			if w.start, tag, err = parseCursor(cursor); err != nil {
				w.cursor = ""
				w.problems = append(w.problems, fmt.Sprintf(
					"The place where the listing of %s was left is unreadable; it is listed from the start.", c))
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

// Dossiers walks the dossiers of the environment, for a person to pick from.
// Dossiers without an id are left out.
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

// holdFor is how long an item that cannot be understood keeps the cursor
// before it. What is not set right by then will hardly be, and everything after
// it would be listed each night.
const holdFor = 7 * 24 * time.Hour

// walk is one walk over a listing.
type walk struct {
	connection *Connection
	now        time.Time
	cursor     string    // where this walk began, empty for the start
	start      time.Time // the time in it
	tag        string    // of the whole listing, as it was when the walk began
	newest     time.Time // of what was listed
	held       time.Time // of the oldest item that was left out and is waited for; zero for none
	timeless   bool      // one that has no time is waited for too
	problems   []string  // to be told with the next page
}

// page turns one page of items into a page of listings.
func (w *walk) page(answer listPage) ledger.Page {
	p := ledger.Page{Listings: make([]ledger.Listing, 0, len(answer.items)), Problems: w.problems, Cursor: w.cursor}
	w.problems = nil
	if answer.first {
		// No later page's: what was added since may belong on a page before.
		w.tag = answer.tag
	}
	for _, raw := range answer.items {
		l, note, err := w.item(raw)
		if err == nil {
			p.Listings = append(p.Listings, l)
		}
		if note != "" && !slices.Contains(p.Problems, note) { // items without an id all look the same
			p.Problems = append(p.Problems, note)
		}
	}
	slices.SortStableFunc(p.Listings, func(a, b ledger.Listing) int { return a.CreatedAt.Compare(b.CreatedAt) })
	if answer.next == "" {
		p.Cursor = w.end()
	}
	return p
}

// item reads one item, and keeps what the cursor depends on. Its note is a
// sentence for the page's Problems; with an error, it says what was left out.
func (w *walk) item(raw json.RawMessage) (ledger.Listing, string, error) {
	var it itemJSON
	wrongType := json.Unmarshal(raw, &it) != nil
	l, note, err := it.listing(wrongType)
	timeless := l.CreatedAt.IsZero()
	old := !timeless && l.CreatedAt.Before(w.now.Add(-holdFor))
	if old {
		// In the order of creation, what came before an old item is as old.
		w.timeless = false
	}
	switch {
	case err == nil:
		if l.CreatedAt.After(w.newest) {
			w.newest = l.CreatedAt
		}
		return l, note, nil
	case timeless:
		w.timeless = true
	case !old && (w.held.IsZero() || l.CreatedAt.Before(w.held)):
		w.held = l.CreatedAt
	}
	if errors.Is(err, errNoID) {
		return l, fmt.Sprintf("An item without an id in %s could not be listed.", w.connection), err
	}
	return l, fmt.Sprintf("The social balance %s in %s could not be listed: %v.", clip.Line(it.ID), w.connection, err), err
}

// end gives the cursor after the whole walk. It never goes back, never past an
// item that is waited for, and never into the future: a clock that was wrong in
// Finbox for an hour must not hide what is made after it was set right.
func (w *walk) end() string {
	to, tag := w.newest, w.tag
	if to.After(w.now) {
		to = w.now
	}
	if !w.held.IsZero() {
		tag = ""
		if !to.Before(w.held) {
			to = w.held.Add(-time.Nanosecond) // what is asked for is later than the cursor
		}
	}
	if w.timeless || to.Before(w.start) {
		to = w.start
	}
	if w.timeless {
		tag = ""
	}
	return formatCursor(to.UTC(), tag)
}

// dossierJSON are the fields that both listings have.
type dossierJSON struct {
	AffiliationNumber string `json:"affiliation_number"`
	EnterpriseNumber  string `json:"enterprise_number"`
}

// dossier gives the dossier. An enterprise number that is wrong is left empty
// and mentioned in note, a sentence.
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

// errNoID is of an item that cannot even be named.
var errNoID = errors.New("its id is missing")

var sha256Hex = regexp.MustCompile(`^[0-9a-f]{64}$`)

// listing gives the item as the ledger knows it. After an error it still has
// CreatedAt where that could be read, for the order.
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

// isIdentifier tells whether a text can be an identifier: the contract rules
// out the two names that mean a place in a path.
func isIdentifier(s string) bool {
	s = strings.TrimSpace(s)
	return s != "" && len(s) <= 200 && s != "." && s != ".."
}

// model keeps a model that balansd knows; the document says it again.
func model(s string) balance.Model {
	switch m := balance.Model(s); m {
	case balance.Full, balance.Abbreviated, balance.Micro:
		return m
	default:
		return ""
	}
}

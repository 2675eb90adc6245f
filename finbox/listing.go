package finbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"regexp"
	"strings"
	"time"

	"balansd/balance"
	"balansd/ledger"
)

// List walks the balances created since cursor, oldest first, page by page as
// Finbox gives them. The cursor is the time of the newest balance recorded,
// after a whole walk with the listing's entity tag; the overlap is subtracted
// when listing. Where Finbox says that the tag still holds, nothing is new, and
// the one page is empty and has the same cursor.
//
// An item that cannot be understood is named in the page's Problems, and the
// cursor stays before it for a week, so that it is listed again until it can. A
// deactivated connection gives an error that is ledger.ErrClosed.
func (c *Connection) List(ctx context.Context, cursor string) iter.Seq2[ledger.Page, error] {
	return func(yield func(ledger.Page, error) bool) {
		w := walk{connection: c, now: c.client.cfg.Now()}
		query, tag := url.Values{}, ""
		if cursor != "" {
			var err error
			if w.cursor, tag, err = parseCursor(cursor); err != nil {
				w.problems = append(w.problems, fmt.Sprintf(
					"The place where the listing of %s was left is unreadable; it is listed from the start.", c))
			} else {
				query.Set("created_after", w.cursor.Add(-c.client.cfg.Overlap).Format(time.RFC3339Nano))
			}
		}
		for answer, err := range c.pages(ctx, "/social-balances", query, tag) {
			if err != nil {
				yield(ledger.Page{}, err)
				return
			}
			if answer.unchanged {
				yield(ledger.Page{Cursor: cursor}, nil)
				return
			}
			p, err := w.page(answer)
			if !yield(p, err) || err != nil {
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
	cursor     time.Time // where the next listing starts; zero for the start
	tag        string    // of the whole listing, as it was when the walk began
	last       time.Time // of the item before
	held       bool      // the cursor stays: an item was left out
	problems   []string  // to be told with the next page
}

// page turns one page of items into a page of listings.
func (w *walk) page(answer listPage) (ledger.Page, error) {
	p := ledger.Page{Listings: make([]ledger.Listing, 0, len(answer.items)), Problems: w.problems}
	w.problems = nil
	if answer.first {
		// No later page's: what was added since may belong on a page before.
		w.tag = answer.tag
	}
	for _, raw := range answer.items {
		var it itemJSON
		wrongType := json.Unmarshal(raw, &it) != nil
		if !isIdentifier(it.ID) {
			var just struct {
				ID string `json:"id"`
			}
			if _ = json.Unmarshal(raw, &just); !isIdentifier(just.ID) {
				return ledger.Page{}, w.connection.misbehaves("a social balance in its listing has no id")
			}
			it.ID = just.ID
		}
		l, note, err := it.listing(wrongType)
		if !l.CreatedAt.IsZero() {
			if l.CreatedAt.Before(w.last) {
				return ledger.Page{}, w.connection.misbehaves("its listing is not in the order of creation")
			}
			w.last = l.CreatedAt
		}
		// In the order of creation, what came before an old item is as old, an
		// item without a time too.
		old := !l.CreatedAt.IsZero() && l.CreatedAt.Before(w.now.Add(-holdFor))
		if old {
			w.held = false
		}
		if err != nil {
			p.Problems = append(p.Problems, fmt.Sprintf("The social balance %s in %s could not be listed: %v.",
				printable(it.ID), w.connection, err))
			w.held = w.held || !old
			continue
		}
		if note != "" {
			p.Problems = append(p.Problems, note)
		}
		p.Listings = append(p.Listings, l)
		w.advance(l.CreatedAt)
	}
	p.Cursor = formatCursor(w.cursor, "")
	if answer.next == "" && !w.held {
		p.Cursor = formatCursor(w.cursor, w.tag)
	}
	return p, nil
}

// advance moves the cursor, never back, never past an item that was left out,
// and never into the future: a clock that was wrong in Finbox for an hour must
// not hide what is made after it was set right.
func (w *walk) advance(to time.Time) {
	if to.After(w.now) {
		to = w.now
	}
	if !w.held && to.After(w.cursor) {
		w.cursor = to.UTC()
	}
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
		AffiliationNumber: printable(d.AffiliationNumber),
		Name:              printable(name),
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

package finbox

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
)

// maxPages ends a listing that would never end, its page tokens always new.
const maxPages = 100_000

// List walks the balances created since cursor, oldest first, page by page as
// Finbox gives them. The cursor is the time of the newest balance recorded;
// the overlap is subtracted when listing. An item that cannot be understood is
// named in the page's Problems, and the cursor stays before it, so that it is
// listed again until it can. A deactivated connection gives an error that is
// ledger.ErrClosed.
func (c *Connection) List(ctx context.Context, cursor string) iter.Seq2[ledger.Page, error] {
	return func(yield func(ledger.Page, error) bool) {
		w := walk{connection: c, now: c.client.cfg.Now()}
		query := url.Values{}
		if cursor != "" {
			t, err := time.Parse(time.RFC3339Nano, cursor)
			if err != nil {
				w.problems = append(w.problems, fmt.Sprintf(
					"The place where the listing of %s was left is unreadable; it is listed from the start.", c))
			} else {
				w.cursor = t.UTC()
				query.Set("created_after", t.Add(-c.client.cfg.Overlap).UTC().Format(time.RFC3339Nano))
			}
		}
		for items, err := range c.pages(ctx, "/social-balances", query) {
			if err != nil {
				yield(ledger.Page{}, err)
				return
			}
			p, err := w.page(items)
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
		for items, err := range c.pages(ctx, "/dossiers", url.Values{}) {
			if err != nil {
				yield(nil, err)
				return
			}
			dossiers := make([]ledger.Dossier, 0, len(items))
			for _, raw := range items {
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

// pages walks the pages of a listing.
func (c *Connection) pages(ctx context.Context, list string, query url.Values) iter.Seq2[[]json.RawMessage, error] {
	return func(yield func([]json.RawMessage, error) bool) {
		if c.err != nil {
			yield(nil, c.err)
			return
		}
		seen := map[string]bool{}
		for len(seen) < maxPages {
			items, next, err := c.onePage(ctx, list, query)
			if !yield(items, err) || err != nil || next == "" {
				return
			}
			if seen[next] {
				break
			}
			seen[next] = true
			query.Set("page_token", next)
		}
		yield(nil, c.misbehaves("the pages of its listing run in a circle"))
	}
}

func (c *Connection) onePage(ctx context.Context, list string, query url.Values) ([]json.RawMessage, string, error) {
	resp, err := c.client.get(ctx, c.path(list), query, http.Header{"Accept": {"application/json"}})
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, "", c.refusal(resp)
	}
	var page struct {
		Items *[]json.RawMessage `json:"items"`
		Next  string             `json:"next_page_token"`
	}
	if err := readJSON(resp, "Finbox's listing of "+c.String(), &page); err != nil {
		return nil, "", err
	}
	if page.Items == nil { // something else than a listing must not look like a night without news
		return nil, "", c.misbehaves("its listing has no items")
	}
	return *page.Items, page.Next, nil
}

func (c *Connection) misbehaves(what string) error {
	return problem.New(problem.FinboxDown, fmt.Sprintf("Finbox does not keep the agreed form for %s: %s", c, what),
		"It is tried again at the next pass; if it stays, tell SD Worx.")
}

// walk is one walk over a listing.
type walk struct {
	connection *Connection
	now        time.Time
	cursor     time.Time // where the next listing starts; zero for the start
	last       time.Time // of the item before
	held       bool      // the cursor stays: an item was left out
	problems   []string  // to be told with the next page
}

// page turns one page of items into a page of listings.
func (w *walk) page(items []json.RawMessage) (ledger.Page, error) {
	p := ledger.Page{Listings: make([]ledger.Listing, 0, len(items)), Problems: w.problems}
	w.problems = nil
	for _, raw := range items {
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
		if err != nil {
			p.Problems = append(p.Problems, fmt.Sprintf("The social balance %s in %s could not be listed: %v.",
				printable(it.ID), w.connection, err))
			w.held = true
			continue
		}
		if note != "" {
			p.Problems = append(p.Problems, note)
		}
		p.Listings = append(p.Listings, l)
		w.advance(l.CreatedAt)
	}
	if !w.cursor.IsZero() {
		p.Cursor = w.cursor.Format(time.RFC3339Nano)
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

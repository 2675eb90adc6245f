package finbox

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"iter"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"balansd/problem"
)

const (
	// maxPages bounds a listing that always has new items.
	maxPages = 100_000
	// maxWithoutID bounds the consecutive pages that have a next page but no
	// item with an id: a server may filter items after paging.
	maxWithoutID = 100
)

// listPage is one page of a listing as Finbox returns it.
type listPage struct {
	items     []json.RawMessage
	next      string // token of the next page; empty on the last
	tag       string // entity tag of the whole listing; may be empty
	first     bool
	unchanged bool // the tag that was sent still matches; all else is empty
}

// pages iterates over the pages of a listing. tag is that of an earlier walk, empty
// for none; if it still matches, the only page is unchanged. A listing without end,
// in which a page token comes back or a page has only items of earlier pages,
// ends with a problem.
func (c *Connection) pages(ctx context.Context, list string, query url.Values, tag string) iter.Seq2[listPage, error] {
	return func(yield func(listPage, error) bool) {
		if c.err != nil {
			yield(listPage{}, c.err)
			return
		}
		seen := newRepeatDetector()
		for range maxPages {
			p, err := c.getPage(ctx, list, query, tag)
			p.first, tag = seen.pages == 0, ""
			if err == nil && seen.repeats(p) {
				yield(listPage{}, c.brokenContract(fmt.Sprintf("its listing does not end, page %d repeats an earlier one", seen.pages)))
				return
			}
			if !yield(p, err) || err != nil || p.next == "" {
				return
			}
			query.Set("page_token", p.next)
		}
		yield(listPage{}, c.brokenContract(fmt.Sprintf("its listing does not end, it has more than %d pages", maxPages)))
	}
}

// repeatDetector remembers tokens and items of a walk over a listing, so that a
// listing that repeats itself is noticed after one round.
type repeatDetector struct {
	pages     int
	withoutID int // consecutive pages without an item that has an id
	tokens    map[string]bool
	items     map[uint64]bool // hashes: a listing may be long
	seed      maphash.Seed
}

func newRepeatDetector() *repeatDetector {
	return &repeatDetector{tokens: map[string]bool{}, items: map[uint64]bool{}, seed: maphash.MakeSeed()}
}

// repeats adds a page, and reports whether it has a next page but nothing new.
// Revisions of one balance are different items. The last page may repeat items: an
// item that is added meanwhile shifts the others.
func (d *repeatDetector) repeats(p listPage) bool {
	d.pages++
	d.withoutID++
	hasID, hasNew := false, false
	for _, raw := range p.items {
		var it struct {
			ID       string `json:"id"`
			Revision string `json:"revision"`
		}
		if _ = json.Unmarshal(raw, &it); it.ID == "" {
			continue
		}
		key := maphash.String(d.seed, it.ID+"\x00"+it.Revision)
		hasID, hasNew = true, hasNew || !d.items[key]
		d.items[key] = true
		d.withoutID = 0
	}
	again := d.tokens[p.next]
	d.tokens[p.next] = true
	return p.next != "" && (again || d.withoutID > maxWithoutID || hasID && !hasNew)
}

// getPage requests one page. tag, when not empty, makes the request conditional.
func (c *Connection) getPage(ctx context.Context, list string, query url.Values, tag string) (listPage, error) {
	header := http.Header{"Accept": {"application/json"}}
	if tag != "" {
		header.Set("If-None-Match", tag)
	}
	resp, err := c.client.get(ctx, c.path(list), query, header)
	if err != nil {
		return listPage{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	switch {
	case tag != "" && resp.StatusCode == http.StatusNotModified:
		return listPage{unchanged: true}, nil
	case resp.StatusCode != http.StatusOK:
		return listPage{}, c.responseProblem(resp)
	}
	var page struct {
		Items *[]json.RawMessage `json:"items"`
		Next  string             `json:"next_page_token"`
	}
	if err := readJSON(resp, "Finbox's listing of "+c.String(), &page); err != nil {
		return listPage{}, err
	}
	if page.Items == nil { // some other JSON must not look like an empty listing
		return listPage{}, c.brokenContract("its listing has no items")
	}
	return listPage{items: *page.Items, next: page.Next, tag: resp.Header.Get("ETag")}, nil
}

// brokenContract is the problem of a response that breaks the contract.
func (c *Connection) brokenContract(what string) error {
	return problem.New(problem.FinboxDown, fmt.Sprintf("Finbox does not keep the agreed form for %s: %s", c, what), ifItStays)
}

// entityTag matches an ETag (RFC 9110, section 8.8.3) in ASCII that is short enough
// to be stored.
var entityTag = regexp.MustCompile(`^(W/)?"[!#-~]{1,200}"$`)

// tagSeparator stands between the time and the tag of a cursor.
const tagSeparator = "|"

// formatCursor returns a cursor of a time and, if it is valid, a tag. The cursor of
// the zero time is empty.
func formatCursor(at time.Time, tag string) string {
	switch {
	case at.IsZero():
		return ""
	case !entityTag.MatchString(tag):
		return at.Format(time.RFC3339Nano)
	default:
		return at.Format(time.RFC3339Nano) + tagSeparator + tag
	}
}

// parseCursor parses what formatCursor returned. An invalid tag is left out: without
// one, everything is listed.
func parseCursor(s string) (at time.Time, tag string, err error) {
	text, tag, _ := strings.Cut(s, tagSeparator)
	if at, err = time.Parse(time.RFC3339Nano, text); err != nil {
		return time.Time{}, "", err
	}
	if !entityTag.MatchString(tag) {
		tag = ""
	}
	return at.UTC(), tag, nil
}

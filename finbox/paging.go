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
	// maxPages bounds a listing that always has something new.
	maxPages = 100_000
	// maxNameless bounds the pages in a row without a single item that has an
	// id, and that still name a next one: a server may filter what it reads.
	maxNameless = 100
)

// listPage is one page of a listing as Finbox gives it.
type listPage struct {
	items     []json.RawMessage
	next      string // token of the page after; empty on the last
	tag       string // entity tag, which stands for the whole listing; may be empty
	first     bool
	unchanged bool // the tag that was sent still holds; there is nothing else
}

// pages walks the pages of a listing. tag is that of an earlier walk, empty for
// none: where it still holds, the one page is unchanged. A listing that does not
// end, because a page token returns or a page repeats what this walk has had,
// ends with a problem.
func (c *Connection) pages(ctx context.Context, list string, query url.Values, tag string) iter.Seq2[listPage, error] {
	return func(yield func(listPage, error) bool) {
		if c.err != nil {
			yield(listPage{}, c.err)
			return
		}
		had := newHadBefore()
		for range maxPages {
			p, err := c.onePage(ctx, list, query, tag)
			p.first, tag = had.pages == 0, ""
			if err == nil && had.repeats(p) {
				yield(listPage{}, c.misbehaves(fmt.Sprintf("its listing does not end, page %d repeats an earlier one", had.pages)))
				return
			}
			if !yield(p, err) || err != nil || p.next == "" {
				return
			}
			query.Set("page_token", p.next)
		}
		yield(listPage{}, c.misbehaves(fmt.Sprintf("its listing does not end, it has more than %d pages", maxPages)))
	}
}

// hadBefore is what a walk over a listing has had, so that one that repeats
// itself is noticed after one round.
type hadBefore struct {
	pages    int
	nameless int // in a row
	tokens   map[string]bool
	items    map[uint64]bool // hashes: a listing may be long
	seed     maphash.Seed
}

func newHadBefore() *hadBefore {
	return &hadBefore{tokens: map[string]bool{}, items: map[uint64]bool{}, seed: maphash.MakeSeed()}
}

// repeats adds a page, and reports whether it names a next page although it
// brought nothing new. Revisions of one balance are different items. The last
// page may repeat: what is added while a listing is walked moves the others on.
func (h *hadBefore) repeats(p listPage) bool {
	h.pages++
	h.nameless++
	named, news := false, false
	for _, raw := range p.items {
		var it struct {
			ID       string `json:"id"`
			Revision string `json:"revision"`
		}
		if _ = json.Unmarshal(raw, &it); it.ID == "" {
			continue
		}
		key := maphash.String(h.seed, it.ID+"\x00"+it.Revision)
		named, news = true, news || !h.items[key]
		h.items[key] = true
		h.nameless = 0
	}
	again := h.tokens[p.next]
	h.tokens[p.next] = true
	return p.next != "" && (again || h.nameless > maxNameless || named && !news)
}

func (c *Connection) onePage(ctx context.Context, list string, query url.Values, tag string) (listPage, error) {
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
		return listPage{}, c.refusal(resp)
	}
	var page struct {
		Items *[]json.RawMessage `json:"items"`
		Next  string             `json:"next_page_token"`
	}
	if err := readJSON(resp, "Finbox's listing of "+c.String(), &page); err != nil {
		return listPage{}, err
	}
	if page.Items == nil { // something else than a listing must not look like a night without news
		return listPage{}, c.misbehaves("its listing has no items")
	}
	return listPage{items: *page.Items, next: page.Next, tag: resp.Header.Get("ETag")}, nil
}

func (c *Connection) misbehaves(what string) error {
	return problem.New(problem.FinboxDown, fmt.Sprintf("Finbox does not keep the agreed form for %s: %s", c, what), ifItStays)
}

// entityTag is the form of an ETag (RFC 9110, section 8.8.3), in ASCII and not
// too long to be kept.
var entityTag = regexp.MustCompile(`^(W/)?"[!#-~]{1,200}"$`)

// tagMark stands between the time and the tag of a cursor.
const tagMark = "|"

// formatCursor writes a cursor: the time and, where there is one that can be
// kept, the tag. The start of a listing is empty and has no tag.
func formatCursor(at time.Time, tag string) string {
	switch {
	case at.IsZero():
		return ""
	case !entityTag.MatchString(tag):
		return at.Format(time.RFC3339Nano)
	default:
		return at.Format(time.RFC3339Nano) + tagMark + tag
	}
}

// parseCursor reads what formatCursor wrote. What cannot be a tag is left out:
// without one, everything is listed.
func parseCursor(s string) (at time.Time, tag string, err error) {
	text, tag, _ := strings.Cut(s, tagMark)
	if at, err = time.Parse(time.RFC3339Nano, text); err != nil {
		return time.Time{}, "", err
	}
	if !entityTag.MatchString(tag) {
		tag = ""
	}
	return at.UTC(), tag, nil
}

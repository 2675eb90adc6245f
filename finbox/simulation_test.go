package finbox_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"pgregory.net/rapid"

	"balansd/finbox"
)

// simulation is a Finbox in which balances become visible some time after they were
// created, and some are malformed for a while. It needs no network.
type simulation struct {
	items []simulatedItem
	now   time.Time
	step  time.Duration // how long a page takes
	skew  time.Duration // how far our clock is ahead
	size  int           // items on a page
	tags  bool          // the listing has an entity tag
	// The listing is in the order in which the items were drawn, against the
	// contract, not in that of creation.
	shuffled bool
}

// simulatedItem is one item: when it was created, from when on it is listed, and from
// when on it is well-formed.
type simulatedItem struct {
	created, seen, sound time.Time
	timeless, nameless   bool // malformed, it has no time, or no id
}

// RoundTrip answers the token call and the listing.
func (w *simulation) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Path == "/token" {
		return jsonResponse(map[string]any{"access_token": "t", "expires_in": 3600}), nil
	}
	query := req.URL.Query()
	visible, tag := w.visible(), w.tag()
	w.now = w.now.Add(w.step)
	if w.tags && query.Get("page_token") == "" && req.Header.Get("If-None-Match") == tag {
		return &http.Response{StatusCode: http.StatusNotModified, Body: http.NoBody}, nil
	}
	after, _ := time.Parse(time.RFC3339Nano, query.Get("created_after"))
	last, err := strconv.Atoi(query.Get("page_token")) // the item before the page
	visible = slices.DeleteFunc(visible, func(i int) bool {
		return !w.items[i].created.After(after) || err == nil && w.compare(i, last) <= 0
	})
	var items []item
	for _, i := range visible[:min(w.size, len(visible))] {
		it := newItem(fmt.Sprintf("sb-%d", i), w.items[i].created)
		if w.malformed(i) {
			it = it.without("revision")
			if w.items[i].timeless {
				it = it.without("created_at")
			}
			if w.items[i].nameless {
				it = it.without("id")
			}
		}
		items = append(items, it)
	}
	next := ""
	if len(visible) > w.size {
		next = strconv.Itoa(visible[w.size-1])
	}
	resp := jsonResponse(page(next, items...))
	if w.tags && query.Get("page_token") == "" {
		resp.Header.Set("ETag", tag)
	}
	return resp, nil
}

// visible returns the numbers of the items that are listed now, in order.
func (w *simulation) visible() []int {
	var all []int
	for i, m := range w.items {
		if !m.seen.After(w.now) {
			all = append(all, i)
		}
	}
	slices.SortFunc(all, w.compare)
	return all
}

func (w *simulation) compare(i, j int) int {
	if w.shuffled {
		return cmp.Compare(i, j)
	}
	return cmp.Or(w.items[i].created.Compare(w.items[j].created), cmp.Compare(i, j))
}

func (w *simulation) malformed(i int) bool { return w.items[i].sound.After(w.now) }

// tag returns the entity tag of the listing as it is now.
func (w *simulation) tag() string {
	var b strings.Builder
	for _, i := range w.visible() {
		fmt.Fprintf(&b, "%d:%t.", i, w.malformed(i))
	}
	return `"` + sum(b.String()) + `"`
}

func jsonResponse(v any) *http.Response {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(bytes.NewReader(b))}
}

// run lists once, records the first keep pages with their cursors, one step each, and
// returns the cursor that was recorded last.
func (w *simulation) run(t *rapid.T, cursor string, keep int, recorded map[string]bool) string {
	c, err := finbox.New(finbox.Config{BaseURL: "http://finbox.example", TokenURL: "http://finbox.example/token",
		ClientID: "firm", ClientSecret: "secret", Overlap: 24 * time.Hour, HTTP: &http.Client{Transport: w}, Now: func() time.Time { return w.now.Add(w.skew) }})
	if err != nil {
		t.Fatal(err)
	}
	for p, err := range c.Connection(connectionID).List(t.Context(), cursor) {
		if err != nil {
			t.Fatal(err)
		}
		if keep == 0 {
			break
		}
		keep--
		for _, l := range p.Listings {
			recorded[l.ID] = true
		}
		if cursorTime(t, p.Cursor).Before(cursorTime(t, cursor)) {
			t.Fatalf("the cursor went back from %s to %s", cursor, p.Cursor)
		}
		cursor = p.Cursor
	}
	return cursor
}

func cursorTime(t *rapid.T, s string) time.Time {
	if strings.TrimSpace(s) == "" {
		return time.Time{}
	}
	text, _, _ := strings.Cut(s, "|")
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

package finbox_test

import (
	"bytes"
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

// world is a Finbox in which balances become visible some time after they were
// made. It answers without a network.
type world struct {
	created []time.Time // by number of the item
	late    time.Duration
	now     time.Time
	size    int // items on a page
}

// RoundTrip answers the token call and the listing.
func (w *world) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Path == "/token" {
		return jsonAnswer(map[string]any{"access_token": "t", "expires_in": 3600}), nil
	}
	query := req.URL.Query()
	after, _ := time.Parse(time.RFC3339Nano, query.Get("created_after"))
	var visible []int
	for i, c := range w.created {
		if c.After(after) && !c.Add(w.late).After(w.now) {
			visible = append(visible, i)
		}
	}
	slices.SortStableFunc(visible, func(a, b int) int { return w.created[a].Compare(w.created[b]) })
	from, _ := strconv.Atoi(query.Get("page_token"))
	to := min(from+w.size, len(visible))
	var items []item
	for _, i := range visible[from:to] {
		items = append(items, newItem(fmt.Sprintf("sb-%d", i), w.created[i]))
	}
	next := ""
	if to < len(visible) {
		next = strconv.Itoa(to)
	}
	return jsonAnswer(page(next, items...)), nil
}

func jsonAnswer(v any) *http.Response {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(bytes.NewReader(b))}
}

// night lists once, records the first keep pages and what their cursor is, as
// one step each, and gives the cursor that was recorded last.
func (w *world) night(t *rapid.T, cursor string, keep int, recorded map[string]bool) string {
	c, err := finbox.New(finbox.Config{BaseURL: "http://finbox.example", TokenURL: "http://finbox.example/token",
		ClientID: "firm", ClientSecret: "secret", HTTP: &http.Client{Transport: w}, Now: func() time.Time { return w.now }})
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
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

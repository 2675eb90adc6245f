package finbox_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"balansd/finbox"
	"balansd/ledger"
	"balansd/problem"
)

// tagged serves the pages of the listing in turn, the first page of a listing with the
// tag, and answers 304 to a request with that tag.
func tagged(tag string, pages ...any) http.HandlerFunc {
	n := 0
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("page_token") == "" {
			n = 0
			w.Header().Set("ETag", tag)
			if r.Header.Get("If-None-Match") == tag {
				w.WriteHeader(http.StatusNotModified)
				return
			}
		} else {
			w.Header().Set("ETag", `"of-a-later-page"`)
		}
		writeJSON(w, pages[n])
		n++
	}
}

// cursors reads the listing and returns the cursor of each page.
func cursors(t *testing.T, c *finbox.Connection, cursor string) []string {
	t.Helper()
	var all []string
	for p, err := range c.List(t.Context(), cursor) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p.Cursor)
	}
	return all
}

func TestTagOfWholeWalkOnly(t *testing.T) {
	good, bad := newItem("sb-1", noon), newItem("sb-2", noon.Add(time.Minute)).without("revision")
	tests := map[string]struct {
		tag   string
		pages []any
		now   time.Time
		want  []string
	}{
		"one page":           {`"a"`, []any{page("", good)}, noon, []string{`2025-12-01T12:00:00Z|"a"`}},
		"only the last page": {`"a"`, []any{page("p", good), page("")}, noon, []string{"", `2025-12-01T12:00:00Z|"a"`}},
		"not while held":     {`"a"`, []any{page("", good, bad)}, noon, []string{"2025-12-01T12:00:00Z"}},
		"no longer held":     {`"a"`, []any{page("", good, bad)}, noon.AddDate(0, 0, 8), []string{`2025-12-01T12:00:00Z|"a"`}},
		"nothing yet":        {`"a"`, []any{page("")}, noon, []string{""}},
		"weak":               {`W/"a"`, []any{page("", good)}, noon, []string{`2025-12-01T12:00:00Z|W/"a"`}},
		"not a tag":          {"a", []any{page("", good)}, noon, []string{"2025-12-01T12:00:00Z"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newScriptedServer(t, tagged(tt.tag, tt.pages...))
			if diff := cmp.Diff(tt.want, cursors(t, f.connect(t, at(tt.now)), "")); diff != "" {
				t.Errorf("the cursors differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNothingNewIsOneEmptyPage(t *testing.T) {
	f := newScriptedServer(t, tagged(`"a"`, page("p", newItem("sb-1", noon)), page("")))
	c := f.connect(t, at(noon))
	const cursor = `2025-12-01T12:00:00Z|"a"`
	var got []ledger.Page
	for p, err := range c.List(t.Context(), cursor) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, p)
	}
	if diff := cmp.Diff([]ledger.Page{{Cursor: cursor}}, got); diff != "" || len(f.calls) != 1 {
		t.Errorf("%d calls, and the pages differ (-want +got):\n%s", len(f.calls), diff)
	}
	// With another tag everything within the overlap is listed, the later pages without a
	// condition.
	const older = `2025-12-01T12:00:00Z|"older"`
	if diff := cmp.Diff([]string{older, cursor}, cursors(t, c, older)); diff != "" {
		t.Errorf("the cursors differ (-want +got):\n%s", diff)
	}
	if got := f.calls[2].Header.Get("If-None-Match"); len(f.calls) != 3 || got != "" {
		t.Errorf("%d calls, the last with If-None-Match %q", len(f.calls), got)
	}
	// A cursor without a valid tag is a time.
	for _, s := range []string{"2025-12-01T12:00:00Z", "2025-12-01T12:00:00Z|", "2025-12-01T12:00:00Z|a\r\nX: y"} {
		if p, err := firstPage(t, c, s); err != nil || len(p.Problems) != 0 || len(p.Listings) != 1 {
			t.Errorf("%q: got %+v, %v", s, p, err)
		}
		last := f.calls[len(f.calls)-1]
		if last.Header.Get("If-None-Match") != "" || last.URL.Query().Get("created_after") != "2025-11-30T12:00:00Z" {
			t.Errorf("%q: asked %v with %v", s, last.URL, last.Header)
		}
	}
}

func TestUnexpectedNotModified(t *testing.T) {
	f := newScriptedServer(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) })
	if _, err := firstPage(t, f.connect(t, at(noon)), "2025-12-01T12:00:00Z"); !problem.Is(err, problem.FinboxDown) {
		t.Errorf("got %v, want a FinboxDown problem", err)
	}
}

// TestOldMalformedItemDoesNotHoldCursor checks that an item that cannot be listed stops
// holding back the cursor after a week, and is reported as long as it is listed. An item
// without a time is as old as the next one.
func TestOldMalformedItemDoesNotHoldCursor(t *testing.T) {
	bad := func() item { return newItem("sb-bad", noon.Add(time.Hour)).without("revision") }
	tests := map[string]struct {
		bad  item
		now  time.Time
		want string
	}{
		"within a week":           {bad(), noon.AddDate(0, 0, 7), "2025-12-01T12:59:59.999999999Z"},
		"over a week":             {bad(), noon.AddDate(0, 0, 7).Add(90 * time.Minute), "2025-12-01T14:00:00Z"},
		"what follows is not old": {bad().without("created_at"), noon.AddDate(0, 0, 7).Add(90 * time.Minute), ""},
		"what follows is old":     {bad().without("created_at"), noon.AddDate(0, 0, 8), "2025-12-01T14:00:00Z"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newScriptedServer(t, listing(page("", newItem("sb-1", noon), tt.bad, newItem("sb-2", noon.Add(2*time.Hour)))))
			p, err := firstPage(t, f.connect(t, at(tt.now)), "")
			if err != nil || len(p.Listings) != 2 || len(p.Problems) != 1 {
				t.Errorf("got %+v, %v; want two listings and one problem", p, err)
			}
			if p.Cursor != tt.want {
				t.Errorf("the cursor is %q, want %q", p.Cursor, tt.want)
			}
		})
	}
}

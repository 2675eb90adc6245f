package finbox_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"balansd/balance"
	"balansd/finbox"
	"balansd/ledger"
	"balansd/problem"
)

var noon = time.Date(2025, 12, 1, 12, 0, 0, 0, time.UTC)

func at(t time.Time) func(*finbox.Config) {
	return func(c *finbox.Config) { c.Now = func() time.Time { return t } }
}

// listing answers every listing with the pages, one after the other.
func listing(pages ...any) http.HandlerFunc {
	n := 0
	return func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, pages[min(n, len(pages)-1)])
		n++
	}
}

func TestListReadsAnItem(t *testing.T) {
	odd := newItem(" sb-1 ", noon).with("model", "gigantic").with("unknown_field", map[string]any{"a": 1})
	f := newFake(t, listing(page("", newItem("sb-0", noon), odd)))
	p, err := firstPage(t, f.connect(t, at(noon.Add(time.Hour))), "")
	if err != nil {
		t.Fatal(err)
	}
	want := ledger.Listing{
		ID: "sb-0", Revision: "1",
		Dossier:    ledger.Dossier{ID: "dos-1", AffiliationNumber: "1AB1234", EnterpriseNumber: "0402754886", Name: "Bakkerij Peeters"},
		FiscalYear: balance.Period{Start: balance.Date{Year: 2024, Month: 1, Day: 1}, End: balance.Date{Year: 2024, Month: 12, Day: 31}},
		Model:      balance.Abbreviated, CreatedAt: noon, MediaTypes: []string{"text/csv"},
		SHA256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
	}
	other := want
	other.ID, other.Model = "sb-1", ""
	if diff := cmp.Diff(ledger.Page{Listings: []ledger.Listing{want, other}, Cursor: "2025-12-01T12:00:00Z"}, p); diff != "" {
		t.Errorf("the page differs (-want +got):\n%s", diff)
	}
}

func TestIdleNightIsOneCall(t *testing.T) {
	f := newFake(t, listing(page("")))
	c := f.connect(t, at(noon))
	cursor := "2025-11-30T03:00:00.5Z"
	for p, err := range c.List(t.Context(), cursor) {
		if err != nil || len(p.Listings) != 0 || p.Cursor != cursor {
			t.Errorf("got %+v, %v; want an empty page with the same cursor", p, err)
		}
	}
	if len(f.calls) != 1 || f.token != 1 {
		t.Errorf("%d calls and %d tokens, want 1 and 1", len(f.calls), f.token)
	}
	if got := f.calls[0].URL.Query().Get("created_after"); got != "2025-11-29T03:00:00.5Z" {
		t.Errorf("created_after %q, want the cursor less a day", got)
	}
}

func TestListItemsThatCannotBeUnderstood(t *testing.T) {
	tests := map[string]struct {
		bad  item
		want string
	}{
		"no revision":         {newItem("sb-bad", noon).without("revision"), "revision is missing"},
		"no dossier":          {newItem("sb-bad", noon).without("dossier_id"), "dossier is missing"},
		"no creation":         {newItem("sb-bad", noon).without("created_at"), "time of creation"},
		"odd creation":        {newItem("sb-bad", noon).with("created_at", "yesterday"), "time of creation"},
		"no year":             {newItem("sb-bad", noon).without("fiscal_year"), "financial year"},
		"year turned round":   {newItem("sb-bad", noon).with("fiscal_year", map[string]any{"start": "2024-12-31", "end": "2024-01-01"}), "financial year"},
		"no sum":              {newItem("sb-bad", noon).without("sha256"), "sha256"},
		"field of other type": {newItem("sb-bad", noon).with("dossier_name", 5), "another type"},
		"id of a path":        {newItem("sb-bad", noon).with("revision", ".."), "revision is missing"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			before := newItem("sb-1", noon.Add(-time.Hour))
			f := newFake(t, listing(page("", before, tt.bad, newItem("sb-2", noon.Add(time.Hour)))))
			p, err := firstPage(t, f.connect(t, at(noon.Add(24*time.Hour))), "")
			if err != nil {
				t.Fatal(err)
			}
			if len(p.Listings) != 2 {
				t.Errorf("%d listings, want the two good ones", len(p.Listings))
			}
			if len(p.Problems) != 1 || !strings.Contains(p.Problems[0], "sb-bad") || !strings.Contains(p.Problems[0], tt.want) {
				t.Errorf("problems %q, want one that names sb-bad and %q", p.Problems, tt.want)
			}
			if p.Cursor != "2025-12-01T11:00:00Z" {
				t.Errorf("the cursor went to %s, past what was not listed", p.Cursor)
			}
		})
	}
}

func TestListWrongEnterpriseNumber(t *testing.T) {
	f := newFake(t, listing(page("", newItem("sb-1", noon).with("enterprise_number", "0402.754.887"))))
	p, err := firstPage(t, f.connect(t, at(noon)), "")
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Listings) != 1 || p.Listings[0].Dossier.EnterpriseNumber != "" {
		t.Errorf("got %+v, want it listed without number", p.Listings)
	}
	if len(p.Problems) != 1 || !strings.Contains(p.Problems[0], "Bakkerij Peeters") || !strings.Contains(p.Problems[0],
		`"0402.754.887": the check digits of the enterprise number are wrong: compare it with the register (form: 0123.456.789).`) {
		t.Errorf("problems %q, want one that names the dossier and the check digits, and corrects nothing", p.Problems)
	}
	if p.Cursor == "" {
		t.Error("the cursor stayed, though the balance was listed")
	}
}

func TestListsThatBreakTheRules(t *testing.T) {
	tests := map[string]struct {
		pages []any
		want  string
	}{
		"out of order":            {[]any{page("", newItem("sb-1", noon), newItem("sb-2", noon.Add(-time.Second)))}, "order"},
		"out of order over pages": {[]any{page("a", newItem("sb-1", noon)), page("", newItem("sb-2", noon.Add(-time.Second)))}, "order"},
		"a circle":                {[]any{page("a"), page("b"), page("a")}, "circle"},
		"no id":                   {[]any{page("", newItem("", noon))}, "no id"},
		"no items":                {[]any{map[string]any{"message": "hello"}}, "no items"},
		"not an object":           {[]any{"hello"}, "form"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, listing(tt.pages...))
			var last error
			for _, err := range f.connect(t, at(noon)).List(t.Context(), "") {
				if last != nil {
					t.Fatal("the walk went on after an error")
				}
				last = err
			}
			if !problem.Is(last, problem.FinboxDown) || !strings.Contains(last.Error(), tt.want) || !strings.Contains(last.Error(), connectionID) {
				t.Errorf("got %v, want a FinboxDown problem with %q that names the connection", last, tt.want)
			}
		})
	}
}

func TestUnreadableCursorListsFromTheStart(t *testing.T) {
	f := newFake(t, listing(page("", newItem("sb-1", noon))))
	p, err := firstPage(t, f.connect(t, at(noon)), "page 7")
	if err != nil || len(p.Listings) != 1 || len(p.Problems) != 1 {
		t.Errorf("got %+v, %v; want the listing and one problem", p, err)
	}
	if f.calls[0].URL.Query().Has("created_after") {
		t.Error("the listing did not start at the start")
	}
}

// TestCursorNeverLosesAnything: over any nights, with items that appear late
// by less than the overlap, also while the pages are walked, with items that
// are malformed for days, with our clock wrong, with and without entity tags,
// and with a daemon that records only some of the pages, every item is listed
// in the end, and the cursor never goes back.
func TestCursorNeverLosesAnything(t *testing.T) {
	const nights = 18
	rapid.Check(t, func(t *rapid.T) {
		hours := func(least, most int, name string) time.Duration {
			return time.Duration(rapid.IntRange(least, most).Draw(t, name)) * time.Hour
		}
		w := world{size: rapid.IntRange(1, 4).Draw(t, "page size"), tags: rapid.Bool().Draw(t, "tags"),
			step: time.Duration(rapid.IntRange(0, 10).Draw(t, "minutes a page")) * time.Minute, skew: hours(-12, 12, "skew")}
		for range rapid.IntRange(1, 20).Draw(t, "items") {
			created := noon.Add(hours(0, 240, "created"))
			seen := created.Add(hours(0, 20, "late"))
			w.items = append(w.items, made{created: created, seen: seen, sound: seen.Add(hours(0, 120, "malformed")),
				timeless: rapid.Bool().Draw(t, "timeless")})
		}
		cursor, recorded := "", map[string]bool{}
		for night := range nights {
			w.now = noon.Add(time.Duration(night) * 24 * time.Hour)
			keep := rapid.IntRange(0, 30).Draw(t, "pages recorded")
			if night == nights-1 {
				keep = 1000
			}
			cursor = w.night(t, cursor, keep, recorded)
		}
		if len(recorded) != len(w.items) {
			t.Fatalf("%d of %d social balances were listed", len(recorded), len(w.items))
		}
	})
}

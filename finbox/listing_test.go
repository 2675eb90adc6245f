package finbox_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"balansd/balance"
	"balansd/finbox"
	"balansd/ledger"
	"balansd/problem"
	fakefinbox "balansd/sandbox/finbox"
	"balansd/sandbox/madeup"
)

var noon = time.Date(2025, 12, 1, 12, 0, 0, 0, time.UTC)

func at(t time.Time) func(*finbox.Config) {
	return func(c *finbox.Config) { c.Now = func() time.Time { return t } }
}

// listing serves the pages in turn.
func listing(pages ...any) http.HandlerFunc {
	n := 0
	return func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, pages[min(n, len(pages)-1)])
		n++
	}
}

func TestListItem(t *testing.T) {
	odd := newItem(" sb-1 ", noon).with("model", "gigantic").with("unknown_field", map[string]any{"a": 1})
	f := newScriptedServer(t, listing(page("", newItem("sb-0", noon), odd)))
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

func TestNothingNewIsOneCall(t *testing.T) {
	f := newScriptedServer(t, listing(page("")))
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

func TestListMalformedItems(t *testing.T) {
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
		"no name":             {newItem("", noon), "without an id in connection " + connectionID},
		"no name of a number": {newItem("", noon).with("id", 5), "without an id in connection " + connectionID},
		"no name of a path":   {newItem("..", noon), "without an id in connection " + connectionID},
		"id of a path":        {newItem("sb-bad", noon).with("revision", ".."), "revision is missing"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			before := newItem("sb-1", noon.Add(-time.Hour))
			f := newScriptedServer(t, listing(page("", before, tt.bad, newItem("sb-2", noon.Add(time.Hour)))))
			p, err := firstPage(t, f.connect(t, at(noon.Add(24*time.Hour))), "")
			if err != nil {
				t.Fatal(err)
			}
			if len(p.Listings) != 2 {
				t.Errorf("%d listings, want the two good ones", len(p.Listings))
			}
			named := strings.Contains(strings.Join(p.Problems, ""), "sb-bad")
			if len(p.Problems) != 1 || !strings.Contains(p.Problems[0], tt.want) || named == strings.HasPrefix(name, "no name") {
				t.Errorf("problems %q, want one with %q, that names sb-bad", p.Problems, tt.want)
			}
			want := "2025-12-01T11:59:59.999999999Z"
			if strings.Contains(tt.want, "creation") {
				want = "" // its time is unknown
			}
			if p.Cursor != want {
				t.Errorf("the cursor is %q, want %q: before what was not listed", p.Cursor, want)
			}
		})
	}
}

func TestListWrongEnterpriseNumber(t *testing.T) {
	f := newScriptedServer(t, listing(page("", newItem("sb-1", noon).with("enterprise_number", "0402.754.887"))))
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

// endlessPages yields pages without an item, each with another token.
func endlessPages(yield func(any) bool) {
	for n := 0; n < 200 && yield(page(fmt.Sprint(n))); n++ {
	}
}

// TestPagesRepeatAnItem checks that an item repeated on a later page, because others were
// added meanwhile, is listed once, and that another revision is another item.
func TestPagesRepeatAnItem(t *testing.T) {
	f := newScriptedServer(t, listing(
		page("a", newItem("sb-1", noon), newItem("sb-2", noon)),
		page("b", newItem("sb-2", noon), newItem("sb-3", noon)),
		page("c", newItem("sb-1", noon).with("revision", "2")),
		page("")))
	if got := len(listAll(t, f.connect(t, at(noon)), "")); got != 5 {
		t.Errorf("%d listings, want 5", got)
	}
	f = newScriptedServer(t, listing(page("a", newItem("sb-1", noon)), page("b"), page("", newItem("sb-1", noon))))
	if got := len(listAll(t, f.connect(t, at(noon)), "")); got != 2 {
		t.Errorf("%d listings, want 2: the last page may repeat", got)
	}
}

// TestNoOverlap checks that an overlap of 0 is possible.
func TestNoOverlap(t *testing.T) {
	f := newScriptedServer(t, listing(page("")))
	c := f.connect(t, at(noon), func(c *finbox.Config) { c.Overlap = 0 })
	if _, err := firstPage(t, c, "2025-11-30T03:00:00Z"); err != nil {
		t.Fatal(err)
	}
	if got := f.calls[0].URL.Query().Get("created_after"); got != "2025-11-30T03:00:00Z" {
		t.Errorf("created_after %q, want the cursor itself", got)
	}
}

func TestListBreaksContract(t *testing.T) {
	tests := map[string]struct {
		pages []any
		want  string
	}{
		"a circle": {[]any{page("a"), page("b"), page("a")}, "does not end, page 3"},
		"one page": {[]any{page("a", newItem("sb-1", noon)), page("b", newItem("sb-1", noon)), page("")}, "does not end, page 2"},
		"two pages": {[]any{page("a", newItem("sb-1", noon)), page("b", newItem("sb-2", noon)),
			page("c", newItem("sb-1", noon)), page("")}, "does not end, page 3"},
		"no names":      {slices.Collect(endlessPages), "does not end, page 101"},
		"no items":      {[]any{map[string]any{"message": "hello"}}, "no items"},
		"not an object": {[]any{"hello"}, "form"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newScriptedServer(t, listing(tt.pages...))
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

func TestUnreadableCursor(t *testing.T) {
	f := newScriptedServer(t, listing(page("", newItem("sb-1", noon))))
	p, err := firstPage(t, f.connect(t, at(noon)), "page 7")
	if err != nil || len(p.Listings) != 1 || len(p.Problems) != 1 {
		t.Errorf("got %+v, %v; want the listing and one problem", p, err)
	}
	if got := f.calls[0].URL.Query().Get("created_after"); got != "1970-01-01T00:00:00Z" {
		t.Errorf("created_after %q: the listing did not start at the start", got)
	}
}

// TestListBeforeStartDate checks that balances from before the connection was made are
// listed too, so that a person can ask for them.
func TestListBeforeStartDate(t *testing.T) {
	box := newSandboxServer(t, fakefinbox.Options{})
	old, _ := box.add(t, madeup.Balance(1, balance.Micro, 2022), box.start.AddDate(-2, 0, 0))
	late, _ := box.add(t, madeup.Balance(2, balance.Micro, 2024), box.start.Add(time.Minute))
	var got []string
	for _, l := range listAll(t, box.client(t, finbox.Config{}).Connection(box.connection), "") {
		got = append(got, l.ID)
	}
	if diff := cmp.Diff([]string{old, late}, got); diff != "" {
		t.Errorf("the listing differs (-want +got):\n%s", diff)
	}
}

// TestListOutOfOrder checks that each page is sorted, and that the cursor waits for the
// last page, since older items may be on any page.
func TestListOutOfOrder(t *testing.T) {
	hour := func(n int) item { return newItem(fmt.Sprintf("sb-%d", n), noon.Add(time.Duration(n)*time.Hour)) }
	f := newScriptedServer(t, listing(page("a", hour(5), hour(3), hour(4)), page("b", hour(2).without("sha256")), page("", hour(0), hour(1))))
	var ids, cursors []string
	for p, err := range f.connect(t, at(noon.AddDate(0, 0, 1))).List(t.Context(), "2025-11-30T12:00:00Z") {
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range p.Listings {
			ids = append(ids, l.ID)
		}
		cursors = append(cursors, p.Cursor)
	}
	if diff := cmp.Diff([]string{"sb-3", "sb-4", "sb-5", "sb-0", "sb-1"}, ids); diff != "" {
		t.Errorf("the listing differs (-want +got):\n%s", diff)
	}
	const start, beforeTheBad = "2025-11-30T12:00:00Z", "2025-12-01T13:59:59.999999999Z"
	if diff := cmp.Diff([]string{start, start, beforeTheBad}, cursors); diff != "" {
		t.Errorf("the cursors differ (-want +got):\n%s", diff)
	}
}

// TestItemsWithoutIDAreReportedOnce checks that a person does not read the same line many
// times.
func TestItemsWithoutIDAreReportedOnce(t *testing.T) {
	f := newScriptedServer(t, listing(page("", newItem("", noon), newItem("", noon), newItem("sb-1", noon))))
	p, err := firstPage(t, f.connect(t, at(noon)), "")
	if err != nil || len(p.Listings) != 1 || len(p.Problems) != 1 {
		t.Errorf("got %+v, %v; want one listing and one problem", p, err)
	}
}

// TestCursorLosesNothing checks that over any number of nights each item is listed in the
// end, and the cursor never goes back. Items appear late by less than the overlap, also
// between two pages; some are malformed for days, or have no id; our clock is wrong; there
// are entity tags or none; the order is that of creation or any other; and the daemon
// records only some of the pages. Items without a time occur only in the order of
// creation, where the next item tells their age.
func TestCursorLosesNothing(t *testing.T) {
	const nights = 18
	rapid.Check(t, func(t *rapid.T) {
		hours := func(least, most int, name string) time.Duration {
			return time.Duration(rapid.IntRange(least, most).Draw(t, name)) * time.Hour
		}
		w := simulation{size: rapid.IntRange(1, 4).Draw(t, "page size"), tags: rapid.Bool().Draw(t, "tags"), shuffled: rapid.Bool().Draw(t, "shuffled"),
			step: time.Duration(rapid.IntRange(0, 10).Draw(t, "minutes a page")) * time.Minute, skew: hours(-12, 12, "skew")}
		for range rapid.IntRange(1, 20).Draw(t, "items") {
			created := noon.Add(hours(0, 240, "created"))
			seen := created.Add(hours(0, 20, "late"))
			w.items = append(w.items, simulatedItem{created: created, seen: seen, sound: seen.Add(hours(0, 120, "malformed")),
				timeless: !w.shuffled && rapid.Bool().Draw(t, "timeless"), nameless: rapid.Bool().Draw(t, "nameless")})
		}
		cursor, recorded := "", map[string]bool{}
		for night := range nights {
			w.now = noon.Add(time.Duration(night) * 24 * time.Hour)
			keep := rapid.IntRange(0, 30).Draw(t, "pages recorded")
			if night == nights-1 {
				keep = 1000
			}
			cursor = w.run(t, cursor, keep, recorded)
		}
		if len(recorded) != len(w.items) {
			t.Fatalf("%d of %d social balances were listed", len(recorded), len(w.items))
		}
	})
}

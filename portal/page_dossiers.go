package portal

import (
	"cmp"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"balansd/daemon"
	"balansd/ledger"
)

func (h *Handler) dossierListRoutes() []route {
	return append([]route{
		{method: http.MethodGet, path: "/dossiers", access: staff, handle: dossiersPage, nav: "nav.dossiers"},
		{method: http.MethodGet, path: "/dossiers.zip", access: staff, handle: downloadReview},
	}, sheetRoutes("/dossiers", staff, dossierSheet)...)
}

// dossiersOnPage is the number of dossiers on a page.
const dossiersOnPage = 50

// dossiersData is the data of the list of dossiers.
type dossiersData struct {
	Rows        []template.HTML
	Tabs        []stateTab
	Causes      []causeTab
	Suggestions []searchSuggestion
	Columns     map[string]column
	Total       int
	First, Last int
	Prev, Next  string // addresses; empty where there is none
	Take        takeAlong
	// WithoutMissing is the address of the list with the dossiers that have a balance.
	WithoutMissing string
	Address        string // of this list, for the bulk steps
	Steps          []daemon.BulkStep
	Search         string
	State          string
	Cause          string
	About          string // the case of all dossiers of the list, if a person can do something about it
	Order          daemon.DossierOrder
	Reverse        bool
	Orders         []daemon.DossierOrder
	Firm           int64
	Connection     string
	Year           int
	Missing        int // the year of which the dossiers have no balance yet; 0 for all
	Years          []int
	Firms          []ledger.Firm
	Connections    []ledger.Connection
	Filtered       bool
}

// stateTab is a state to filter by.
type stateTab struct {
	Key, Mark string // Key is empty for all
	Count     int
	Address   string
	Here      bool
}

// causeTab is a reason or kind of failure to filter by.
type causeTab struct {
	Case    string // part of the message id
	Count   int
	Address string
	Here    bool
}

// column is a column to sort by. Sorted is the value of aria-sort, empty where the list is
// sorted by another one.
type column struct{ Address, Sorted string }

// searchSuggestion is a search that finds something, with its address.
type searchSuggestion struct {
	daemon.SearchSuggestion
	Address string
}

// dossierQuery parses the query of the address.
func dossierQuery(q url.Values) daemon.DossierQuery {
	out := daemon.DossierQuery{Search: q.Get("q"), Connection: q.Get("connection"), Cause: q.Get("reason"), Limit: dossiersOnPage}
	out.Year, _ = strconv.Atoi(q.Get("year"))
	out.Missing, _ = strconv.Atoi(q.Get("missing"))
	if s := ledger.State(q.Get("state")); slices.Contains(ledger.States(), s) {
		out.States = []ledger.State{s}
	}
	out.FirmID, _ = strconv.ParseInt(q.Get("firm"), 10, 64)
	order, reverse := strings.CutPrefix(q.Get("sort"), descending)
	if o := daemon.DossierOrder(order); slices.Contains(dossierOrders(), o) {
		out.Order, out.Reverse = o, reverse
	} else {
		out.Order = daemon.ByName
	}
	if page, err := strconv.Atoi(q.Get("page")); err == nil && page > 1 && page < 1_000_000 {
		out.Offset = (page - 1) * dossiersOnPage
	}
	return out
}

// descending begins a sort of the address that goes the other way round.
const descending = "-"

func dossierOrders() []daemon.DossierOrder {
	return []daemon.DossierOrder{daemon.ByName, daemon.ByState, daemon.ByUpdated, daemon.ByYear, daemon.ByCreated}
}

// listAddress returns the address of the list with one parameter changed. Any change but
// that of the page goes to the first page; a reason belongs to its state.
func listAddress(path string, q url.Values, key, value string) string {
	out := url.Values{}
	for _, k := range []string{"q", "state", "reason", "firm", "connection", "year", "missing", "sort", "page"} {
		if text := q.Get(k); text != "" && (k != "page" || key == "page") && (k != "reason" || key != "state") {
			out.Set(k, text)
		}
	}
	if out.Del(key); value != "" {
		out.Set(key, value)
	}
	if len(out) == 0 {
		return path
	}
	return path + "?" + out.Encode()
}

func dossiersPage(rq *request) error {
	ctx, asked := rq.r.Context(), rq.r.URL.Query()
	q := dossierQuery(asked)
	page, err := rq.API.Dossiers(ctx, q)
	if err != nil {
		return err
	}
	rows, err := rq.dossierRows(page.Entries)
	if err != nil {
		return err
	}
	d := dossiersData{Rows: rows, Total: page.Total, Search: q.Search, Order: q.Order, Reverse: q.Reverse, Orders: dossierOrders(),
		Firm: q.FirmID, Connection: q.Connection, Cause: q.Cause, Year: q.Year, Missing: q.Missing, Years: page.Years,
		Columns: columns(asked, q), Take: newTakeAlong("/dossiers", asked, true), WithoutMissing: listAddress("/dossiers", asked, "missing", ""),
		Address: listAddress("/dossiers", asked, "page", asked.Get("page")), Steps: []daemon.BulkStep{daemon.BulkSync, daemon.BulkRetry, daemon.BulkDismiss, daemon.BulkLink},
		Filtered: q.Search != "" || q.FirmID != 0 || q.Connection != "" || q.Cause != "" || q.Year != 0 || q.Missing != 0 || len(q.States) > 0}
	if d.Firms, err = rq.API.Firms(ctx); err != nil {
		return err
	}
	if d.Connections, err = rq.API.Connections(ctx); err != nil {
		return err
	}
	d.fill(page, q, asked)
	if rq.isPartial() {
		rq.w.Header().Set("HX-Push-Url", d.Address) // without the fields that are empty
		return rq.renderPart("dossiers", "list", d)
	}
	return rq.renderPage("dossiers", d)
}

// fill adds what the address and the page say together: where the page is in the list, and
// what leads to others.
func (d *dossiersData) fill(page daemon.DossierPage, q daemon.DossierQuery, asked url.Values) {
	if len(q.States) > 0 {
		d.State = string(q.States[0])
	}
	d.turnPages("/dossiers", asked, q, len(page.Entries))
	d.Tabs = stateTabs(page.Counts, asked, d.State)
	if d.Cause != "" || len(q.States) > 0 && ledger.HasCause(q.States[0]) {
		d.Causes = causeTabs(page.Causes, asked, d.Cause)
	}
	if about := knownCase(cmp.Or(q.Cause, onlyDiffers(d.State))); hasNextStep(about) {
		d.About = about
	}
	for _, s := range page.Suggestions {
		d.Suggestions = append(d.Suggestions, searchSuggestion{s, listAddress("/dossiers", asked, "q", s.Search)})
	}
}

// onlyDiffers returns a state if it alone says what a person can do.
func onlyDiffers(state string) string {
	if state == string(ledger.Differs) {
		return state
	}
	return ""
}

// turnPages sets which part of the list the page shows, of so many rows, and the
// addresses of the pages beside it.
func (d *dossiersData) turnPages(path string, asked url.Values, q daemon.DossierQuery, rows int) {
	d.First, d.Last = q.Offset+1, q.Offset+rows
	if q.Offset > 0 {
		d.Prev = listAddress(path, asked, "page", pageNumber(q.Offset/q.Limit))
	}
	if d.Last < d.Total && rows > 0 {
		d.Next = listAddress(path, asked, "page", pageNumber(q.Offset/q.Limit+2))
	}
}

func pageNumber(n int) string {
	if n <= 1 {
		return ""
	}
	return strconv.Itoa(n)
}

// stateTabs returns a tab for each state that occurs, and first one for all.
func stateTabs(counts map[ledger.State]int, asked url.Values, here string) []stateTab {
	tabs := []stateTab{{Address: listAddress("/dossiers", asked, "state", ""), Here: here == ""}}
	for _, s := range ledger.States() {
		n := counts[s]
		tabs[0].Count += n
		if n > 0 || here == string(s) {
			tabs = append(tabs, stateTab{Key: string(s), Mark: stateMarks[s], Count: n,
				Address: listAddress("/dossiers", asked, "state", string(s)), Here: here == string(s)})
		}
	}
	return tabs
}

// causeTabs returns a tab for each reason or kind of failure that occurs, the most
// frequent first.
func causeTabs(counts map[string]int, asked url.Values, here string) (tabs []causeTab) {
	for code, n := range counts {
		address := listAddress("/dossiers", asked, "reason", code)
		if code == here { // once more takes the filter away
			address = listAddress("/dossiers", asked, "reason", "")
		}
		tabs = append(tabs, causeTab{Case: knownCase(code), Count: n, Address: address, Here: code == here})
	}
	slices.SortFunc(tabs, func(a, b causeTab) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Case, b.Case))
	})
	return tabs
}

// columns returns the columns to sort by. The one that is sorted by leads to the other
// direction.
func columns(asked url.Values, q daemon.DossierQuery) map[string]column {
	out := map[string]column{}
	for _, o := range dossierOrders() {
		c := column{Address: listAddress("/dossiers", asked, "sort", string(o))}
		if o == q.Order {
			// The latest of years and times comes first by itself.
			c.Sorted = "ascending"
			if latestFirst := o == daemon.ByYear || o == daemon.ByUpdated || o == daemon.ByCreated; q.Reverse != latestFirst {
				c.Sorted = "descending"
			}
			if !q.Reverse {
				c.Address = listAddress("/dossiers", asked, "sort", descending+string(o))
			}
		}
		out[string(o)] = c
	}
	return out
}

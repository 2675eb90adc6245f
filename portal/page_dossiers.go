package portal

import (
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
)

func (h *Handler) dossierListRoutes() []route {
	return []route{
		{method: http.MethodGet, path: "/dossiers", access: staff, handle: dossiersPage, nav: "nav.dossiers"},
		{method: http.MethodGet, path: "/dossiers.csv", access: staff, handle: downloadDossiers},
	}
}

// dossiersOnPage is the number of dossiers on a page.
const dossiersOnPage = 50

// dossiersData is the data of the list of dossiers.
type dossiersData struct {
	Rows        []entryView
	Tabs        []stateTab
	Total       int
	First, Last int
	Prev, Next  string // addresses; empty where there is none
	CSV         string
	Search      string
	State       string
	Order       string
	Firm        int64
	Connection  string
	Firms       []ledger.Firm
	Connections []ledger.Connection
	Filtered    bool
}

// stateTab is a state to filter by.
type stateTab struct {
	Key, Mark string // Key is empty for all
	Count     int
	Address   string
	Here      bool
}

// dossierQuery parses the query of the address.
func dossierQuery(q url.Values) daemon.DossierQuery {
	out := daemon.DossierQuery{Search: q.Get("q"), Connection: q.Get("connection"), Limit: dossiersOnPage}
	if s := ledger.State(q.Get("state")); slices.Contains(ledger.States(), s) {
		out.States = []ledger.State{s}
	}
	out.FirmID, _ = strconv.ParseInt(q.Get("firm"), 10, 64)
	if o := daemon.DossierOrder(q.Get("sort")); slices.Contains(dossierOrders(), o) {
		out.Order = o
	} else {
		out.Order = daemon.ByName
	}
	if page, err := strconv.Atoi(q.Get("page")); err == nil && page > 1 && page < 1_000_000 {
		out.Offset = (page - 1) * dossiersOnPage
	}
	return out
}

func dossierOrders() []daemon.DossierOrder {
	return []daemon.DossierOrder{daemon.ByName, daemon.ByState, daemon.ByUpdated, daemon.ByYear}
}

// listAddress returns the address of the list with one parameter changed. Any change but
// that of the page goes to the first page.
func listAddress(path string, q url.Values, key, value string) string {
	out := url.Values{}
	for _, k := range []string{"q", "state", "firm", "connection", "sort", "page"} {
		if text := q.Get(k); text != "" && (k != "page" || key == "page") {
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
	d := dossiersData{Rows: rq.entries(page.Entries), Total: page.Total, Search: q.Search, Order: string(q.Order),
		Firm: q.FirmID, Connection: q.Connection, CSV: listAddress("/dossiers.csv", asked, "page", ""),
		Filtered: q.Search != "" || q.FirmID != 0 || q.Connection != "" || len(q.States) > 0}
	if d.Firms, err = rq.API.Firms(ctx); err != nil {
		return err
	}
	if d.Connections, err = rq.API.Connections(ctx); err != nil {
		return err
	}
	if len(q.States) > 0 {
		d.State = string(q.States[0])
	}
	d.First, d.Last = q.Offset+1, q.Offset+len(page.Entries)
	if q.Offset > 0 {
		d.Prev = listAddress("/dossiers", asked, "page", pageNumber(q.Offset/dossiersOnPage))
	}
	if d.Last < page.Total && len(page.Entries) > 0 {
		d.Next = listAddress("/dossiers", asked, "page", pageNumber(q.Offset/dossiersOnPage+2))
	}
	d.Tabs = stateTabs(page.Counts, asked, d.State)
	if rq.isPartial() {
		return rq.renderPart("dossiers", "list", d)
	}
	return rq.renderPage("dossiers", d)
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

// downloadDossiers answers with the whole list as CSV, filtered and sorted as the page.
func downloadDossiers(rq *request) error {
	q := dossierQuery(rq.r.URL.Query())
	// In one call: between two, a run could move a dossier from one part of the list to
	// the other.
	q.Offset, q.Limit = 0, 0
	list, err := rq.API.Dossiers(rq.r.Context(), q)
	if err != nil {
		return err
	}
	h := rq.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="balansd-dossiers-`+rq.Now().In(rq.Zone).Format("2006-01-02")+`.csv"`)
	if rq.r.Method == http.MethodHead {
		return nil
	}
	x, err := ledger.NewExport(rq.download(), balance.Lang(rq.locale.Lang), rq.Zone, false)
	if err == nil {
		err = x.All(entrySeq(list.Entries), nil)
	}
	if err != nil && rq.r.Context().Err() == nil {
		// A partial file must not look complete.
		rq.Log.Error().Err(err).Msg("the list of dossiers was sent in part")
		panic(http.ErrAbortHandler)
	}
	return nil
}

// entrySeq returns an iterator over a list.
func entrySeq(list []ledger.Entry) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		for _, e := range list {
			if !yield(e, nil) {
				return
			}
		}
	}
}

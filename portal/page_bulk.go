package portal

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"balansd/accounts"
	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
)

// maxBulkForm bounds the form of a bulk step: a hundred thousand entries with their
// versions are one megabyte.
const maxBulkForm = 4 << 20

func (h *Handler) bulkRoutes() []route {
	return []route{
		{method: http.MethodPost, path: "/bulk", access: staff, handle: previewBulk, maxBody: maxBulkForm},
		{method: http.MethodPost, path: "/bulk/do", access: staff, handle: applyBulk, maxBody: maxBulkForm},
		{method: http.MethodGet, path: "/bulk/{job}", access: staff, handle: bulkResultPage},
	}
}

// bulkData is the data of the page that shows what a step would do, and of the one that
// shows what it did.
type bulkData struct {
	Step    daemon.BulkStep
	Done    []bulkGroup // what can be done, or was, by state
	Left    []bulkGroup // what is left as it is, by reason
	Count   int         // of Done
	Total   int
	Figures int    // that a decision is about
	Items   string // for the form
	Back    string // the address of the list
	Follow  bool   // a sync may follow
	Running bool
	Code    string // of the problem that ended it
}

// LeftCount counts the entries that are left as they are.
func (d bulkData) LeftCount() int { return d.Total - d.Count }

// bulkGroup are entries that have a state, or the reason why they are left, in common.
type bulkGroup struct {
	Message string // message id of what they have in common
	Mark    string
	Class   string
	Count   int
	Rows    []bulkRow
}

// More counts the entries of the group that are not among its rows.
func (g bulkGroup) More() int { return g.Count - len(g.Rows) }

// bulkRow is an entry of a bulk step.
type bulkRow struct {
	entryView

	Gone    bool
	Since   *eventView     // what another person did meanwhile
	Company *daemon.Client // that is suggested
	Why     string         // the message that says why
	Sure    string         // in percent
}

// maxBulkRows bounds the entries that a group lists. Suggested links are all listed:
// each is looked at before it is set.
const maxBulkRows = 500

// previewBulk shows what a step would do with what is ticked, or with all that the list
// holds. It changes nothing.
func previewBulk(rq *request) error {
	form, err := rq.bulkForm()
	if err != nil {
		return err
	}
	items, ok, err := rq.bulkItems(form)
	switch {
	case err != nil:
		return err
	case !ok || !slices.Contains(daemon.BulkSteps(), daemon.BulkStep(form.Get("step"))):
		return accounts.Refusal{Status: http.StatusBadRequest}
	case len(items) == 0:
		rq.flashWarning("bulk.nothing")
		return rq.redirectBack("/dossiers")
	}
	r := daemon.BulkRequest{Step: daemon.BulkStep(form.Get("step")), Items: items, By: rq.person.Name}
	back := localPath(form.Get("back"))
	return rq.runTask(func(ctx context.Context) func(*request) error {
		result, err := rq.API.Bulk(ctx, r)
		return func(rq *request) error {
			if err != nil {
				return err
			}
			d := rq.bulkData(r.Step, result)
			d.Back, d.Items = back, formatItems(doable(items, result))
			return rq.renderPage("bulk", d)
		}
	})
}

// bulkForm parses the form of a step.
func (rq *request) bulkForm() (url.Values, error) {
	if err := rq.r.ParseForm(); err != nil {
		return nil, uploadBroken(err)
	}
	return rq.r.PostForm, nil
}

// bulkItems returns what the form selects: all that the list of its address holds, the
// items of a page before, or what is ticked.
func (rq *request) bulkItems(form url.Values) (items []daemon.BulkItem, ok bool, err error) {
	if text := form.Get("items"); text != "" {
		items, ok = parseItems(text)
		return items, ok, nil
	}
	if form.Get("which") == "all" {
		list, err := rq.listed(localPath(form.Get("back")))
		for _, e := range list {
			items = append(items, daemon.BulkItem{Number: e.Number, Seen: e.Version})
		}
		return items, true, err
	}
	for _, text := range form["entry"] {
		number, err := strconv.ParseUint(text, 10, 64)
		seen, _ := strconv.ParseUint(form.Get("seen."+text), 10, 64) // 0 from a page that does not say
		if err != nil {
			return nil, false, nil
		}
		items = append(items, daemon.BulkItem{Number: number, Seen: seen})
	}
	return items, true, nil
}

// listed returns all that the list of an address holds, on all its pages.
func (rq *request) listed(address string) ([]ledger.Entry, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, accounts.Refusal{Status: http.StatusBadRequest}
	}
	q := dossierQuery(u.Query())
	if u.Path == "/decisions" {
		q = decisionQuery(u.Query())
	}
	q.Offset, q.Limit = 0, 0
	page, err := rq.API.Dossiers(rq.r.Context(), q)
	return page.Entries, err
}

// doable returns the items that a step would be done with, as they were shown.
func doable(items []daemon.BulkItem, result daemon.BulkResult) (list []daemon.BulkItem) {
	for i, o := range result.Outcomes {
		if o.Refused != "" || i >= len(items) {
			continue
		}
		item := daemon.BulkItem{Number: o.Entry.Number, Seen: o.Entry.Version, Cells: items[i].Cells}
		if o.Company != nil {
			item.FirmID, item.CompanyID = o.Company.FirmID, o.Company.CompanyID
		}
		list = append(list, item)
	}
	return list
}

// formatItems writes items for a form: NUMBER.VERSION, with .FIRM.COMPANY for a link and
// :CELL,… for a decision about some figures, and a blank between two.
func formatItems(items []daemon.BulkItem) string {
	var b strings.Builder
	for i, item := range items {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(strconv.FormatUint(item.Number, 10) + "." + strconv.FormatUint(item.Seen, 10))
		if item.CompanyID != 0 {
			b.WriteString("." + strconv.FormatInt(item.FirmID, 10) + "." + strconv.FormatInt(item.CompanyID, 10))
		}
		for j, c := range item.Cells {
			b.WriteString([]string{":", ","}[min(j, 1)] + c.String())
		}
	}
	return b.String()
}

// parseItems reads what formatItems writes.
func parseItems(text string) (items []daemon.BulkItem, ok bool) {
	for _, word := range strings.Fields(text) {
		numbers, cells, _ := strings.Cut(word, ":")
		parts := strings.Split(numbers, ".")
		if len(parts) != 2 && len(parts) != 4 {
			return nil, false
		}
		values := make([]uint64, 4)
		for i, p := range parts {
			var err error
			if values[i], err = strconv.ParseUint(p, 10, 63); err != nil {
				return nil, false
			}
		}
		item := daemon.BulkItem{Number: values[0], Seen: values[1], FirmID: int64(values[2]), CompanyID: int64(values[3])}
		for code := range strings.SplitSeq(cells, ",") {
			if code == "" {
				continue
			}
			cell, err := balance.ParseCell(code)
			if err != nil {
				return nil, false
			}
			item.Cells = append(item.Cells, cell)
		}
		items = append(items, item)
	}
	return items, true
}

// bulkData returns what a step would do, or did, for the page.
func (rq *request) bulkData(step daemon.BulkStep, result daemon.BulkResult) bulkData {
	d := bulkData{Step: step, Total: len(result.Outcomes), Follow: result.Applied && step != daemon.BulkSync && step != daemon.BulkDismiss}
	for _, o := range result.Outcomes {
		row := rq.bulkRow(o)
		if o.Refused != "" {
			d.Left = addToGroup(d.Left, row, bulkGroup{Message: refusalMessage(o.Refused)})
			continue
		}
		d.Count++
		d.Figures += len(o.Entry.Differences)
		d.Done = addToGroup(d.Done, row, bulkGroup{Message: "state." + row.StateKey(), Mark: row.Mark(), Class: row.Class()})
	}
	for _, list := range [][]bulkGroup{d.Done, d.Left} {
		slices.SortStableFunc(list, func(a, b bulkGroup) int { return b.Count - a.Count })
	}
	return d
}

// bulkRow returns an entry of a bulk step for its row.
func (rq *request) bulkRow(o daemon.BulkOutcome) bulkRow {
	row := bulkRow{entryView: rq.entry(o.Entry), Gone: o.Refused == daemon.BulkGone, Company: o.Company, Why: suggestionMessage(o.Suggestion)}
	row.Findings = nil // a result is kept for a while
	if o.Suggestion != nil {
		row.Sure = strconv.Itoa(o.Suggestion.Sure)
	}
	if o.Since != nil {
		row.Since = &eventView{*o.Since}
	}
	return row
}

// addToGroup adds a row to the group of its message.
func addToGroup(list []bulkGroup, row bulkRow, empty bulkGroup) []bulkGroup {
	i := slices.IndexFunc(list, func(g bulkGroup) bool { return g.Message == empty.Message })
	if i < 0 {
		i, list = len(list), append(list, empty)
	}
	list[i].Count++
	if len(list[i].Rows) < maxBulkRows || row.Company != nil {
		list[i].Rows = append(list[i].Rows, row)
	}
	return list
}

// refusalMessage returns the message of why an entry is left as it is.
func refusalMessage(r daemon.BulkRefusal) string {
	if slices.Contains(daemon.BulkRefusals(), r) {
		return "bulk.why-" + string(r)
	}
	return "problem." + string(r) + ".title"
}

package portal

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"balansd/accounts"
	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
)

func (h *Handler) decisionRoutes() []route {
	return append([]route{
		{method: http.MethodGet, path: "/decisions", access: staff, handle: decisionsPage, nav: "nav.decisions"},
		{method: http.MethodPost, path: "/decisions", access: staff, handle: decide},
	}, sheetRoutes("/decisions", staff, decisionSheet)...)
}

// decisionsOnPage is the number of dossiers on a page of decisions.
const decisionsOnPage = 20

// decisionsData is the data of the page of decisions.
type decisionsData struct {
	dossiersData

	List []decisionView
	Held []entryView // waiting because of findings
}

// decisionQuery parses the query of the address: of all that differs, each year of a
// dossier, the newest first.
func decisionQuery(q url.Values) daemon.DossierQuery {
	out := dossierQuery(q)
	out.States, out.Cause, out.EveryYear = []ledger.State{ledger.Differs}, "", true
	if !q.Has("sort") {
		out.Order = daemon.ByCreated
	}
	out.Offset, out.Limit = out.Offset/dossiersOnPage*decisionsOnPage, decisionsOnPage
	return out
}

func decisionsPage(rq *request) error {
	ctx, asked := rq.r.Context(), rq.r.URL.Query()
	q := decisionQuery(asked)
	page, err := rq.API.Dossiers(ctx, q)
	if err != nil {
		return err
	}
	d := decisionsData{dossiersData: dossiersData{Total: page.Total, Search: q.Search, Order: q.Order, Reverse: q.Reverse,
		Orders: []daemon.DossierOrder{daemon.ByCreated, daemon.ByName, daemon.ByYear, daemon.ByUpdated},
		Firm:   q.FirmID, Connection: q.Connection, Year: q.Year, Years: page.Years,
		Take:     newTakeAlong("/decisions", asked, false),
		Address:  listAddress("/decisions", asked, "page", asked.Get("page")),
		Filtered: q.Search != "" || q.FirmID != 0 || q.Connection != "" || q.Year != 0}}
	for _, s := range page.Suggestions {
		d.Suggestions = append(d.Suggestions, searchSuggestion{s, listAddress("/decisions", asked, "q", s.Search)})
	}
	if d.Firms, err = rq.API.Firms(ctx); err != nil {
		return err
	}
	if d.Connections, err = rq.API.Connections(ctx); err != nil {
		return err
	}
	for _, e := range page.Entries {
		f, err := rq.API.Show(ctx, daemon.EntryRequest{Number: e.Number})
		if err != nil {
			return err
		}
		one, err := rq.decision(f)
		if err != nil {
			return err
		}
		d.List = append(d.List, one)
	}
	d.turnPages("/decisions", asked, q, len(page.Entries))
	if q.Offset == 0 && !d.Filtered {
		held, err := rq.API.Dossiers(ctx, daemon.DossierQuery{States: []ledger.State{ledger.Waiting}, Cause: string(ledger.HasFindings), Limit: decisionsOnPage})
		if err != nil {
			return err
		}
		d.Held = rq.entries(held.Entries)
	}
	return rq.renderPage("decisions", d)
}

// decisionInput is what the form asks for one entry: its cells, none for all.
type decisionInput struct {
	number  uint64
	all     bool
	cells   []balance.Cell
	version uint64 // of the entry, as the person saw it
}

// readDecisions reads the form: the choice of the button, for the entries and cells that
// are ticked, or for the one entry that the button names.
func readDecisions(rq *request) (choice daemon.Choice, list []decisionInput, ok bool) {
	form := rq.r.PostForm
	what, one, single := strings.Cut(form.Get("do"), ":")
	choice = daemon.Choice(what)
	if choice != daemon.UseFinbox && choice != daemon.KeepSilverfin {
		return choice, nil, false
	}
	at := func(text string) (*decisionInput, bool) {
		number, err := strconv.ParseUint(text, 10, 64)
		version, versionErr := strconv.ParseUint(form.Get("seen."+text), 10, 64)
		if err != nil || versionErr != nil {
			return nil, false
		}
		i := slices.IndexFunc(list, func(a decisionInput) bool { return a.number == number })
		if i < 0 {
			list, i = append(list, decisionInput{number: number, version: version}), len(list)
		}
		return &list[i], true
	}
	if single {
		a, ok := at(one)
		if ok {
			a.all = true
		}
		return choice, list, ok
	}
	for _, text := range form["entry"] {
		a, ok := at(text)
		if !ok {
			return choice, nil, false
		}
		a.all = true
	}
	for _, text := range form["cell"] {
		number, code, _ := strings.Cut(text, ":")
		cell, err := balance.ParseCell(code)
		a, ok := at(number)
		if !ok || err != nil {
			return choice, nil, false
		}
		a.cells = append(a.cells, cell)
	}
	return choice, list, true
}

// decide saves a decision about one balance. For several, and for all that the list
// holds, it shows first what the decision would do. A decision is about the version that
// the person saw: an entry that changed since then is not decided.
func decide(rq *request) error {
	choice, list, ok := readDecisions(rq)
	if !ok {
		return accounts.Refusal{Status: http.StatusBadRequest}
	}
	form, single := rq.r.PostForm, strings.Contains(rq.r.PostForm.Get("do"), ":")
	switch {
	case form.Get("which") == "all" && !single:
		form.Set("step", string(choice))
		return previewBulk(rq)
	case len(list) == 0:
		rq.flashWarning("decisions.nothing")
		return rq.redirectBack("/decisions")
	case len(list) > 1:
		items := make([]daemon.BulkItem, len(list))
		for i, a := range list {
			items[i] = daemon.BulkItem{Number: a.number, Seen: a.version, Cells: a.chosen()}
		}
		form.Set("step", string(choice))
		form.Set("items", formatItems(items))
		return previewBulk(rq)
	}
	a := list[0]
	_, err := rq.API.Decide(rq.r.Context(), daemon.Decision{Number: a.number, Choice: choice, Cells: a.chosen(), Seen: a.version, By: rq.person.Name})
	switch {
	case problem.Is(err, problem.Conflict), problem.Is(err, problem.NotAllowed):
		if err := rq.flashChanged(a.number); err != nil {
			return err
		}
	case err != nil:
		return err
	default:
		rq.flash("decisions.done")
	}
	return rq.redirectBack("/decisions")
}

// chosen returns the cells that the decision is about; none for all.
func (a decisionInput) chosen() []balance.Cell {
	if a.all {
		return nil
	}
	return a.cells
}

// flashChanged says that an entry changed since the person saw it, and who did what
// where another person did.
func (rq *request) flashChanged(number uint64) error {
	f, err := rq.API.Show(rq.r.Context(), daemon.EntryRequest{Number: number})
	if err != nil || len(f.History) == 0 || f.History[len(f.History)-1].By == "" {
		rq.flashWarning("decisions.changed")
		return nil
	}
	last := eventView{f.History[len(f.History)-1]}
	when, err := rq.locale.clock(last.At)
	if err != nil {
		return err
	}
	what, err := rq.locale.t("event." + last.Case())
	if last.HasReason() {
		what, err = rq.locale.t("case." + last.Case() + ".title")
	}
	if err != nil {
		return err
	}
	rq.flashWarning("decisions.changed-by", "Name", rq.entry(f.Entry).Name(), "Who", last.By, "When", when, "What", what)
	return nil
}

// decisionView is an entry that differs, with what balansd wrote there before.
type decisionView struct {
	Entry     entryView
	WrittenAt time.Time // by balansd, last; zero when it never wrote there
	WrittenBy uint64    // the entry
	Run       uint64
}

// decision returns the view of an entry that differs.
func (rq *request) decision(f daemon.EntryDetail) (decisionView, error) {
	d := decisionView{Entry: rq.entry(f.Entry), WrittenBy: f.Written.By}
	if d.WrittenBy == 0 {
		return d, nil
	}
	story := f.History
	if d.WrittenBy != f.Entry.Number {
		wrote, err := rq.API.Show(rq.r.Context(), daemon.EntryRequest{Number: d.WrittenBy})
		if err != nil {
			return d, err
		}
		story = wrote.History
	}
	for _, e := range story {
		if e.State == ledger.Done {
			d.WrittenAt, d.Run = e.At, e.Run
		}
	}
	return d, nil
}

package portal

import (
	"net/http"
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
	return []route{
		{method: http.MethodGet, path: "/decisions", access: staff, handle: decisionsPage, nav: "nav.decisions"},
		{method: http.MethodPost, path: "/decisions", access: staff, handle: decide},
	}
}

// decisionsOnPage is the number of dossiers on a page of decisions.
const decisionsOnPage = 20

// decisionsData is the data of the page of decisions.
type decisionsData struct {
	List  []decisionView
	Held  []entryView // waiting because of findings
	Older uint64      // number that the next page starts below; 0 at the end
	First bool
}

func decisionsPage(rq *request) error {
	ctx := rq.r.Context()
	below, _ := strconv.ParseUint(rq.r.URL.Query().Get("below"), 10, 64)
	d := decisionsData{First: below == 0}
	q := ledger.Query{States: []ledger.State{ledger.Differs}, Below: below, Limit: decisionsOnPage + 1}
	for e, err := range rq.API.Entries(ctx, q) {
		if err != nil {
			return err
		}
		if len(d.List) == decisionsOnPage {
			d.Older = d.List[len(d.List)-1].Entry.Number
			break
		}
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
	if d.First {
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

// decide saves decisions. A decision is about the version that the person saw: an entry
// that changed since then is not decided.
func decide(rq *request) error {
	choice, list, ok := readDecisions(rq)
	if !ok {
		return accounts.Refusal{Status: http.StatusBadRequest}
	}
	if len(list) == 0 {
		rq.flashWarning("decisions.nothing")
		return rq.redirectBack("/decisions")
	}
	done, changed := false, false
	for _, a := range list {
		if a.all {
			a.cells = nil
		}
		_, err := rq.API.Decide(rq.r.Context(), daemon.Decision{Number: a.number, Choice: choice, Cells: a.cells,
			Seen: a.version, By: rq.person.Name})
		switch {
		case problem.Is(err, problem.Conflict), problem.Is(err, problem.NotAllowed):
			changed = true // the other entries are decided all the same
		case err != nil:
			return err
		default:
			done = true
		}
	}
	if done {
		rq.flash("decisions.done")
	}
	if changed {
		rq.flashWarning("decisions.changed")
	}
	return rq.redirectBack("/decisions")
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

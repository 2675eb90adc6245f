package portal

import (
	"net/http"
	"slices"
	"time"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
)

func (w *Web) homeRoutes() []route {
	return []route{{method: http.MethodGet, path: "/{$}", may: staff, do: homePage, nav: "nav.home"}}
}

// waitingOnHome is how many entries the first page lists.
const waitingOnHome = 10

// homeData is what the first page shows.
type homeData struct {
	Tabs        []stateTab // dossiers by state
	Total       int
	Waiting     []entryView // what needs a person
	More        bool        // there is more than is listed
	Running     *passView
	Night       *passView // the last one
	Next        time.Time
	Again       time.Time
	Missed      []missedView
	Clock       string
	State       []daemon.StateProblem
	NoBackup    bool
	Connections []connectionView
	Firms       []firmView
	Linked      bool // at least one active connection and one firm
	Decide      int  // dossiers that differ
}

func homePage(rq *request) error {
	ctx := rq.r.Context()
	s, err := rq.API.Status(ctx)
	if err != nil {
		return err
	}
	page, err := rq.API.Dossiers(ctx, daemon.DossierQuery{Limit: 1})
	if err != nil {
		return err
	}
	d := homeData{Tabs: stateTabs(page.Counts, nil, ""), Total: page.Total, Next: s.NextWake, Again: s.Again, Clock: s.Clock, State: stateProblems(s.State),
		Decide: s.Counts[ledger.Differs]}
	var list []ledger.Entry
	for _, e := range s.Waiting {
		if !e.NeedsPerson() {
			continue
		}
		if len(list) == waitingOnHome {
			d.More = true
			break
		}
		list = append(list, e)
	}
	d.Waiting = rq.entries(list)
	if s.Run != nil {
		p := rq.pass(*s.Run)
		p.Now, d.Running = true, &p
	}
	if s.LastNight != nil {
		p := rq.pass(*s.LastNight)
		d.Night = &p
		for _, t := range p.Known() {
			d.NoBackup = d.NoBackup || t.Backup()
		}
	}
	for _, m := range s.Missed {
		d.Missed = append(d.Missed, missedView{m})
	}
	active := false
	for _, c := range s.Connections {
		if c.Status == ledger.Removed {
			continue
		}
		active = active || c.Status == ledger.Active
		d.Connections = append(d.Connections, connectionView{c, balance.DateOf(rq.Now().In(rq.Zone))})
	}
	for _, f := range s.Firms {
		d.Firms = append(d.Firms, firmView{Firm: f})
	}
	d.Linked = active && len(s.Firms) > 0
	return rq.page("home", d)
}

// stateProblems gives those of the state with a code that the pages have words
// for: a daemon of another version may have more.
func stateProblems(list []daemon.StateProblem) (known []daemon.StateProblem) {
	for _, p := range list {
		if !slices.Contains(problem.Codes(), problem.Code(p.Code)) {
			p.Code = string(problem.Unexpected)
		}
		known = append(known, p)
	}
	return known
}

// Well tells whether nothing needs anybody.
func (d homeData) Well() bool {
	if !d.Linked || len(d.Waiting) > 0 || d.Clock != "" || len(d.State) > 0 || d.NoBackup || len(d.Missed) > 0 || d.Night != nil && d.Night.Kind() != "good" {
		return false
	}
	for _, f := range d.Firms {
		if f.Fails() {
			return false
		}
	}
	for _, c := range d.Connections {
		if c.Status != ledger.Active || c.Problem != "" {
			return false
		}
	}
	return true
}

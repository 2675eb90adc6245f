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

func (h *Handler) homeRoutes() []route {
	return []route{{method: http.MethodGet, path: "/{$}", access: staff, handle: homePage, nav: "nav.home"}}
}

// homeListSize is the number of entries on the overview.
const homeListSize = 10

// homeData is the data of the overview.
type homeData struct {
	Tabs        []stateTab // dossiers by state
	Total       int
	Waiting     []entryView // entries that need a person
	More        bool        // there are more
	Running     *runView
	LastRun     *runView // the last nightly run
	NextRun     time.Time
	NextRetry   time.Time
	Missed      []missedRunView
	Clock       string
	State       []daemon.StateProblem
	NoBackup    bool
	Connections []connectionView
	Firms       []firmView
	Linked      bool // at least one active connection and one firm
	Undecided   int  // the number of dossiers that differ
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
	d := homeData{Tabs: stateTabs(page.Counts, nil, ""), Total: page.Total, NextRun: s.NextWake, NextRetry: s.Again, Clock: s.Clock, State: stateProblems(s.State),
		Undecided: s.Counts[ledger.Differs]}
	var list []ledger.Entry
	for _, e := range s.Waiting {
		if !e.NeedsPerson() {
			continue
		}
		if len(list) == homeListSize {
			d.More = true
			break
		}
		list = append(list, e)
	}
	d.Waiting = rq.entries(list)
	if s.Run != nil {
		p := rq.runView(*s.Run)
		p.Running, d.Running = true, &p
	}
	if s.LastNight != nil {
		p := rq.runView(*s.LastNight)
		d.LastRun = &p
		for _, t := range p.KnownProblems() {
			d.NoBackup = d.NoBackup || t.Backup()
		}
	}
	for _, m := range s.Missed {
		d.Missed = append(d.Missed, missedRunView{m})
	}
	active := false
	for _, c := range s.Connections {
		if c.Status == ledger.Removed {
			continue
		}
		active = active || c.Status == ledger.Active
		d.Connections = append(d.Connections, connectionView{Connection: c, Today: balance.DateOf(rq.Now().In(rq.Zone))})
	}
	for _, f := range s.Firms {
		d.Firms = append(d.Firms, firmView{Firm: f})
	}
	d.Linked = active && len(s.Firms) > 0
	return rq.renderPage("home", d)
}

// stateProblems replaces codes without a message: a daemon of another version may have
// more.
func stateProblems(list []daemon.StateProblem) (known []daemon.StateProblem) {
	for _, p := range list {
		if !slices.Contains(problem.Codes(), problem.Code(p.Code)) {
			p.Code = string(problem.Unexpected)
		}
		known = append(known, p)
	}
	return known
}

// AllGood reports whether nothing needs anybody's attention.
func (d homeData) AllGood() bool {
	if !d.Linked || len(d.Waiting) > 0 || d.Clock != "" || len(d.State) > 0 || d.NoBackup || len(d.Missed) > 0 || d.LastRun != nil && d.LastRun.Kind() != "good" {
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

package portal

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
)

func (h *Handler) homeRoutes() []route {
	return []route{{method: http.MethodGet, path: "/{$}", access: staff, handle: homePage, nav: "nav.home"}}
}

// homeData is the data of the overview.
type homeData struct {
	Tabs        []stateTab // dossiers by state
	Todo        []todoLine
	Season      seasonPicture
	Running     *runView
	LastRun     *runView // the last nightly run
	NextRun     time.Time
	NextRetry   time.Time
	Host        []hostCondition // what ends or fills up on the server
	Missed      int             // nights, since the last good one
	Clock       string
	State       []daemon.StateProblem
	NoBackup    bool
	Unsent      []ledger.Unsent // notifications
	Connections []connectionView
	Firms       []firmView
	Linked      bool   // at least one active connection and one firm
	Unseen      string // the firms of whose mapping no template was seen to use it
	AllGood     bool   // nothing needs anybody's attention
}

// hostCondition is something of the server that needs a person.
type hostCondition struct {
	ledger.Condition
	Date balance.Date // when a certificate ends
}

func homePage(rq *request) error {
	ctx := rq.r.Context()
	s, err := rq.API.Status(ctx)
	if err != nil {
		return err
	}
	all, err := rq.API.Overview(ctx)
	if err != nil {
		return err
	}
	d := homeData{Tabs: stateTabs(stateCounts(all.Causes), nil, ""), Todo: rq.todo(all.Causes), Season: newSeasonPicture(all.Season),
		NextRun: s.NextWake, NextRetry: s.Again, Clock: s.Clock, State: stateProblems(s.State), Unsent: s.Unsent}
	if s.Run != nil {
		p := rq.runView(*s.Run)
		p.Running, d.Running = true, &p
	}
	if s.LastNight != nil {
		p := rq.runView(*s.LastNight)
		d.LastRun = &p
	}
	for _, c := range s.Conditions {
		switch c.Kind {
		case ledger.BackupFailed:
			d.NoBackup = true
		case ledger.CertificateEnds, ledger.CertificateEnded, ledger.DiskLow, ledger.BackupMissing:
			date, _ := balance.ParseDate(c.Params["date"]) // zero for none
			d.Host = append(d.Host, hostCondition{c, date})
		case ledger.NightsMissed:
			d.Missed, _ = strconv.Atoi(c.Params["nights"])
		}
	}
	active := false
	for _, c := range s.Connections {
		if c.Status == ledger.Removed {
			continue
		}
		active = active || c.Status == ledger.Active
		d.Connections = append(d.Connections, connectionView{Connection: c, Today: balance.DateOf(rq.Now().In(rq.Zone))})
	}
	var unseen []string
	for _, f := range s.Firms {
		d.Firms = append(d.Firms, firmView{Firm: f})
		if slices.Contains(s.Unseen, f.ID) {
			unseen = append(unseen, f.Name)
		}
	}
	d.Unseen = strings.Join(unseen, ", ")
	d.Linked = active && len(s.Firms) > 0
	needsPerson := slices.ContainsFunc(d.Todo, func(l todoLine) bool { return l.Who != "nobody" })
	d.AllGood = d.Linked && len(s.Conditions)+len(s.Unsent) == 0 && !needsPerson
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

package portal

import (
	"net/http"
	"slices"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
)

func (h *Handler) runRoutes() []route {
	return append([]route{
		{method: http.MethodGet, path: "/nights", access: staff, handle: runsPage, nav: "nav.runs"},
		{method: http.MethodPost, path: "/nights/stop", access: staff, handle: stopRun},
	}, sheetRoutes("/nights", staff, runSheet)...)
}

// Limits of the page: the days of the calendar, the runs that are loaded for it, and the
// runs in the list.
const (
	calendarDays = 90
	runsRead     = 1000
	runsListed   = 30
)

// runsData is the data of the page of runs.
type runsData struct {
	Calendar calendar
	Underway []underwayView
	Runs     []runView
	Missed   []missedRunView
	All      bool // list all runs that were loaded
	More     bool
	Take     takeAlong
}

// missedRunView is a nightly run that did not take place.
type missedRunView struct {
	ledger.MissedNight
}

// CauseKey returns the last part of the message id of the cause.
func (m missedRunView) CauseKey() string { return causeKey(m.Cause) }

func causeKey(c ledger.Cause) string {
	switch c {
	case ledger.NotRunning, ledger.Asleep, ledger.CouldNotBegin, ledger.OtherRun, ledger.Restored:
		return string(c)
	}
	return unknown
}

// runView adds to a run what the templates need.
type runView struct {
	ledger.Run

	Running bool // it has not ended
}

func (rq *request) runView(p ledger.Run) runView { return runView{Run: p} }

// TriggerKey returns the last part of the message id of the trigger.
func (p runView) TriggerKey() string {
	switch p.Trigger {
	case ledger.Nightly, ledger.CatchUp, ledger.ByHand, ledger.NightRetry:
		return string(p.Trigger)
	}
	return unknown
}

// CauseKey returns the last part of the message id of why a run was late.
func (p runView) CauseKey() string { return causeKey(p.MissedCause) }

// Kind returns how the run went: good, problem, stopped, or now while it runs.
func (p runView) Kind() string {
	switch {
	case p.Running:
		return "now"
	case p.End.IsZero() || p.Stopped != "":
		return "stopped"
	case len(p.Problems)+len(p.Down) > 0:
		return "problem"
	}
	return "good"
}

// outcomeView is the number of entries that ended in a state.
type outcomeView struct {
	Key, Mark string
	Count     int
}

// Outcomes returns the number of entries by the state that they ended in.
func (p runView) Outcomes() (list []outcomeView) {
	for _, s := range ledger.States() {
		if n := p.Outcome[s]; n > 0 {
			list = append(list, outcomeView{stateKey(s), stateMarks[s], n})
		}
	}
	return list
}

// runProblem is something that failed in a run.
type runProblem struct {
	About, Code string
}

// Backup reports whether it is about the backup of the state.
func (t runProblem) Backup() bool { return t.About == ledger.AboutBackup }

// KnownProblems returns what failed in the run, with a code that has a message.
func (p runView) KnownProblems() (list []runProblem) {
	for _, t := range p.ProblemCodes {
		if !slices.Contains(problem.Codes(), problem.Code(t.Code)) {
			t.Code = string(problem.Unexpected)
		}
		list = append(list, runProblem{t.About, t.Code})
	}
	return list
}

func runsPage(rq *request) error {
	h, err := rq.API.History(rq.r.Context(), daemon.HistoryQuery{Limit: runsRead})
	if err != nil {
		return err
	}
	s, err := rq.API.Status(rq.r.Context())
	if err != nil {
		return err
	}
	running := map[uint64]bool{} // others without an end were cut off
	for _, r := range s.Runs {
		running[r.Run.Number] = true
	}
	d := runsData{All: rq.r.URL.Query().Get("all") == "1", Underway: rq.underway(s), Take: newTakeAlong("/nights", nil, false)}
	today := balance.DateOf(rq.Now().In(rq.Zone))
	d.Calendar = newCalendar(h.Runs, h.Missed, today)
	for _, p := range h.Runs {
		if !d.All && len(d.Runs) == runsListed {
			d.More = true
			break
		}
		one := rq.runView(p)
		one.Running = running[p.Number]
		d.Runs = append(d.Runs, one)
	}
	for _, m := range h.Missed[:min(len(h.Missed), runsListed)] {
		d.Missed = append(d.Missed, missedRunView{m})
	}
	return rq.renderPage("runs", d)
}

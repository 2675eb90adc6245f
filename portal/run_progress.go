package portal

import (
	"math"
	"net/http"
	"net/url"
	"strconv"

	"balansd/accounts"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
)

// progressView is how far a run is, for the templates.
type progressView struct {
	Done, Total            int
	Outcomes               []outcomeView
	PerMinute, MinutesLeft int // 0 where they are not known
	Limit                  *daemon.RateLimit
}

func newProgressView(done, total int, outcome map[ledger.State]int, p daemon.Pace) progressView {
	return progressView{Done: done, Total: total, Outcomes: runView{Run: ledger.Run{Outcome: outcome}}.Outcomes(),
		PerMinute: int(math.Round(p.PerMinute)), MinutesLeft: int(math.Round(float64(p.LeftSeconds) / 60)), Limit: p.Limit}
}

// underwayView is a run that has not ended, for the templates.
type underwayView struct {
	Run      runView
	Chosen   bool
	Progress progressView
}

// underway returns the views of the runs that have not ended.
func (rq *request) underway(s daemon.Status) (list []underwayView) {
	for _, r := range s.Runs {
		one := underwayView{Run: rq.runView(r.Run), Chosen: r.Chosen, Progress: newProgressView(r.Done, r.Total, r.Run.Outcome, r.Pace)}
		one.Run.Running = true
		list = append(list, one)
	}
	return list
}

// stopRun stops a run that is under way.
func stopRun(rq *request) error {
	run, err := strconv.ParseUint(rq.r.PostForm.Get("run"), 10, 64)
	if err != nil || run == 0 {
		return accounts.Refusal{Status: http.StatusNotFound}
	}
	switch _, err := rq.API.StopSync(rq.r.Context(), daemon.StopRequest{Run: run, By: rq.person.Name}); {
	case problem.Is(err, problem.NotFound):
		rq.flashWarning("underway.over")
	case err != nil:
		return err
	default:
		rq.flash("underway.stopping")
	}
	if job := rq.r.PostForm.Get("job"); job != "" {
		return rq.redirect("/sync/" + url.PathEscape(job))
	}
	return rq.redirect("/nights")
}

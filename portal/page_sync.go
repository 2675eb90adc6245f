package portal

import (
	"cmp"
	"context"
	"crypto/rand"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"balansd/accounts"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
)

func (h *Handler) syncRoutes() []route {
	return []route{
		{method: http.MethodPost, path: "/sync", access: staff, handle: startSync},
		{method: http.MethodGet, path: "/sync/{job}", access: staff, handle: syncPage},
	}
}

// defaultSlowAfter is the default of Config.SlowAfter.
const defaultSlowAfter = 30 * time.Second

// maxJobs bounds the jobs that are kept in memory besides those that run.
const maxJobs = 100

// jobs holds the runs that people started on the pages. They end with the process; what
// they did is in the ledger. The zero value is ready to use, and it is safe for
// concurrent use.
type jobs struct {
	mu   sync.Mutex
	list []*job // oldest first
}

// job is a run that a person started.
type job struct {
	// ID is random: after a restart, a page that is still open must not show another job.
	ID    string
	Entry uint64 // 0 for all dossiers
	// Upload is the upload whose confirmed documents it delivers.
	Upload string
	Name   string // of the dossier
	Start  time.Time

	Number      uint64 // of the run; 0 before it has begun
	Done, Total int
	Outcome     map[ledger.State]int
	Pace        daemon.Pace
	End         time.Time // zero while running
	Run         ledger.Run
	Code        string // of the problem, when it failed
}

// startJob starts a run in the background, which continues when the browser disconnects
// and stops with the server. It returns the id of the job.
func (h *Handler) startJob(ctx context.Context, j job, r daemon.SyncRequest) string {
	ctx, cancel := background(ctx)
	j.ID, j.Start, j.Outcome = rand.Text(), h.Now(), map[ledger.State]int{}
	one := &j
	h.jobs.mu.Lock()
	h.jobs.list = append(h.jobs.list, one)
	for over := 0; len(h.jobs.list) > maxJobs && over >= 0; {
		// A job that still runs is kept: somebody may be watching it.
		if over = slices.IndexFunc(h.jobs.list, func(j *job) bool { return !j.End.IsZero() }); over >= 0 {
			h.jobs.list = slices.Delete(h.jobs.list, over, over+1)
		}
	}
	h.jobs.mu.Unlock()
	go func() {
		defer cancel()
		pass, err := h.API.Sync(ctx, r, func(p daemon.Progress) {
			h.jobs.mu.Lock()
			defer h.jobs.mu.Unlock()
			one.Number, one.Done, one.Total, one.Pace = p.Run, p.Done, p.Total, p.Pace
			if p.Entry != nil {
				one.Outcome[p.Entry.State]++
			}
		})
		h.jobs.mu.Lock()
		defer h.jobs.mu.Unlock()
		one.Run, one.End = pass, h.Now()
		if err != nil {
			one.Code = string(problem.Of(err).Code)
		}
	}()
	return j.ID
}

// find returns a copy of the newest job that matches.
func (l *jobs) find(match func(*job) bool) (job, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, j := range slices.Backward(l.list) {
		if match(j) {
			found := *j
			found.Outcome = maps.Clone(j.Outcome) // the run goes on counting in its own
			return found, true
		}
	}
	return job{}, false
}

// startSync starts a run over one dossier or all of them, with a full listing when the
// form asks for it.
func startSync(rq *request) error {
	r := daemon.SyncRequest{By: rq.person.Name, Full: rq.r.PostForm.Get("full") != ""}
	var j job
	if text := rq.r.PostForm.Get("entry"); text != "" {
		f, err := rq.loadEntry(text)
		if err != nil {
			return err
		}
		j, r = rq.dossierSync(f.Entry, r)
	}
	id := rq.startJob(rq.r.Context(), j, r)
	if rq.isPartial() {
		return rq.writeJob(id)
	}
	return rq.redirect("/sync/" + id)
}

// dossierSync returns the job of a sync of the dossier of an entry, and r for it.
func (rq *request) dossierSync(e ledger.Entry, r daemon.SyncRequest) (job, daemon.SyncRequest) {
	if r.Connection, r.Dossier = e.Connection, e.Dossier.ID; r.Dossier == "" {
		r.Connection, r.Dossier = "", string(e.Dossier.EnterpriseNumber)
	}
	return job{Entry: e.Number, Name: rq.entry(e).Name()}, r
}

func syncPage(rq *request) error { return rq.writeJob(rq.r.PathValue("job")) }

// jobView adds to a job what the templates need.
type jobView struct {
	job

	Running     bool
	Slow        bool       // it takes longer than slowAfter
	Seconds     int        // since it started
	Result      *entryView // the entry after the run
	ProblemCode string     // of a service that could not be reached
	Run         *runView
	Progress    progressView
}

// writeJob answers with the state of a job: as a page, or as the part that htmx reloads.
func (rq *request) writeJob(id string) error {
	j, ok := rq.jobs.find(func(j *job) bool { return j.ID == id })
	if !ok {
		return accounts.Refusal{Status: http.StatusNotFound, Reason: "sync.gone"}
	}
	view, err := rq.viewJob(j)
	if err != nil {
		return err
	}
	if rq.isPartial() && !view.Running && j.Entry != 0 && rq.isCurrentPage(dossierPath(j.Entry)) {
		return rq.reloadDossier(view)
	}
	switch {
	case rq.isPartial() && rq.r.Header.Get("HX-Target") == "job":
		return rq.renderPart("sync", "job", view)
	case rq.isPartial():
		return rq.renderPart("sync", "sync-cell", view)
	}
	return rq.renderPage("sync", view)
}

// viewJob returns the view of a job, and once it has ended what came of it.
func (rq *request) viewJob(j job) (jobView, error) {
	view := jobView{job: j, Running: j.End.IsZero(), Progress: newProgressView(j.Done, j.Total, j.Outcome, j.Pace)}
	until := j.End
	if view.Running {
		until = rq.Now()
	}
	took := until.Sub(j.Start)
	view.Seconds, view.Slow = int(took.Round(time.Second)/time.Second), view.Running && took >= rq.slowAfter()
	if !view.Running {
		p := rq.runView(j.Run)
		view.Run = &p
		for _, t := range p.KnownProblems() {
			if len(p.Down) > 0 && view.ProblemCode == "" {
				view.ProblemCode = t.Code
			}
		}
	}
	if !view.Running && j.Entry != 0 && j.Code != string(problem.Busy) {
		e, err := rq.currentEntry(j.Entry)
		if err != nil {
			return view, err
		}
		view.Result = &e
	}
	return view, nil
}

// isCurrentPage reports whether htmx sent the request from the page of path.
func (rq *request) isCurrentPage(path string) bool {
	u, err := url.Parse(rq.r.Header.Get("HX-Current-URL"))
	return err == nil && u.Path == path
}

// reloadDossier has the browser reload the page of a dossier after a run, so that all
// parts of it show the same state.
func (rq *request) reloadDossier(view jobView) error {
	switch {
	case view.Code == string(problem.Busy):
		rq.flashWarning("sync.busy")
	case view.Code != "" || view.ProblemCode != "":
		rq.flashWarning("problem." + cmp.Or(view.Code, view.ProblemCode) + ".title")
	default:
		when, err := rq.locale.clock(view.End)
		if err != nil {
			return err
		}
		rq.flash("sync.checked", "When", when)
	}
	rq.w.Header().Set("HX-Refresh", "true")
	rq.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (h *Handler) slowAfter() time.Duration {
	if h.SlowAfter > 0 {
		return h.SlowAfter
	}
	return defaultSlowAfter
}

// currentEntry returns an entry, or the one that superseded it.
func (rq *request) currentEntry(number uint64) (entryView, error) {
	f, err := rq.API.Show(rq.r.Context(), daemon.EntryRequest{Number: number})
	if err == nil && f.Entry.State == ledger.Superseded && f.Entry.SupersededBy > number {
		f, err = rq.API.Show(rq.r.Context(), daemon.EntryRequest{Number: f.Entry.SupersededBy})
	}
	return rq.entry(f.Entry), err
}

// loadEntry loads the entry whose number is text.
func (rq *request) loadEntry(text string) (daemon.EntryDetail, error) {
	number, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return daemon.EntryDetail{}, accounts.Refusal{Status: http.StatusNotFound}
	}
	return rq.API.Show(rq.r.Context(), daemon.EntryRequest{Number: number})
}

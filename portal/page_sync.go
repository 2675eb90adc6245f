package portal

import (
	"cmp"
	"context"
	"crypto/rand"
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

// defaultSlowAfter is after how long a page says that a pass still runs, and lets
// its arrows rest.
const defaultSlowAfter = 30 * time.Second

// maxJobs is how many passes that people began are remembered.
const maxJobs = 100

// jobs are the passes that people began on the pages, in memory: they end with
// the process, and what they did is in the ledger. The zero jobs are ready, and
// safe for concurrent use.
type jobs struct {
	mu   sync.Mutex
	list []*job // oldest first
}

// job is one pass that a person began.
type job struct {
	// ID names it in addresses. It is random: after a restart, a page that is
	// still open must not take another job for its own.
	ID    string
	Entry uint64 // the entry that it was begun for; 0 for all dossiers
	Name  string // the name of its dossier
	Start time.Time

	Done, Total int
	End         time.Time // zero while it runs
	Run         ledger.Run
	Code        string // of the problem that it ended with
}

// startJob runs a pass in the background: it goes on when the browser goes away,
// and stops with the server.
func (h *Handler) startJob(ctx context.Context, j job, r daemon.SyncRequest) string {
	ctx, cancel := background(ctx)
	j.ID, j.Start = rand.Text(), h.Now()
	one := &j
	h.jobs.mu.Lock()
	h.jobs.list = append(h.jobs.list, one)
	if len(h.jobs.list) > maxJobs {
		// One that runs goes last: somebody may be watching it.
		over := slices.IndexFunc(h.jobs.list, func(j *job) bool { return !j.End.IsZero() })
		h.jobs.list = slices.Delete(h.jobs.list, max(over, 0), max(over, 0)+1)
	}
	h.jobs.mu.Unlock()
	go func() {
		defer cancel()
		pass, err := h.API.Sync(ctx, r, func(p daemon.Progress) {
			h.jobs.mu.Lock()
			defer h.jobs.mu.Unlock()
			one.Done, one.Total = p.Done, p.Total
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

// find gives a job as it stands.
func (l *jobs) find(id string) (job, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.list, func(j *job) bool { return j.ID == id })
	if i < 0 {
		return job{}, false
	}
	return *l.list[i], true
}

// startSync begins a pass over one dossier, or over all, and where the form asks
// for that, with everything listed from the beginning.
func startSync(rq *request) error {
	r := daemon.SyncRequest{By: rq.person.Name, Full: rq.r.PostForm.Get("full") != ""}
	var j job
	if text := rq.r.PostForm.Get("entry"); text != "" {
		f, err := rq.loadEntry(text)
		if err != nil {
			return err
		}
		j.Entry, j.Name = f.Entry.Number, rq.entry(f.Entry).Name()
		r.Dossier = f.Entry.Dossier.ID
		if r.Dossier == "" {
			r.Dossier = string(f.Entry.Dossier.EnterpriseNumber)
		}
	}
	id := rq.startJob(rq.r.Context(), j, r)
	if rq.isPartial() {
		return rq.writeJob(id)
	}
	return rq.redirect("/sync/" + id)
}

func syncPage(rq *request) error { return rq.writeJob(rq.r.PathValue("job")) }

// jobView is a job as a page tells of it.
type jobView struct {
	job

	Running     bool
	Slow        bool       // it runs for longer than people watch arrows
	Seconds     int        // that it took until now
	Result      *entryView // how the dossier stands after it
	ProblemCode string     // the code of a service's trouble that the pass met
	Run         *runView
}

// writeJob tells how a job stands: the page, or the part that asks again by
// itself.
func (rq *request) writeJob(id string) error {
	j, ok := rq.jobs.find(id)
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

// viewJob is what a page shows of a job: how long it took or takes, and when it
// ended what came of it.
func (rq *request) viewJob(j job) (jobView, error) {
	view := jobView{job: j, Running: j.End.IsZero()}
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

// isCurrentPage tells whether a script asks from a page of ours.
func (rq *request) isCurrentPage(path string) bool {
	u, err := url.Parse(rq.r.Header.Get("HX-Current-URL"))
	return err == nil && u.Path == path
}

// reloadDossier has the page of a dossier loaded again after a run, with what came
// of it: all of the page tells of the dossier, and no part of it may tell of an
// earlier moment than another.
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
		rq.flash("sync.looked", "When", when)
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

// currentEntry shows an entry, or the one that took its place.
func (rq *request) currentEntry(number uint64) (entryView, error) {
	f, err := rq.API.Show(rq.r.Context(), number)
	if err == nil && f.Entry.State == ledger.Superseded && f.Entry.SupersededBy > number {
		f, err = rq.API.Show(rq.r.Context(), f.Entry.SupersededBy)
	}
	return rq.entry(f.Entry), err
}

// loadEntry gives the entry that a path or a form names.
func (rq *request) loadEntry(text string) (daemon.EntryDetail, error) {
	number, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return daemon.EntryDetail{}, accounts.Refusal{Status: http.StatusNotFound}
	}
	return rq.API.Show(rq.r.Context(), number)
}

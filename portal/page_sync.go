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

func (w *Web) syncRoutes() []route {
	return []route{
		{method: http.MethodPost, path: "/sync", may: staff, do: startSync},
		{method: http.MethodGet, path: "/sync/{job}", may: staff, do: syncPage},
	}
}

// syncPatience is after how long a page says that a pass still runs, and lets
// its arrows rest.
const syncPatience = 30 * time.Second

// mostJobs is how many passes that people began are remembered.
const mostJobs = 100

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
	About string // the name of its dossier
	Began time.Time

	Done, Total int
	Ended       time.Time // zero while it runs
	Run         ledger.Run
	Code        string // of the problem that it ended with
}

// begin runs a pass in the background: it goes on when the browser goes away,
// and stops with the server.
func (w *Web) begin(ctx context.Context, j job, r daemon.SyncRequest) string {
	ctx, cancel := background(ctx)
	j.ID, j.Began = rand.Text(), w.Now()
	one := &j
	w.jobs.mu.Lock()
	w.jobs.list = append(w.jobs.list, one)
	if len(w.jobs.list) > mostJobs {
		// One that runs goes last: somebody may be watching it.
		over := slices.IndexFunc(w.jobs.list, func(j *job) bool { return !j.Ended.IsZero() })
		w.jobs.list = slices.Delete(w.jobs.list, max(over, 0), max(over, 0)+1)
	}
	w.jobs.mu.Unlock()
	go func() {
		defer cancel()
		pass, err := w.API.Sync(ctx, r, func(p daemon.Progress) {
			w.jobs.mu.Lock()
			defer w.jobs.mu.Unlock()
			one.Done, one.Total = p.Done, p.Total
		})
		w.jobs.mu.Lock()
		defer w.jobs.mu.Unlock()
		one.Run, one.Ended = pass, w.Now()
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
		f, err := rq.show(text)
		if err != nil {
			return err
		}
		j.Entry, j.About = f.Entry.Number, rq.entry(f.Entry).Name()
		r.Dossier = f.Entry.Dossier.ID
		if r.Dossier == "" {
			r.Dossier = string(f.Entry.Dossier.EnterpriseNumber)
		}
	}
	id := rq.begin(rq.r.Context(), j, r)
	if rq.partial() {
		return rq.showJob(id)
	}
	return rq.redirect("/sync/" + id)
}

func syncPage(rq *request) error { return rq.showJob(rq.r.PathValue("job")) }

// jobView is a job as a page tells of it.
type jobView struct {
	job

	Running bool
	Long    bool       // it runs for longer than people watch arrows
	Seconds int        // that it took until now
	Answer  *entryView // how the dossier stands after it
	Down    string     // the code of a service's trouble that the pass met
	Run     *passView
}

// showJob tells how a job stands: the page, or the part that asks again by
// itself.
func (rq *request) showJob(id string) error {
	j, ok := rq.jobs.find(id)
	if !ok {
		return accounts.Refusal{Status: http.StatusNotFound, Reason: "sync.gone"}
	}
	view, err := rq.viewJob(j)
	if err != nil {
		return err
	}
	if rq.partial() && !view.Running && j.Entry != 0 && rq.onPage(dossierPath(j.Entry)) {
		return rq.showAgain(view)
	}
	switch {
	case rq.partial() && rq.r.Header.Get("HX-Target") == "job":
		return rq.part("sync", "job", view)
	case rq.partial():
		return rq.part("sync", "arrows", view)
	}
	return rq.page("sync", view)
}

// viewJob is what a page shows of a job: how long it took or takes, and when it
// ended what came of it.
func (rq *request) viewJob(j job) (jobView, error) {
	view := jobView{job: j, Running: j.Ended.IsZero()}
	until := j.Ended
	if view.Running {
		until = rq.Now()
	}
	took := until.Sub(j.Began)
	view.Seconds, view.Long = int(took.Round(time.Second)/time.Second), view.Running && took >= rq.patience()
	if !view.Running {
		p := rq.pass(j.Run)
		view.Run = &p
		for _, t := range p.Known() {
			if len(p.Down) > 0 && view.Down == "" {
				view.Down = t.Code
			}
		}
	}
	if !view.Running && j.Entry != 0 && j.Code != string(problem.Busy) {
		e, err := rq.newest(j.Entry)
		if err != nil {
			return view, err
		}
		view.Answer = &e
	}
	return view, nil
}

// onPage tells whether a script asks from a page of ours.
func (rq *request) onPage(path string) bool {
	u, err := url.Parse(rq.r.Header.Get("HX-Current-URL"))
	return err == nil && u.Path == path
}

// showAgain has the page of a dossier loaded again after a run, with what came
// of it: all of the page tells of the dossier, and no part of it may tell of an
// earlier moment than another.
func (rq *request) showAgain(view jobView) error {
	switch {
	case view.Code == string(problem.Busy):
		rq.warn("sync.busy")
	case view.Code != "" || view.Down != "":
		rq.warn("problem." + cmp.Or(view.Code, view.Down) + ".title")
	default:
		when, err := rq.locale.clock(view.Ended)
		if err != nil {
			return err
		}
		rq.say("sync.looked", "When", when)
	}
	rq.w.Header().Set("HX-Refresh", "true")
	rq.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (w *Web) patience() time.Duration {
	if w.SyncPatience > 0 {
		return w.SyncPatience
	}
	return syncPatience
}

// newest shows an entry, or the one that took its place.
func (rq *request) newest(number uint64) (entryView, error) {
	f, err := rq.API.Show(rq.r.Context(), number)
	if err == nil && f.Entry.State == ledger.Superseded && f.Entry.SupersededBy > number {
		f, err = rq.API.Show(rq.r.Context(), f.Entry.SupersededBy)
	}
	return rq.entry(f.Entry), err
}

// show gives the entry that a path or a form names.
func (rq *request) show(text string) (daemon.EntryDetail, error) {
	number, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return daemon.EntryDetail{}, accounts.Refusal{Status: http.StatusNotFound}
	}
	return rq.API.Show(rq.r.Context(), number)
}

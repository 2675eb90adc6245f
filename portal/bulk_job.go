package portal

import (
	"crypto/rand"
	"net/http"
	"slices"
	"strconv"
	"sync"

	"balansd/accounts"
	"balansd/daemon"
	"balansd/problem"
)

// maxBulkJobs bounds the bulk steps whose result can be looked at again.
const maxBulkJobs = 20

// bulkJobs are the bulk steps that people started on the pages. They end with the
// process; what they did is in the ledger. The zero value is ready to use, and it is safe
// for concurrent use.
type bulkJobs struct {
	mu   sync.Mutex
	list []*bulkJob // oldest first
}

// bulkJob is a bulk step that a person started.
type bulkJob struct {
	id, person string // the id in its address, and the key of who started it
	step       daemon.BulkStep
	back       string
	done       chan struct{}
	// result and err are set when done is closed.
	result daemon.BulkResult
	err    error
}

func (l *bulkJobs) add(one *bulkJob) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, one)
	l.list = l.list[max(0, len(l.list)-maxBulkJobs):]
}

// find returns a job of a person; nil for none.
func (l *bulkJobs) find(id, person string) *bulkJob {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.list, func(one *bulkJob) bool { return one.id == id && one.person == person })
	if i < 0 {
		return nil
	}
	return l.list[i]
}

// applyBulk carries out a step for the items that the person was shown, and leads to the
// page of what came of it.
func applyBulk(rq *request) error {
	form, err := rq.bulkForm()
	if err != nil {
		return err
	}
	items, ok := parseItems(form.Get("items"))
	step := daemon.BulkStep(form.Get("step"))
	if !ok || len(items) == 0 || !slices.Contains(daemon.BulkSteps(), step) {
		return accounts.Refusal{Status: http.StatusBadRequest}
	}
	if step == daemon.BulkLink {
		items = chosenItems(items, form["link"])
	}
	one := &bulkJob{id: rand.Text(), person: rq.person.Key, step: step, back: localPath(form.Get("back")), done: make(chan struct{})}
	rq.bulkJobs.add(one)
	ctx, cancel := background(rq.r.Context())
	by := rq.person.Name
	go func() {
		defer close(one.done)
		defer cancel()
		one.result, one.err = rq.API.Bulk(ctx, daemon.BulkRequest{Step: step, Items: items, Apply: true, By: by})
		for i := range one.result.Outcomes { // what no row shows is not kept
			e := &one.result.Outcomes[i].Entry
			e.Findings, e.Doubts = nil, nil
		}
	}()
	return rq.redirect("/bulk/" + one.id)
}

// chosenItems returns the items whose link is ticked.
func chosenItems(items []daemon.BulkItem, ticked []string) []daemon.BulkItem {
	return slices.DeleteFunc(items, func(item daemon.BulkItem) bool {
		return !slices.Contains(ticked, strconv.FormatUint(item.Number, 10))
	})
}

// bulkResultPage shows what came of a step. While it runs, the browser loads the page again
// by itself.
func bulkResultPage(rq *request) error {
	one := rq.bulkJobs.find(rq.r.PathValue("job"), rq.person.Key)
	if one == nil {
		return accounts.Refusal{Status: http.StatusNotFound, Reason: "bulk.lost"}
	}
	select {
	case <-one.done:
	default:
		rq.w.Header().Set("Refresh", "1")
		return rq.renderPage("bulkresult", bulkData{Step: one.step, Back: one.back, Running: true})
	}
	if one.err != nil {
		return rq.renderPage("bulkresult", bulkData{Step: one.step, Back: one.back, Code: string(problem.Of(one.err).Code)})
	}
	d := rq.bulkData(one.step, one.result)
	d.Back = one.back
	if d.Follow = d.Follow && d.Count > 0; d.Follow {
		d.Items = formatItems(doable(make([]daemon.BulkItem, len(one.result.Outcomes)), one.result))
	}
	return rq.renderPage("bulkresult", d)
}

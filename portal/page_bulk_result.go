package portal

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"balansd/accounts"
	"balansd/daemon"
	"balansd/problem"
)

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
	r, back := daemon.BulkRequest{Step: step, Items: items, Apply: true, By: rq.person.Name}, localPath(form.Get("back"))
	one := rq.startTask(&rq.bulkJobs, waitForBulk(step, back), func(ctx context.Context) func(*request) error {
		result, err := rq.API.Bulk(ctx, r)
		for i := range result.Outcomes { // what no row shows is not kept
			e := &result.Outcomes[i].Entry
			e.Findings, e.Doubts = nil, nil
		}
		return func(rq *request) error { return rq.renderBulkResult(step, back, result, err) }
	})
	return rq.redirect("/bulk/" + one.id)
}

// waitForBulk returns the page of a step that runs, which the browser reloads by itself.
func waitForBulk(step daemon.BulkStep, back string) func(*request) error {
	return func(rq *request) error {
		rq.w.Header().Set("Refresh", "1")
		return rq.renderPage("bulkresult", bulkData{Step: step, Back: back, Running: true})
	}
}

// chosenItems returns the items whose link is ticked.
func chosenItems(items []daemon.BulkItem, ticked []string) []daemon.BulkItem {
	return slices.DeleteFunc(items, func(item daemon.BulkItem) bool {
		return !slices.Contains(ticked, strconv.FormatUint(item.Number, 10))
	})
}

// bulkResultPage shows what came of a step, as often as it is asked for.
func bulkResultPage(rq *request) error {
	one := rq.bulkJobs.find(rq.r.PathValue("job"), rq.person.Key)
	if one == nil {
		return accounts.Refusal{Status: http.StatusNotFound, Reason: "bulk.lost"}
	}
	select {
	case <-one.done:
		return one.respond(rq)
	default:
		return one.wait(rq)
	}
}

// renderBulkResult answers with what came of a step.
func (rq *request) renderBulkResult(step daemon.BulkStep, back string, result daemon.BulkResult, err error) error {
	if err != nil {
		return rq.renderPage("bulkresult", bulkData{Step: step, Back: back, Code: string(problem.Of(err).Code)})
	}
	d := rq.bulkData(step, result)
	d.Back = back
	if d.Follow = d.Follow && d.Count > 0; d.Follow {
		d.Items = formatItems(doable(make([]daemon.BulkItem, len(result.Outcomes)), result))
	}
	return rq.renderPage("bulkresult", d)
}

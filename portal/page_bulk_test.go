package portal

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"balansd/balance"
	"balansd/daemon"
	"balansd/daemon/daemontest"
	"balansd/ledger"

	"github.com/google/go-cmp/cmp"
)

// bulk confirms a bulk step, and returns the page of what came of it.
func (b *browser) bulk(step, items string, more ...string) reply {
	b.f.t.Helper()
	got := b.post("/bulk/do", append([]string{"step", step, "items", items, "back", "/dossiers"}, more...)...)
	to := got.header.Get("Location")
	if got.code != http.StatusSeeOther || !strings.HasPrefix(to, "/bulk/") {
		b.f.t.Fatalf("gives %d to %s: %s", got.code, to, got.body)
	}
	if one := b.f.web.bulkJobs.find(strings.TrimPrefix(to, "/bulk/"), b.f.key(benName)); one != nil {
		<-one.done
	}
	return b.get(to)
}

// TestBulk: what is ticked, or all that a filter holds, is shown first and done once it is
// confirmed, as it was shown.
func TestBulk(t *testing.T) {
	d := &stubAPI{entries: entriesInEveryState(time0)}
	f := newStubFixture(t, d)
	ben := f.signedIn(benName)
	page := ben.post("/bulk", "step", "retry", "entry", "5", "entry", "7", "entry", "999", "back", "/dossiers?state=waiting")
	for _, text := range []string{`name="items" value="5.0 7.0"`, "2 dossiers opnieuw proberen", "Niet meer in balansd", `href="/dossiers?state=waiting"`} {
		if !strings.Contains(page.body, text) {
			t.Errorf("the effect lacks %q: %s", text, page.body)
		}
	}
	page = ben.post("/bulk", "step", "retry", "which", "all", "entry", "1", "back", "/dossiers?state=waiting&page=2&q=x&firm=3")
	call := d.callsOf("Dossiers")
	if last := call[len(call)-1]; !strings.Contains(last, "States:[waiting]") || !strings.Contains(last, "Search:x") || !strings.Contains(last, "FirmID:3") || !strings.Contains(last, "Offset:0") || !strings.Contains(last, "Limit:0") {
		t.Errorf("all of a filter asks for %s", last)
	}
	if want := fmt.Sprintf("%d dossiers opnieuw proberen", len(ledger.Reasons())); !strings.Contains(page.body, want) {
		t.Errorf("the effect lacks %q: %s", want, page.body)
	}
	page = ben.bulk("dismiss", "5.0 7.9")
	for _, text := range []string{"Intussen gewijzigd", "Terug naar de lijst"} {
		if !strings.Contains(page.body, text) {
			t.Errorf("the result lacks %q: %s", text, page.body)
		}
	}
	if r := f.records()[0]; r.What != "bulk-dismiss" || r.On != "#5 (1 / 2)" || r.Who != benName {
		t.Errorf("the audit log has %+v", r)
	}
	ben.bulk("link", "5.0.1.2 7.0.1.2", "link", "7")
	calls := d.callsOf("Bulk")
	if last := calls[len(calls)-1]; !strings.Contains(last, "Items:[{Number:7 ") || !strings.Contains(last, "CompanyID:2}] Apply:true By:"+benName) {
		t.Errorf("the ticked link is %s", last)
	}
}

// TestBulkRefusedForms: what no page of ours sends does nothing.
func TestBulkRefusedForms(t *testing.T) {
	d := &stubAPI{entries: entriesInEveryState(time0)}
	f := newStubFixture(t, d)
	ben, ann := f.signedIn(benName), f.signedIn(annName)
	for name, form := range map[string][]string{
		"no step": {"items", "5.0"}, "a strange step": {"step", "erase", "items", "5.0"}, "no items": {"step", "retry"},
		"a strange item": {"step", "retry", "items", "5.x"}, "half an item": {"step", "retry", "items", "5"}, "no cell": {"step", "use_finbox", "items", "5.0:drop"},
	} {
		if got := ben.post("/bulk/do", form...); got.code != http.StatusBadRequest {
			t.Errorf("%s gives %d", name, got.code)
		}
	}
	if got := ben.post("/bulk", "step", "retry", "back", "/dossiers"); got.header.Get("Location") != "/dossiers" {
		t.Errorf("nothing ticked gives %d", got.code)
	}
	if len(d.callsOf("Bulk")) > 0 {
		t.Errorf("there are calls: %v", d.callsOf("Bulk"))
	}
	to := ben.post("/bulk/do", "step", "retry", "items", "5.0").header.Get("Location")
	if got := ann.get(to); got.code != http.StatusNotFound {
		t.Errorf("another person's result gives %d", got.code)
	}
}

// TestBulkItems: the form has the items as they were.
func TestBulkItems(t *testing.T) {
	want := []daemon.BulkItem{{Number: 7, Seen: 3}, {Number: 8, Seen: 1, FirmID: 14, CompanyID: 22},
		{Number: 9, Seen: 2, Cells: []balance.Cell{{Code: "1003"}, {Code: "1003", Previous: true}}}}
	got, ok := parseItems(formatItems(want))
	if diff := cmp.Diff(want, got); diff != "" || !ok {
		t.Error(diff)
	}
}

func (panickingAPI) Bulk(context.Context, daemon.BulkRequest) (daemon.BulkResult, error) {
	panic("a fault")
}

// TestBulkThatPanics: a fault in a step for several balances ends neither the program nor
// the page that waits for it.
func TestBulkThatPanics(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.API = panickingAPI{&stubAPI{API: &daemontest.API{}}} })
	ben := f.signedIn(benName)
	if got := ben.bulk("retry", "5.0"); got.code != http.StatusInternalServerError {
		t.Errorf("the result is %d: %s", got.code, got.body)
	}
	if got := ben.get("/"); got.code != http.StatusOK {
		t.Errorf("after it, the overview is %d", got.code)
	}
}

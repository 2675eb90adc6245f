package portal

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"balansd/daemon"
	"balansd/daemon/daemontest"
	"balansd/ledger"
	"balansd/problem"

	"github.com/google/go-cmp/cmp"
)

// TestContacts says of each service what was last seen, and when.
func TestContacts(t *testing.T) {
	at := func(h int) time.Time { return time.Date(2026, 3, 10, h, 0, 0, 0, time.UTC) }
	listed := ledger.Connection{ID: "c1", Kind: ledger.Finbox, Status: ledger.Active, ListedAt: at(2)}
	failed := listed
	failed.Problem = "Finbox answered 500"
	night := func(code string) *ledger.Run {
		return &ledger.Run{End: at(3), Troubles: []ledger.Trouble{{About: "c1", Code: code}}}
	}
	for name, tt := range map[string]struct {
		status  daemon.Status
		checked map[string]contactResult
		want    serviceStatus // of Finbox
	}{
		"nothing yet": {daemon.Status{}, nil, serviceStatus{}},
		"well":        {daemon.Status{Connections: []ledger.Connection{listed}}, nil, serviceStatus{LastSuccess: at(2)}},
		"a night failed": {daemon.Status{Connections: []ledger.Connection{failed}, LastRun: night("finbox_down")}, nil,
			serviceStatus{LastSuccess: at(2), Failing: true, FailedAt: at(3), Code: "finbox_down"}},
		"Silverfin failed": {daemon.Status{Connections: []ledger.Connection{listed}, LastRun: night("silverfin_down")}, nil,
			serviceStatus{LastSuccess: at(2)}},
		"a folder is no service": {daemon.Status{Connections: []ledger.Connection{{Kind: ledger.Folder, Status: ledger.Active, Problem: "gone"}}}, nil,
			serviceStatus{}},
		"a listing failed": {daemon.Status{Connections: []ledger.Connection{failed}}, nil, serviceStatus{LastSuccess: at(2), Failing: true}},
		"a step failed": {daemon.Status{Connections: []ledger.Connection{listed}},
			map[string]contactResult{"finbox": {at(4), "finbox_down"}}, serviceStatus{LastSuccess: at(2), Failing: true, FailedAt: at(4), Code: "finbox_down"}},
		"a step was well after a night failed": {daemon.Status{Connections: []ledger.Connection{listed}, LastRun: night("finbox_down")},
			map[string]contactResult{"finbox": {at(4), ""}}, serviceStatus{LastSuccess: at(4)}},
		"a night failed after a step was well": {daemon.Status{Connections: []ledger.Connection{failed}, LastRun: night("finbox_down")},
			map[string]contactResult{"finbox": {at(1), ""}}, serviceStatus{LastSuccess: at(2), Failing: true, FailedAt: at(3), Code: "finbox_down"}},
	} {
		w := &Handler{contacts: contactLog{newest: tt.checked}}
		tt.want.Name = "Finbox"
		if diff := cmp.Diff(tt.want, w.serviceStatuses(tt.status)[0]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	w := &Handler{}
	firms := []ledger.Firm{{ID: 1, RenewedAt: at(1)}, {ID: 2, RenewedAt: at(5), Relink: "refused"}}
	if got := w.serviceStatuses(daemon.Status{Firms: firms})[1]; !got.Failing || !got.LastSuccess.Equal(at(5)) {
		t.Errorf("a firm to link again: %+v", got)
	}
}

// failingAPI is one whose Finbox answers 500 to everything.
type failingAPI struct{ *stubAPI }

func (failingAPI) ConnectFinbox(context.Context, string, string) (ledger.Connection, []string, error) {
	return ledger.Connection{}, nil, problem.New(problem.FinboxDown, "Finbox answered 500", "")
}

// TestNoComfortWhileFinboxFails: what a person tried and failed is not tried
// again by itself, and the page says that the connection works no longer.
func TestNoComfortWhileFinboxFails(t *testing.T) {
	d := failingAPI{&stubAPI{API: &daemontest.API{}}}
	d.status.Connections = []ledger.Connection{{ID: "c1", Kind: ledger.Finbox, Status: ledger.Active, ListedAt: time.Date(2026, 3, 10, 2, 0, 0, 0, time.UTC)}}
	f := newFixture(t, func(c *Config) { c.API = d })
	ann := f.signedIn(annName)
	if page := ann.get("/connection"); !strings.Contains(page.body, "Verbinding veilig") || !strings.Contains(page.body, "laatste goede antwoord op 10/03/2026") {
		t.Errorf("before: %s", page.body)
	}
	d.status.Firms = []ledger.Firm{{ID: 12, Name: "Kantoor"}}
	if page := ann.get("/connection"); !strings.Contains(page.body, "De koppeling is gelegd") {
		t.Errorf("with a firm: %s", page.body)
	}
	page := ann.post("/connection/finbox", "id", "ABC-123")
	for range 2 {
		if strings.Contains(page.body, "Verbinding veilig") || strings.Contains(page.body, "De koppeling is gelegd") || !strings.Contains(page.body, "Finbox antwoordt niet goed") {
			t.Errorf("the page says that all is well: %s", page.body)
		}
		if strings.Contains(page.body, "vanzelf opnieuw") {
			t.Errorf("the page promises to try again: %s", page.body)
		}
		page = ann.get("/connection")
	}
}

// TestTheArrowsContradictNothing: after a run, the page of a dossier is loaded
// again as a whole, and the row of a list gets its new state.
func TestTheArrowsContradictNothing(t *testing.T) {
	done := ledger.Entry{Number: 6, State: ledger.Done}
	for name, tt := range map[string]struct {
		pass ledger.Run
		err  error
		says string
	}{
		"well":    {ledger.Run{}, nil, "Nagekeken op "},
		"down":    {ledger.Run{Down: []string{"x"}, Troubles: []ledger.Trouble{{About: "x", Code: "silverfin_down"}}}, nil, "Silverfin is niet bereikbaar"},
		"problem": {ledger.Run{}, problem.New(problem.StateUnwritable, "the disk is full", ""), "balansd kan niets bewaren"},
		"busy":    {ledger.Run{}, problem.New(problem.Busy, "another run is under way", ""), "Er loopt al een andere doorloop"},
	} {
		t.Run(name, func(t *testing.T) {
			d := &stubAPI{entries: []ledger.Entry{done}}
			f := newStubFixture(t, d)
			d.Run = func(context.Context, daemon.SyncRequest, func(daemon.Progress)) (ledger.Run, error) {
				return tt.pass, tt.err
			}
			ben := f.signedIn(benName)
			job := jobOf(t, ben.post("/sync", "entry", "6"))
			for strings.Contains(ben.get(job).body, "Bezig met synchroniseren") {
			}
			ben.header.Set("HX-Request", "true")
			ben.header.Set("HX-Current-URL", f.server.URL+"/dossiers?q=x")
			row := ben.get(job)
			if row.code != http.StatusOK || row.header.Get("HX-Refresh") != "" {
				t.Errorf("in a list: %d, %v", row.code, row.header)
			}
			if has := strings.Contains(row.body, `<div id="state-6" hx-swap-oob="true"><span class="state well">`); has != (name != "busy") {
				t.Errorf("the row's own state is not replaced: %s", row.body)
			}
			ben.header.Set("HX-Current-URL", f.server.URL+"/dossiers/6")
			if got := ben.get(job); got.code != http.StatusNoContent || got.header.Get("HX-Refresh") != "true" {
				t.Errorf("on the page of the dossier: %d, %v", got.code, got.header)
			}
			ben.header.Del("HX-Request")
			if page := ben.get("/dossiers/6"); !strings.Contains(page.body, tt.says) {
				t.Errorf("the page does not say %q: %s", tt.says, page.body)
			}
			if list := ben.get("/dossiers"); !strings.Contains(list.body, `<div id="state-6">`) {
				t.Errorf("the list has no place for the new state: %s", list.body)
			}
		})
	}
}

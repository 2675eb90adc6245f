package portal

import (
	"testing"
	"time"

	"balansd/daemon"
	"balansd/ledger"

	"github.com/google/go-cmp/cmp"
)

// TestServiceStatuses: the newest contact with each service counts.
func TestServiceStatuses(t *testing.T) {
	at := func(h int) time.Time { return time.Date(2026, 3, 10, h, 0, 0, 0, time.UTC) }
	listed := ledger.Connection{ID: "c1", Kind: ledger.Finbox, Status: ledger.Active, ListedAt: at(2)}
	failed := listed
	failed.Problem = "Finbox answered 500"
	night := func(code string) *ledger.Run {
		return &ledger.Run{End: at(3), ProblemCodes: []ledger.ProblemCode{{About: "c1", Code: code}}}
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

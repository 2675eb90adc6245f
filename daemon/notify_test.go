package daemon_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"balansd/daemon"
	"balansd/ledger"
	"balansd/sandbox/faults"
)

// recorder is a Notifier that records what it is told.
type recorder struct {
	mu      sync.Mutex
	reports []ledger.Report
	came    chan struct{} // closed at the first delivery after a report
}

func (r *recorder) Report(_ context.Context, report ledger.Report) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reports = append(r.reports, report)
	return nil
}

func (r *recorder) Deliver(context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.reports) > 0 && r.came != nil {
		close(r.came)
		r.came = nil
	}
}

func (r *recorder) Unsent(context.Context) ([]ledger.Unsent, error) {
	return []ledger.Unsent{{Channel: "it@office.example", Attempts: 2}}, nil
}

func (r *recorder) Test(context.Context) []ledger.NotifyTest {
	return []ledger.NotifyTest{{Channel: "mail"}}
}

func (r *recorder) last() ledger.Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.reports) == 0 {
		return ledger.Report{}
	}
	return r.reports[len(r.reports)-1]
}

func (r *recorder) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.reports)
}

// newNotified is a fixture whose daemon tells a recorder.
func newNotified(t *testing.T) (*fixture, *recorder) {
	t.Helper()
	fx, r := newFixture(t), &recorder{came: make(chan struct{})}
	fx.must(fx.store.Close())
	fx.notifier = r
	fx.open(fx.fbURL, fx.sfURL)
	return fx, r
}

func kinds(r ledger.Report) (list []ledger.ConditionKind) {
	for _, c := range r.Conditions {
		list = append(list, c.Kind)
	}
	return list
}

// TestRunsAreReported: after a night what needs a person is reported once, with all
// balances and the good night; a run over one dossier reports nothing.
func TestRunsAreReported(t *testing.T) {
	fx, r := newNotified(t)
	for n := range 3 {
		c := fx.client(n + 1)
		fx.must(fx.sf.CloseWorkflow(c.company, c.period, workflowName))
		fx.add(c, fx.balance(c, int64(n)))
	}
	night, err := fx.night()
	fx.must(err)
	got := r.last()
	if r.count() != 1 || got.Run != night.Number || got.Night != night.Number || !got.NightEnd.Equal(night.End) || len(got.Conditions) != 3 ||
		got.Conditions[0].Kind != ledger.BalanceWaits || got.Conditions[0].Reason != string(ledger.WorkflowClosed) {
		t.Fatalf("%d reports, the last %+v", r.count(), got)
	}
	_, err = fx.d.Sync(t.Context(), daemon.SyncRequest{By: "Els", Dossier: fx.entries()[0].Dossier.ID}, nil)
	fx.must(err)
	if r.count() != 1 {
		t.Error("a run over one dossier was reported")
	}
	run := fx.sync()
	if got := r.last(); r.count() != 2 || got.Run != run.Number || got.Night != night.Number {
		t.Errorf("%d reports after a run by hand, the last of run %d", r.count(), got.Run)
	}
	if s, err := fx.d.Status(t.Context()); err != nil || len(s.Unsent) != 1 {
		t.Errorf("status has unsent %v, %v", s.Unsent, err)
	}
}

// TestOutageIsReportedWithItsRetry: the report of a night without its services says when
// they are tried again, and that night is no good one.
func TestOutageIsReportedWithItsRetry(t *testing.T) {
	fx, r := newNotified(t)
	fx.fb.Faults().Add(faults.Fault{Path: "/", Kind: faults.ServerError, Times: -1})
	_, err := fx.night()
	fx.must(err)
	got := r.last()
	if !slices.Equal(kinds(got), []ledger.ConditionKind{ledger.FailingConnection}) || got.Conditions[0].Retry.IsZero() || got.Night != 0 {
		t.Errorf("the report is %+v", got)
	}
}

// TestReportsBetweenRuns: a running daemon delivers, and reports each hour.
func TestReportsBetweenRuns(t *testing.T) {
	fx, r := newNotified(t)
	fx.must(fx.store.UpdateFirm(t.Context(), fx.firm, func(f *ledger.Firm) { f.Relink = "signed out" }))
	came := r.came
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- fx.d.Run(ctx) }()
	<-came // delivered after a report
	stop()
	fx.must(<-ended)
	if got := r.last(); !slices.Contains(kinds(got), ledger.FirmRelink) {
		t.Errorf("the report is %+v", got)
	}
}

package silverfin

import (
	"context"

	"balansd/ledger"
	"balansd/mapping"
)

// Reconciliations lists the reconciliations of the annual-accounts workflows that are open
// in the period of a target, without what they hold. It returns a *ledger.WaitingError if
// there is no such workflow.
func (f *Firm) Reconciliations(ctx context.Context, t ledger.Target) ([]mapping.Reconciliation, error) {
	company, p := ledger.Company{ID: t.CompanyID, Name: t.CompanyName}, ledger.CompanyPeriod{ID: t.PeriodID, End: t.PeriodEnd}
	workflows, err := f.openWorkflows(ctx, company, p, true)
	if err != nil {
		return nil, err
	}
	return f.reconciliations(ctx, company, p, workflows)
}

// Results returns the results that a reconciliation of the target's period shows, by name.
// Silverfin does not say how long after a change they follow.
func (f *Firm) Results(ctx context.Context, t ledger.Target, reconciliationID int64) (map[string]string, error) {
	t.ReconciliationID = reconciliationID
	return f.results(ctx, t)
}

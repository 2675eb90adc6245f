package daemon

import (
	"context"
	"sync"

	"balansd/balance"
	"balansd/ledger"
	"balansd/mapping"
	"balansd/problem"
)

// firmAnswers records, during a run, which firms let balansd in and which
// refused it, for what status and pages say of a firm. It is safe for concurrent
// use.
type firmAnswers struct {
	mu      sync.Mutex
	refused map[int64]*problem.Problem // by firm; nil where it let balansd in
}

// observe records how one call to a firm ended. A refusal counts for the whole run.
// Whether a service that is down would refuse is not known.
func (a *firmAnswers) observe(firmID int64, err error) {
	p := problem.Of(err)
	if p != nil && p.Code != problem.SilverfinSignIn && p.Code != problem.ConfigInvalid {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.refused == nil {
		a.refused = map[int64]*problem.Problem{}
	}
	if a.refused[firmID] == nil {
		a.refused[firmID] = p
	}
}

// observed returns the destinations of a run with their answers recorded.
func (a *firmAnswers) observed(destination func(int64) Destination) func(int64) Destination {
	return func(firmID int64) Destination { return observedFirm{destination(firmID), a, firmID} }
}

// saveFirmProblems stores what the run learned about the firms.
func (r *run) saveFirmProblems(ctx context.Context) error {
	firms, err := r.cfg.Store.Firms(ctx)
	if err != nil {
		return err
	}
	r.answers.mu.Lock()
	defer r.answers.mu.Unlock()
	for _, f := range firms {
		refused, asked := r.answers.refused[f.ID]
		what, code := "", ""
		if refused != nil {
			what, code = refused.What, string(refused.Code)
			if refused.Next != "" {
				what += ". " + refused.Next
			}
		}
		if !asked || f.Problem == what && f.ProblemCode == code {
			continue
		}
		err := r.cfg.Store.UpdateFirm(ctx, f.ID, func(now *ledger.Firm) {
			if now.LinkedAt.Equal(f.LinkedAt) { // not linked again meanwhile
				now.Problem, now.ProblemCode = what, code
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// observedFirm is a Destination whose answers are recorded.
type observedFirm struct {
	Destination
	answers *firmAnswers
	firmID  int64
}

func (f observedFirm) Companies(ctx context.Context) ([]ledger.Company, []string, error) {
	list, unreadable, err := f.Destination.Companies(ctx)
	f.observe(err)
	return list, unreadable, err
}

func (f observedFirm) Locate(ctx context.Context, c ledger.Company, year balance.Period, to mapping.Target) (ledger.Target, error) {
	target, err := f.Destination.Locate(ctx, c, year, to)
	f.observe(err)
	return target, err
}

func (f observedFirm) LocateTied(ctx context.Context, c ledger.Company, tie ledger.PeriodTie, to mapping.Target) (ledger.Target, error) {
	target, err := f.Destination.LocateTied(ctx, c, tie, to)
	f.observe(err)
	return target, err
}

func (f observedFirm) Update(ctx context.Context, p ledger.Target, to mapping.Target, decide ledger.Decide) error {
	err := f.Destination.Update(ctx, p, to, decide)
	f.observe(err)
	return err
}

func (f observedFirm) observe(err error) { f.answers.observe(f.firmID, err) }

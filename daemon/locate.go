package daemon

import (
	"context"
	"fmt"

	"balansd/ledger"
	"balansd/problem"
)

// locate finds the company and its target for the year.
func (d *delivery) locate(ctx context.Context) (ledger.Target, error) {
	in, remembered, err := d.company(ctx)
	if err != nil {
		return ledger.Target{}, err
	}
	if t := d.before.Target; d.before.State == ledger.Done && t != nil && (t.FirmID != in.firm.ID || t.CompanyID != in.company.ID) {
		return ledger.Target{}, &ledger.WaitingError{Reason: ledger.NoCompany, Detail: fmt.Sprintf(
			"its dossier goes to %s now; what was written to %s stays there. To deliver this balance anew: balansd ledger retry %d", in.company.Name, t.CompanyName, d.before.Number)}
	}
	target, err := d.locateIn(ctx, in)
	if remembered && (err == nil || problem.Is(err, problem.SilverfinRefused)) {
		// Before anything is written, or when the company is gone: is it still
		// the one that takes this dossier?
		found, err := d.matched(ctx)
		if err != nil {
			return ledger.Target{}, err
		}
		if found.firm.ID == in.firm.ID && found.company.ID == in.company.ID && target.PeriodID != 0 {
			return target, nil
		}
		return d.locateIn(ctx, found)
	}
	return target, err
}

func (d *delivery) locateIn(ctx context.Context, in inFirm) (ledger.Target, error) {
	d.entry.Target = &ledger.Target{FirmID: in.firm.ID, CompanyID: in.company.ID, CompanyName: in.company.Name}
	d.in, d.located = in, true
	if d.req.FirmID != 0 && in.firm.ID != d.req.FirmID {
		d.skipped = true
		return ledger.Target{}, errLeftAlone
	}
	if in.firm.Relink != "" {
		return ledger.Target{}, &ledger.WaitingError{Reason: ledger.NeedsRelink,
			Detail: "Silverfin firm " + in.firm.Name + " must be linked again"}
	}
	if d.outages.isDown(d.firmService()) {
		d.skipped = true
		return ledger.Target{}, errLeftAlone
	}
	target, err := d.cfg.Destination(in.firm.ID).Locate(ctx, in.company, d.entry.FiscalYear)
	d.outages.observe(d.firmService(), isDown(err))
	return target, err
}

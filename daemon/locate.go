package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"balansd/balance"
	"balansd/ledger"
	"balansd/mapping"
	"balansd/problem"
)

// locate finds the company and its target for the year.
func (d *delivery) locate(ctx context.Context) (ledger.Target, error) {
	in, remembered, err := d.company(ctx)
	if err != nil {
		return ledger.Target{}, err
	}
	if d.entry.State == ledger.Done && !d.isDeliveredTo(in) {
		if err := d.offerSuccessor(ctx, in); err != nil {
			return ledger.Target{}, err
		}
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
	in.company.Name = cmp.Or(in.company.Name, d.entry.Dossier.Name, dossierName(d.entry.Listing)) // Silverfin may have none yet
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
	if err := d.useMappingOf(ctx, in.firm.ID); err != nil {
		return ledger.Target{}, err
	}
	target, err := d.locateYear(ctx, in, &d.entry, d.mapping)
	d.outages.observe(d.firmService(), isDown(err))
	return target, err
}

// locateYear finds the target of an entry in a company by a mapping: in the period that a person
// tied it to, else in the one of its financial year. A tie of an earlier balance of the same
// year and dossier holds for it as well.
func (r *run) locateYear(ctx context.Context, in inFirm, e *ledger.Entry, to mapping.Target) (target ledger.Target, err error) {
	defer func() { err = r.missingTemplate(ctx, in.firm.ID, to, err) }()
	dest, c := r.cfg.Destination(in.firm.ID), in.company
	if e.Tie == nil {
		target, err := dest.Locate(ctx, c, e.FiscalYear, to)
		if !missesYear(err) {
			return target, err
		}
		siblings, failed := r.cfg.Store.Siblings(ctx, *e)
		if failed != nil {
			return target, failed
		}
		for _, s := range siblings {
			if s.Tie != nil && s.Tie.Year == e.FiscalYear && s.Tie.CompanyID == c.ID {
				e.Tie = s.Tie // the newest one in the end
			}
		}
		if e.Tie == nil {
			return target, err
		}
	}
	if e.Tie.Year != e.FiscalYear {
		return ledger.Target{}, &ledger.WaitingError{Reason: ledger.YearDiffers, Detail: fmt.Sprintf(
			"a person tied the balance to the period that ends on %s while its financial year was %s; it is %s now",
			e.Tie.Period.End, yearText(e.Tie.Year), yearText(e.FiscalYear))}
	}
	return dest.LocateTied(ctx, c, *e.Tie, to)
}

// missesYear reports whether an error says that a company has no period of a financial
// year.
func missesYear(err error) bool {
	notYet, waits := errors.AsType[*ledger.WaitingError](err)
	return waits && (notYet.Reason == ledger.NoPeriod || notYet.Reason == ledger.YearDiffers)
}

// yearText names a financial year by its days, as far as they are known.
func yearText(year balance.Period) string {
	if year.Start.IsZero() {
		return "to " + year.End.String()
	}
	return year.Start.String() + " to " + year.End.String()
}

package daemon

import (
	"context"
	"fmt"
	"maps"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
)

// write brings the target in line with the figures, unless a person changed
// something there.
//
// It locks the target from the first reading to the last: two dossiers may lead
// to one company.
func (d *delivery) write(ctx context.Context, target ledger.Target) error {
	unlock, err := d.daemon.runs.targets.Acquire(ctx, target.Key())
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := putBack(ctx, d.cfg, target); err != nil {
		return err
	}
	d.entry.Target = &target
	x := d.exchange(target)
	err = x.dest.Update(ctx, target, x.mapping, func(r ledger.Reading) (ledger.Figures, error) { return x.decide(ctx, r) })
	d.outages.observe(d.firmService(), isDown(err))
	if err != nil {
		d.unspent = x.unspend(isDown(err))
		return err
	}
	return x.conclude(ctx)
}

// exchange begins the reading and writing of a target.
func (d *delivery) exchange(target ledger.Target) *exchange {
	return &exchange{delivery: d, target: target, dest: d.cfg.Destination(target.FirmID),
		planned: ledger.Figures{}, spent: map[balance.Cell]ledger.Seen{}}
}

// exchange is the reading and writing of one target for one entry.
type exchange struct {
	*delivery
	target ledger.Target
	dest   Destination

	ledger.Reading // the newest, and as of it:
	known          ledger.Written
	other          *ledger.Entry // of another dossier, which wrote there last
	plan           ledger.Plan

	planned ledger.Figures               // all that was recorded as being sent
	spent   map[balance.Cell]ledger.Seen // the choices of a person that this carries out
	sent    bool                         // a write may have gone out since the newest reading
}

// decide compares what the target holds with the figures, and returns those that
// are to be written, after a record of them is on disk.
func (x *exchange) decide(ctx context.Context, r ledger.Reading) (ledger.Figures, error) {
	x.outages.observe(x.firmService(), false)
	x.Reading, x.sent = r, false
	if err := x.compare(ctx); err != nil {
		return nil, err
	}
	if len(x.plan.Differ) > 0 || len(x.plan.Write) == 0 {
		return nil, nil
	}
	if x.Failed != nil {
		return x.plan.Write, nil
	}
	if !x.isRecorded() {
		if err := x.saveSending(ctx); err != nil {
			return nil, err
		}
	}
	// From here on the figures may be in Silverfin, whatever happens.
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	x.sent = true
	return x.plan.Write, nil
}

// compare makes the plan for what the target holds now.
func (x *exchange) compare(ctx context.Context) error {
	known, err := x.cfg.Store.Written(ctx, x.target)
	if err != nil {
		return err
	}
	if x.other, err = x.otherSource(ctx, known); err != nil {
		return err
	}
	if x.known = known.ForMapping(x.property).In(x.mapping.Values); x.other != nil {
		x.known.Confirmed, x.known.Intended = nil, nil
	}
	if open := x.notCarriedOut(); len(open) > 0 {
		x.known = x.known.RestoreChoices(open)
	}
	x.plan = ledger.Compare(x.mapping.Taken(x.values), x.entry.Rounded, x.mapping.Values, x.Have, x.known)
	return nil
}

// isRecorded reports whether all that the plan writes was recorded as being sent,
// by this delivery.
func (x *exchange) isRecorded() bool {
	for c, figure := range x.plan.Write {
		planned, is := x.planned[c]
		intended, also := x.known.Intended[c]
		if !is || !also || planned != figure || intended != figure {
			return false
		}
	}
	return true
}

// saveSending records what is about to be sent.
func (x *exchange) saveSending(ctx context.Context) (err error) {
	if x.entry.State == ledger.Done {
		before := x.entry.WrittenBefore
		if x.entry, err = x.entry.Retry(x.cfg.Now()); err != nil {
			return err
		}
		x.entry.WrittenBefore = before // it does not leave its target
	}
	sending, err := x.entry.Send(x.target, x.cfg.Now())
	if err != nil {
		return err
	}
	known, spent := x.known.Confirm(x.Have).SpendChoices(x.plan.Write)
	known.Intended, known.By = x.plan.Write, x.entry.Number
	known = known.WithMapping(x.property)
	if err := x.save(ctx, sending, fmt.Sprintf("writing %s to %s", figures(len(x.plan.Write)), x.target.CompanyName), &known); err != nil {
		return err
	}
	known.Version++
	x.known = known
	maps.Copy(x.spent, spent)
	maps.Copy(x.planned, x.plan.Write)
	x.wrote = len(x.planned)
	return nil
}

// notCarriedOut returns the spent choices whose cells still hold what the person
// saw, though nothing was accepted for them.
func (x *exchange) notCarriedOut() map[balance.Cell]ledger.Seen {
	open := maps.Clone(x.spent)
	maps.DeleteFunc(open, func(c balance.Cell, s ledger.Seen) bool {
		_, stored := x.Accepted[c]
		return stored || !s.Holds(x.Have[c])
	})
	return open
}

// unspend returns what is to be known of the target when the delivery ends early:
// a choice that was surely not carried out still holds. It returns nil when there
// is none. Where a write may have gone out and nothing was read since, the
// person is asked again.
func (x *exchange) unspend(unknown bool) *ledger.Written {
	open := x.notCarriedOut()
	if len(open) == 0 || x.sent && unknown {
		return nil
	}
	known := x.known.RestoreChoices(open)
	return &known
}

// otherSource returns the entry that wrote to the target last, when it is of
// another dossier: two payroll files of one company, a folder beside Finbox, or
// two clients whose files lie in one folder. What one of them wrote is not the
// other's to replace.
func (d *delivery) otherSource(ctx context.Context, known ledger.Written) (*ledger.Entry, error) {
	if known.By == 0 || known.By == d.entry.Number {
		return nil, nil
	}
	by, err := d.cfg.Store.Entry(ctx, known.By)
	switch {
	case problem.Is(err, problem.NotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case by.Connection == d.entry.Connection && (by.ID == d.entry.ID || by.Dossier.ID == d.entry.Dossier.ID) &&
		by.FiscalYear.End == d.entry.FiscalYear.End &&
		agree(by.Dossier.EnterpriseNumber, d.entry.Dossier.EnterpriseNumber):
		return nil, nil
	case d.connection(d.entry.Connection).HasPart(by) && by.FiscalYear.End == d.entry.FiscalYear.End:
		return nil, nil // a sum takes the place of what one of its parts wrote
	}
	if same, err := d.wroteRounded(ctx, by); same || err != nil {
		return nil, err
	}
	return &by, nil
}

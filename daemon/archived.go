package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"balansd/ledger"
	"balansd/problem"
)

// findArchived looks, in the first night of a week and when a person asks for everything,
// for what was delivered to companies that are archived by now, or gone, while another one
// has their enterprise number. It offers that one, or has this run deliver there.
func (r *run) findArchived(ctx context.Context) error {
	weekly := !r.record.Night.IsZero() && r.record.Night.In(time.UTC).Weekday() == time.Monday
	if !weekly && !r.req.Full || r.req.Dossier != "" || r.req.FirmID != 0 {
		return nil
	}
	for e, err := range r.cfg.Store.Entries(ctx, ledger.Query{States: []ledger.State{ledger.Done}}) {
		if err != nil {
			return err
		}
		if !r.mayBeArchived(e) {
			continue
		}
		d := &delivery{run: r, before: e, entry: e}
		err := d.checkArchived(ctx)
		switch {
		case err == nil || waits(err) || errors.Is(err, errLeftAlone) || problem.Is(err, problem.Conflict):
		case isState(err) || ctx.Err() != nil:
			return err
		case isDown(err):
			return nil // it is said elsewhere; next week is early enough
		}
	}
	return nil
}

// mayBeArchived reports whether the company of a done entry is to be looked for.
func (r *run) mayBeArchived(e ledger.Entry) bool {
	return e.MovedTo == 0 && e.Target != nil && e.Sum == 0 && // a part is where its sum is
		r.connection(e.Connection).Status == ledger.Active
}

// checkArchived offers another company for a done entry whose own is gone, or takes the
// offer back when it is there again.
func (d *delivery) checkArchived(ctx context.Context) error {
	ix, err := d.companies(ctx)
	if err != nil {
		return err
	}
	gone := ix.lacks(*d.entry.Target)
	if !gone {
		if d.entry.Successor == nil || !ix.complete(d.entry.Target.FirmID) {
			return nil
		}
		next, err := d.entry.MarkArchived(nil, "", "", d.cfg.Now())
		if err != nil {
			return err
		}
		return d.saveAct(ctx, next, ledger.ActUnarchived, d.entry.Target.CompanyName+" is in Silverfin again")
	}
	in, err := d.match(ctx, d.entry)
	if err != nil || d.isDeliveredTo(in) {
		return err
	}
	return d.offerSuccessor(ctx, in)
}

// saveAct records a move of a done entry that is about its company and not its figures.
func (d *delivery) saveAct(ctx context.Context, next ledger.Entry, act ledger.Act, text string) error {
	moved, err := d.cfg.Store.Move(ctx, ledger.Move{Entry: next, Event: ledger.Event{At: d.cfg.Now(), Run: d.record.Number, By: d.record.By,
		State: next.State, Act: act, Text: text}})
	if err != nil {
		return err
	}
	d.entry = moved[0]
	return nil
}

// isDeliveredTo reports whether a company is the one that the entry was delivered to.
func (d *delivery) isDeliveredTo(in inFirm) bool {
	t := d.entry.Target
	return t == nil || t.FirmID == in.firm.ID && t.CompanyID == in.company.ID
}

// offerSuccessor decides what becomes of a done entry whose dossier goes into another
// company by now. Its figures stay where they are. If its own company is archived or gone,
// and the year is open in the other one, that one is offered to a person, and
// errLeftAlone is returned; or the entry is found again, where the configuration says so.
func (d *delivery) offerSuccessor(ctx context.Context, in inFirm) error {
	ix, err := d.companies(ctx)
	if err != nil {
		return err
	}
	left := *d.entry.Target
	if !ix.lacks(left) {
		return &ledger.WaitingError{Reason: ledger.NoCompany, Detail: fmt.Sprintf(
			"its dossier goes to %s now; what was written to %s stays there. To deliver this balance anew: balansd ledger retry %d",
			in.company.Name, left.CompanyName, d.entry.Number)}
	}
	if in.firm.Relink != "" || d.outages.isDown(firmService(in.firm.ID)) {
		return errLeftAlone
	}
	e := d.entry
	to, err := d.mappingOf(ctx, in.firm.ID)
	if err != nil {
		return err
	}
	successor, err := d.locateYear(ctx, in, &e, to)
	if waits(err) {
		return &ledger.WaitingError{Reason: ledger.NoCompany, Detail: fmt.Sprintf(
			"%s (company %d) is archived in Silverfin or gone, and the one that has the same enterprise number does not take it yet: %s", left.CompanyName, left.CompanyID, err)}
	}
	if err != nil {
		return err
	}
	what := fmt.Sprintf("%s (company %d), where it was delivered to, is archived in Silverfin or gone; %s (company %d) has the same enterprise number",
		left.CompanyName, left.CompanyID, successor.CompanyName, successor.CompanyID)
	if d.cfg.FollowArchived {
		next, err := d.entry.Retry(d.cfg.Now())
		if err != nil {
			return err
		}
		next.Detail = what + ", and takes it as well"
		return d.saveAct(ctx, next, ledger.ActFollow, next.Detail)
	}
	if s := d.entry.Successor; s != nil && s.Key() == successor.Key() {
		return errLeftAlone // a person knows it
	}
	next, err := d.entry.MarkArchived(&successor, what, fmt.Sprintf("To deliver it there as well: balansd ledger retry %d.", d.entry.Number), d.cfg.Now())
	if err != nil {
		return err
	}
	if err := d.saveAct(ctx, next, ledger.ActArchived, what); err != nil {
		return err
	}
	d.addProblem(fmt.Sprintf("%s: %s. %s", dossierName(next.Listing), what, next.Next),
		ledger.ProblemCode{About: dossierName(next.Listing), Code: string(problem.NeedsPerson)})
	return errLeftAlone
}

// lacks reports whether the company of a target is certainly not among those of its
// firm, which lists neither archived ones nor those that are gone.
func (ix *companyIndex) lacks(t ledger.Target) bool {
	_, there := ix.byID[[2]int64{t.FirmID, t.CompanyID}]
	return !there && ix.complete(t.FirmID)
}

// complete reports whether all companies of a firm could be read.
func (ix *companyIndex) complete(firmID int64) bool { return ix.knows(firmID) && len(ix.unread) == 0 }

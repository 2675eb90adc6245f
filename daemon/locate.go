package daemon

import (
	"context"
	"errors"
	"time"

	"balansd/ledger"
	"balansd/problem"
)

// locate finds the company and its place for the year.
func (j *job) locate(ctx context.Context) (ledger.Target, error) {
	in, remembered, err := j.company(ctx)
	if err != nil {
		return ledger.Target{}, err
	}
	place, err := j.placeIn(ctx, in)
	if remembered && (err == nil || problem.Is(err, problem.SilverfinRefused)) {
		// Before anything is written, or when the company is gone: is it still
		// the one that takes this dossier?
		found, err := j.matched(ctx)
		if err != nil {
			return ledger.Target{}, err
		}
		if found.firm.ID == in.firm.ID && found.company.ID == in.company.ID && place.PeriodID != 0 {
			return place, nil
		}
		return j.placeIn(ctx, found)
	}
	return place, err
}

// company gives the entry's company: the one that an earlier pass found, so
// that a waiting entry does not cost the index every night, or a match. Once a
// week, when a person asks, and when the index was read anyway, it is matched
// anew.
func (j *job) company(ctx context.Context) (in inFirm, remembered bool, err error) {
	anew := j.rec.Night.IsZero() || j.rec.Night.In(time.UTC).Weekday() == time.Monday || j.indexed()
	if pl := j.entry.Target; pl != nil && pl.FirmID != 0 && !anew {
		firms, err := j.cfg.Store.Firms(ctx)
		if err != nil {
			return inFirm{}, false, err
		}
		for _, f := range firms {
			if f.ID == pl.FirmID {
				c := ledger.Company{ID: pl.CompanyID, Name: pl.CompanyName, EnterpriseNumber: j.entry.Dossier.EnterpriseNumber}
				return inFirm{f, c}, true, nil
			}
		}
	}
	in, err = j.matched(ctx)
	return in, false, err
}

// matched matches the entry, and remembers with it whether several companies
// were found: that is for a person to settle, also when on another night only
// one of them can be seen.
func (j *job) matched(ctx context.Context) (inFirm, error) {
	in, err := j.match(ctx, j.entry)
	notYet, waits := errors.AsType[*ledger.NotYet](err)
	switch {
	case waits && j.req.FirmID != 0:
		j.skipped = true // a pass over one firm does not judge the others
		return in, errLeftAlone
	case waits && notYet.Reason == ledger.SeveralCompanies:
		j.entry.Ambiguous = true
	case err == nil:
		j.entry.Ambiguous = false
	}
	return in, err
}

func (j *job) placeIn(ctx context.Context, in inFirm) (ledger.Target, error) {
	j.entry.Target = &ledger.Target{FirmID: in.firm.ID, CompanyID: in.company.ID, CompanyName: in.company.Name}
	j.in, j.located = in, true
	if j.req.FirmID != 0 && in.firm.ID != j.req.FirmID {
		j.skipped = true
		return ledger.Target{}, errLeftAlone
	}
	if in.firm.Relink != "" {
		return ledger.Target{}, &ledger.NotYet{Reason: ledger.NeedsRelink,
			Detail: "Silverfin firm " + in.firm.Name + " must be linked again"}
	}
	if j.outages.over(j.firmService()) {
		j.skipped = true
		return ledger.Target{}, errLeftAlone
	}
	place, err := j.cfg.Destination(in.firm.ID).Locate(ctx, in.company, j.entry.FiscalYear)
	j.outages.saw(j.firmService(), isDown(err))
	return place, err
}

package daemon

import (
	"context"
	"time"

	"balansd/ledger"
	"balansd/problem"
)

// useTime bounds the calls of a nightly run that look for the use of one firm's mapping.
const useTime = time.Minute

// lookForUse looks for a template that uses a firm's mapping, once for each firm and
// mapping, in a nightly run after something was delivered. What goes wrong holds nothing up;
// it is looked for again in another night unless the templates were read.
func (r *run) lookForUse(ctx context.Context) error {
	if r.record.Night.IsZero() {
		return nil
	}
	firms, err := r.cfg.Store.Firms(ctx)
	if err != nil {
		return err
	}
	for _, f := range firms {
		m := r.cfg.firmMapping(f)
		if m.Use != nil || f.Fails() || r.outages.isDown(firmService(f.ID)) {
			continue
		}
		e, err := r.cfg.sample(ctx, f.ID)
		if err != nil {
			return err
		}
		if e == nil {
			continue
		}
		if err := r.lookInFirm(ctx, m, e); err != nil {
			return err
		}
	}
	return nil
}

// lookInFirm looks for a template that uses the mapping of one firm. The error is of the
// state, or of ctx.
func (r *run) lookInFirm(ctx context.Context, m FirmMapping, e *ledger.Entry) error {
	r.progress("looking whether a template of " + m.FirmName + " uses the mapping")
	limited, cancel := context.WithTimeout(ctx, useTime)
	defer cancel()
	s, err := r.cfg.look(limited, m, e)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && isState(err):
		return err
	case err != nil || s.unlisted != "" || s.unlooked != "":
		r.log.Debug().Err(err).Int64("firm", m.FirmID).Str("code", string(problem.Of(err).Code)).Msg("the use of a mapping could not be looked for")
		return nil
	}
	use, seen := s.use()
	if use.LookedAt = r.cfg.Now(); seen {
		use.SeenAt = use.LookedAt
	}
	r.log.Info().Int64("firm", m.FirmID).Str("template", use.Handle).Msg("looked whether a template uses the mapping")
	return r.cfg.sees(ctx, m.FirmID, m.Target, use)
}

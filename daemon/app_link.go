package daemon

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"balansd/ledger"
	"balansd/problem"
)

// keepAppLinks has each firm hold one link to the pages, at the address of the
// configuration; none where that is empty. A failure is reported with the run, and the
// next run tries again.
func (r *run) keepAppLinks(ctx context.Context) error {
	if r.req.DryRun || r.chosen() || r.req.Connection != "" {
		return nil
	}
	firms, err := r.cfg.Store.Firms(ctx)
	if err != nil {
		return err
	}
	for _, f := range firms {
		about := aboutFirm + cmp.Or(f.Name, fmt.Sprint(f.ID))
		if f.Relink != "" || r.req.FirmID != 0 && f.ID != r.req.FirmID || r.outages.isDown(about) || r.cfg.AppLink == "" && f.AppLink == nil {
			continue
		}
		err := r.keepAppLink(ctx, f)
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return ctx.Err()
		case isState(err):
			return err
		default:
			r.reportProblem(err, about)
		}
	}
	return nil
}

// keepAppLink brings the links of one firm up to date. What is about to be made is
// recorded first, so that after a lost reply, or a stop in between, it is found again by
// its address. Links that are not recorded stay: they are of another balansd.
func (r *run) keepAppLink(ctx context.Context, f ledger.Firm) error {
	want := r.cfg.AppLink
	if want != "" && slices.Contains(f.Missing, "links") {
		return problem.New(problem.SilverfinRefused, "the scope links was not granted, so that there is no app link to balansd",
			fmt.Sprintf("Link the firm again and grant it: balansd connect silverfin --firm %d.", f.ID))
	}
	have, err := r.removeOldAppLinks(ctx, f)
	if want == "" {
		switch {
		case problem.Is(err, problem.SilverfinRefused): // as it will be every night
			err = problem.New(problem.SilverfinRefused, problem.Of(err).What, "Delete the app link to "+f.AppLink.Address+" in Silverfin by hand.")
		case err != nil:
			return err
		}
		return cmp.Or(r.saveAppLink(ctx, f.ID, nil), err)
	}
	if err != nil {
		return err
	}
	if have == 0 {
		if err := r.saveAppLink(ctx, f.ID, &ledger.AppLink{Address: want}); err != nil {
			return err
		}
		if have, err = r.cfg.Destination(f.ID).AddAppLink(ctx, want); err != nil {
			return err
		}
		r.log.Info().Int64("firm", f.ID).Int64("link", have).Msg("app link made")
	} else if f.AppLink != nil && *f.AppLink == (ledger.AppLink{ID: have, Address: want}) {
		return nil
	}
	return r.saveAppLink(ctx, f.ID, &ledger.AppLink{ID: have, Address: want})
}

// removeOldAppLinks deletes the links of balansd in a firm but for one that leads to the
// address of the configuration. It returns the id of that one, 0 where there is none.
func (r *run) removeOldAppLinks(ctx context.Context, f ledger.Firm) (have int64, err error) {
	want, made := r.cfg.AppLink, ledger.AppLink{}
	if f.AppLink != nil {
		made = *f.AppLink
	}
	firm := r.cfg.Destination(f.ID)
	links, err := firm.AppLinks(ctx)
	if err != nil {
		return 0, err
	}
	for _, l := range links {
		l.Address = strings.TrimRight(l.Address, "/")
		recorded := made.Address != "" && (l.ID == made.ID || l.Address == made.Address)
		right := want != "" && (l.Address == want || recorded && made.Address == want)
		switch {
		case right && have == 0:
			have = l.ID
		case recorded:
			if err := firm.RemoveAppLink(ctx, l.ID); err != nil {
				return 0, err
			}
			r.log.Info().Int64("firm", f.ID).Int64("link", l.ID).Msg("app link deleted")
		}
	}
	return have, nil
}

func (r *run) saveAppLink(ctx context.Context, firmID int64, l *ledger.AppLink) error {
	return r.cfg.Store.UpdateFirm(context.WithoutCancel(ctx), firmID, func(f *ledger.Firm) { f.AppLink = l })
}

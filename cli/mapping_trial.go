package cli

import (
	"context"
	"fmt"
	"strings"

	"balansd/config"
	"balansd/daemon"
	"balansd/localapi"
	"balansd/problem"
)

// trialOptions name the dossier of a trial write.
type trialOptions struct {
	dossier string
	yes     bool
}

// tryMapping shows what a trial write changes, asks, and has it done.
func (app *App) tryMapping(ctx context.Context, o trialOptions) error {
	return app.withAPI(ctx, func(api localapi.API, _ *config.Config) error {
		r := daemon.TrialRequest{Dossier: o.dossier, By: person()}
		planned, err := api.TryMapping(ctx, r)
		if err != nil {
			return err
		}
		p := planned.Place
		if !o.yes {
			sure, err := app.confirm(trialQuestion(p))
			if err != nil {
				return err
			}
			if !sure {
				return problem.New(problem.Usage, "nothing was changed", "")
			}
		}
		done, err := api.TryMapping(ctx, r.Confirm(p))
		if err != nil {
			return err
		}
		if app.asJSON {
			err = app.print(done)
		} else {
			app.showTrial(done)
		}
		if err == nil && len(done.Changed) == 0 {
			err = problem.New(problem.NeedsPerson, fmt.Sprintf("no template of %s was seen to use the mapping", clean(p.Target.CompanyName)),
				"Find the mapping in a dossier that somebody filled in: balansd mapping learn --dossier REF.")
		}
		return err
	})
}

// trialQuestion names what a trial write changes.
func trialQuestion(p daemon.TrialPlace) string {
	where := "in the custom properties of the period"
	if p.Handle != "" {
		where = fmt.Sprintf("in the template %q", p.Handle)
	}
	return fmt.Sprintf(`Dossier:   %s
Silverfin: %s, company %d of %s, period %s
%d figures %s are changed in one digit each, for up to a minute, and put back.
%d rubrics without a figure are left alone. Change the figures?`,
		clean(p.Dossier), clean(p.Target.CompanyName), p.Target.CompanyID, clean(p.Firm), p.Target.PeriodEnd, len(p.Cells), where, p.Empty)
}

// showTrial says what a trial write showed.
func (app *App) showTrial(t daemon.Trial) {
	app.printf("%d figures of %s were changed, read back, and put back.\n", len(t.Place.Cells), clean(t.Place.Target.CompanyName))
	for _, one := range t.Changed {
		app.printf("The template %q (%s) shows them; these results changed: %s.\n", one.Name, clean(one.Handle), clean(strings.Join(one.Results, ", ")))
		if !one.Starred {
			app.printf("It is not starred, so Silverfin leaves it out of the annual accounts.\n")
		}
	}
	if len(t.Changed) == 0 {
		names := make([]string, len(t.Watched))
		for i, one := range t.Watched {
			names[i] = one.Handle
		}
		app.printf("No result changed in: %s.\n", clean(strings.Join(names, ", ")))
	}
	if len(t.Kept) > 0 {
		codes := make([]string, len(t.Kept))
		for i, c := range t.Kept {
			codes[i] = c.String()
		}
		app.printf("Somebody changed these rubrics meanwhile, which were left so: %s.\n", strings.Join(codes, ", "))
	}
}

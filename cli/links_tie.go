package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"balansd/balance"
	"balansd/config"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/localapi"

	"github.com/spf13/cobra"
)

func newLinksTieCommand(app *App) *cobra.Command {
	var undo bool
	c := &cobra.Command{
		Use: "tie NUMBER [PERIOD]", Short: "Have a balance go into a period whose financial year is another than its own",
		Long: `Have a balance go into a period of its company in Silverfin whose financial year
is another than its own, or is a few days off. NUMBER is that of the entry, PERIOD the id
of the period or the day on which it ends. Without PERIOD the periods are listed with
their financial years, and the balances that are in them; the likeliest ones are marked.

The decision is kept with who, when and both years. It holds for corrections of the same
year too, and as long as the period stays as it is. --undo takes it away; what was written
stays in Silverfin.`,
		Example: "  balansd links tie 12\n  balansd links tie 12 2025-12-31\n  balansd links tie 12 --undo",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			number, err := entryArg(args[0])
			if err != nil {
				return err
			}
			if undo && len(args) == 2 {
				return usage(fmt.Errorf("--undo takes no period"))
			}
			return app.withAPI(cmd.Context(), func(api localapi.API, _ *config.Config) error {
				r := daemon.TieRequest{Number: number, By: person()}
				if !undo {
					list, err := api.Periods(cmd.Context(), daemon.EntryRequest{Number: number})
					if err != nil {
						return err
					}
					if len(args) == 1 {
						return app.showPeriods(number, list)
					}
					if r.PeriodID, err = periodArg(args[1], list); err != nil {
						return err
					}
				}
				return app.tie(cmd.Context(), api, r)
			})
		},
	}
	c.Flags().BoolVar(&undo, "undo", false, "take the tie away: the balance goes into the period of its own year again")
	return app.withJSON(c)
}

// tie ties an entry to a period, or takes its tie away.
func (app *App) tie(ctx context.Context, api localapi.API, r daemon.TieRequest) error {
	e, err := api.Tie(ctx, r)
	if err != nil {
		return err
	}
	if app.asJSON {
		return app.print(e)
	}
	if e.Tie == nil {
		app.printf("Entry %d (%s) goes into the period of its own year again, %s.\n", e.Number, clean(dossierText(e)), yearText(e.FiscalYear))
	} else {
		app.printf("Tied: entry %d (%s), of the year %s, goes into the period that ends on %s, of the year %s.\n", e.Number, clean(dossierText(e)),
			yearText(e.Tie.Year), e.Tie.Period.End, yearText(e.Tie.Period.Year()))
	}
	for _, t := range e.WrittenBefore {
		app.printf("What was written to %s, period %s, stays there.\n", clean(t.CompanyName), t.PeriodEnd)
	}
	app.printf("It is delivered at the next run: balansd sync.\n")
	return nil
}

// showPeriods lists the periods of a company. Interim periods are left out: no balance
// goes there.
func (app *App) showPeriods(number uint64, list daemon.CompanyPeriods) error {
	if app.asJSON {
		return app.print(list)
	}
	app.printf("Entry %d is of the financial year %s. %s (company %d) has in Silverfin:\n\n", number, yearText(list.Year), clean(list.Company), list.CompanyID)
	t := newTable("period", "ends", "financial year", "balances", "")
	for _, p := range list.Periods {
		if p.Interim {
			continue
		}
		t.add(fmt.Sprint(p.ID), p.End.String(), yearText(p.Year()), balancesText(p.Entries), periodNote(p))
	}
	app.show(t)
	return nil
}

func balancesText(entries []ledger.Entry) string {
	texts := make([]string, len(entries))
	for i, e := range entries {
		texts[i] = fmt.Sprintf("%d (%s)", e.Number, e.State)
	}
	return strings.Join(texts, ", ")
}

func periodNote(p daemon.BalancesPeriod) string {
	switch {
	case p.Tied:
		return "tied"
	case p.Own:
		return "its own"
	case p.Near:
		return "likely"
	default:
		return ""
	}
}

// periodArg finds the period that a person names: its id, or the day on which it ends.
func periodArg(arg string, list daemon.CompanyPeriods) (int64, error) {
	if id, err := strconv.ParseInt(arg, 10, 64); err == nil {
		return id, nil
	}
	end, err := balance.ParseDate(arg)
	if err != nil {
		return 0, usage(fmt.Errorf("%.40q is no period; give its id or the day on which it ends, as 2025-12-31", arg))
	}
	i := slices.IndexFunc(list.Periods, func(p daemon.BalancesPeriod) bool { return p.End == end && !p.Interim })
	if i < 0 {
		return 0, usage(fmt.Errorf("no financial year of %s ends on %s in Silverfin", clean(list.Company), end))
	}
	return list.Periods[i].ID, nil
}

// showTie tells which period a person chose for an entry, and where else its figures are.
func (app *App) showTie(e ledger.Entry, cfg *config.Config) {
	if t := e.Tie; t != nil {
		by := t.By
		if by == "" {
			by = "a person"
		}
		app.printf("tied        year %s to the period that ends on %s, of the year %s, by %s at %s\n", yearText(t.Year), t.Period.End,
			yearText(t.Period.Year()), clean(by), t.At.In(cfg.TimeZone).Format("2006-01-02 15:04"))
	}
	for _, t := range e.WrittenBefore {
		app.printf("still in    %s, period %s: what was written before %s\n", clean(t.CompanyName), t.PeriodEnd, clean(t.URL))
	}
}

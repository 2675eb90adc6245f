package cli

import (
	"context"
	"fmt"

	"balansd/config"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/localapi"
	"balansd/problem"

	"github.com/spf13/cobra"
)

func newLinksCommand(app *App) *cobra.Command {
	return group("links", "See and set which dossier in Silverfin takes which dossier's balances", "  balansd links list\n  balansd links set payroll \"Bakkerij Peeters\" --firm 1234 --company 20002",
		newLinksListCommand(app), newLinksSetCommand(app), newLinksRemoveCommand(app), newLinksExportCommand(app), newLinksImportCommand(app), newLinksGroupCommand(app), newLinksTieCommand(app))
}

func newLinksListCommand(app *App) *cobra.Command {
	empty := func(*config.Config) any { return []ledger.DossierLink{} }
	return app.withJSON(&cobra.Command{
		Use: "list", Short: "List the links that people set, here or in the configuration", Example: "  balansd links list", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return app.withExistingState(cmd.Context(), empty, func(api localapi.API, _ *config.Config) error {
				links, err := api.Links(cmd.Context())
				if err != nil {
					return err
				}
				if app.asJSON {
					return app.print(append([]ledger.DossierLink{}, links...))
				}
				if len(links) == 0 {
					app.printf("No dossier is linked by hand.\n")
					return nil
				}
				t := newTable("connection", "dossier", "number", "firm", "company", "counts from", "paused", "note", "set in")
				for _, l := range links {
					t.add(l.Connection, l.DossierID, l.EnterpriseNumber.Pretty(), orNothing(l.FirmID), companyText(l), l.FromText(), yes(l.Paused), l.Note, setIn(l))
				}
				app.show(t)
				return nil
			})
		},
	})
}

func orNothing(id int64) string {
	if id == 0 {
		return ""
	}
	return fmt.Sprint(id)
}

// companyText returns the company of a link, with its name and number if they are those of
// another enterprise and an administrator said that this is meant.
func companyText(l ledger.DossierLink) string {
	if n := l.NumberDiffers; n.Confirmed() {
		return fmt.Sprintf("%d (%s, %s)", l.CompanyID, n.Company, n.CompanyNumberText())
	}
	return orNothing(l.CompanyID)
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return ""
}

func setIn(l ledger.DossierLink) string {
	if l.Configured {
		return "configuration"
	}
	return "state"
}

// linkFlags are the parts of a link that a command changes.
type linkFlags struct {
	firm, company    int64
	from, note, word string
	pause, resume    bool
	yes              bool
	byNumber         bool
	fromSet, noteSet bool
}

func newLinksSetCommand(app *App) *cobra.Command {
	var f linkFlags
	c := app.withJSON(&cobra.Command{
		Use: "set CONNECTION DOSSIER", Short: "Say which company in Silverfin takes a dossier's balances, and from when",
		Long: `Say which company in Silverfin takes the balances of a dossier, from when they
count, and whether they wait. The dossier is named by its id, its affiliation
number, its enterprise number or its sub-folder's name. What is not given stays
as it is. With --from a date or all, what would be written is shown first.

What was written stays where it is; the next balance goes to the new company.
Where dossier and company have different enterprise numbers, the link is refused
and both are named. If it is meant, say so with --number-differs and the company's
name; it is kept with both numbers.`,
		Example: "  balansd links set payroll \"Bakkerij Peeters\" --firm 1234 --company 20002\n  balansd links set payroll \"Bakkerij Peeters\" --pause --note \"new payroll bureau from July\"", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.fromSet, f.noteSet = cmd.Flags().Changed("from"), cmd.Flags().Changed("note")
			return app.withAPI(cmd.Context(), func(api localapi.API, _ *config.Config) error {
				l, err := f.apply(cmd.Context(), api, args[0], args[1])
				if err != nil {
					return err
				}
				if err := app.confirmReachingBack(cmd.Context(), api, l, f); err != nil {
					return err
				}
				saved, err := api.Link(cmd.Context(), daemon.LinkRequest{DossierLink: l, By: person()})
				if err != nil {
					return err
				}
				if app.asJSON {
					return app.print(saved)
				}
				app.reportLink(saved)
				return nil
			})
		},
	})
	flags := c.Flags()
	flags.Int64Var(&f.firm, "firm", 0, "`id` of the Silverfin firm, the number after /f/ in its address")
	flags.Int64Var(&f.company, "company", 0, "`id` of the company, the next number in the address")
	flags.BoolVar(&f.byNumber, "by-number", false, "take the company with the dossier's enterprise number again")
	flags.StringVar(&f.from, "from", "", "balances count from the `activation`, from a date as 2025-07-01, or all")
	flags.BoolVar(&f.pause, "pause", false, "have its balances wait")
	flags.BoolVar(&f.resume, "resume", false, "end the pause")
	flags.StringVar(&f.note, "note", "", "`text` for whoever looks at the link later")
	flags.BoolVar(&f.yes, "yes", false, "with --from: do not ask, whatever would be written")
	flags.StringVar(&f.word, "number-differs", "", "`name` of the company, where its enterprise number is not the dossier's and that is meant")
	c.MarkFlagsRequiredTogether("firm", "company")
	c.MarkFlagsMutuallyExclusive("pause", "resume")
	c.MarkFlagsMutuallyExclusive("by-number", "company")
	c.MarkFlagsOneRequired("company", "by-number", "from", "pause", "resume", "note")
	return c
}

// apply returns the link of a dossier with what the flags change.
func (f linkFlags) apply(ctx context.Context, api localapi.API, connection, dossier string) (ledger.DossierLink, error) {
	l := ledger.DossierLink{Connection: connection, DossierID: dossier}
	links, err := api.Links(ctx)
	if err != nil {
		return l, err
	}
	for _, stored := range links {
		if stored.Connection == connection && ledger.FoldName(stored.DossierID) == ledger.FoldName(dossier) {
			l = stored
		}
	}
	if f.company != 0 || f.firm != 0 || f.byNumber {
		l.FirmID, l.CompanyID = f.firm, f.company
	}
	l.NumberDiffers = ledger.NumberDiffers{Company: f.word}
	if f.fromSet {
		if l.From, l.All, err = ledger.ParseFrom(f.from); err != nil {
			return l, problem.Wrap(err, problem.Usage, fmt.Sprintf("--from %.40q is no start", f.from), "Write activation, all, or a date as 2025-07-01.")
		}
	}
	l.Paused = (l.Paused || f.pause) && !f.resume
	if f.noteSet {
		l.Note = f.note
	}
	return l, nil
}

// confirmReachingBack shows what a link that reaches back would write, and asks.
func (app *App) confirmReachingBack(ctx context.Context, api localapi.API, l ledger.DossierLink, f linkFlags) error {
	if f.yes || !f.fromSet || l.FromText() == ledger.FromActivation {
		return nil
	}
	p, err := api.PreviewLink(ctx, daemon.LinkRequest{DossierLink: l, By: person()})
	if err != nil {
		return err
	}
	if !app.asJSON {
		app.showBalances(p.Balances, p.Left)
	}
	if len(p.Balances) == 0 {
		return nil
	}
	return app.askOrRefuse("Have these balances count?", fmt.Sprintf("%d balances of the dossier would count", len(p.Balances)+p.Left))
}

// reportLink says what a link does now.
func (app *App) reportLink(l ledger.DossierLink) {
	switch {
	case l.CompanyID != 0:
		app.printf("Linked: dossier %s of %s goes into company %d of Silverfin firm %d.\n", clean(l.DossierID), clean(l.Connection), l.CompanyID, l.FirmID)
	default:
		app.printf("Linked: dossier %s of %s goes into the company with its enterprise number.\n", clean(l.DossierID), clean(l.Connection))
	}
	if n := l.NumberDiffers; n.Confirmed() {
		app.printf("Its enterprise number %s is not that of %s, %s; this is kept as meant.\n", n.DossierNumber.Pretty(), clean(n.Company), n.CompanyNumberText())
	}
	if from := l.FromText(); from != ledger.FromActivation {
		app.printf("Its balances count from: %s.\n", from)
	}
	if l.Paused {
		app.printf("It is paused: its balances wait until balansd links set … --resume.\n")
	}
}

func newLinksRemoveCommand(app *App) *cobra.Command {
	return app.withJSON(&cobra.Command{
		Use: "remove CONNECTION DOSSIER", Short: "Remove the link of a dossier",
		Long:    "Remove the link of a dossier. What was written stays where it is; the next\nbalance goes to the company with the dossier's enterprise number, or waits.",
		Example: "  balansd links remove payroll \"Bakkerij Peeters\"", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return app.withAPI(cmd.Context(), func(api localapi.API, _ *config.Config) error {
				was, err := api.Unlink(cmd.Context(), daemon.UnlinkRequest{Connection: args[0], DossierID: args[1], By: person()})
				if err != nil {
					return err
				}
				if app.asJSON {
					return app.print(was)
				}
				app.printf("The link of dossier %s of %s was removed. What was written stays.\n", clean(was.DossierID), clean(was.Connection))
				return nil
			})
		},
	})
}

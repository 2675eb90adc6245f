package cli

import (
	"fmt"

	"balansd/config"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/localapi"

	"github.com/spf13/cobra"
)

func newLinksCommand(app *App) *cobra.Command {
	return group("links", "See and set which dossier in Silverfin takes which dossier's balances", "  balansd links list\n  balansd links set payroll \"Bakkerij Peeters\" --firm 1234 --company 20002",
		newLinksListCommand(app), newLinksSetCommand(app))
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
				t := newTable("connection", "dossier", "number", "firm", "company", "counts from", "set in")
				for _, l := range links {
					t.add(l.Connection, l.DossierID, l.EnterpriseNumber.Pretty(), orNothing(l.FirmID), companyText(l), fromText(l), setIn(l))
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
	if n := l.NumberDiffers; n.CompanyNumber != "" {
		return fmt.Sprintf("%d (%s, %s)", l.CompanyID, n.Company, n.CompanyNumber.Pretty())
	}
	return orNothing(l.CompanyID)
}

func fromText(l ledger.DossierLink) string {
	if l.All {
		return "all"
	}
	return l.From.String()
}

func setIn(l ledger.DossierLink) string {
	if l.Configured {
		return "configuration"
	}
	return "state"
}

func newLinksSetCommand(app *App) *cobra.Command {
	var l ledger.DossierLink
	c := app.withJSON(&cobra.Command{
		Use: "set CONNECTION DOSSIER --firm ID --company ID", Short: "Have a company in Silverfin take a dossier's balances",
		Long: `Have a company in Silverfin take the balances of a dossier. The dossier is named
by its id, its affiliation number, its enterprise number or its sub-folder's name.

Where dossier and company have different enterprise numbers, the link is refused
and both are named. If it is meant, say so with --number-differs and the company's
name; it is kept with both numbers.`,
		Example: "  balansd links set payroll \"Bakkerij Peeters\" --firm 1234 --company 20002", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return app.withAPI(cmd.Context(), func(api localapi.API, _ *config.Config) error {
				l.Connection, l.DossierID = args[0], args[1]
				saved, err := api.Link(cmd.Context(), daemon.LinkRequest{DossierLink: l, By: person()})
				if err != nil {
					return err
				}
				if app.asJSON {
					return app.print(saved)
				}
				app.printf("Linked: dossier %s of %s goes into company %d of Silverfin firm %d.\n", clean(saved.DossierID), clean(saved.Connection), saved.CompanyID, saved.FirmID)
				if n := saved.NumberDiffers; n.CompanyNumber != "" {
					app.printf("Its enterprise number %s is not that of %s, %s; this is kept as meant.\n", n.DossierNumber.Pretty(), clean(n.Company), n.CompanyNumber.Pretty())
				}
				return nil
			})
		},
	})
	f := c.Flags()
	f.Int64Var(&l.FirmID, "firm", 0, "`id` of the Silverfin firm, the number after /f/ in its address")
	f.Int64Var(&l.CompanyID, "company", 0, "`id` of the company, the next number in the address")
	f.StringVar(&l.NumberDiffers.Company, "number-differs", "", "`name` of the company, where its enterprise number is not the dossier's and that is meant")
	_ = c.MarkFlagRequired("firm")
	_ = c.MarkFlagRequired("company")
	return c
}

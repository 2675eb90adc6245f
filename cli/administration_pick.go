package cli

import (
	"strings"

	"balansd/config"
	"balansd/daemon"
	"balansd/localapi"
	"balansd/problem"

	"github.com/spf13/cobra"
)

func newAdministrationReferencesCommand(app *App) *cobra.Command {
	var q daemon.ReferenceQuery
	c := app.withJSON(&cobra.Command{
		Use: "references [WORDS...]", Short: "Search the clients that the sources list", Example: "  balansd administration references peeters --source kbo",
		RunE: func(cmd *cobra.Command, args []string) error {
			q.Search = strings.Join(args, " ")
			return app.withAPI(cmd.Context(), func(api localapi.API, _ *config.Config) error {
				page, err := api.References(cmd.Context(), q)
				if err != nil {
					return err
				}
				if app.asJSON {
					return app.print(page)
				}
				t := newTable("source", "reference", "name", "number", "city")
				for _, r := range page.References {
					t.add(r.Source, r.Reference, r.Name, r.EnterpriseNumber.Pretty(), r.City)
				}
				app.show(t)
				app.printf("%d of %d.\n", len(page.References), page.Total)
				return nil
			})
		},
	})
	c.Flags().StringVar(&q.Source, "source", "", "`name` of the only source to search")
	c.Flags().IntVar(&q.Limit, "limit", 50, "at most this many")
	return c
}

func newAdministrationPickCommand(app *App) *cobra.Command {
	var remove bool
	c := app.withJSON(&cobra.Command{
		Use: "pick COMPANY [SOURCE REFERENCE]", Short: "Say which reference of a source a company is", Args: cobra.RangeArgs(1, 3),
		Long: `Say which reference of which source a company is compared with. Without that, the
first source counts that has the company's enterprise number; --remove has it so again.`,
		Example: "  balansd administration pick \"Bakkerij Peeters\" adminpulse 1042\n  balansd administration pick \"Bakkerij Peeters\" --remove",
		RunE: func(cmd *cobra.Command, args []string) error {
			if remove == (len(args) == 3) || len(args) == 2 {
				return problem.New(problem.Usage, "a pick needs a source and a reference, or --remove", "balansd administration references finds them.")
			}
			return app.withAPI(cmd.Context(), func(api localapi.API, _ *config.Config) error {
				a, err := api.ShowAdministration(cmd.Context(), daemon.AdministrationRequest{Search: args[0]})
				if err != nil {
					return err
				}
				r := daemon.PickRequest{FirmID: a.FirmID, CompanyID: a.CompanyID, By: person()}
				if !remove {
					r.Source, r.Reference = args[1], args[2]
				}
				picked, err := api.PickReference(cmd.Context(), r)
				if err != nil {
					return err
				}
				if app.asJSON {
					return app.print(picked)
				}
				a.Administration = picked
				app.administrationText(a)
				return nil
			})
		},
	})
	c.Flags().BoolVar(&remove, "remove", false, "have the first source count that has its number")
	return c
}

func newAdministrationNumbersCommand(app *App) *cobra.Command {
	return app.withJSON(&cobra.Command{
		Use: "numbers", Short: "List enterprise numbers of dossiers of which the sources say something else", Example: "  balansd administration numbers", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return app.withAPI(cmd.Context(), func(api localapi.API, _ *config.Config) error {
				page, err := api.NumberFindings(cmd.Context(), daemon.NumberQuery{})
				if err != nil {
					return err
				}
				if app.asJSON {
					return app.print(page)
				}
				t := newTable("dossier", "number", "source", "what")
				for _, f := range page.Findings {
					t.add(f.Dossier.Name, f.Dossier.EnterpriseNumber.Pretty(), f.Source, numberText(f))
				}
				app.show(t)
				return nil
			})
		},
	})
}

// numberText says what is odd about an enterprise number.
func numberText(f daemon.NumberFinding) string {
	switch f.Kind {
	case daemon.NumberUnknown:
		return "is not in the register; it was perhaps stopped"
	case daemon.NumberOtherName:
		return "is that of " + f.Name
	case daemon.NumberOtherNumber:
		return f.Name + " has " + f.Number.Pretty()
	}
	return string(f.Kind)
}

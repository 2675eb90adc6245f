package cli

import (
	"balansd/config"
	"balansd/daemon"
	"balansd/localapi"

	"github.com/spf13/cobra"
)

func newLinksGroupCommand(app *App) *cobra.Command {
	var remove bool
	c := app.withJSON(&cobra.Command{
		Use: "group [DOSSIER DOSSIER...]", Short: "Have the balances of an employer's dossiers added up",
		Long: `Have the balances of dossiers that belong together added up, rubric by rubric, and
the sum delivered: those of an employer with two payroll bureaus, or with two
affiliation numbers. A dossier is named as CONNECTION/DOSSIER, or by what names it
alone. Without a dossier, the groups are listed.

While the balance of a dossier is missing that had one last year, the others wait for
it. A correction of one of them makes a new sum. With --remove, the group of the one
dossier is dissolved; what was delivered stays.`,
		Example: "  balansd links group payroll/peeters acerta/0123456\n  balansd links group --remove payroll/peeters",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && !remove {
				return app.listGroups(cmd)
			}
			return app.withAPI(cmd.Context(), func(api localapi.API, _ *config.Config) error {
				change, said := api.Group, "Grouped; the next run adds their balances up: balansd sync.\n"
				if remove {
					change, said = api.Ungroup, "Dissolved; each dossier's balances are delivered alone from now on.\n"
				}
				g, err := change(cmd.Context(), daemon.GroupRequest{Dossiers: args, By: person()})
				if err != nil {
					return err
				}
				if app.asJSON {
					return app.print(g)
				}
				app.printf("%s", said)
				app.show(groupTable([]daemon.DossierGroup{g}))
				return nil
			})
		},
	})
	c.Flags().BoolVar(&remove, "remove", false, "dissolve the group of the one dossier")
	return c
}

func (app *App) listGroups(cmd *cobra.Command) error {
	empty := func(*config.Config) any { return []daemon.DossierGroup{} }
	return app.withExistingState(cmd.Context(), empty, func(api localapi.API, _ *config.Config) error {
		groups, err := api.Groups(cmd.Context())
		if err != nil {
			return err
		}
		if app.asJSON {
			return app.print(groups)
		}
		if len(groups) == 0 {
			app.printf("No dossiers are grouped.\n")
			return nil
		}
		app.show(groupTable(groups))
		return nil
	})
}

func groupTable(groups []daemon.DossierGroup) *table {
	t := newTable("employer", "connection", "dossier")
	for _, g := range groups {
		for _, d := range g.Dossiers {
			t.add(g.Name, d.Connection, d.DossierID)
		}
	}
	return t
}

package cli

import (
	"errors"
	"fmt"
	"strings"

	"balansd/config"
	"balansd/daemon"
	"balansd/localapi"
	"balansd/problem"

	"github.com/spf13/cobra"
)

func newMappingCheckCommand(app *App) *cobra.Command {
	var r daemon.MappingCheckRequest
	var write bool
	var trial trialOptions
	c := app.withJSON(&cobra.Command{
		Use: "check", Short: "Check that the templates in Silverfin use the mapping",
		Long: `Check the mapping of each firm against its templates: whether the handle exists, in
the firm and in the workflow of a dossier, whether the template is starred, whether a
template's text, inputs or results use the keys, and which keys and rubrics miss each
other. It looks at one dossier: the one that is named, else the one that was
delivered last. Nothing is written in Silverfin without --write.

--write tries it. It changes figures in the one dossier that is named, in its current
period, after asking: only those that are there, each in one digit. It waits until the
results of the dossier's templates change, says which did, and puts the old figures
back. What somebody types meanwhile stays. After a power failure the old figures are
put back at the next start.

Exit code 3 says that somebody must correct something.`,
		Example: "  balansd mapping check\n  balansd mapping check --firm 100 --dossier \"Bakkerij Peeters\"\n  balansd mapping check --write --dossier \"Bakkerij Peeters\"", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if write {
				trial.dossier = r.Dossier
				return app.tryMapping(cmd.Context(), trial)
			}
			if trial.yes {
				return usage(errors.New("--yes goes with --write"))
			}
			return app.withExistingState(cmd.Context(), nil, func(api localapi.API, cfg *config.Config) error {
				r.By = person()
				checks, err := api.CheckMapping(cmd.Context(), r)
				if err != nil {
					return err
				}
				if app.asJSON {
					if err := app.print(checks); err != nil {
						return err
					}
				} else {
					app.showMappingChecks(checks, cfg)
				}
				return wrongMappings(checks)
			})
		},
	})
	c.Flags().Int64Var(&r.FirmID, "firm", 0, "only this Silverfin firm, by its id")
	c.Flags().StringVar(&r.Dossier, "dossier", "", "look at this dossier: its name, number or id")
	c.Flags().BoolVar(&write, "write", false, "change figures in the dossier, and put them back")
	c.Flags().BoolVar(&trial.yes, "yes", false, "do not ask before figures are changed")
	return c
}

// wrongMappings returns a problem if somebody must correct a mapping, nil if not.
func wrongMappings(checks []daemon.MappingCheck) error {
	var names []string
	for _, c := range checks {
		if c.Wrong() {
			names = append(names, c.Mapping.FirmName)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return problem.New(problem.NeedsPerson, "the mapping needs somebody: "+strings.Join(names, ", "), "See above what to do.")
}

func (app *App) showMappingChecks(checks []daemon.MappingCheck, cfg *config.Config) {
	for i, c := range checks {
		if i > 0 {
			app.printf("\n")
		}
		app.printf("%s\n", app.styled(app.env.Stdout, bold, mappingTitle(c.Mapping)))
		app.printf("from        %s\n", originText(c.Mapping))
		if c.Dossier != "" {
			app.printf("looked at   %s, period %s\n", clean(c.Dossier), c.PeriodEnd)
		}
		if c.Mapping.Seen() {
			app.printf("seen        %s\n", clean(seenText(c.Mapping, cfg)))
		}
		for _, f := range c.Found {
			app.showMappingFinding(f)
		}
		if len(c.Found) == 0 {
			app.printf("Nothing is wrong.\n")
		}
	}
}

func (app *App) showMappingFinding(f daemon.MappingFinding) {
	mark := "note"
	if f.Wrong {
		mark = "WRONG"
	}
	app.printf("%-11s %s\n", mark, clean(f.Text))
	var items []string
	for i, t := range f.Templates {
		if i == 0 {
			items = append(items, "is it "+t.String()+"?")
			continue
		}
		items = append(items, t.String())
	}
	items = append(items, f.Keys...)
	if len(f.Cells) > 0 {
		items = append(items, strings.Trim(fmt.Sprint(f.Cells), "[]"))
	}
	for _, text := range items {
		app.printf("            - %s\n", clean(text))
	}
	if f.Next != "" {
		app.printf("            %s\n", clean(f.Next))
	}
}

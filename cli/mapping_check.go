package cli

import (
	"errors"

	"github.com/spf13/cobra"
)

func newMappingCheckCommand(app *App) *cobra.Command {
	var write bool
	var trial trialOptions
	c := &cobra.Command{
		Use: "check", Short: "Try in one dossier whether a template uses the mapping",
		Long: `Try whether a template in Silverfin uses the mapping. --write changes figures in the
one dossier that is named, in its current period, after asking: only those that are
there, each in one digit. It waits until the results of the dossier's templates
change, says which did, and puts the old figures back. What somebody types meanwhile
stays. After a power failure the old figures are put back at the next start.`,
		Example: "  balansd mapping check --write --dossier \"Bakkerij Peeters\"", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !write {
				return usage(errors.New("give --write and --dossier REF"))
			}
			return app.tryMapping(cmd.Context(), trial)
		},
	}
	c.Flags().BoolVar(&write, "write", false, "change figures in the dossier, and put them back")
	c.Flags().StringVar(&trial.dossier, "dossier", "", "the dossier: its name, number or id")
	c.Flags().BoolVar(&trial.yes, "yes", false, "do not ask before figures are changed")
	return app.withJSON(c)
}

package cli

import "github.com/spf13/cobra"

func newMappingCommand(app *App) *cobra.Command {
	return group("mapping", "See, find and check where figures go in Silverfin's templates", "  balansd mapping learn --dossier 0403.170.701\n  balansd mapping show\n  balansd mapping check",
		newMappingLearnCommand(app), newMappingShowCommand(app), newMappingCheckCommand(app))
}

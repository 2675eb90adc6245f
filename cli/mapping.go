package cli

import "github.com/spf13/cobra"

func newMappingCommand(app *App) *cobra.Command {
	return group("mapping", "See, find and check where figures go in Silverfin's templates", "  balansd mapping show\n  balansd mapping check",
		newMappingShowCommand(app), newMappingCheckCommand(app))
}

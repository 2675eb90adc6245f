package cli

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newVersionCommand(app *App) *cobra.Command {
	return app.withJSON(&cobra.Command{
		Use:     "version",
		Short:   "Show which balansd this is",
		Example: "  balansd version\n  balansd version --json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			platform := runtime.GOOS + "/" + runtime.GOARCH
			if app.asJSON {
				return app.print(struct {
					Version  string `json:"version"`
					Go       string `json:"go"`
					Platform string `json:"platform"`
				}{app.version(), runtime.Version(), platform})
			}
			app.printf("balansd %s (%s, %s)\n", app.version(), runtime.Version(), platform)
			return nil
		},
	})
}

// version returns the version of the release, else that which the Go tool recorded when it
// built the program.
func (app *App) version() string {
	if app.env.Version != "" {
		return app.env.Version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}

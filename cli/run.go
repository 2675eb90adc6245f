package cli

import (
	"context"

	"balansd/config"
	"balansd/portal"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
)

func newRunCommand(app *App) *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "Run the daemon: wake each night until stopped",
		Long: `Run in the foreground until stopped, wake each night, and answer the other
commands meanwhile. A stop ends the work in good order, also in the middle of a
pass: what was not finished goes on at the next pass.`,
		Example: "  balansd run --config balansd.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := app.config()
			if err != nil {
				return err
			}
			return app.run(cmd.Context(), cfg, app.log(cfg))
		},
	}
}

// run is the daemon: the nights and the local API, until ctx ends.
func (app *App) run(ctx context.Context, cfg *config.Config, log zerolog.Logger) error {
	log.Info().Str("version", app.version()).Str("config", cfg.File()).Str("state_file", cfg.StateFile).Msg("balansd starts")
	n, err := newNode(ctx, cfg, nodeOptions{version: app.version(), process: "balansd run", log: log})
	if err != nil {
		return err
	}
	defer func() { _ = n.Close() }()
	listener, err := portal.Listen(cfg.Socket)
	if err != nil {
		return err
	}
	log.Info().Str("socket", cfg.Socket).Msg("answering the command line")

	// When one of the two ends, for whatever reason, so does the other.
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error {
		return portal.Serve(ctx, listener, portal.NewAPI(portal.APIConfig{API: n, Log: log}), log)
	})
	both.Go(func() error { return n.Run(ctx) })
	err = both.Wait()
	log.Info().Msg("balansd stops")
	return err
}

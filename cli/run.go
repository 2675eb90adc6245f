package cli

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"balansd/config"
	"balansd/portal"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
)

// apiGrace is how long calls of the command line get when the daemon stops.
const apiGrace = 2 * time.Second

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

	server := &http.Server{
		Handler:           portal.NewAPI(portal.APIConfig{API: n, Log: log}),
		ReadHeaderTimeout: 5 * time.Second,
		// A pass that a person asked for stops with the daemon.
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	err = n.Run(ctx)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), apiGrace)
	defer cancel()
	if server.Shutdown(grace) != nil {
		_ = server.Close()
	}
	if serveErr := <-served; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, serveErr)
	}
	log.Info().Msg("balansd stops")
	return err
}

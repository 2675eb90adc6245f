package cli

import (
	"context"
	"errors"
	"fmt"

	"balansd/config"
	"balansd/daemon"
	"balansd/localapi"

	"github.com/spf13/cobra"
)

func newDoctorCommand(app *App) *cobra.Command {
	credentials := false
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Check everything, the way to Finbox and Silverfin too",
		Long: `Check everything that balansd check does, and the way out: whether each service
can be reached through the proxy and the firewall, whether its certificate is
trusted, and whether the clock of this server is right. Each source folder is
looked through: what it was taken for, how many files and social balances are in
it, and what the rest is. Nobody is signed in and nothing is changed.

When the service runs, it does the looking: with its own proxy, data key, secrets
and rights, which may be others than those of this command. It takes some
seconds, and some minutes at most where something does not answer.

With --credentials it signs in as well, as after a new secret: it asks Finbox for one
token, and renews the tokens of each firm once, in the order in which the night does.`,
		Example: "  balansd doctor\n  balansd doctor --credentials",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := app.configWithAllMistakes()
			if err != nil {
				return err
			}
			list := app.doctor(cmd.Context(), cfg)
			if credentials {
				list = append(list, app.tryCredentials(cmd.Context(), cfg)...)
			}
			return app.showChecks(list)
		},
	}
	c.Flags().BoolVar(&credentials, "credentials", false, "sign in at Finbox and renew the tokens of each Silverfin firm, too")
	return app.withJSON(c)
}

// tryCredentials signs in with the credentials of the configuration, in the daemon where one
// runs.
func (app *App) tryCredentials(ctx context.Context, cfg *config.Config) (list []daemon.Check) {
	err := app.useAPI(ctx, cfg, false, func(api localapi.API, _ *config.Config) error {
		found, err := api.TryCredentials(ctx, daemon.CredentialsRequest{By: person()})
		list = found.Checks
		return err
	})
	if err != nil {
		list = append(list, daemon.NewCheck("sign-ins", "", err))
	}
	return list
}

// doctor has the running daemon check everything. Without one this process does, as far as
// it can.
func (app *App) doctor(ctx context.Context, cfg *config.Config) []daemon.Check {
	const name = "service"
	client, err := app.dialDaemon(ctx, cfg)
	if err == nil {
		s, statusErr := client.Status(ctx)
		var found daemon.Examination
		if found, err = client.Doctor(ctx); err == nil {
			text := fmt.Sprintf("balansd %s answers, and looked itself", s.Version)
			return append([]daemon.Check{daemon.NewCheck(name, text, statusErr)}, found.Checks...)
		}
	}
	first := daemon.NewCheck(name, "does not run, so that this command looked, with its own proxy and rights", nil)
	if !errors.Is(err, localapi.ErrNoDaemon) {
		first = daemon.NewCheck(name, "", err)
	}
	x := examination{app: app, cfg: cfg, log: app.quietLog(cfg), host: &hostWatch{}}
	return append([]daemon.Check{first}, x.examine(ctx, true)...)
}

// doctor checks everything in the surroundings of the daemon.
func (p *daemonProcess) doctor(ctx context.Context) daemon.Examination {
	cfg, _ := p.node.current()
	x := examination{app: p.app, cfg: cfg, log: p.log, node: p.node, managed: p.managed, host: &p.node.host}
	return daemon.Examination{Checks: x.examine(ctx, true)}
}

// Doctor is localapi.API's.
func (a nodeAPI) Doctor(ctx context.Context) (daemon.Examination, error) {
	if a.process == nil {
		return daemon.Examination{}, noDaemonHere()
	}
	return a.process.doctor(ctx), nil
}

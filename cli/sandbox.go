package cli

import (
	"context"
	"encoding/json"
	"time"

	"github.com/spf13/cobra"

	"balansd/config"
	"balansd/sandbox"
)

// sandboxGrace is how long calls that are under way may take when the sandbox stops.
const sandboxGrace = 3 * time.Second

func newSandboxCommand(app *App) *cobra.Command {
	var opt sandbox.Options
	c := &cobra.Command{
		Use:   "sandbox",
		Short: "Serve a simulated Finbox and Silverfin until stopped",
		Long: `Serve a simulated Finbox and Silverfin on this machine until stopped, to try
balansd without a real dossier. The first line of output is a JSON object with
the addresses and the made-up credentials.

An address is host:port; without one, a free port is taken. With --data the
sandbox goes on where it stopped.`,
		Example: "  balansd sandbox --finbox 127.0.0.1:8081 --silverfin 127.0.0.1:8082 --data ./sandbox-data",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opt.Log = app.log(&config.Config{Log: config.Log{Level: "warn", Format: "auto"}})
			s, err := sandbox.Start(opt)
			if err != nil {
				return err
			}
			// One line, so that a script can read it while the sandbox runs.
			err = json.NewEncoder(app.env.Stdout).Encode(s.Info())
			if err == nil {
				<-cmd.Context().Done()
			}
			grace, cancel := context.WithTimeout(context.WithoutCancel(cmd.Context()), sandboxGrace)
			defer cancel()
			if closed := s.Close(grace); err == nil {
				err = closed
			}
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&opt.FinboxAddr, "finbox", "", "`address` of the simulated Finbox")
	f.StringVar(&opt.SilverfinAddr, "silverfin", "", "`address` of the simulated Silverfin")
	f.StringVar(&opt.ControlAddr, "control", "", "`address` that takes orders: open a workflow, correct a balance, fail a call")
	f.StringVar(&opt.Finbox.PortalURL, "portal", "", "`address` of balansd's web pages, to which the settings page of the simulated Finbox leads")
	f.StringVar(&opt.Data, "data", "", "`folder` that keeps the sandbox's state")
	return c
}

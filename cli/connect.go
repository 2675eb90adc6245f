package cli

import (
	"context"
	"fmt"
	"time"

	"balansd/config"
	"balansd/daemon"
	"balansd/localapi"
	"balansd/problem"
	"balansd/silverfin"

	"github.com/spf13/cobra"
)

// signInTimeout is how long a person may take to sign in to Silverfin.
const signInTimeout = 15 * time.Minute

func newConnectCommand(app *App) *cobra.Command {
	return group("connect", "Link Finbox, a Silverfin firm or Adsolut",
		"  balansd connect finbox CONNECTION-ID\n  balansd connect silverfin", newConnectFinboxCommand(app), newConnectSilverfinCommand(app), newConnectAdsolutCommand(app))
}

func newConnectFinboxCommand(app *App) *cobra.Command {
	return app.withJSON(&cobra.Command{
		Use:   "finbox CONNECTION-ID",
		Short: "Validate a connection id and link the Finbox environment",
		Long: `Validate the connection id that Finbox shows under Settings, social balance
connection, after you activated the external connection there, and link it.`,
		Example: "  balansd connect finbox 11ab1fe0-7d6c-4f5e-9a51-0c1f7d2b3e4a",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return app.withAPI(cmd.Context(), func(api localapi.API, cfg *config.Config) error {
				linked, err := api.ConnectFinbox(cmd.Context(), daemon.ConnectionRequest{ID: args[0], By: person()})
				if err != nil {
					return err
				}
				if app.asJSON {
					linked.Notes = append([]string{}, linked.Notes...) // a list, also when there are none
					return app.print(linked)
				}
				c := linked.Connection
				app.printf("Linked: %s, connection %s, active, start date %s.\n", clean(c.Name), c.ID, c.StartDate)
				app.showNotes(linked.Notes)
				app.printf("Social balances made from %s on are delivered.\n", c.ActivatedAt.In(cfg.TimeZone).Format(time.DateOnly))
				return nil
			})
		},
	})
}

func (app *App) showNotes(notes []string) {
	for _, n := range notes {
		app.printf("Note: %s\n", clean(n))
	}
}

func newConnectSilverfinCommand(app *App) *cobra.Command {
	var firmID int64
	var oob, takeOver bool
	c := &cobra.Command{
		Use:   "silverfin",
		Short: "Sign in to Silverfin and link a firm",
		Long: `Sign in to Silverfin in a browser and let balansd work in a firm. Sign in as a
user who sees all dossiers of the firm; the person who gives consent chooses the
firm.

On a server without a browser use --oob: open the address anywhere, and paste
the code that Silverfin shows.

A sign-in that came with a copied or restored state is not renewed before you
say with --take-over that no other balansd uses it any more: two of them would
take it from one another.`,
		Example: "  balansd connect silverfin\n  balansd connect silverfin --firm 1001 --oob",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeoutCause(cmd.Context(), signInTimeout,
				problem.New(problem.SilverfinSignIn, "nobody signed in within 15 minutes", "Try again."))
			defer cancel()
			return app.withAPI(ctx, func(api localapi.API, cfg *config.Config) error {
				if takeOver {
					return app.takeOver(ctx, api, firmID)
				}
				signIn := app.signInByCallback
				if oob || cfg.Silverfin.Redirect == config.RedirectOOB {
					signIn = app.signInByCode
				}
				linked, err := signIn(ctx, api, cfg, firmID)
				if err != nil {
					return err
				}
				if app.asJSON {
					linked.Notes = append([]string{}, linked.Notes...)
					return app.print(linked)
				}
				app.printf("Linked: Silverfin firm %s (%d).\n", clean(linked.Firm.Name), linked.Firm.ID)
				app.showNotes(linked.Notes)
				return nil
			})
		},
	}
	c.Flags().Int64Var(&firmID, "firm", 0, "the firm's `id`, to have it chosen already; needed with --oob")
	c.Flags().BoolVar(&oob, "oob", false, "paste the code that Silverfin shows, instead of waiting for the browser")
	c.Flags().BoolVar(&takeOver, "take-over", false, "go on with the sign-ins of a copied or restored state: the other balansd is off")
	c.MarkFlagsMutuallyExclusive("oob", "take-over")
	return app.withJSON(c)
}

// takeOver makes this server the owner of the sign-ins of a copied state.
func (app *App) takeOver(ctx context.Context, api daemon.API, firmID int64) error {
	if err := api.TakeOver(ctx, daemon.FirmRequest{FirmID: firmID, By: person()}); err != nil {
		return err
	}
	if app.asJSON {
		return app.print(struct {
			TakenOver bool `json:"taken_over"`
		}{true})
	}
	app.printf("The sign-ins to Silverfin are this server's now; they are renewed when they are next needed.\n")
	return nil
}

// signInByCallback waits until Silverfin redirects the browser to this machine.
func (app *App) signInByCallback(ctx context.Context, api daemon.API, cfg *config.Config, firmID int64) (linked daemon.LinkedFirm, err error) {
	cb, err := silverfin.ListenCallback(cfg.Silverfin.CallbackAddress)
	if err != nil {
		return linked, err
	}
	defer func() { _ = cb.Close() }()
	redirect := cb.URL()
	if cfg.Silverfin.Redirect != config.RedirectAuto && cfg.Silverfin.Redirect != "" {
		redirect = cfg.Silverfin.Redirect
	}
	s, err := api.BeginSilverfin(ctx, daemon.SignInRequest{FirmID: firmID, Redirect: redirect})
	if err != nil {
		return linked, err
	}
	cb.Expect(s.State)
	app.printStderr("Open this address in a browser on this server and sign in to Silverfin:\n\n  %s\n\nWaiting for the sign-in. Without a browser here, stop this and use --oob.\n", s.URL)
	code, granted, err := cb.Wait(ctx)
	if err != nil {
		return linked, err
	}
	return api.EndSilverfin(ctx, daemon.GrantRequest{State: s.State, Code: code, FirmID: granted, By: person()})
}

// signInByCode asks for the code that Silverfin shows.
func (app *App) signInByCode(ctx context.Context, api daemon.API, _ *config.Config, firmID int64) (linked daemon.LinkedFirm, err error) {
	if firmID == 0 {
		return linked, problem.New(problem.Usage, "with --oob the firm's id is needed",
			"It is the number after /f/ in the address when the firm is open in Silverfin: balansd connect silverfin --oob --firm ID.")
	}
	s, err := api.BeginSilverfin(ctx, daemon.SignInRequest{FirmID: firmID})
	if err != nil {
		return linked, err
	}
	app.printStderr("Open this address in any browser, sign in to Silverfin, and paste the code that it shows:\n\n  %s\n\nCode: ", s.URL)
	code, err := app.readLine(ctx)
	switch {
	case err != nil:
		return linked, err
	case code == "":
		return linked, problem.New(problem.SilverfinSignIn, "no code was given", "Try again, and paste the code.")
	}
	return api.EndSilverfin(ctx, daemon.GrantRequest{State: s.State, Code: code, FirmID: firmID, By: person()})
}

// printStderr prints a message on stderr, so that the output of --json stays valid.
func (app *App) printStderr(format string, args ...any) {
	_, _ = fmt.Fprintf(app.env.Stderr, format, args...)
}

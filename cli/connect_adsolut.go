package cli

import (
	"bufio"
	"context"
	"io"
	"strings"

	"balansd/administration/source"
	"balansd/config"
	"balansd/localapi"
	"balansd/problem"

	"github.com/spf13/cobra"
)

func newConnectAdsolutCommand(app *App) *cobra.Command {
	return &cobra.Command{
		Use:   "adsolut",
		Short: "Sign in to Adsolut, to list its administrations",
		Long: `Sign in to Adsolut of Wolters Kluwer, to list the names and addresses of its
administrations. Open the address that is shown in any browser and sign in. The
browser then goes to the address of administration.adsolut.redirect, where nothing
need answer: copy that address from the browser and paste it here.

No integration of Adsolut is switched on. A sign-in that is not used for a month
ends.`,
		Example: "  balansd connect adsolut",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeoutCause(cmd.Context(), signInTimeout,
				problem.New(problem.AdministrationSignIn, "nobody signed in within 15 minutes", "Try again."))
			defer cancel()
			return app.withAPI(ctx, func(api localapi.API, cfg *config.Config) error {
				if !cfg.Administration.Adsolut.Configured() {
					return noAdsolut()
				}
				s := source.NewAdsolut(adsolutConfig(cfg)).BeginSignIn()
				app.printStderr("Open this address in any browser, sign in to Adsolut, and paste the address of the page to which the browser comes back:\n\n  %s\n\nAddress: ", s.URL)
				address, err := app.readLine(ctx)
				if err != nil {
					return err
				}
				err = api.ConnectAdsolut(ctx, localapi.ConnectAdsolutRequest{State: s.State, Verifier: s.Verifier, Address: address, By: person()})
				if err == nil {
					app.printf("Signed in to Adsolut. Its administrations are listed at the next run.\n")
				}
				return err
			})
		},
	}
}

func noAdsolut() error {
	return problem.New(problem.ConfigInvalid, "Adsolut is not configured",
		"Set client_id and client_secret_file in administration.adsolut of the configuration.")
}

// readLine reads what a person pastes.
func (app *App) readLine(ctx context.Context) (string, error) {
	line := make(chan string, 1)
	go func() {
		text, _ := bufio.NewReader(io.LimitReader(app.env.Stdin, 16<<10)).ReadString('\n')
		line <- strings.TrimSpace(text)
	}()
	select {
	case <-ctx.Done():
		return "", context.Cause(ctx)
	case text := <-line:
		return text, nil
	}
}

// ConnectAdsolut is localapi.API's.
func (a nodeAPI) ConnectAdsolut(ctx context.Context, r localapi.ConnectAdsolutRequest) error {
	n, ok := a.API.(*node)
	if !ok {
		return noDaemonHere()
	}
	cfg, _ := n.current()
	if !cfg.Administration.Adsolut.Configured() {
		return noAdsolut()
	}
	adsolut, err := n.newAdsolut(cfg)
	if err != nil {
		return err
	}
	return adsolut.FinishSignIn(ctx, source.SignIn{State: r.State, Verifier: r.Verifier}, r.Address)
}

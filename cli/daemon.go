package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"balansd/config"
	"balansd/localapi"
	"balansd/problem"
)

// wordTime is how long a daemon may take for its first word to a command: a
// process that hangs takes connections still.
const wordTime = 10 * time.Second

// dialDaemon looks for the daemon of a configuration, and has it answer once, so
// that a command waits for no daemon that hangs, and acts on none of another
// configuration.
func (app *App) dialDaemon(ctx context.Context, cfg *config.Config) (*localapi.Client, error) {
	client, err := localapi.Dial(ctx, cfg.Socket, cfg.StateFile)
	if err != nil {
		return nil, err
	}
	limit := app.waitFor(wordTime)
	asked, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	_, err = client.Firms(asked)
	switch {
	case problem.Is(err, problem.NotAllowed):
		return nil, err
	case asked.Err() != nil && ctx.Err() == nil:
		return nil, problem.New(problem.DaemonDown, fmt.Sprintf("the daemon is there and did not answer within %s", limit),
			"See in its log what it does, or restart it: balansd service restart.")
	}
	return client, nil
}

// withAPI does something with what a command works on: the daemon when it
// runs, else the state itself.
func (app *App) withAPI(ctx context.Context, do func(api localapi.API, cfg *config.Config) error) error {
	cfg, err := app.config()
	if err != nil {
		return err
	}
	return app.onAPI(ctx, cfg, false, do)
}

// onAPI is withAPI. A command that only looks works on a state that cannot be
// written, too.
func (app *App) onAPI(ctx context.Context, cfg *config.Config, looks bool, do func(api localapi.API, cfg *config.Config) error) error {
	for late := time.Now().Add(app.waitFor(answerTime)); ; {
		client, err := app.dialDaemon(ctx, cfg)
		if err == nil {
			return do(client, cfg)
		}
		if !errors.Is(err, localapi.ErrNoDaemon) {
			return err
		}
		o := nodeOptions{version: app.version(), process: "balansd on the command line", log: app.quietLog(cfg)}
		n, err := newNode(ctx, cfg, o)
		if looks && problem.Is(err, problem.StateUnwritable) {
			refused := problem.Of(err)
			o.readOnly = true
			if n, err = newNode(ctx, cfg, o); err == nil {
				app.printStderr("Only read: %s. %s\n", refused.What, refused.Next)
			}
		}
		if err == nil {
			defer func() { _ = n.Close() }()
			return do(n.api(cfg, nil), cfg)
		}
		// A daemon that starts holds the state a moment before it answers.
		if !problem.Is(err, problem.StateLocked) || ctx.Err() != nil || time.Now().After(late) {
			return err
		}
	}
}

// answerTime is how long a command waits for a daemon that holds the state and
// does not answer yet. Each try to open the state waits as well.
const answerTime = 5 * time.Second

// waitFor returns how long to wait for a daemon: usual, or what Env says.
func (app *App) waitFor(usual time.Duration) time.Duration {
	if app.env.daemonWait > 0 {
		return app.env.daemonWait
	}
	return usual
}

// withState is withAPI for a command that only looks. Where there is no state
// yet it makes none, and says so: nothing gives what there is to print as JSON
// then; a nil nothing means that the command cannot do without.
func (app *App) withState(ctx context.Context, nothing func(*config.Config) any, do func(api localapi.API, cfg *config.Config) error) error {
	cfg, err := app.config()
	if err != nil {
		return err
	}
	if _, err := os.Stat(cfg.StateFile); !errors.Is(err, fs.ErrNotExist) {
		return app.onAPI(ctx, cfg, true, do)
	}
	what := "nothing is here yet: balansd has no state at " + cfg.StateFile
	next := "link Finbox first: balansd connect finbox CONNECTION-ID"
	if !cfg.Finbox.Configured() {
		next = "run a sync first: balansd sync"
	}
	switch {
	case nothing == nil:
		return problem.New(problem.NotFound, what, strings.ToUpper(next[:1])+next[1:]+".")
	case app.asJSON:
		return app.print(nothing(cfg))
	}
	app.printf("%s; %s\n", strings.ToUpper(what[:1])+what[1:], next)
	return nil
}

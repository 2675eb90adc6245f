package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"balansd/accounts"
	"balansd/config"
	"balansd/daemon"
	"balansd/localapi"
	"balansd/problem"

	"github.com/rs/zerolog"
)

// answerTimeout is how long a daemon may take for its first answer to a command: a
// process that hangs still accepts connections.
const answerTimeout = 10 * time.Second

// dialDaemon connects to the daemon of a configuration and makes one call, so that a
// command neither waits for a daemon that hangs, nor changes the state of another
// configuration. The error wraps localapi.ErrNoDaemon if no daemon runs.
func (app *App) dialDaemon(ctx context.Context, cfg *config.Config) (*localapi.Client, error) {
	client, err := localapi.Dial(ctx, cfg.Socket, cfg.StateFile)
	if err != nil {
		return nil, err
	}
	limit := app.timeout(answerTimeout)
	callCtx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	_, err = client.Firms(callCtx)
	switch {
	case problem.Is(err, problem.NotAllowed):
		return nil, err
	case callCtx.Err() != nil && ctx.Err() == nil:
		return nil, problem.New(problem.DaemonDown, fmt.Sprintf("the daemon is there and did not answer within %s", limit),
			"See in its log what it does, or restart it: balansd service restart.")
	}
	return client, nil
}

// withAPI calls do with the API of the daemon if it runs, else with that of a node in this
// process.
func (app *App) withAPI(ctx context.Context, do func(api localapi.API, cfg *config.Config) error) error {
	cfg, err := app.config()
	if err != nil {
		return err
	}
	return app.useAPI(ctx, cfg, false, do)
}

// useAPI is withAPI for a configuration. With readOnly a state that cannot be written is
// opened for reading.
func (app *App) useAPI(ctx context.Context, cfg *config.Config, readOnly bool, do func(api localapi.API, cfg *config.Config) error) error {
	for deadline := time.Now().Add(app.timeout(startTimeout)); ; {
		client, err := app.dialDaemon(ctx, cfg)
		if err == nil {
			return do(client, cfg)
		}
		if !errors.Is(err, localapi.ErrNoDaemon) {
			return err
		}
		o := nodeOptions{version: app.version(), process: "balansd on the command line", machine: app.machine(), log: app.quietLog(cfg)}
		n, err := newNode(ctx, cfg, o)
		if readOnly && problem.Is(err, problem.StateUnwritable) {
			refused := problem.Of(err)
			o.readOnly = true
			if n, err = newNode(ctx, cfg, o); err == nil {
				app.printStderr("Only read: %s. %s\n", refused.What, refused.Next)
			}
		}
		if err == nil {
			defer func() { _ = n.Close() }()
			return do(n.api(cfg), cfg)
		}
		// A daemon that starts locks the state a moment before it answers.
		if !problem.Is(err, problem.StateLocked) || ctx.Err() != nil || time.Now().After(deadline) {
			return err
		}
	}
}

// startTimeout is how long a command waits for a daemon that has locked the state and does
// not answer yet. Each attempt to open the state waits as well.
const startTimeout = 5 * time.Second

// timeout returns usual, or Env.daemonTimeout if it is set.
func (app *App) timeout(usual time.Duration) time.Duration {
	if app.env.daemonTimeout > 0 {
		return app.env.daemonTimeout
	}
	return usual
}

// withExistingState is withAPI for a command that needs no more than to read. If there is
// no state yet, it creates none and says so: empty returns what is printed as JSON then;
// if it is nil, the command cannot work without a state and returns a NotFound problem.
func (app *App) withExistingState(ctx context.Context, empty func(*config.Config) any, do func(api localapi.API, cfg *config.Config) error) error {
	cfg, err := app.config()
	if err != nil {
		return err
	}
	if _, err := os.Stat(cfg.StateFile); !errors.Is(err, fs.ErrNotExist) {
		return app.useAPI(ctx, cfg, true, do)
	}
	what := "nothing is here yet: balansd has no state at " + cfg.StateFile
	next := "link Finbox first: balansd connect finbox CONNECTION-ID"
	if !cfg.Finbox.Configured() {
		next = "run a sync first: balansd sync"
	}
	switch {
	case empty == nil:
		return problem.New(problem.NotFound, what, strings.ToUpper(next[:1])+next[1:]+".")
	case app.asJSON:
		return app.print(empty(cfg))
	}
	app.printf("%s; %s\n", strings.ToUpper(what[:1])+what[1:], next)
	return nil
}

// nodeAPI implements localapi.API by a node in this process.
type nodeAPI struct {
	daemon.API
	people  *accounts.People
	log     zerolog.Logger
	process *daemonProcess // nil if no daemon runs
}

// api returns the API of a node without a daemon, which records each change in the audit
// log.
func (n *node) api(cfg *config.Config) localapi.API {
	people, log := n.people(cfg)
	return localapi.Audited(nodeAPI{n, people, n.options.log, nil}, log)
}

// noDaemonHere is the problem of what only a running daemon does.
func noDaemonHere() error {
	return problem.New(problem.DaemonDown, "no daemon runs here", "Start the service: balansd service start.")
}

// KeyExported is localapi.API's.
func (a nodeAPI) KeyExported(_ context.Context, r localapi.KeyExportRequest) error {
	a.log.Warn().Str("by", r.By).Str("file", r.File).Msg("the data key is exported, under a passphrase")
	return nil
}

// Reload is localapi.API's.
func (a nodeAPI) Reload(ctx context.Context, r localapi.ReloadRequest) (localapi.Reloaded, error) {
	if a.process == nil {
		return localapi.Reloaded{}, noDaemonHere()
	}
	return a.process.reload(ctx, r.By)
}

// People is localapi.API's.
func (a nodeAPI) People(ctx context.Context) ([]accounts.Account, error) {
	return a.people.Accounts(ctx)
}

// Invite is localapi.API's.
func (a nodeAPI) Invite(ctx context.Context, r localapi.InviteRequest) (accounts.Invitation, error) {
	if r.Local {
		return a.people.InviteLocal(ctx, r.Name, r.Role, r.By)
	}
	return a.people.Invite(ctx, r.Name, r.Role, r.By)
}

// Enable is localapi.API's.
func (a nodeAPI) Enable(ctx context.Context, r localapi.EnableRequest) (localapi.Enabled, error) {
	q, err := a.people.Enable(ctx, r.Name, r.By)
	return localapi.Enabled{Name: q.Name, Role: q.Role}, err
}

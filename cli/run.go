package cli

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"balansd/config"
	"balansd/localapi"
	"balansd/logs"
	"balansd/problem"
	"balansd/service"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
)

func newRunCommand(app *App) *cobra.Command {
	managed := false
	c := &cobra.Command{
		Use:   "run",
		Short: "Run the daemon: wake each night until stopped",
		Long: `Run in the foreground until stopped, wake each night, and answer the other
commands meanwhile. A stop ends the work in good order, also in the middle of a
run: what was not finished goes on at the next run.

The service runs this command with --service, which a person never needs:
balansd service install makes the service.`,
		Example: "  balansd run --config balansd.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return app.run(cmd.Context(), managed)
		},
	}
	c.Flags().BoolVar(&managed, "service", false, "run as a service: answer systemd or the service manager of Windows")
	return c
}

// run is the daemon as a process, until ctx ends or the service manager stops
// it.
func (app *App) run(ctx context.Context, managed bool) error {
	// From the start on: systemctl reload may come as soon as systemd has heard
	// that the service runs.
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	cfg, wrong := app.config()
	if wrong != nil {
		if !managed || runtime.GOOS != "windows" {
			return wrong
		}
		// Windows must be answered first, and hears then what is wrong.
		cfg = config.Default()
	}
	output, err := app.serviceLog(cfg, managed)
	if err != nil {
		return err
	}
	defer func() { _ = output.Close() }()
	p := app.newRunning(cfg, output.Logger(), managed)
	p.output, p.hangup = output, hangup
	return service.Run(ctx, service.RunOptions{
		Managed: managed, Log: p.log, Alive: p.alive,
		Exit: func(code int) {
			_ = output.Close() // the last words reach the event log
			os.Exit(code)
		},
		CrashFile: filepath.Join(cfg.DataDir, "crash.log"),
	}, func(ctx context.Context, say func(string)) error {
		err := wrong
		if err == nil {
			p.say = say
			err = p.work(ctx)
		}
		if err != nil && managed {
			pr := problem.Of(err)
			p.log.Error().Err(err).Str("code", string(pr.Code)).Str("next", pr.Next).Msg("balansd ends with an error")
			err = shownError{err}
		}
		return err
	})
}

// serviceLog opens the log of the daemon. A service has nobody who reads its
// standard error, unless it is one of systemd, which says where it listens: it
// writes to a file, and on Windows to the event log.
func (app *App) serviceLog(cfg *config.Config, managed bool) (*logs.Log, error) {
	c := logs.Config{Level: cfg.Log.Level, Format: cfg.Log.Format, File: cfg.Log.File, FileSize: int64(cfg.Log.FileSize),
		Files: cfg.Log.Files, Stderr: app.env.Stderr, Environ: app.env.Environ}
	if managed && runtime.GOOS == "windows" {
		c.EventSource = service.Name
	}
	journal := slices.ContainsFunc(app.env.Environ, func(pair string) bool { return strings.HasPrefix(pair, "NOTIFY_SOCKET=") })
	if managed && !journal {
		c.File = cmp.Or(c.File, logFile(cfg))
	}
	return logs.Open(c)
}

// running is the daemon as a process.
type running struct {
	app     *App
	cfg     *config.Config
	log     zerolog.Logger
	output  *logs.Log // where log goes; nil where its level stays
	managed bool
	hangup  <-chan os.Signal    // asks to read the configuration again; nil where nothing does
	say     func(status string) // to the service manager
	ready   chan struct{}
	node    *node

	reloading sync.Mutex // held while the configuration is read again
}

func (app *App) newRunning(cfg *config.Config, log zerolog.Logger, managed bool) *running {
	return &running{app: app, cfg: cfg, log: log, managed: managed, say: func(string) {}, ready: make(chan struct{})}
}

// work is the nights and the local API, until ctx ends.
func (p *running) work(ctx context.Context) error {
	p.log.Info().Uint32(problem.NoticeKey, uint32(problem.Started)).Str("version", p.app.version()).
		Str("config", p.cfg.File()).Str("state_file", p.cfg.StateFile).Msg("balansd starts")
	p.access()
	n, err := p.open(ctx)
	if n == nil {
		return err
	}
	defer func() { _ = n.Close() }()
	pages, err := n.newPages(p.cfg, p.reload)
	if err != nil {
		return err
	}
	n.Begin(ctx)
	listener, err := localapi.Listen(p.cfg.Socket)
	if err != nil {
		return err
	}
	p.log.Info().Str("socket", p.cfg.Socket).Msg("answering the command line")
	// When one of them ends, for whatever reason, so do the others.
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error {
		return localapi.Serve(ctx, listener, localapi.New(localapi.Config{API: pages.api, StateFile: p.cfg.StateFile, Log: p.log}), p.log)
	})
	all.Go(func() error { return pages.serve(ctx) })
	all.Go(func() error { return n.Run(ctx) })
	all.Go(func() error { return p.reportStatus(ctx, pages.api) })
	all.Go(func() error {
		<-ctx.Done()
		p.log.Info().Uint32(problem.NoticeKey, uint32(problem.Stopping)).Msg("balansd is asked to stop")
		p.say("stopping")
		return nil
	})
	err = all.Wait()
	p.log.Info().Uint32(problem.NoticeKey, uint32(problem.StoppedWell)).Msg("balansd stops")
	return err
}

// access says who else can reach what is the service's own: whoever does can
// read figures, or be taken for balansd.
func (p *running) access() {
	complaints, err := service.CheckAccess(ownPaths(p.cfg)...)
	if err != nil {
		p.log.Warn().Err(err).Msg("who may reach the data folder cannot be told")
	}
	for _, c := range complaints {
		p.log.Error().Uint32(problem.NoticeKey, uint32(problem.FolderOpen)).Str("why", c).
			Msg("others can reach what is the service's own")
	}
}

// lockedPoll is how often a service tries to open a state that another process
// holds.
const lockedPoll = 5 * time.Second

// open opens the state. A service waits for a command line that holds it; a
// person at a terminal hears of it at once. It gives nil and no error when it
// was stopped while it waited.
func (p *running) open(ctx context.Context) (*node, error) {
	o := nodeOptions{version: p.app.version(), built: builtAt(), process: "balansd run", log: p.log}
	for said := false; ; {
		n, err := newNode(ctx, p.cfg, o)
		if err == nil {
			p.node = n
			close(p.ready)
			return n, nil
		}
		if !p.managed || !problem.Is(err, problem.StateLocked) {
			return nil, err
		}
		if !said {
			p.log.Warn().Err(err).Str("code", string(problem.StateLocked)).Msg("waiting for the state")
			said = true
		}
		p.say("waiting: " + problem.Of(err).What)
		select {
		case <-ctx.Done():
			return nil, nil
		case <-time.After(lockedPoll):
		}
	}
}

// tellEvery is how often the service manager hears how the daemon stands.
const tellEvery = time.Minute

// reportStatus tells the service manager how the daemon stands, and reads the
// configuration again when it is asked to.
func (p *running) reportStatus(ctx context.Context, api localapi.API) error {
	t := time.NewTicker(tellEvery)
	defer t.Stop()
	for {
		if s, err := api.Status(ctx); err == nil {
			p.say(p.standing(s.Run != nil, s.NextWake))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		case <-p.hangup:
			if _, err := api.Reload(ctx, localapi.ReloadRequest{By: "a signal"}); err != nil && ctx.Err() == nil {
				pr := problem.Of(err)
				p.log.Error().Err(err).Str("code", string(pr.Code)).Str("next", pr.Next).
					Msg("the configuration was not read again, the old one stays in force")
			}
		}
	}
}

func (p *running) standing(passing bool, next time.Time) string {
	if passing {
		return "a run is under way"
	}
	return fmt.Sprintf("next night %s", next.Format("Mon 2 Jan 15:04"))
}

// alive tells the watchdog that the daemon does its work. While the state is
// being opened, which a migration may make long, it counts as alive.
func (p *running) alive(ctx context.Context) error {
	select {
	case <-p.ready:
		return p.node.Healthy(ctx)
	default:
		return nil
	}
}

// builtAt is when the commit was made of which this program was built; zero
// when it is not known.
func builtAt() time.Time {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return time.Time{}
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.time" {
			at, _ := time.Parse(time.RFC3339, s.Value)
			return at
		}
	}
	return time.Time{}
}

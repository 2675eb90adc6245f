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
	"balansd/daemon"
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

// run runs the daemon until ctx ends or the service manager stops it.
func (app *App) run(ctx context.Context, managed bool) error {
	// First of all, since systemctl reload may come as soon as systemd knows that the
	// service runs.
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	cfg, wrong := app.config()
	if wrong != nil {
		if !managed {
			return wrong
		}
		cfg = config.Default() // for the log
	}
	output, err := app.serviceLog(cfg, managed)
	if err != nil {
		return cmp.Or(wrong, err)
	}
	defer func() { _ = output.Close() }()
	if wrong != nil && runtime.GOOS != "windows" {
		return logFailedStart(output.Logger(), wrong)
	}
	// The service manager of Windows needs an answer first, and gets the error then.
	p := app.newDaemonProcess(cfg, output.Logger(), managed)
	p.output, p.hangup = output, hangup
	if managed {
		p.socket = service.PassedSocket()
	}
	return service.Run(ctx, service.RunOptions{
		Managed: managed, Log: p.log, Alive: p.alive,
		Exit: func(code int) {
			_ = output.Close() // flushes the event log
			os.Exit(code)
		},
		CrashFile: filepath.Join(cfg.DataDir, "crash.log"),
	}, func(ctx context.Context, notify func(string)) error {
		err := wrong
		if err == nil {
			p.notify = notify
			err = p.serve(ctx)
		}
		if err != nil && managed {
			err = logFailedStart(p.log, err)
		}
		return err
	})
}

// logFailedStart logs why the service ends, with the event id of the problem.
func logFailedStart(log zerolog.Logger, err error) error {
	p := problem.Of(err)
	log.Error().Err(err).Str("code", string(p.Code)).Str("next", p.Next).Msg("balansd ends with an error")
	return shownError{err}
}

// serviceLog opens the log of the daemon. Nobody reads the standard error of a service,
// except systemd, which sets NOTIFY_SOCKET: another service logs to a file, and on
// Windows to the event log.
func (app *App) serviceLog(cfg *config.Config, managed bool) (*logs.Log, error) {
	c := logs.Config{Level: cfg.Log.Level, Format: cfg.Log.Format, File: cfg.Log.File, FileSize: int64(cfg.Log.FileSize),
		Files: cfg.Log.Files, Stderr: app.env.Stderr, Environ: app.env.Environ}
	if managed && runtime.GOOS == "windows" {
		c.EventSource = service.Name
	}
	if managed && !app.underSystemd() {
		c.File = cmp.Or(c.File, logFile(cfg))
	}
	return logs.Open(c)
}

// underSystemd reports whether systemd started this service.
func (app *App) underSystemd() bool {
	return slices.ContainsFunc(app.env.Environ, func(pair string) bool { return strings.HasPrefix(pair, "NOTIFY_SOCKET=") })
}

// daemonProcess is the process of balansd run.
type daemonProcess struct {
	app     *App
	cfg     *config.Config
	log     zerolog.Logger
	output  *logs.Log // of log; nil if its level cannot be changed
	managed bool
	socket  *os.File            // for the web pages, that systemd handed over; nil for none
	hangup  <-chan os.Signal    // asks to reload the configuration; may be nil
	notify  func(status string) // tells the service manager
	ready   chan struct{}       // closed when node is set
	node    *node

	reloading sync.Mutex // held while the configuration is reloaded
}

func (app *App) newDaemonProcess(cfg *config.Config, log zerolog.Logger, managed bool) *daemonProcess {
	return &daemonProcess{app: app, cfg: cfg, log: log, managed: managed, notify: func(string) {}, ready: make(chan struct{})}
}

// serve runs the nightly syncs, the local API and the web pages until ctx ends.
func (p *daemonProcess) serve(ctx context.Context) error {
	p.log.Info().Uint32(problem.NoticeKey, uint32(problem.Started)).Str("version", p.app.version()).
		Str("config", p.cfg.File()).Str("state_file", p.cfg.StateFile).Msg("balansd starts")
	p.logAccess()
	n, err := p.open(ctx)
	if n == nil {
		return err
	}
	defer func() { _ = n.Close() }()
	pages, err := n.newPages(p.cfg, p)
	if err != nil {
		return err
	}
	n.Begin(ctx)
	if err := n.forgetRemovedFolders(ctx, p.cfg); err != nil {
		p.log.Warn().Err(err).Msg("what is remembered of removed folders could not be deleted")
	}
	listener, err := localapi.Listen(p.cfg.Socket)
	if err != nil {
		return err
	}
	p.log.Info().Str("socket", p.cfg.Socket).Msg("answering the command line")
	// When one of them ends, for whatever reason, the others end too.
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
		p.notify("stopping")
		return nil
	})
	err = all.Wait()
	p.log.Info().Uint32(problem.NoticeKey, uint32(problem.StoppedWell)).Msg("balansd stops")
	return err
}

// logAccess logs which other accounts can access the files of the service. They could read
// figures, or act as balansd.
func (p *daemonProcess) logAccess() {
	complaints, err := service.CheckAccess(ownPaths(p.cfg)...)
	if err != nil {
		p.log.Warn().Err(err).Msg("who may reach the data folder cannot be told")
	}
	for _, c := range complaints {
		p.log.Error().Uint32(problem.NoticeKey, uint32(problem.FolderOpen)).Str("why", c).
			Msg("others can reach what is the service's own")
	}
}

// lockRetryInterval is how often a service tries to open a state that another process has
// locked.
const lockRetryInterval = 5 * time.Second

// open opens the state. A service waits while a command has locked it; at a terminal that
// is an error. It returns nil and no error if ctx ended while it waited.
func (p *daemonProcess) open(ctx context.Context) (*node, error) {
	o := nodeOptions{version: p.app.version(), built: builtAt(), process: "balansd run", machine: p.app.machine(), log: p.log, unit: p.managed && p.app.underSystemd()}
	for logged := false; ; {
		n, err := newNode(ctx, p.cfg, o)
		if err == nil {
			p.node = n
			close(p.ready)
			return n, nil
		}
		if !p.managed || !problem.Is(err, problem.StateLocked) {
			return nil, err
		}
		if !logged {
			p.log.Warn().Err(err).Str("code", string(problem.StateLocked)).Msg("waiting for the state")
			logged = true
		}
		p.notify("waiting: " + problem.Of(err).What)
		select {
		case <-ctx.Done():
			return nil, nil
		case <-time.After(lockRetryInterval):
		}
	}
}

// statusInterval is how often the service manager gets the status of the daemon.
const statusInterval = time.Minute

// reportStatus tells the service manager the status of the daemon, and reloads the
// configuration on a signal.
func (p *daemonProcess) reportStatus(ctx context.Context, api localapi.API) error {
	t := time.NewTicker(statusInterval)
	defer t.Stop()
	for {
		if s, err := api.Status(ctx); err == nil {
			p.notify(statusLine(s))
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

// statusLine returns the status that the service manager shows.
func statusLine(s daemon.Status) string {
	if s.Run != nil {
		return "a run is under way"
	}
	return fmt.Sprintf("next night %s", s.NextWake.Format("Mon 2 Jan 15:04"))
}

// alive returns an error if the daemon does not work as it should, for the watchdog. While
// the state is being opened, which a migration can make long, the daemon counts as alive.
func (p *daemonProcess) alive(ctx context.Context) error {
	select {
	case <-p.ready:
		return p.node.Healthy(ctx)
	default:
		return nil
	}
}

// builtAt returns the time of the commit that this program was built from; zero if it is
// not known.
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

package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"balansd/config"
	"balansd/daemon"
	"balansd/localapi"
	"balansd/problem"
	"balansd/service"
	"balansd/store"

	"github.com/spf13/cobra"
)

// serviceStatus is the result of service status.
type serviceStatus struct {
	Service service.Status `json:"service"`
	Daemon  *daemon.Status `json:"daemon,omitempty"`
	Reason  string         `json:"trouble,omitempty"` // why the daemon does not answer
	Config  string         `json:"config,omitempty"`
	DataDir string         `json:"data_dir,omitempty"`
	Log     string         `json:"log,omitempty"` // a file, or the command that shows it

	zone   *time.Location
	hangs  bool // the service runs and does not answer
	broken bool // the configuration has mistakes: it would not start again
}

func newServiceStatusCommand(s *serviceCommand) *cobra.Command {
	return s.app.withFailOn(s.app.withJSON(&cobra.Command{
		Use:   "status",
		Short: "Tell how the service stands, and where everything is",
		Long: `Tell what the service manager says of the service, what the daemon itself says,
and where configuration, data and log are.

The exit code is 1 when the service does not run or does not answer, and 3 when
it runs and something needs a person, which balansd status says, or would not start
again with its configuration.`,
		Example: "  balansd service status\n  balansd service status --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := s.manager()
			if err != nil {
				return err
			}
			st, err := s.readStatus(cmd.Context(), m)
			if err != nil {
				return err
			}
			if s.app.asJSON {
				err = s.app.print(st)
			} else {
				s.statusText(st)
			}
			switch {
			case err != nil:
				return err
			case st.Service.State != service.On, st.hangs:
				return shownError{problem.New(problem.DaemonDown, "the service does not run as it should", "")}
			case st.broken:
				return shownError{problem.New(problem.NeedsPerson, "the service would not start again", "")}
			case st.Daemon != nil:
				return s.app.attentionError(attentionOf(*st.Daemon))
			}
			return nil
		},
	}))
}

// readStatus asks the service manager and the daemon. It is no error if the daemon does not
// answer: Reason says why.
func (s *serviceCommand) readStatus(ctx context.Context, m service.Manager) (serviceStatus, error) {
	var st serviceStatus
	var err error
	if st.Service, err = m.Status(ctx); err != nil {
		return st, err
	}
	file := cmp.Or(s.app.configPath, st.Service.Config)
	if mayNotRead(file) {
		st.Config, st.Reason = file, "you may not read the configuration; for more, call this with sudo, or as an administrator"
		return st, nil
	}
	if _, err := os.Stat(file); file != "" && errors.Is(err, fs.ErrNotExist) {
		st.Config, st.Reason = file, "there is no configuration yet; write it with balansd config init, fill it in, and install the service again"
		return st, nil
	}
	cfg, err := s.app.serviceConfig(file)
	if err != nil {
		st.Config, st.Reason, st.broken = file, brokenConfig(err), true
		if cfg == nil || st.Service.State != service.On {
			return st, nil
		}
	}
	st.Config, st.DataDir, st.Log, st.zone = cfg.File(), cfg.DataDir, logLocation(cfg, st.Service.Manager), cfg.TimeZone
	if st.Service.State != service.On {
		st.Reason = whyNotStarted(ctx, cfg, st.Service.State)
		return st, nil
	}
	client, err := s.app.dialDaemon(ctx, cfg)
	if err == nil {
		var d daemon.Status
		if d, err = client.Status(ctx); err == nil {
			st.Daemon = &d
		}
	}
	switch {
	case st.broken:
		// That is the trouble; the daemon may listen where the file does not say.
	case errors.Is(err, localapi.ErrNoDaemon):
		st.Reason = "the service does not answer yet: it begins, or waits for what its log names. See it in the log"
	case err != nil:
		p := problem.Of(err)
		st.Reason = strings.TrimSpace(p.What + ". " + p.Next)
		st.hangs = !errors.Is(err, fs.ErrPermission)
	}
	return st, nil
}

// whyNotStarted says why a service that does not run would not start, empty if nothing is
// known to be in its way. Windows keeps no reason of one that ended because a person must
// mend something.
func whyNotStarted(ctx context.Context, cfg *config.Config, state service.State) string {
	if state == service.Starting || state == service.Ending {
		return "" // its process has the state
	}
	o := store.Options{Path: cfg.StateFile, KeyPath: cfg.KeyFile}
	about, err := store.ReadAbout(ctx, o)
	if err == nil && about.Layout > about.Known {
		err = store.TryMigrate(ctx, o) // it tries nothing then, and says which version wrote it
	}
	p := problem.Of(err)
	switch {
	case err != nil && !problem.Is(err, problem.NotFound) && !errors.Is(err, fs.ErrPermission):
		return strings.TrimSpace("the service would not start: " + p.What + ". " + p.Next)
	case state == service.Failed || state == service.Waiting:
		return "its log says why it ended; balansd doctor looks for what is in its way"
	}
	return ""
}

// brokenConfig says what is wrong with the configuration of a service.
func brokenConfig(err error) string {
	p := problem.Of(err)
	text := "the service would not start again: " + p.What
	if m, ok := errors.AsType[*config.Mistakes](p.Err); ok {
		for _, one := range m.List {
			text += "; " + one.String()
		}
	}
	return strings.TrimSpace(text + ". " + p.Next)
}

// mayNotRead reports whether this account may not read a file that exists.
func mayNotRead(file string) bool {
	f, err := os.Open(file)
	if err == nil {
		_ = f.Close()
	}
	return errors.Is(err, fs.ErrPermission)
}

// logLocation returns where the log of the service is: a file, or a command for the journal
// of systemd.
func logLocation(cfg *config.Config, manager string) string {
	switch {
	case cfg.Log.File != "":
		return cfg.Log.File
	case strings.HasPrefix(manager, "systemd"):
		return "journalctl --unit=balansd"
	}
	return logFile(cfg)
}

// logFile returns the log file of a service whose manager keeps no log.
func logFile(cfg *config.Config) string { return filepath.Join(cfg.DataDir, "log", "balansd.log") }

func (s *serviceCommand) statusText(st serviceStatus) {
	zone := cmp.Or(st.zone, time.Local)
	line := func(name, text string) {
		if text != "" {
			s.app.printf("%-8s %s\n", name, clean(text))
		}
	}
	managerText(st.Service, zone, line)
	if st.Daemon != nil {
		daemonText(*st.Daemon, zone, line)
	}
	line("trouble", st.Reason)
	line("program", st.Service.Executable)
	line("config", st.Config)
	line("data", st.DataDir)
	line("log", st.Log)
}

// statusTimeFormat is the format of a time in a status.
const statusTimeFormat = "Mon 2 Jan 2006 15:04"

// managerText prints the answer of the service manager.
func managerText(sv service.Status, zone *time.Location, line func(name, text string)) {
	word := string(sv.State)
	if sv.State == service.On && !sv.Since.IsZero() {
		word += " since " + sv.Since.In(zone).Format(statusTimeFormat)
	}
	if sv.Result != "" {
		word += ", ended with: " + sv.Result
	}
	if sv.Restarts > 0 {
		word += fmt.Sprintf(", restarted %d times", sv.Restarts)
	}
	line("service", word)
	if sv.State == service.NotInstalled {
		return
	}
	starts := "not by itself"
	if sv.Enabled {
		starts = "with the machine"
	}
	line("starts", starts)
	line("manager", sv.Manager+", account "+sv.Account)
	if sv.State != service.Off && sv.State != service.Failed && sv.State != service.Waiting {
		line("says", sv.Says) // otherwise it is of a process that has ended
	}
}

// daemonText prints the answer of the daemon.
func daemonText(d daemon.Status, zone *time.Location, line func(name, text string)) {
	line("version", d.Version)
	if d.Run != nil {
		line("now", "a run is under way since "+d.Run.Start.In(zone).Format(statusTimeFormat))
	}
	if !d.NextWake.IsZero() {
		line("wakes", d.NextWake.In(zone).Format(statusTimeFormat))
	}
	night := "none yet"
	if p := d.LastNight; p != nil {
		night = fmt.Sprintf("%s: %s", p.Night, runSummary(*p))
	}
	line("night", night)
	if good := d.GoodNight; good != nil && (d.LastNight == nil || good.Number != d.LastNight.Number) {
		line("good night", "the newest ended "+good.End.In(zone).Format(statusTimeFormat))
	}
	if !d.Pages.Down() { // else a note says it
		line("pages", d.Pages.Text(zone))
	}
	for _, note := range nightNotes(d, zone) {
		line("note", note)
	}
	if len(d.Conditions) > 0 {
		line("to do", "something needs a person; see balansd status")
	}
}

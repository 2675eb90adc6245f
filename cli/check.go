package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"balansd/config"
	"balansd/daemon"
	"balansd/localapi"
	"balansd/problem"
	"balansd/service"
	"balansd/store"

	"github.com/spf13/cobra"
)

func newCheckCommand(app *App) *cobra.Command {
	return app.withJSON(&cobra.Command{
		Use:   "check",
		Short: "Check that this version can work with the configuration and the state",
		Long: `Check that this very program can work with the configuration and the state that
are here, without touching them: the configuration is read with all that it
names, and a copy of the state is brought up to date and read as a whole. Run it
with a new version before the old one is replaced. Nobody is called; balansd
doctor tries the way to Finbox and Silverfin as well.`,
		Example: "  balansd check --config /etc/balansd/balansd.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return app.runChecks(cmd.Context(), false)
		},
	})
}

// checkResult is the result of one check.
type checkResult struct {
	Name string `json:"name"`
	Well bool   `json:"well"`
	Text string `json:"text"`           // what was found
	Next string `json:"next,omitempty"` // what to do
	err  error
}

// newCheckResult returns the result of a check.
func newCheckResult(name, text string, err error) checkResult {
	if err == nil {
		return checkResult{Name: name, Well: true, Text: text}
	}
	p := problem.Of(err)
	return checkResult{Name: name, Text: p.Error(), Next: p.Next, err: err}
}

// runChecks runs all checks, prints their results, and returns the first error.
func (app *App) runChecks(ctx context.Context, online bool) error {
	cfg, err := config.Load(config.LoadOptions{Path: app.configPath, Environ: app.env.Environ, Also: allMistakes})
	if err != nil {
		return err
	}
	file := cfg.File()
	if file == "" {
		file = "no file; the defaults hold"
	}
	list := []checkResult{newCheckResult("configuration", file, nil), app.checkState(ctx, cfg), app.checkKey(ctx, cfg), checkBackups(cfg), checkAccess(cfg)}
	if m, err := service.New(service.Options{Log: app.log(cfg)}); err == nil {
		st, err := m.Status(ctx)
		list = append(list, checkProgram(st, err)...)
	}
	if online {
		list = append(list, app.checkFolders(ctx, cfg)...)
		list = append(list, app.checkServices(ctx, cfg)...)
	}
	if app.asJSON {
		err = app.print(struct {
			Version string        `json:"version"`
			Checks  []checkResult `json:"checks"`
		}{app.version(), list})
	} else {
		app.checkText(list)
	}
	for _, c := range list {
		if err == nil && c.err != nil {
			err = shownError{c.err}
		}
	}
	return err
}

func (app *App) checkText(list []checkResult) {
	t := newTable("", "", "")
	for _, c := range list {
		mark := "well"
		if !c.Well {
			mark = "WRONG"
		}
		t.add(mark, c.Name, c.Text)
		if c.Next != "" {
			t.add("", "", "→ "+c.Next)
		}
	}
	for _, line := range app.lines(t)[1:] {
		app.printf("%s\n", line)
	}
}

// checkAccess checks that only the service can access its files.
func checkAccess(cfg *config.Config) checkResult {
	const name = "access"
	complaints, err := service.CheckAccess(ownPaths(cfg)...)
	if err == nil && len(complaints) > 0 {
		err = problem.New(problem.NeedsPerson, strings.Join(complaints, "; "), "")
	}
	return newCheckResult(name, "nobody else reaches the state, its key and the secrets", err)
}

// checkProgram checks that only administrators can change the program of the
// service. Without a service it checks nothing.
func checkProgram(st service.Status, err error) []checkResult {
	if err != nil || st.Executable == "" {
		return nil
	}
	return []checkResult{newCheckResult("program", st.Executable+", which administrators alone may change", service.CheckProgram(st.Executable))}
}

// ownPaths lists the files and folders that only the service and administrators may
// access. Some may not exist.
func ownPaths(cfg *config.Config) []string {
	return slices.DeleteFunc([]string{cfg.DataDir, cfg.StateFile, cfg.KeyFile, cfg.Backup.Folder, cfg.Finbox.PrivateKeyFile,
		cfg.Finbox.ClientSecretFile, cfg.Silverfin.ClientSecretFile, cfg.Network.ClientKeyFile, cfg.Portal.KeyFile,
		cfg.Portal.MetricsTokenFile, cfg.Portal.OIDC.ClientSecretFile}, func(path string) bool { return path == "" })
}

// checkState migrates a copy of the state. While a daemon has it open, that daemon
// is asked for its layout.
func (app *App) checkState(ctx context.Context, cfg *config.Config) checkResult {
	const name = "state"
	if _, err := os.Stat(cfg.StateFile); errors.Is(err, fs.ErrNotExist) {
		return newCheckResult(name, cfg.StateFile+" is not there yet, and is made at the first start", nil)
	}
	o := store.Options{Path: cfg.StateFile, KeyPath: cfg.KeyFile, Version: app.version()}
	about, err := store.ReadAbout(ctx, o)
	if err == nil {
		err = store.TryMigrate(ctx, o)
	}
	if problem.Is(err, problem.StateLocked) {
		return app.askState(ctx, cfg, err)
	}
	if err != nil {
		return newCheckResult(name, "", err)
	}
	text := fmt.Sprintf("%s, layout %d, which this version knows; a copy was read as a whole", cfg.StateFile, about.Layout)
	if about.Layout < about.Known {
		text = fmt.Sprintf("%s, layout %d; this version brings it to layout %d after a backup, which worked on a copy",
			cfg.StateFile, about.Layout, about.Known)
	}
	return newCheckResult(name, text, nil)
}

// checkKey checks that the data key opens the sealed secrets. While a daemon has the
// state open, that daemon is asked.
func (app *App) checkKey(ctx context.Context, cfg *config.Config) checkResult {
	const name = "data key"
	if _, err := os.Stat(cfg.StateFile); errors.Is(err, fs.ErrNotExist) {
		return newCheckResult(name, "none is needed yet", nil)
	}
	const well = "opens the sign-ins that are kept"
	s, err := store.Open(store.Options{Path: cfg.StateFile, KeyPath: cfg.KeyFile, ReadOnly: true})
	if problem.Is(err, problem.StateLocked) {
		if client, err := app.dialDaemon(ctx, cfg); err == nil {
			now, err := client.Status(ctx)
			return newCheckResult(name, well, cmp.Or(err, stateProblem(now, problem.KeyInvalid)))
		}
	}
	if err != nil { // checkState reported it
		_, err = os.Stat(cfg.KeyFile)
		if errors.Is(err, fs.ErrNotExist) {
			return newCheckResult(name, cfg.KeyFile+" is not there; it is made when the first firm is linked", nil)
		}
		return newCheckResult(name, cfg.KeyFile+" is there; the service tries it when it starts", nil)
	}
	defer func() { _ = s.Close() }()
	return newCheckResult(name, well, s.Secrets().Check(ctx))
}

// stateProblem returns the problem of that code that a daemon reports of its state,
// nil for none.
func stateProblem(s daemon.Status, code problem.Code) error {
	for _, p := range s.State {
		if p.Code == string(code) {
			return problem.New(code, p.What, p.Next)
		}
	}
	return nil
}

// askState asks the daemon that has the state open.
func (app *App) askState(ctx context.Context, cfg *config.Config, locked error) checkResult {
	const name = "state"
	client, err := app.dialDaemon(ctx, cfg)
	switch {
	case errors.Is(err, localapi.ErrNoDaemon):
		return newCheckResult(name, "", locked)
	case err != nil:
		return newCheckResult(name, "", err)
	}
	s, err := client.Status(ctx)
	switch {
	case err != nil:
		return newCheckResult(name, "", err)
	case s.Layout > store.Layout():
		return newCheckResult(name, "", problem.New(problem.StateNewer, fmt.Sprintf(
			"%s has layout %d, written by balansd %s; this version knows layouts up to %d", s.StateFile, s.Layout, s.Version, store.Layout()),
			"Use that version or a newer one."))
	case stateProblem(s, problem.StateDamaged) != nil:
		return newCheckResult(name, "", stateProblem(s, problem.StateDamaged))
	default:
		return newCheckResult(name, fmt.Sprintf("%s, layout %d, in use by balansd %s; this version knows layouts up to %d",
			s.StateFile, s.Layout, s.Version, store.Layout()), nil)
	}
}

// checkBackups checks that a backup can be used.
func checkBackups(cfg *config.Config) checkResult {
	const name = "backups"
	list, err := store.ListBackups(cfg.Backup.Folder)
	switch {
	case err != nil:
		return newCheckResult(name, "", err)
	case len(list) == 0:
		return newCheckResult(name, fmt.Sprintf("%s holds none yet; one is made before each night", cfg.Backup.Folder), nil)
	}
	for _, b := range list {
		if b.Problem == "" {
			return newCheckResult(name, fmt.Sprintf("%d in %s, the newest good one of %s", len(list), cfg.Backup.Folder,
				b.MadeAt.In(cfg.TimeZone).Format("2006-01-02 15:04")), nil)
		}
	}
	return newCheckResult(name, "", problem.New(problem.StateDamaged, fmt.Sprintf("none of the %d backups in %s can be used", len(list), cfg.Backup.Folder),
		"Make one now: balansd backup create. Then look at the disk."))
}

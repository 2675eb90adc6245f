package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"balansd/config"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/localapi"
	"balansd/problem"
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
			cfg, err := app.configWithAllMistakes()
			if err != nil {
				return err
			}
			x := examination{app: app, cfg: cfg, log: app.log(cfg), host: &hostWatch{}}
			return app.showChecks(x.examine(cmd.Context(), false))
		},
	})
}

// ownPaths lists the files and folders that only the service and administrators may
// access. Some may not exist.
func ownPaths(cfg *config.Config) []string {
	return append([]string{cfg.DataDir, cfg.StateFile, cfg.Backup.Folder}, cfg.SecretFiles()...)
}

// checkState migrates a copy of the state. While a daemon has it open, that daemon
// is asked for its layout.
func (x *examination) checkState(ctx context.Context) []daemon.Check {
	cfg, name := x.cfg, "state"
	if x.node != nil {
		s, err := x.node.Status(ctx)
		return one(stateInUse(s, err))
	}
	if _, err := os.Stat(cfg.StateFile); errors.Is(err, fs.ErrNotExist) {
		return one(daemon.NewCheck(name, cfg.StateFile+" is not there yet, and is made at the first start", nil))
	}
	o := store.Options{Path: cfg.StateFile, KeyPath: cfg.KeyFile, Version: x.app.version()}
	about, err := store.ReadAbout(ctx, o)
	if err == nil {
		err = store.TryMigrate(ctx, o)
	}
	if problem.Is(err, problem.StateLocked) {
		return one(x.askState(ctx, err))
	}
	if err != nil {
		return one(daemon.NewCheck(name, "", err))
	}
	text := fmt.Sprintf("%s, layout %d, which this version knows; a copy was read as a whole", cfg.StateFile, about.Layout)
	if about.Layout < about.Known {
		text = fmt.Sprintf("%s, layout %d; this version brings it to layout %d after a backup, which worked on a copy",
			cfg.StateFile, about.Layout, about.Known)
	}
	return one(daemon.NewCheck(name, text, nil))
}

// checkKey checks that the data key opens the sealed secrets. While a daemon has the
// state open, that daemon is asked.
func (x *examination) checkKey(ctx context.Context) []daemon.Check {
	text, err := x.dataKey(ctx)
	return one(daemon.NewCheck("data key", text, err))
}

func (x *examination) dataKey(ctx context.Context) (text string, err error) {
	const well = "opens the sign-ins that are kept"
	cfg := x.cfg
	if x.node != nil {
		return well, x.node.store.CheckSecrets(ctx)
	}
	if _, err := os.Stat(cfg.StateFile); errors.Is(err, fs.ErrNotExist) {
		return "none is needed yet", nil
	}
	s, err := store.Open(store.Options{Path: cfg.StateFile, KeyPath: cfg.KeyFile, ReadOnly: true})
	if problem.Is(err, problem.StateLocked) {
		if client, err := x.app.dialDaemon(ctx, cfg); err == nil {
			now, err := client.Status(ctx)
			return well, cmp.Or(err, stateProblem(now, problem.KeyInvalid))
		}
	}
	if err != nil { // checkState reported it
		_, err = os.Stat(cfg.KeyFile)
		if errors.Is(err, fs.ErrNotExist) {
			return cfg.KeyFile + " is not there; it is made when the first firm is linked", nil
		}
		return cfg.KeyFile + " is there; the service tries it when it starts", nil
	}
	defer func() { _ = s.Close() }()
	return well, s.CheckSecrets(ctx)
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
func (x *examination) askState(ctx context.Context, locked error) daemon.Check {
	client, err := x.app.dialDaemon(ctx, x.cfg)
	switch {
	case errors.Is(err, localapi.ErrNoDaemon):
		return stateInUse(daemon.Status{}, locked)
	case err != nil:
		return stateInUse(daemon.Status{}, err)
	}
	return stateInUse(client.Status(ctx))
}

// stateInUse says how the state is of which a daemon has given the status.
func stateInUse(s daemon.Status, err error) daemon.Check {
	const name = "state"
	switch {
	case err != nil:
		return daemon.NewCheck(name, "", err)
	case s.Layout > store.Layout():
		return daemon.NewCheck(name, "", problem.New(problem.StateNewer, fmt.Sprintf(
			"%s has layout %d, written by balansd %s; this version knows layouts up to %d", s.StateFile, s.Layout, s.Version, store.Layout()),
			"Use that version or a newer one."))
	case stateProblem(s, problem.StateDamaged) != nil:
		return daemon.NewCheck(name, "", stateProblem(s, problem.StateDamaged))
	default:
		return daemon.NewCheck(name, fmt.Sprintf("%s, layout %d, in use by balansd %s; this version knows layouts up to %d",
			s.StateFile, s.Layout, s.Version, store.Layout()), nil)
	}
}

// checkBackups checks that a backup can be used, and is not old.
func (x *examination) checkBackups(context.Context) []daemon.Check {
	const name = "backups"
	list, err := store.ListBackups(x.cfg.Backup.Folder)
	if err == nil && len(list) == 0 && x.node == nil {
		return one(daemon.NewCheck(name, x.cfg.Backup.Folder+" holds none yet; one is made when the service starts, and before each night", nil))
	}
	h := daemon.HostStatus{BackupFolder: x.cfg.Backup.Folder, Backup: newestBackup(list)}
	if err == nil && len(list) > 0 && h.Backup.IsZero() {
		err = problem.New(problem.StateDamaged, fmt.Sprintf("none of the %d backups in %s can be used", len(list), x.cfg.Backup.Folder),
			"Make one now: balansd backup create. Then look at the disk.")
	}
	if err != nil {
		return one(daemon.NewCheck(name, "", err))
	}
	return one(h.CheckBackup(time.Now(), x.cfg.TimeZone))
}

// newestBackup returns when the newest backup that can be used was made.
func newestBackup(list []ledger.Backup) (at time.Time) {
	for _, b := range list {
		if b.Problem == "" && b.MadeAt.After(at) {
			at = b.MadeAt
		}
	}
	return at
}

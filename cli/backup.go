package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"balansd/accounts"
	"balansd/config"
	"balansd/daemon"
	"balansd/keyvalue"
	"balansd/ledger"
	"balansd/localapi"
	"balansd/problem"
	"balansd/store"

	"github.com/spf13/cobra"
)

func newBackupCommand(app *App) *cobra.Command {
	return group("backup", "Create, list, verify and restore copies of the state",
		"  balansd backup create\n  balansd backup list",
		newBackupCreateCommand(app), newBackupListCommand(app), newBackupVerifyCommand(app), newBackupRestoreCommand(app))
}

func newBackupCreateCommand(app *App) *cobra.Command {
	var withKey bool
	var passphraseFile string
	c := app.withJSON(&cobra.Command{
		Use: "create", Short: "Make a copy of the state now and read it back",
		Long: `Make a copy of the state in the folder that backup.folder names, and read it
back. balansd does so itself before each nightly run and before an update of
the state; the oldest copies beyond backup.keep are removed. Secrets stay sealed
in a copy, and the data key that opens them is not in it.

With --with-key a second file is written beside the copy: the copy with the data
key, the configuration and the files that it names, encrypted under a passphrase.
From it alone a server that is lost comes back: balansd backup restore FILE. Such
files are never removed. Keep one away from this server, and its passphrase
elsewhere. It is in the format of age (age-encryption.org), with a tar archive.`,
		Example: "  balansd backup create\n  balansd backup create --with-key",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return app.withExistingState(cmd.Context(), nil, func(api localapi.API, cfg *config.Config) error {
				if !withKey {
					b, err := api.Backup(cmd.Context(), daemon.BackupRequest{By: person()})
					if err != nil {
						return err
					}
					return app.showBackup(b, "")
				}
				return app.backupWithKey(cmd.Context(), api, cfg, passphraseFile)
			})
		},
	})
	c.Flags().BoolVar(&withKey, "with-key", false, "also write a file from which this server can be restored, under a passphrase")
	passphraseFlag(c, &passphraseFile)
	return c
}

// backupWithKey makes a backup, and a recovery file of it beside it.
func (app *App) backupWithKey(ctx context.Context, api localapi.API, cfg *config.Config, passphraseFile string) error {
	if err := keyExists(cfg); err != nil {
		return err
	}
	passphrase, err := app.askPassphrase(passphraseFile, true)
	if err != nil {
		return err
	}
	b, err := api.Backup(ctx, daemon.BackupRequest{By: person(), WithKey: true})
	if err != nil {
		return err
	}
	path := strings.TrimSuffix(b.File, ".db") + recoverySuffix
	if err := app.writeRecovery(path, cfg, passphrase, b.File); err != nil {
		return err
	}
	if err := app.showBackup(b, path); err != nil || app.asJSON {
		return err
	}
	for _, v := range cfg.Variables() {
		app.printf("Note: %s is set in the environment, and not in the file.\n", v)
	}
	return nil
}

// showBackup prints the backup that was made, and the recovery file if there is one.
func (app *App) showBackup(b ledger.Backup, withKey string) error {
	if app.asJSON {
		return app.print(struct {
			ledger.Backup
			WithKey string `json:"with_key,omitempty"`
		}{b, withKey})
	}
	app.printf("Made and read back: %s (%s, %s)\n", b.File, sizeText(b.Size), entriesText(b.Entries))
	if withKey != "" {
		app.printf("With the key and the configuration, under the passphrase: %s\nKeep a copy of it away from this server, and the passphrase elsewhere.\n", withKey)
	}
	return nil
}

func newBackupListCommand(app *App) *cobra.Command {
	return app.withJSON(&cobra.Command{
		Use: "list", Short: "List the copies of the state, the newest first",
		Long: `List the copies of the state, the newest first. Each is looked into, not read as
a whole; balansd backup verify does that. Those that were made before an update
or a restore have that in their name, and the last three of each kind are kept.
Damaged states that a restore put aside have it, too, and are never removed.`,
		Example: "  balansd backup list",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg, err := app.config()
			if err != nil {
				return err
			}
			list, err := store.ListBackups(cfg.Backup.Folder)
			if err != nil {
				return err
			}
			if app.asJSON {
				return app.print(list)
			}
			if len(list) == 0 {
				app.printf("There is no backup in %s yet. Make one: balansd backup create\n", cfg.Backup.Folder)
				return nil
			}
			app.printf("Folder: %s\n\n", cfg.Backup.Folder)
			t := newTable("file", "made at", "size", "entries", "version", "trouble").alignRight(2, 3)
			for _, b := range list {
				entries := fmt.Sprint(b.Entries)
				if b.Layout == 0 {
					entries = "" // it cannot be read
				}
				t.add(filepath.Base(b.File), timeText(b.MadeAt, cfg), sizeText(b.Size), entries, b.Version, b.Problem)
			}
			app.show(t)
			files, _ := filepath.Glob(filepath.Join(cfg.Backup.Folder, "*"+recoverySuffix))
			for _, f := range files {
				app.printf("With the key, under a passphrase: %s\n", filepath.Base(f))
			}
			return nil
		},
	})
}

// verification is the result of verifying a copy.
type verification struct {
	ledger.Backup
	Well bool   `json:"well"`
	Next string `json:"next,omitempty"`
}

func newBackupVerifyCommand(app *App) *cobra.Command {
	var passphraseFile string
	c := app.withJSON(&cobra.Command{
		Use: "verify FILE|all", Short: "Read a copy of the state as a whole",
		Long: `Read a copy of the state as a whole: the hash that it ends with, its structure,
and every row of it. FILE is a path, or the name of a file in the folder of
backups; all reads all of them, except damaged states that a restore put aside and
files under a passphrase, which are read one by one.
The exit code is 1 when one cannot be used.`,
		Example: "  balansd backup verify all\n  balansd backup verify balansd-20261122T013000Z.db",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := app.config()
			if err != nil {
				return err
			}
			files := []string{backupPath(cfg, args[0])}
			if args[0] == "all" {
				if files, err = verifiableBackups(cfg); err != nil {
					return err
				}
			}
			if len(files) != 1 || !isRecovery(files[0]) {
				return app.verifyAll(cmd.Context(), cfg, files)
			}
			r, done, err := app.openRecovery(files[0], passphraseFile)
			if err != nil {
				return err
			}
			defer done()
			return withRecoveredState(r, cfg.Backup.Folder, func(path string) error {
				return app.verifyAll(cmd.Context(), cfg, []string{path})
			})
		},
	})
	passphraseFlag(c, &passphraseFile)
	return c
}

// verifiableBackups returns the copies that can be verified.
func verifiableBackups(cfg *config.Config) ([]string, error) {
	list, err := store.ListBackups(cfg.Backup.Folder)
	if err != nil {
		return nil, err
	}
	files := []string{}
	for _, b := range list {
		if !strings.HasSuffix(b.File, store.DamagedSuffix) {
			files = append(files, b.File)
		}
	}
	return files, nil
}

// verifyAll verifies copies and prints the result of each. It returns the first
// error.
func (app *App) verifyAll(ctx context.Context, cfg *config.Config, files []string) error {
	var first error
	all := make([]verification, 0, len(files))
	for _, f := range files {
		b, err := store.VerifyBackup(ctx, f)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		v := verification{Backup: b, Well: err == nil}
		if err != nil {
			p := problem.Of(err)
			v.File, v.Problem, v.Next = f, p.Error(), p.Next
			first = errors.Join(first, err)
		}
		all = append(all, v)
		switch {
		case app.asJSON:
		case v.Well:
			app.printf("Well: %s, of %s, %s, layout %d\n", f, timeText(b.MadeAt, cfg), entriesText(b.Entries), b.Layout)
		default:
			app.printf("%s %s\n", app.styled(app.env.Stdout, red, "Not usable:"), clean(v.Problem))
			if v.Next != "" {
				app.printf("What to do: %s\n", clean(v.Next))
			}
		}
	}
	if app.asJSON {
		if err := app.print(all); err != nil {
			return err
		}
	} else if len(all) == 0 {
		app.printf("There is no backup in %s yet. Make one: balansd backup create\n", cfg.Backup.Folder)
	}
	if first != nil {
		return shownError{problem.Of(first)}
	}
	return nil
}

func newBackupRestoreCommand(app *App) *cobra.Command {
	var yes, loseNewer bool
	var passphraseFile string
	c := &cobra.Command{
		Use: "restore FILE", Short: "Put a copy of the state in the place of the state",
		Long: `Put a copy of the state in the place of the state. FILE is a path, or the name of
a file in the folder of backups. Stop balansd first.

The copy is read as a whole before. Where the state has entries that the copy
lacks, or has in an older version, nothing is done without --lose-newer. The
state as it was is kept among the backups. What balansd can still read of it and
must not go back stays: the firms with their sign-ins, links, paused and removed
connections, dismissed balances, what balansd wrote to Silverfin, and the people
of the web pages. Where it cannot read that, everybody is disabled on the web
pages until balansd portal enable enables them. The audit log has the restore.

What was found or delivered since is found again in the next run. Silverfin is
read before anything is written there: what it holds already needs no write, and
what balansd no longer knows to be its own is never overwritten without a
person's word.

A FILE of backup create --with-key is opened with its passphrase. It brings the
data key too, and on a server that does not have them the configuration and the
files that it names. Call balansd service install afterwards.`,
		Example: "  balansd service stop\n  balansd backup restore balansd-20261122T013000Z.db\n  balansd service start",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if isRecovery(args[0]) { // there may be no configuration yet
				return app.restoreRecovery(cmd.Context(), args[0], passphraseFile, loseNewer, yes)
			}
			cfg, err := app.config()
			if err != nil {
				return err
			}
			file := backupPath(cfg, args[0])
			if isRecovery(file) {
				return app.restoreRecovery(cmd.Context(), file, passphraseFile, loseNewer, yes)
			}
			return app.restore(cmd.Context(), cfg, restoreRequest{file: file, name: filepath.Base(file), loseNewer: loseNewer, yes: yes})
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	c.Flags().BoolVar(&loseNewer, "lose-newer", false, "also give up what the state has and the copy lacks")
	passphraseFlag(c, &passphraseFile)
	return app.withJSON(c)
}

// errNotConfirmed means that the person did not confirm.
var errNotConfirmed = errors.New("not confirmed")

// restoreRequest says what to restore.
type restoreRequest struct {
	file, name     string // the backup, and its name for the audit log
	key            []byte // the data key that came with it; nil for none
	loseNewer, yes bool
}

func (app *App) restore(ctx context.Context, cfg *config.Config, q restoreRequest) error {
	o := store.Options{Path: cfg.StateFile, KeyPath: cfg.KeyFile, Version: app.version(), Process: "balansd backup restore",
		Backups: store.Backups{Folder: cfg.Backup.Folder, Keep: cfg.Backup.Keep}, Log: app.quietLog(cfg)}
	confirm := func(b ledger.Backup, lost store.Loss) error {
		if q.yes {
			return nil
		}
		question := fmt.Sprintf("Restore the state of %s, %s?", timeText(b.MadeAt, cfg), entriesText(b.Entries))
		if lost.Any() {
			text := lost.String()
			question = strings.ToUpper(text[:1]) + text[1:] + ". " + question
		}
		ok, err := app.confirm(question)
		if err == nil && !ok {
			err = errNotConfirmed
		}
		return err
	}
	pages := func(w keyvalue.Writer, known bool) ([]string, error) {
		return accounts.AfterRestore(ctx, w, accounts.Restore{By: person(), File: q.name, Known: known, Log: o.Log})
	}
	b, notes, err := store.Restore(ctx, o, q.file, store.RestoreOptions{LoseNewer: q.loseNewer, Key: q.key, Confirm: confirm, Pages: pages})
	switch {
	case err != nil:
		return app.unconfirmed(err)
	case app.asJSON:
		return app.print(struct {
			Restored ledger.Backup `json:"restored"`
			Notes    []string      `json:"notes"`
		}{b, append([]string{}, notes...)})
	}
	app.printf("Restored: %s is the state of %s again, %s.\n", cfg.StateFile, timeText(b.MadeAt, cfg), entriesText(b.Entries))
	app.showNotes(notes)
	return nil
}

// backupPath returns the path of a backup; a bare file name is one in the folder of
// backups.
func backupPath(cfg *config.Config, file string) string {
	if filepath.Base(file) == file {
		return filepath.Join(cfg.Backup.Folder, file)
	}
	return file
}

func timeText(t time.Time, cfg *config.Config) string {
	if t.IsZero() {
		return "an unknown time"
	}
	return t.In(cfg.TimeZone).Format("2006-01-02 15:04")
}

func entriesText(n int) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}

// sizeText formats a number of bytes.
func sizeText(n int64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%d KiB", (n+1023)>>10)
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}

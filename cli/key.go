package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"balansd/config"
	"balansd/localapi"
	"balansd/problem"
	"balansd/store"

	"github.com/spf13/cobra"
)

func newKeyCommand(app *App) *cobra.Command {
	return group("key", "Keep a copy of the data key under a passphrase, and bring it back",
		"  balansd key export balansd-key.age\n  balansd key import balansd-key.age",
		newKeyExportCommand(app), newKeyImportCommand(app))
}

func newKeyExportCommand(app *App) *cobra.Command {
	var passphraseFile string
	c := &cobra.Command{
		Use: "export FILE", Short: "Write the data key to a file, under a passphrase",
		Long: `Write the data key to FILE, encrypted under a passphrase. Without that key nobody
can use the sign-ins in the state or in its backups, not on another server either.
The file is text: it can be printed. It is in the format of age (age-encryption.org),
with scrypt, so that age, too, opens it with the passphrase.

The passphrase is asked twice, or is the one line of the file that
--passphrase-file names. Who has the file and the passphrase has the key: keep
them apart, and neither on this server alone. Nobody can find a lost passphrase.`,
		Example: "  balansd key export /media/usb/balansd-key.age\n  balansd key export balansd-key.age --passphrase-file passphrase.txt",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := app.config()
			if err != nil {
				return err
			}
			if err := keyExists(cfg); err != nil {
				return err
			}
			// A key that does not open the state would be of no use on the day it is needed.
			x := examination{app: app, cfg: cfg, log: app.quietLog(cfg)}
			if _, err := x.dataKey(cmd.Context()); err != nil {
				return err
			}
			passphrase, err := app.askPassphrase(passphraseFile, true)
			if err != nil {
				return err
			}
			if err := app.recordKeyExport(cmd.Context(), cfg, args[0]); err != nil {
				return err
			}
			if err := app.writeRecovery(args[0], cfg, passphrase, ""); err != nil {
				return err
			}
			app.printf("Written and read back: %s. Keep it and its passphrase apart, both off this server.\n", args[0])
			return nil
		},
	}
	passphraseFlag(c, &passphraseFile)
	return c
}

// recordKeyExport records in the audit log and the log that the data key is written to a
// file, before it is. A state that cannot be written is the day on which the key is needed:
// the key is exported all the same, and the person is told.
func (app *App) recordKeyExport(ctx context.Context, cfg *config.Config, file string) error {
	if _, err := os.Lstat(file); err == nil {
		return fileExists(file)
	}
	path, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	err = os.ErrNotExist
	if _, statErr := os.Stat(cfg.StateFile); statErr == nil {
		err = app.useAPI(ctx, cfg, false, func(api localapi.API, _ *config.Config) error {
			return api.KeyExported(ctx, localapi.KeyExportRequest{File: path, By: person()})
		})
	}
	if err != nil {
		app.printStderr("Note: this is not in the audit log: %s.\n", clean(problem.Of(err).What))
	}
	return nil
}

func newKeyImportCommand(app *App) *cobra.Command {
	var passphraseFile string
	c := &cobra.Command{
		Use: "import FILE", Short: "Bring the data key back from a file",
		Long: `Bring the data key back from a file that balansd key export or balansd backup
create --with-key made. Stop balansd first. A key that does not open the state is
refused. One that is there and does not open it is kept under another name.`,
		Example: "  balansd service stop\n  balansd key import /media/usb/balansd-key.age\n  balansd service start",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := app.config()
			if err != nil {
				return err
			}
			if !isRecovery(args[0]) {
				return problem.New(problem.Usage, fmt.Sprintf("%s is no file with a data key under a passphrase", args[0]),
					"Name one that `balansd key export` or `balansd backup create --with-key` made. A key file itself is put back by copying it.")
			}
			r, done, err := app.openRecovery(args[0], passphraseFile)
			if err != nil {
				return err
			}
			defer done()
			kept, err := store.ImportKey(cmd.Context(), store.Options{Path: cfg.StateFile, KeyPath: cfg.KeyFile, Log: app.quietLog(cfg)}, r.Key)
			if err != nil {
				return err
			}
			app.printf("The data key is in %s.\n", cfg.KeyFile)
			if kept != "" {
				app.printf("The one that was there is kept in %s.\n", kept)
			}
			return nil
		},
	}
	passphraseFlag(c, &passphraseFile)
	return c
}

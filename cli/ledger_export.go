package cli

import (
	"cmp"
	"io"
	"os"
	"path/filepath"

	"balansd/config"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/localapi"
	"balansd/problem"
	"balansd/store"

	"github.com/spf13/cobra"
)

func newLedgerExportCommand(app *App) *cobra.Command {
	var out string
	var figures bool
	c := &cobra.Command{
		Use: "export", Short: "Write the ledger as a CSV file for Excel",
		Long: `Write the entries as a CSV file that Excel with Belgian settings opens by a
double click: semicolons, comma decimals. With --figures every rubric has a
column. The language is that of --lang or of the configuration.`,
		Example: "  balansd ledger export --out balansd.csv\n  balansd ledger export --state done --figures --out figures.csv", Args: cobra.NoArgs,
	}
	query := queryFlags(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		q, err := query()
		if err != nil {
			return err
		}
		return app.withExistingState(cmd.Context(), nil, func(api localapi.API, cfg *config.Config) error {
			rows := 0
			write := func(w io.Writer) error {
				x, err := ledger.NewExport(w, app.language(), cfg.TimeZone, figures)
				if err != nil {
					return err
				}
				defer func() { rows = x.Rows() }()
				return x.All(api.Entries(cmd.Context(), q), func(number uint64) (map[string]string, error) {
					f, err := api.Show(cmd.Context(), daemon.EntryRequest{Number: number})
					return f.Values, err
				})
			}
			if out == "" || out == "-" {
				return write(app.env.Stdout)
			}
			if err := writeFile(out, write); err != nil {
				return err
			}
			noun := "entries"
			if rows == 1 {
				noun = "entry"
			}
			app.printStderr("Wrote %d %s to %s.\n", rows, noun, out)
			return nil
		})
	}
	c.Flags().StringVar(&out, "out", "", "the `file` to write; standard output when absent")
	c.Flags().BoolVar(&figures, "figures", false, "with the figures, a column a rubric")
	return c
}

// writeFile writes a file that only its owner can read. An existing file is replaced
// once the new one is complete and on disk. A pipe or device is written directly.
func writeFile(path string, write func(io.Writer) error) (err error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		return writeDevice(path, write)
	}
	if to, err := filepath.EvalSymlinks(path); err == nil {
		path = to
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".balansd-export-*")
	if err != nil {
		return cannotWrite(path, err)
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if err := write(problemWriter{f, path}); err != nil {
		return err
	}
	for _, step := range []func() error{f.Sync, f.Close, func() error { return os.Rename(f.Name(), path) }} {
		if err := step(); err != nil {
			return cannotWrite(path, err)
		}
	}
	return nil
}

// writeDevice writes to a pipe or device.
func writeDevice(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return cannotWrite(path, err)
	}
	return cmp.Or(write(problemWriter{f, path}), f.Close())
}

// problemWriter is a file whose write errors are problems that name it.
type problemWriter struct {
	f    *os.File
	path string
}

func (w problemWriter) Write(p []byte) (int, error) {
	n, err := w.f.Write(p)
	if err != nil {
		err = cannotWrite(w.path, err)
	}
	return n, err
}

func cannotWrite(path string, cause error) error {
	if store.DiskRefuses(cause) {
		return problem.Wrap(cause, problem.StateUnwritable, "the file "+path+" cannot be written",
			"Free space on its disk, or choose another place with --out. A file that was there before is as it was.")
	}
	return problem.Wrap(cause, problem.NotAllowed, "the file "+path+" cannot be written", "Choose another place with --out.")
}

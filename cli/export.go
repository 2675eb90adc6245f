package cli

import (
	"bufio"
	"io"
	"os"

	"balansd/config"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"

	"github.com/spf13/cobra"
)

func (app *App) ledgerExport() *cobra.Command {
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
		return app.withState(cmd.Context(), nil, func(api daemon.API, cfg *config.Config) error {
			rows := 0
			write := func(w io.Writer) error {
				x, err := ledger.NewExport(w, app.language(), cfg.TimeZone, figures)
				if err != nil {
					return err
				}
				defer func() { rows = x.Rows() }()
				return x.All(api.Entries(cmd.Context(), q), func(number uint64) (map[string]string, error) {
					f, err := api.Show(cmd.Context(), number)
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
			app.tell("Wrote %d %s to %s.\n", rows, noun, out)
			return nil
		})
	}
	c.Flags().StringVar(&out, "out", "", "the `file` to write; standard output when absent")
	c.Flags().BoolVar(&figures, "figures", false, "with the figures, a column a rubric")
	return c
}

// writeFile writes a file that only its owner reads; a file that could not be
// written whole is said to be so.
func writeFile(path string, write func(io.Writer) error) (err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return problem.Wrap(err, problem.NotAllowed, "the file "+path+" cannot be written", "Choose another place with --out.")
	}
	defer func() {
		if closed := f.Close(); err == nil {
			err = closed
		}
	}()
	buffered := bufio.NewWriter(f)
	if err := write(buffered); err != nil {
		return err
	}
	return buffered.Flush()
}

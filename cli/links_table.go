package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"balansd/config"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/localapi"
	"balansd/problem"

	"github.com/spf13/cobra"
)

func newLinksExportCommand(app *App) *cobra.Command {
	return app.withJSON(&cobra.Command{
		Use: "export [FILE.csv]", Short: "Write a table of all dossiers with their links",
		Long: `Write a table with a row for each dossier and its link, if it has one: to change in
a spreadsheet and bring back with balansd links import. Without a file it goes to
standard output.`,
		Example: "  balansd links export links.csv", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return app.withExistingState(cmd.Context(), nil, func(api localapi.API, _ *config.Config) error {
				table, err := api.ExportLinks(cmd.Context())
				switch {
				case err != nil:
					return err
				case app.asJSON:
					return app.print(table)
				case len(args) == 0:
					_, err := app.env.Stdout.Write(table.Data)
					return err
				}
				if err := writeFile(args[0], func(w io.Writer) error { _, err := w.Write(table.Data); return err }); err != nil {
					return err
				}
				app.printf("Wrote %d dossiers to %s.\n", table.Rows, args[0])
				return nil
			})
		},
	})
}

// maxTableBytes bounds a table of links.
const maxTableBytes = 32 << 20

func newLinksImportCommand(app *App) *cobra.Command {
	var yes bool
	c := app.withJSON(&cobra.Command{
		Use: "import FILE.csv", Short: "Change links by a table",
		Long: `Change links by a table as balansd links export writes it. What each row changes,
and what would be written for it, is shown first. A row without firm and company goes
by the enterprise number; one that says nothing removes the link. Dossiers that are
not in the table stay as they are.

Where a row is wrong, nothing is changed, and every wrong row is named. Without a
terminal it only shows what would change, and exits with 3, unless --yes is given.`,
		Example: "  balansd links import links.csv\n  balansd links import links.csv --yes", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := readTable(args[0])
			if err != nil {
				return err
			}
			return app.withAPI(cmd.Context(), func(api localapi.API, _ *config.Config) error {
				return app.importLinks(cmd.Context(), api, args[0], data, yes)
			})
		},
	})
	c.Flags().BoolVar(&yes, "yes", false, "change it without asking")
	return c
}

func readTable(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, problem.Wrap(err, problem.NotFound, fmt.Sprintf("the file %s cannot be read", clean(name)), "Check its name, and that you may read it.")
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxTableBytes+1))
	if err == nil && len(data) > maxTableBytes {
		return nil, problem.New(problem.TooLarge, fmt.Sprintf("%s is larger than %d MB", clean(name), maxTableBytes>>20), "Split it.")
	}
	return data, err
}

func (app *App) importLinks(ctx context.Context, api localapi.API, file string, data []byte, yes bool) error {
	shown, err := api.ImportLinks(ctx, daemon.LinkImport{Data: data, By: person()})
	if err != nil {
		return err
	}
	if app.asJSON && (!yes || len(shown.Wrong) > 0) {
		if err := app.print(shown); err != nil {
			return err
		}
	} else if !app.asJSON {
		app.showImport(shown)
	}
	if len(shown.Wrong) > 0 {
		return wrongRows(file, shown.Wrong)
	}
	if len(shown.Effects) == 0 && (!app.asJSON || !yes) {
		return nil
	}
	if !yes {
		if err := app.askOrRefuse("Change these links?", fmt.Sprintf("%d links would be changed", len(shown.Effects))); err != nil {
			return err
		}
	}
	done, err := api.ImportLinks(ctx, daemon.LinkImport{Data: data, Apply: true, Seen: shown.Seen, By: person()})
	if err != nil {
		return err
	}
	if app.asJSON {
		return app.print(done)
	}
	app.printf("%d links were changed. What was written stays; what is open goes by them at the next run.\n", len(done.Effects))
	return nil
}

// wrongRows names the rows of a table that are wrong.
func wrongRows(file string, wrong []ledger.LinkMistake) error {
	texts := make([]string, len(wrong))
	for i, w := range wrong {
		texts[i] = fmt.Sprintf("%s:%d: %s", clean(file), w.Line, clean(w.What))
		if w.Right != "" {
			texts[i] += "; " + clean(w.Right)
		}
	}
	return problem.New(problem.ConfigInvalid, fmt.Sprintf("%d rows are wrong, so that nothing was changed:\n%s", len(texts), strings.Join(texts, "\n")),
		"Correct them, and import it again.")
}

// askOrRefuse asks before something that would happen. Without a terminal it refuses:
// something needs a person.
func (app *App) askOrRefuse(question, would string) error {
	if !isTerminal(app.env.Stdin) {
		return problem.New(problem.NeedsPerson, would+"; nothing was changed", "Call it with --yes when you are sure.")
	}
	sure, err := app.ask(question)
	if err != nil || sure {
		return err
	}
	return problem.New(problem.Usage, "not confirmed; nothing was changed", "")
}

// showImport shows what each row changes.
func (app *App) showImport(x daemon.LinkImported) {
	for _, e := range x.Effects {
		app.printf("line %d: %s of %s: %s\n", e.Line, clean(cmp.Or(e.Dossier.Name, e.Link.DossierID)), clean(e.Link.Connection), effectText(e))
		app.showBalances(e.Balances, e.Left)
	}
	app.printf("%d rows change something, %d do not.\n", len(x.Effects), x.Unchanged)
}

// effectText says what a row changes.
func effectText(e daemon.LinkEffect) string {
	goes := func(l ledger.DossierLink) string {
		if l.CompanyID == 0 {
			return "by its enterprise number"
		}
		return fmt.Sprintf("into company %d of firm %d", l.CompanyID, l.FirmID)
	}
	if e.Kind == daemon.LinkRemoved {
		return "its link is removed; it went " + goes(e.Before)
	}
	text := "goes " + goes(e.Link)
	if e.Company.Name != "" {
		text += ", " + clean(e.Company.Name)
	}
	if e.Kind == daemon.LinkMoved {
		text += "; it went " + goes(e.Before)
	}
	if from := e.Link.FromText(); from != e.Before.FromText() {
		text += "; counts from " + from
	}
	switch {
	case e.Link.Paused && !e.Before.Paused:
		text += "; is paused"
	case !e.Link.Paused && e.Before.Paused:
		text += "; is resumed"
	}
	return text
}

// showBalances shows what would become of balances.
func (app *App) showBalances(list []daemon.LinkedBalance, left int) {
	for _, b := range list {
		app.printf("  %s: %s\n", b.Entry.FiscalYear.End, balanceOutlook(b))
	}
	if left > 0 {
		app.printf("  and %d more balances that were not compared\n", left)
	}
}

// balanceOutlook says what would become of a balance.
func balanceOutlook(b daemon.LinkedBalance) string {
	o := b.Outlook
	if o == nil {
		if b.Entry.Target != nil {
			return "is done, and stays in " + clean(b.Entry.Target.CompanyName)
		}
		return "is done, and stays"
	}
	switch o.Kind {
	case daemon.OutlookEmpty:
		return fmt.Sprintf("writes %d figures", o.Writes)
	case daemon.OutlookOurs:
		return fmt.Sprintf("replaces %d figures that balansd wrote", o.Writes)
	case daemon.OutlookEqual:
		return "is in Silverfin already"
	case daemon.OutlookDiffers:
		return fmt.Sprintf("differs in %d figures that a person decides about", len(o.Differences))
	default:
		return "waits: " + clean(o.Detail)
	}
}

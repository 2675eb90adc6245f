package cli

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"balansd/config"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/localapi"
	"balansd/problem"
	"balansd/service"

	"github.com/spf13/cobra"
)

func newSyncsCatalogueCommand(app *App) *cobra.Command {
	return app.withJSON(&cobra.Command{
		Use: "catalogue", Short: "List the sources that can be added", Example: "  balansd syncs catalogue", Args: cobra.NoArgs,
		Long: `List the sources that can be added. Cloud bookkeeping packages such as Exact Online,
Yuki and Octopus are not among them: they hold no social balance, and Silverfin's
interface for bookings is not public.`,
		RunE: func(*cobra.Command, []string) error {
			list := catalogue()
			if app.asJSON {
				return app.print(list)
			}
			t := newTable("source", "name", "what it needs")
			for _, e := range list {
				needs := "nothing: balansd add FILE…"
				for i, f := range e.Fields {
					if i == 0 {
						needs = strings.ToUpper(f.Name)
						continue
					}
					needs += ", " + f.Name
					if len(f.Options) > 0 {
						needs += "=" + strings.Join(f.Options, "|")
					}
					if f.Secret {
						needs += " (secret)"
					}
				}
				t.add(e.ID, e.Name, needs)
			}
			app.show(t)
			return nil
		},
	})
}

func newSyncsAddCommand(app *App) *cobra.Command {
	var set, secrets []string
	dry := false
	c := &cobra.Command{
		Use: "add SOURCE VALUE", Short: "Test a source of the catalogue, and add it",
		Long: `Test a source of the catalogue, and add it as a connection. VALUE is the connection id
of Finbox, or the path of the folder. Other settings are given with --set; balansd
syncs catalogue lists them. A secret is read from a file, sealed, and never shown.

A connection that was removed is added again by its name, with all that the ledger
has of it.`,
		Example: "  balansd syncs add finbox 11ab1fe0-7d6c-4f5e-9a51-0c1f7d2b3e4a\n" +
			"  balansd syncs add acerta /srv/acerta --set from=2026-01-01\n" +
			"  balansd syncs add folder /srv/social --set name=social --set layout=flat --dry-run",
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			fields, err := typedFields(args[0], args[1], set, secrets)
			if err != nil {
				return err
			}
			return app.withAPI(cmd.Context(), func(api localapi.API, cfg *config.Config) error {
				t, err := api.AddConnection(cmd.Context(), daemon.NewConnection{Source: args[0], Fields: fields, DryRun: dry, By: person()})
				if err != nil {
					return err
				}
				if path := t.Connection.Settings["path"]; runtime.GOOS == "linux" && !t.Unseen && service.HidesFromUnit(path) {
					t.Notes = append(t.Notes, "A service sees "+path+" once it is installed again: sudo balansd service install.")
				}
				if err := app.showTest(t, cfg.TimeZone); err != nil || app.asJSON {
					return err
				}
				if dry {
					app.printf("Nothing was saved.\n")
					return nil
				}
				app.printf("Connection %s is added. The next night delivers; to deliver now: balansd sync\n", clean(t.Connection.ID))
				return nil
			})
		},
	}
	c.Flags().StringArrayVar(&set, "set", nil, "a further `setting=value` of the source; may be given more than once")
	c.Flags().StringArrayVar(&secrets, "secret", nil, "a secret `setting=file`, read from the file")
	c.Flags().BoolVar(&dry, "dry-run", false, "only test it")
	return app.withJSON(c)
}

// typedFields returns the settings of a new connection, by the fields of its source.
func typedFields(source, value string, set, secrets []string) (map[string]string, error) {
	fields := map[string]string{}
	for _, e := range catalogue() {
		if e.ID == source && len(e.Fields) > 0 {
			fields[e.Fields[0].Name] = value
			for _, f := range e.Fields {
				if f.Secret && hasSetting(set, f.Name) {
					return nil, problem.New(problem.Usage, f.Name+" is a secret, and others can see the command line",
						"Write it into a file that only you may read, and give --secret "+f.Name+"=FILE.")
				}
			}
		}
	}
	for _, pair := range set {
		name, text, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, usage(fmt.Errorf("--set %.60q is no setting=value", pair))
		}
		fields[name] = text
	}
	for _, pair := range secrets {
		name, file, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, usage(errors.New("--secret is no setting=file"))
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, problem.Wrap(err, problem.Usage, fmt.Sprintf("the file of %s cannot be read", name), "Check its name and who may read it.")
		}
		fields[name] = strings.TrimSpace(string(text))
	}
	return fields, nil
}

func hasSetting(set []string, name string) bool {
	for _, pair := range set {
		if key, _, _ := strings.Cut(pair, "="); key == name {
			return true
		}
	}
	return false
}

func newSyncsTestCommand(app *App) *cobra.Command {
	return app.withJSON(&cobra.Command{
		Use: "test ID", Short: "Ask a connection what it holds, or what is in the way", Example: "  balansd syncs test acerta", Args: cobra.ExactArgs(1),
		Long: `Ask a connection what it holds: the name of its environment, how many dossiers and
social balances, and the newest of them; or what is in the way, and what to do. It
changes nothing.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return app.withAPI(cmd.Context(), func(api localapi.API, cfg *config.Config) error {
				t, err := api.TestConnection(cmd.Context(), daemon.ConnectionRequest{ID: args[0], By: person()})
				if err != nil {
					return err
				}
				return app.showTest(t, cfg.TimeZone)
			})
		},
	})
}

func (app *App) showTest(t daemon.ConnectionTest, zone *time.Location) error {
	if app.asJSON {
		t.Notes = append([]string{}, t.Notes...) // a list, also when there are none
		return app.print(t)
	}
	switch {
	case t.Unseen || t.Connection.Kind == ledger.Upload:
	case t.Partial:
		app.printf("%s: it answers, and holds more than could be seen in time; until then %d dossiers and %d social balances.\n",
			clean(t.Environment), t.Dossiers, t.Balances)
	case t.Balances == 0:
		app.printf("%s: it answers, and holds no social balance yet.\n", clean(t.Environment))
	default:
		app.printf("%s: %s, %s, the newest of %s.\n", clean(t.Environment), counted(t.Dossiers, "dossier", "dossiers"),
			counted(t.Balances, "social balance", "social balances"), t.Newest.In(zone).Format(time.DateOnly))
	}
	app.showNotes(t.Notes)
	return nil
}

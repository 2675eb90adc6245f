package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"balansd/config"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/localapi"

	"github.com/spf13/cobra"
)

// newSyncsCommand returns the command of the connections and the linked firms. It was
// called connections before, which still works.
func newSyncsCommand(app *App, name string) *cobra.Command {
	type connectionList struct {
		Connections []ledger.Connection `json:"connections"`
		Firms       []ledger.Firm       `json:"firms"`
	}
	empty := func(*config.Config) any { return connectionList{[]ledger.Connection{}, []ledger.Firm{}} }
	list := app.withJSON(&cobra.Command{
		Use: "list", Short: "List the connections and the linked firms", Example: "  balansd syncs list", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return app.withExistingState(cmd.Context(), empty, func(api localapi.API, cfg *config.Config) error {
				conns, err := api.Connections(cmd.Context())
				if err != nil {
					return err
				}
				firms, err := api.Firms(cmd.Context())
				if err != nil {
					return err
				}
				if app.asJSON {
					return app.print(connectionList{append([]ledger.Connection{}, conns...), append([]ledger.Firm{}, firms...)})
				}
				app.connectionsText(conns, firms, cfg.TimeZone)
				return nil
			})
		},
	})
	c := group(name, "Add, test and steer the connections to Finbox, folders and Silverfin",
		"  balansd syncs list\n  balansd syncs add acerta /srv/acerta\n  balansd syncs pause ID",
		list,
		newSyncsCatalogueCommand(app),
		newSyncsAddCommand(app),
		newSyncsTestCommand(app),
		newSyncsSetCommand(app, "pause", "Stop delivering what comes from a connection, until it is resumed", ledger.Paused),
		newSyncsSetCommand(app, "resume", "Go on with a connection that was paused", ledger.Active),
		newSyncsRemoveCommand(app))
	c.Hidden = name != "syncs"
	return c
}

// newSyncsSetCommand returns a command that sets the status of a connection.
func newSyncsSetCommand(app *App, use, short string, s ledger.ConnectionStatus) *cobra.Command {
	return app.withJSON(&cobra.Command{
		Use: use + " ID", Short: short, Long: short + ". The ledger keeps everything.",
		Example: "  balansd syncs " + use + " 11ab1fe0-7d6c-4f5e-9a51-0c1f7d2b3e4a", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return app.withAPI(cmd.Context(), func(api localapi.API, _ *config.Config) error {
				c, err := api.SetConnection(cmd.Context(), daemon.ConnectionRequest{ID: args[0], Status: s, By: person()})
				if err != nil {
					return err
				}
				return app.showConnection(c)
			})
		},
	})
}

func (app *App) showConnection(c ledger.Connection) error {
	if app.asJSON {
		return app.print(c)
	}
	app.printf("Connection %s (%s) is %s.\n", clean(c.Name), c.ID, c.Status)
	return nil
}

func newSyncsRemoveCommand(app *App) *cobra.Command {
	var yes, firm bool
	c := &cobra.Command{
		Use: "remove ID", Short: "Remove a connection, or a Silverfin firm with its tokens",
		Long: `Remove a connection and its secrets, or with --firm a linked Silverfin firm and
its tokens. The ledger keeps everything; nothing is deleted in Finbox, in the folder
or in Silverfin.`,
		Example: "  balansd syncs remove 11ab1fe0-7d6c-4f5e-9a51-0c1f7d2b3e4a\n  balansd syncs remove --firm 1001", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !yes {
				ok, err := app.confirm("Remove " + args[0] + "?")
				if err != nil || !ok {
					return err
				}
			}
			return app.withAPI(cmd.Context(), func(api localapi.API, _ *config.Config) error {
				if !firm {
					c, err := api.SetConnection(cmd.Context(), daemon.ConnectionRequest{ID: args[0], Status: ledger.Removed, By: person()})
					if err != nil {
						return err
					}
					return app.showConnection(c)
				}
				id, err := strconv.ParseInt(args[0], 10, 64)
				if err != nil {
					return usage(fmt.Errorf("a firm has a number, not %.40q", args[0]))
				}
				if err := api.RemoveFirm(cmd.Context(), daemon.FirmRequest{FirmID: id, By: person()}); err != nil {
					return err
				}
				if app.asJSON {
					return app.print(struct {
						FirmID  int64 `json:"firm_id"`
						Removed bool  `json:"removed"`
					}{id, true})
				}
				app.printf("Silverfin firm %d is removed, and its tokens are deleted.\n", id)
				return nil
			})
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	c.Flags().BoolVar(&firm, "firm", false, "the id is that of a Silverfin firm")
	return app.withJSON(c)
}

func (app *App) connectionsText(conns []ledger.Connection, firms []ledger.Firm, zone *time.Location) {
	app.printf("\n")
	if len(conns) == 0 {
		app.printf("No source is linked. Link Finbox: balansd connect finbox CONNECTION-ID\n")
	} else {
		t := newTable("connection", "name", "kind", "status", "counts from", "last asked", "set in", "trouble")
		for _, c := range conns {
			from := "all"
			if !c.ActivatedAt.IsZero() {
				from = c.ActivatedAt.In(zone).Format(time.DateOnly)
			}
			asked := "never"
			if !c.ListedAt.IsZero() {
				asked = c.ListedAt.In(zone).Format("2006-01-02 15:04")
			}
			where := "here"
			if c.Configured() {
				where = "configuration"
			}
			t.add(c.ID, c.Name, string(c.Kind), string(c.Status), from, asked, where, c.Problem)
		}
		app.show(t)
		app.foldersText(conns)
	}
	app.printf("\n")
	if len(firms) == 0 {
		app.printf("No Silverfin firm is linked. Link one: balansd connect silverfin\n")
		return
	}
	t := newTable("Silverfin firm", "name", "linked by", "since", "stands")
	for _, f := range firms {
		stands := "well"
		if f.Relink != "" {
			stands = f.Relink + ". Link it again: balansd connect silverfin --firm " + fmt.Sprint(f.ID)
		} else if f.Problem != "" {
			stands = f.Problem
		} else if len(f.Missing) > 0 {
			stands = "well, without the scopes " + strings.Join(f.Missing, ", ")
		}
		t.add(fmt.Sprint(f.ID), f.Name, f.LinkedBy, f.LinkedAt.In(zone).Format(time.DateOnly), stands)
	}
	app.show(t)
}

// foldersText says what the last listing of each folder found, and what stands in
// its way.
func (app *App) foldersText(conns []ledger.Connection) {
	for _, c := range conns {
		if c.Folder == nil || c.Status == ledger.Removed {
			continue
		}
		app.printf("%s: %s\n", clean(c.Name), folderText(*c.Folder))
		for _, text := range c.Folder.Problems {
			app.printf("  ! %s\n", clean(text))
		}
		if c.Folder.More > 0 {
			app.printf("  ! and %d more\n", c.Folder.More)
		}
	}
}

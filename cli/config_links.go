package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"

	"balansd/config"
	"balansd/daemon"
	"balansd/internal/typo"
	"balansd/ledger"
	"balansd/localapi"
)

// linkMistakes returns the connections and firms that the links of a configuration name
// and that do not exist. What only the state knows, counts: connections of Finbox, those
// added on the pages, and the firms. It changes nothing. Without a state only a name that
// looks like that of a folder is a mistake; unread is why the state could not be asked.
func (app *App) linkMistakes(ctx context.Context, c *config.Config) (list []config.Mistake, unread error) {
	if len(c.Dossiers) == 0 {
		return nil, nil
	}
	connections := []string{ledger.UploadsID}
	for _, f := range c.Folders {
		connections = append(connections, f.Name)
	}
	var firms []string // nil while they are not known
	_, err := os.Stat(c.StateFile)
	known := !c.Finbox.Configured() && errors.Is(err, fs.ErrNotExist) // then folders are all there is
	unread = app.readState(ctx, c, func(api daemon.API) error {
		stored, err := api.Connections(ctx)
		if err != nil {
			return err
		}
		for _, one := range stored {
			if one.Status != ledger.Removed {
				connections = append(connections, one.ID)
			}
		}
		linked, err := api.Firms(ctx)
		firms = make([]string, 0, len(linked))
		for _, f := range linked {
			firms = append(firms, strconv.FormatInt(f.ID, 10))
		}
		known = err == nil
		return err
	})
	for i, d := range c.Dossiers {
		key := fmt.Sprintf("dossiers[%d]", i)
		if !slices.Contains(connections, d.Connection) {
			best := typo.Nearest(d.Connection, connections)
			switch {
			case d.Connection == "": // which is reported already
			case best != "":
				list = append(list, c.MistakeAt(key+".connection", fmt.Sprintf("there is no connection %.60q", d.Connection), fmt.Sprintf("did you mean %s?", best)))
			case known:
				list = append(list, c.MistakeAt(key+".connection", fmt.Sprintf("there is no connection %.60q", d.Connection),
					"write the name of a folder, or a connection id: see balansd syncs list"))
			}
		}
		if firm := strconv.FormatInt(d.Firm, 10); firms != nil && d.Firm != 0 && !slices.Contains(firms, firm) {
			right := "link it first: balansd connect silverfin"
			if best := typo.Nearest(firm, firms); best != "" {
				right = fmt.Sprintf("did you mean %s?", best)
			}
			list = append(list, c.MistakeAt(key+".firm", "Silverfin firm "+firm+" is not linked", right))
		}
	}
	return list, unread
}

// readState calls do with the API of the daemon if it runs, else with the state opened
// for reading only; not at all if there is no state.
func (app *App) readState(ctx context.Context, c *config.Config, do func(daemon.API) error) error {
	client, err := app.dialDaemon(ctx, c)
	if err == nil {
		return do(client)
	}
	if !errors.Is(err, localapi.ErrNoDaemon) {
		return err
	}
	if _, err := os.Stat(c.StateFile); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	n, err := newNode(ctx, c, nodeOptions{version: app.version(), process: "balansd config check", log: app.quietLog(c), readOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = n.Close() }()
	return do(n)
}

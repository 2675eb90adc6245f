package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"balansd/config"
	"balansd/ledger"
	"balansd/localapi"
	"balansd/problem"
	"balansd/service"
	"balansd/store"
)

// folderOf returns a folder that a person added as the configuration would have it, and
// what is wrong with it by itself.
func folderOf(c ledger.Connection) (config.Folder, []fault) {
	f, mistakes := config.FolderOf(c.Name, c.Settings)
	faults := make([]fault, len(mistakes))
	for i, m := range mistakes {
		faults[i] = fault{m.Key, m.What, m.Right}
	}
	if f.Path != "" && !filepath.IsAbs(f.Path) {
		faults = append(faults, fault{"path", fmt.Sprintf("%q is no full path", f.Path), "write it from the root or the drive on"})
	}
	return f, faults
}

// completeFolder returns the function that checks a folder that a person adds, as config
// check does, and fills in what follows from its settings.
func completeFolder(cfg *config.Config) func(c ledger.Connection, others []ledger.Connection) (ledger.Connection, error) {
	return func(c ledger.Connection, others []ledger.Connection) (ledger.Connection, error) {
		f, faults := folderOf(c)
		beside := append([]config.Folder{}, cfg.Folders...)
		beside = append(beside, foldersOf(others)...)
		if faults = append(faults, overlapFaults(cfg, f, beside)...); len(faults) > 0 {
			next := strings.ToUpper(faults[0].right[:1]) + faults[0].right[1:] + "."
			return c, problem.New(problem.Usage, faults[0].setting+": "+faults[0].what, next)
		}
		c.Language, c.ActivatedAt = cfg.Language, time.Time{}
		if !f.From.Date.IsZero() {
			c.ActivatedAt = f.From.Date.In(cfg.TimeZone)
		}
		return c, nil
	}
}

// folderHint says what lets this process read a folder that it could not.
func (o nodeOptions) folderHint(path string, err error) (problem.Reason, string) {
	switch {
	case o.unit && service.HidesFromUnit(path):
		return problem.HiddenFolder, "The service does not see /home, /root and the folders for temporary files. " +
			"Let it in, once the folder is added: sudo balansd service install. Or take a folder elsewhere, such as /srv."
	case !errors.Is(err, fs.ErrPermission):
		return "", ""
	case runtime.GOOS == "windows":
		return problem.FolderRights, fmt.Sprintf(`Let the account of the service read it: icacls "%s" /grant "NT SERVICE\%s:(OI)(CI)RX"`, path, service.Name)
	}
	quoted := "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	return problem.FolderRights, fmt.Sprintf("Let the account of the service read it: sudo setfacl -R -m u:%[1]s:rX,d:u:%[1]s:rX %[2]s. "+
		"The folders above it must let that account through, too.", service.Account, quoted)
}

// storedConnections returns the connections as the daemon has them, or the state when no
// daemon runs; none when there is no state yet.
func (app *App) storedConnections(ctx context.Context, cfg *config.Config) ([]ledger.Connection, error) {
	client, err := app.dialDaemon(ctx, cfg)
	if err == nil {
		return client.Connections(ctx)
	}
	if !errors.Is(err, localapi.ErrNoDaemon) {
		return nil, err
	}
	if _, err := os.Stat(cfg.StateFile); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	st, err := store.Open(store.Options{Path: cfg.StateFile, KeyPath: cfg.KeyFile, ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer func() { _ = st.Close() }()
	return st.Connections(ctx)
}

// addedFolders returns the folders that people added, beside those of the configuration.
func (app *App) addedFolders(ctx context.Context, cfg *config.Config) ([]config.Folder, error) {
	all, err := app.storedConnections(ctx, cfg)
	return foldersOf(all), err
}

// foldersOf returns the folders among connections that people added and did not remove.
func foldersOf(all []ledger.Connection) []config.Folder {
	var list []config.Folder
	for _, c := range all {
		if c.Kind == ledger.Folder && !c.Configured() && c.Status != ledger.Removed {
			f, _ := folderOf(c)
			list = append(list, f)
		}
	}
	return list
}

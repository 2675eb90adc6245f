package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"sync"

	"balansd/config"
	"balansd/daemon"
	"balansd/documentreader"
	"balansd/finbox"
	"balansd/folder"
	"balansd/ledger"
	"balansd/problem"
	"balansd/store"
)

// folderConnections returns the folders of the configuration as connections.
func folderConnections(cfg *config.Config) []ledger.Connection {
	out := make([]ledger.Connection, 0, len(cfg.Folders))
	for _, f := range cfg.Folders {
		c := ledger.Connection{ID: f.Name, Kind: ledger.Folder, Name: f.Name, Language: cfg.Language}
		if !f.From.Date.IsZero() {
			c.ActivatedAt = f.From.Date.In(cfg.TimeZone)
		}
		out = append(out, c)
	}
	return out
}

// sourceUse says what a source is opened for.
type sourceUse int

const (
	forRun    sourceUse = iota
	forDryRun           // nothing is remembered of what folders are found to hold
	forTest             // nor waited for files that are being written
)

// opener opens the source of a connection.
type opener func(ledger.Connection) (daemon.Source, error)

// sourcePackage is a package of sources: what a person can add, and how that is opened.
type sourcePackage struct {
	kind      ledger.ConnectionKind
	catalogue func() []ledger.CatalogueEntry
	opener    func(*node, *config.Config, *documentreader.Reader, sourceUse) (opener, error)
}

// sourcePackages lists the packages of sources, one a line.
func sourcePackages() []sourcePackage {
	return []sourcePackage{
		{ledger.Finbox, finbox.Catalogue, (*node).finboxOpener},
		{ledger.Folder, folder.Catalogue, (*node).folderOpener},
	}
}

// catalogue lists what a person can add.
func catalogue() []ledger.CatalogueEntry {
	var list []ledger.CatalogueEntry
	for _, p := range sourcePackages() {
		list = append(list, p.catalogue()...)
	}
	return list
}

// sources makes the function that opens the source of a connection.
func (n *node) sources(cfg *config.Config, reader *documentreader.Reader, use sourceUse) (opener, error) {
	openers := map[ledger.ConnectionKind]opener{}
	for _, p := range sourcePackages() {
		open, err := p.opener(n, cfg, reader, use)
		if err != nil {
			return nil, err
		}
		openers[p.kind] = open
	}
	return func(c ledger.Connection) (daemon.Source, error) {
		if open := openers[c.Kind]; open != nil {
			return open(c)
		}
		return nil, problem.New(problem.NotAllowed, fmt.Sprintf("%s has no source that could be asked", c.ID), "Use the version of balansd that added it.")
	}, nil
}

// cached opens each source once: what it learnt is kept, and so is its sign-in. The key
// has all that a person can change.
func cached[S daemon.Source](build func(ledger.Connection) (S, error)) opener {
	type made struct {
		key    string
		source S
	}
	var mu sync.Mutex
	all := map[string]made{}
	return func(c ledger.Connection) (daemon.Source, error) {
		key := fmt.Sprint(c.Name, c.Settings, c.Secrets)
		mu.Lock()
		defer mu.Unlock()
		if m, ok := all[c.ID]; ok && m.key == key {
			return m.source, nil
		}
		src, err := build(c)
		if err != nil {
			return nil, err
		}
		all[c.ID] = made{key, src}
		return src, nil
	}
}

// folderOpener opens folders: those of the configuration, and those that a person added.
func (n *node) folderOpener(cfg *config.Config, reader *documentreader.Reader, use sourceUse) (opener, error) {
	newSource := func(f config.Folder) (*folder.Source, error) {
		fc := folderConfig(cfg, f, reader, n.options)
		fc.Memory, fc.Hint = n.store.KeyValue(), n.options.folderHint
		if use == forTest {
			fc.Settle = 0
		}
		src, err := folder.New(fc)
		if err == nil && use != forRun {
			src = src.ReadOnly()
		}
		return src, err
	}
	folders := map[string]*folder.Source{}
	for _, f := range cfg.Folders {
		var err error
		if folders[f.Name], err = newSource(f); err != nil {
			return nil, err
		}
	}
	added := cached(func(c ledger.Connection) (*folder.Source, error) {
		f, faults := folderOf(c)
		// The configuration may have got a folder since that overlaps with it.
		if faults = append(faults, overlapFaults(cfg, f, cfg.Folders)...); len(faults) > 0 {
			return nil, problem.New(problem.ConfigInvalid, fmt.Sprintf("folder source %s cannot be used: %s", c.ID, faults[0].what),
				"Remove it, or change the configuration: "+faults[0].right+".")
		}
		return newSource(f)
	})
	return func(c ledger.Connection) (daemon.Source, error) {
		if src, ok := folders[c.ID]; ok {
			return src, nil
		}
		if c.Configured() {
			return nil, problem.New(problem.ConfigInvalid, fmt.Sprintf("folder source %s is not in the configuration", c.ID),
				"Add it to folders again, or leave it: its entries stay in the ledger.")
		}
		return added(c)
	}, nil
}

// finboxOpener opens Finbox environments, each with its own credentials where it has
// some, else with those of the configuration.
func (n *node) finboxOpener(cfg *config.Config, _ *documentreader.Reader, _ sourceUse) (opener, error) {
	var fb *finbox.Client
	if cfg.Finbox.Configured() {
		var err error
		if fb, err = n.newFinbox(cfg); err != nil {
			return nil, err
		}
	}
	own := cached(func(c ledger.Connection) (daemon.Source, error) {
		theirs := *cfg
		theirs.Finbox.ClientID, theirs.Finbox.ClientSecret = c.Settings["client_id"], config.NewSecret(c.Secrets["client_secret"])
		theirs.Finbox.PrivateKeyFile = ""
		client, err := n.newFinbox(&theirs)
		if err != nil {
			return nil, err
		}
		return client.Connection(c.ID), nil
	})
	return func(c ledger.Connection) (daemon.Source, error) {
		if fb == nil {
			return nil, problem.New(problem.ConfigInvalid, "Finbox is not configured",
				"Set finbox.base_url and the credentials in the configuration; balansd config check names what is missing.")
		}
		if c.Settings["client_id"] == "" {
			if c.Secrets["client_secret"] != "" {
				return nil, problem.New(problem.Usage, "a client secret is given without its client id", "Give both, or neither.")
			}
			return fb.Connection(c.ID), nil
		}
		if c.Secrets == nil {
			secret, err := n.store.Secrets().Get(context.Background(), store.ConnectionSecret(c.ID, "client_secret"))
			if err != nil {
				return nil, err
			}
			c.Secrets = map[string]string{"client_secret": string(secret)}
		}
		return own(c)
	}, nil
}

// forgetRemovedFolders deletes what is remembered of the files of folders that are
// sources no more.
func (n *node) forgetRemovedFolders(ctx context.Context, cfg *config.Config) error {
	connections, err := n.store.Connections(ctx)
	if err != nil {
		return err
	}
	var names []string
	for _, c := range connections {
		if !c.Configured() {
			names = append(names, c.ID)
		}
	}
	for _, f := range cfg.Folders {
		names = append(names, f.Name)
	}
	return folder.ForgetOthers(ctx, n.store.KeyValue(), names)
}

// folderConfig gives what a folder source needs of the configuration.
func folderConfig(cfg *config.Config, f config.Folder, reader *documentreader.Reader, o nodeOptions) folder.Config {
	return folder.Config{Name: f.Name, Path: f.Path, Layout: folder.Layout(f.Layout), Ignore: f.Ignore, Settle: f.Settle,
		MaxDocument: int64(cfg.Finbox.MaxDocument), Reader: reader, Reading: readingVersion(cfg, o.version), Now: o.now, Log: o.log}
}

// readingVersion names how documents are read. What was learnt of a file by another
// version, or with other tables, is not used.
func readingVersion(cfg *config.Config, version string) string {
	members, err := os.ReadFile(cfg.Documents.CBSOTable)
	if err != nil {
		members = nil // none, or one that config check reports
	}
	sum := sha256.Sum256(fmt.Appendf(members, "%q", cfg.Documents.Tables))
	return fmt.Sprintf("%s %d %s", version, cfg.Finbox.MaxDocument, hex.EncodeToString(sum[:8]))
}

func (n *node) newFinbox(cfg *config.Config) (*finbox.Client, error) {
	o := n.options
	client, err := n.httpClient(cfg, cfg.Finbox.Timeout, cfg.Finbox.BaseURL, cfg.Finbox.TokenURL)
	if err != nil {
		return nil, err
	}
	f := finbox.Config{BaseURL: cfg.Finbox.BaseURL, TokenURL: cfg.Finbox.TokenURL, ClientID: cfg.Finbox.ClientID,
		ClientSecret: cfg.Finbox.ClientSecret.Reveal(), Scope: cfg.Finbox.Scope, Audience: cfg.Finbox.Audience,
		HTTP: client, MaxDocument: int64(cfg.Finbox.MaxDocument), Overlap: cfg.Finbox.Overlap, Now: o.now, Log: o.log}
	if cfg.Finbox.PrivateKeyFile != "" {
		if f.Key, err = finbox.LoadKey(cfg.Finbox.PrivateKeyFile, cfg.Finbox.CertificateFile); err != nil {
			return nil, err
		}
	}
	return finbox.New(f)
}

// tryFinbox returns the function that asks Finbox for a new token; nil where it is not
// configured.
func (n *node) tryFinbox(cfg *config.Config) func(context.Context) error {
	if !cfg.Finbox.Configured() {
		return nil
	}
	return func(ctx context.Context) error {
		c, err := n.newFinbox(cfg)
		if err != nil {
			return err
		}
		return c.SignIn(ctx)
	}
}

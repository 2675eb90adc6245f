package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"

	"balansd/config"
	"balansd/daemon"
	"balansd/documentreader"
	"balansd/finbox"
	"balansd/folder"
	"balansd/ledger"
	"balansd/problem"
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

// sources makes the function that opens the source of a connection. In a dry run
// nothing is remembered of what folders are found to hold.
func (n *node) sources(cfg *config.Config, reader *documentreader.Reader, dry bool) (func(ledger.Connection) (daemon.Source, error), error) {
	folders := map[string]*folder.Source{}
	for _, f := range cfg.Folders {
		fc := folderConfig(cfg, f, reader, n.options)
		fc.Memory = n.store.KeyValue()
		src, err := folder.New(fc)
		if err != nil {
			return nil, err
		}
		if dry {
			src = src.ReadOnly()
		}
		folders[f.Name] = src
	}
	var fb *finbox.Client
	if cfg.Finbox.Configured() {
		var err error
		if fb, err = n.newFinbox(cfg); err != nil {
			return nil, err
		}
	}
	return func(c ledger.Connection) (daemon.Source, error) {
		if src, ok := folders[c.ID]; ok && c.Kind == ledger.Folder {
			return src, nil
		}
		if c.Kind == ledger.Folder {
			return nil, problem.New(problem.ConfigInvalid, fmt.Sprintf("folder source %s is not in the configuration", c.ID),
				"Add it to folders again, or leave it: its entries stay in the ledger.")
		}
		if fb == nil {
			return nil, problem.New(problem.ConfigInvalid, "Finbox is not configured",
				"Set finbox.base_url and the credentials in the configuration; balansd config check names what is missing.")
		}
		return fb.Connection(c.ID), nil
	}, nil
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

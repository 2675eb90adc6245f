package cli

import (
	"fmt"

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

// sources returns a function that returns the source of a connection.
func (n *node) sources(cfg *config.Config, reader *documentreader.Reader) (func(ledger.Connection) (daemon.Source, error), error) {
	o := n.options
	folders := map[string]*folder.Source{}
	for _, f := range cfg.Folders {
		src, err := folder.New(folder.Config{Name: f.Name, Path: f.Path, Settle: f.Settle,
			MaxDocument: int64(cfg.Finbox.MaxDocument), Reader: reader, Log: o.log})
		if err != nil {
			return nil, err
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

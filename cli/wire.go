package cli

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"balansd/config"
	"balansd/daemon"
	"balansd/folder"
	"balansd/ledger"
	"balansd/service"
	"balansd/store"
	"balansd/transport"

	"github.com/rs/zerolog"
)

// node is one balansd, put together from its configuration: the state, the clients and
// the daemon that uses them.
type node struct {
	*daemon.Daemon
	store   *store.Store
	options nodeOptions

	confirmed atomic.Pointer[time.Time] // the last time that Finbox or Silverfin sent
	host      hostWatch

	mu        sync.Mutex
	cfg       *config.Config
	silverfin silverfinClient
}

// nodeOptions are the options that are not in the configuration.
type nodeOptions struct {
	version string
	built   time.Time // when this program was built; zero if not known
	process string    // the name of this process, for another one that finds the state locked
	machine string    // the id of this machine; empty if not known
	log     zerolog.Logger
	now     func() time.Time // time.Now if nil
	// unit says that this is a service of systemd, whose unit hides some folders.
	unit    bool
	workers int // 0 to derive it from the configuration
	// readOnly opens the state for reading only, without applying the configuration
	// to it.
	readOnly bool
}

// newNode opens the state and creates the clients and the daemon. The caller closes it.
func newNode(ctx context.Context, cfg *config.Config, o nodeOptions) (_ *node, err error) {
	if o.now == nil {
		o.now = time.Now
	}
	st, err := store.Open(store.Options{Path: cfg.StateFile, KeyPath: cfg.KeyFile,
		Backups: store.Backups{Folder: cfg.Backup.Folder, Keep: cfg.Backup.Keep},
		Version: o.version, Process: o.process, Now: o.now, Log: o.log, ReadOnly: o.readOnly})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = st.Close()
		}
	}()
	n := &node{store: st, options: o, cfg: cfg}
	dc, sf, err := n.wire(cfg)
	if err != nil {
		return nil, err
	}
	n.silverfin, n.Daemon = sf, daemon.New(dc)
	if o.readOnly {
		return n, nil
	}
	return n, n.Prepare(ctx)
}

// wire creates the clients that a configuration asks for, and returns the configuration
// of the daemon with them.
func (n *node) wire(cfg *config.Config) (daemon.Config, silverfinClient, error) {
	o := n.options
	sf, err := n.newSilverfin(cfg)
	if err != nil {
		return daemon.Config{}, nil, err
	}
	reader, err := newDocumentReader(cfg)
	if err != nil {
		return daemon.Config{}, nil, err
	}
	var open [forTest + 1]opener
	for use := range open {
		if open[use], err = n.sources(cfg, reader, sourceUse(use)); err != nil {
			return daemon.Config{}, nil, err
		}
	}
	clients, err := n.administrationSources(cfg, reader)
	if err != nil {
		return daemon.Config{}, nil, err
	}
	notifier, err := n.notifier(cfg)
	if err != nil {
		return daemon.Config{}, nil, err
	}
	return daemon.Config{
		Notifier:       notifier,
		Reader:         reader,
		FollowArchived: cfg.Silverfin.Archived == config.ArchivedFollow,
		HoldOnFindings: cfg.Documents.HoldOnFindings,
		StoreDocuments: cfg.Silverfin.StoreDocument,
		AppLink:        appLink(cfg.Silverfin),

		Administration: daemon.AdministrationConfig{Sources: clients, Rows: n.store.KeyValue(), Language: cfg.Language},

		Store:       n.store,
		Scratch:     n.scratch,
		Uploads:     folder.NewUploads(uploadsFolder(cfg)),
		Source:      open[forRun],
		DrySource:   open[forDryRun],
		TestSource:  open[forTest],
		Catalogue:   catalogue(),
		Complete:    completeFolder(cfg),
		Destination: sf.destination,
		Linker:      sf,
		Mappings:    mappings(cfg),
		Folders:     folderConnections(cfg),
		Links:       links(cfg),
		Schedule:    night(cfg),
		Deadline:    cfg.Schedule.Deadline,
		Backup:      true,
		Retention:   retention(cfg.Retention),
		Built:       o.built,
		Workers:     workers(cfg, o),
		Now:         o.now,
		Host:        n.hostStatus,
		TryFinbox:   n.tryFinbox(cfg),
		Version:     o.version,
		StateFile:   cfg.StateFile,
		Layout:      store.Layout(),
		Log:         o.log,
	}, sf, nil
}

// uploadsFolder is where uploads wait for somebody to confirm them: beside the
// state, so that neither it nor its backups grow by what may never be confirmed.
func uploadsFolder(cfg *config.Config) string {
	return filepath.Join(filepath.Dir(cfg.StateFile), "uploads")
}

// scratch returns a copy of the state for a dry run.
func (n *node) scratch(ctx context.Context) (daemon.Store, func(), error) {
	return n.store.Scratch(ctx)
}

// retention converts the days of the configuration.
func retention(r config.Retention) ledger.Retention {
	span := func(d config.Days) time.Duration { return time.Duration(d) * 24 * time.Hour }
	return ledger.Retention{Documents: span(r.Documents), Figures: span(r.Figures), Histories: span(r.Histories)}
}

// workers returns how many dossiers are processed at once: enough to keep the calls to
// one firm and the downloads of documents busy at the same time.
func workers(cfg *config.Config, o nodeOptions) int {
	if o.workers > 0 {
		return o.workers
	}
	return 2 * cfg.Silverfin.Concurrency
}

// renewalGrace is how long Close waits until renewed tokens are on disk.
const renewalGrace = 3 * time.Second

// Close closes the state, once tokens that are being renewed are on disk.
func (n *node) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), renewalGrace)
	defer cancel()
	n.mu.Lock()
	defer n.mu.Unlock()
	err := errors.Join(n.silverfin.Close(ctx), n.store.Close())
	// Files that an administrator created while the service was off belong to it.
	return errors.Join(err, service.RestoreOwner(n.cfg.DataDir))
}

// night returns the schedule of the nightly run. Its delay depends on the server and the
// place of the state, so that not all servers call Finbox at the same time.
func night(cfg *config.Config) daemon.Schedule {
	return daemon.Schedule{
		Hour: cfg.Schedule.At.Hour, Minute: cfg.Schedule.At.Minute, Location: cfg.TimeZone,
		Spread:     daemon.InstanceDelay(instance(cfg), cfg.Schedule.Spread),
		SkipMissed: cfg.Schedule.CatchUp == config.NextNight,
		Window: daemon.Window{From: cfg.Schedule.Window.From.Hour*60 + cfg.Schedule.Window.From.Minute,
			To: cfg.Schedule.Window.To.Hour*60 + cfg.Schedule.Window.To.Minute},
	}
}

// instance returns a name of this installation that no other one has.
func instance(cfg *config.Config) string {
	host, _ := os.Hostname()
	return host + " " + cfg.StateFile
}

// links returns the dossier links of the configuration.
func links(cfg *config.Config) []ledger.DossierLink {
	out := make([]ledger.DossierLink, 0, len(cfg.Dossiers))
	for _, d := range cfg.Dossiers {
		out = append(out, ledger.DossierLink{Connection: d.Connection, DossierID: d.Dossier, EnterpriseNumber: d.EnterpriseNumber,
			FirmID: d.Firm, CompanyID: d.Company, From: d.From.Date, All: d.From.All, Paused: d.Paused, Note: d.Note,
			NumberDiffers: ledger.NumberDiffers{Company: d.NumberDiffers}})
	}
	return out
}

// httpClient returns a client that contacts only the given hosts.
func (n *node) httpClient(cfg *config.Config, timeout time.Duration, hosts ...string) (*http.Client, error) {
	return transport.New(transport.Config{AllowedHosts: hosts, Proxy: cfg.Network.ProxyURL(), CAFile: cfg.Network.CAFile,
		ClientCertificateFile: cfg.Network.ClientCertificateFile, ClientKeyFile: cfg.Network.ClientKeyFile,
		Timeout: timeout, UserAgent: "balansd/" + n.options.version, Log: n.options.log, Skew: n.observeServiceTime, Certificates: n.host.observe, Now: n.options.now})
}

// quietClient returns a client for an address that is a secret: the log of its calls would
// show a part of it. It repeats nothing, since a notification is tried again anyway.
func (n *node) quietClient(cfg *config.Config, address string) (*http.Client, error) {
	const timeout = 30 * time.Second
	return transport.New(transport.Config{AllowedHosts: []string{address}, Proxy: cfg.Network.ProxyURL(), CAFile: cfg.Network.CAFile,
		ClientCertificateFile: cfg.Network.ClientCertificateFile, ClientKeyFile: cfg.Network.ClientKeyFile,
		Timeout: timeout, Retries: -1, UserAgent: "balansd/" + n.options.version, Log: zerolog.Nop()})
}

// observeServiceTime records how far the clock of a service is ahead of ours. It is only
// called once the daemon exists, since the clients make no call before.
func (n *node) observeServiceTime(skew time.Duration) {
	at := n.options.now().Add(skew)
	n.confirmed.Store(&at)
	n.ObserveClock(skew)
}

// confirmedTime returns the last time that a service sent, or the zero time. It does not
// advance between two calls.
func (n *node) confirmedTime() time.Time {
	if at := n.confirmed.Load(); at != nil {
		return *at
	}
	return time.Time{}
}

// current returns the configuration in force, and the Silverfin client made from it.
func (n *node) current() (*config.Config, silverfinClient) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.cfg, n.silverfin
}

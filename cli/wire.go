package cli

import (
	"context"
	"errors"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"balansd/config"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/service"
	"balansd/store"
	"balansd/transport"

	"github.com/rs/zerolog"
)

// node is one balansd, wired together from its configuration: the state, the
// clients, and the daemon over them.
type node struct {
	*daemon.Daemon
	store   *store.Store
	options nodeOptions

	confirmed atomic.Pointer[time.Time] // what a service last said the time is

	mu        sync.Mutex
	cfg       *config.Config
	silverfin silverfinSide
}

// nodeOptions are what the configuration does not say.
type nodeOptions struct {
	version string
	built   time.Time // when this program was made; zero when it is not known
	process string    // what this process is, for another one that finds the state taken
	log     zerolog.Logger
	now     func() time.Time // time.Now when nil
	workers int              // 0 for what the configuration's concurrency asks for
	// readOnly opens the state for reading alone, and brings nothing of the
	// configuration into it.
	readOnly bool
}

// newNode opens the state and wires the rooms together. The caller closes it.
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

// wire makes the clients that a configuration asks for, and with them what the
// daemon needs.
func (n *node) wire(cfg *config.Config) (daemon.Config, silverfinSide, error) {
	o := n.options
	sf, err := n.newSilverfin(cfg)
	if err != nil {
		return daemon.Config{}, nil, err
	}
	reader, err := newDocumentReader(cfg)
	if err != nil {
		return daemon.Config{}, nil, err
	}
	open, err := n.sources(cfg, reader)
	if err != nil {
		return daemon.Config{}, nil, err
	}
	return daemon.Config{
		Reader:         reader,
		HoldOnFindings: cfg.Documents.HoldOnFindings,

		Store:       n.store,
		Scratch:     n.scratch,
		Source:      open,
		Destination: sf.destination,
		Linker:      sf,
		Folders:     folderConnections(cfg),
		Links:       links(cfg),
		Schedule:    night(cfg),
		Deadline:    cfg.Night.Deadline,
		Backup:      true,
		Retention:   retention(cfg.Retention),
		Built:       o.built,
		Workers:     workers(cfg, o),
		Now:         o.now,
		Version:     o.version,
		StateFile:   cfg.StateFile,
		Layout:      store.Layout(),
		Log:         o.log,
	}, sf, nil
}

// scratch copies the state for a dry run.
func (n *node) scratch(ctx context.Context) (daemon.Store, func(), error) {
	return n.store.Scratch(ctx)
}

// retention gives spans of the configuration's days.
func retention(r config.Retention) ledger.Retention {
	span := func(d config.Days) time.Duration { return time.Duration(d) * 24 * time.Hour }
	return ledger.Retention{Documents: span(r.Documents), Figures: span(r.Figures), Stories: span(r.Stories)}
}

// workers is how many dossiers are worked on at once: enough to keep the calls
// of one firm, and the fetching of documents, going at the same time.
func workers(cfg *config.Config, o nodeOptions) int {
	if o.workers > 0 {
		return o.workers
	}
	return 2 * cfg.Silverfin.Concurrency
}

// renewalGrace is how long tokens that are being renewed get to reach the disk
// when balansd stops.
const renewalGrace = 3 * time.Second

// Close lets the state go, after the tokens that are being renewed are on
// disk.
func (n *node) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), renewalGrace)
	defer cancel()
	n.mu.Lock()
	defer n.mu.Unlock()
	err := errors.Join(n.silverfin.Close(ctx), n.store.Close())
	// What an administrator made while the service was off is the service's.
	return errors.Join(err, service.RestoreOwner(n.cfg.DataDir))
}

// night gives the nightly date. The spread is fixed by where the state is and
// so differs from server to server.
func night(cfg *config.Config) daemon.Schedule {
	return daemon.Schedule{
		Hour: cfg.Night.At.Hour, Minute: cfg.Night.At.Minute, Location: cfg.TimeZone,
		Spread:     daemon.InstanceDelay(instance(cfg), cfg.Night.Spread),
		SkipMissed: cfg.Night.CatchUp == config.NextNight,
		Window: daemon.Window{From: cfg.Night.Window.From.Hour*60 + cfg.Night.Window.From.Minute,
			To: cfg.Night.Window.To.Hour*60 + cfg.Night.Window.To.Minute},
	}
}

// instance names this installation among all others.
func instance(cfg *config.Config) string {
	host, _ := os.Hostname()
	return host + " " + cfg.StateFile
}

// links gives the dossier links of the configuration.
func links(cfg *config.Config) []ledger.DossierLink {
	out := make([]ledger.DossierLink, 0, len(cfg.Dossiers))
	for _, d := range cfg.Dossiers {
		out = append(out, ledger.DossierLink{Connection: d.Connection, DossierID: d.Dossier, EnterpriseNumber: d.EnterpriseNumber,
			FirmID: d.Firm, CompanyID: d.Company, From: d.From.Date, All: d.From.All,
			NumberDiffers: ledger.NumberDiffers{Company: d.NumberDiffers}})
	}
	return out
}

// httpClient makes a client that reaches only the given hosts.
func (n *node) httpClient(cfg *config.Config, timeout time.Duration, hosts ...string) (*http.Client, error) {
	return transport.New(transport.Config{AllowedHosts: hosts, Proxy: cfg.Network.Proxy, CAFile: cfg.Network.CAFile,
		ClientCertificateFile: cfg.Network.ClientCertificateFile, ClientKeyFile: cfg.Network.ClientKeyFile,
		Timeout: timeout, UserAgent: "balansd/" + n.options.version, Log: n.options.log, Skew: n.sawClock, Now: n.options.now})
}

// sawClock tells the daemon how far a service's clock is ahead of ours. The
// clients are there before the daemon is, but call nobody yet.
func (n *node) sawClock(skew time.Duration) {
	said := n.options.now().Add(skew)
	n.confirmed.Store(&said)
	n.ObserveClock(skew)
}

// confirmedTime gives what a service last said the time is; the zero time while
// none has. It stands still between two calls, whatever our clock does.
func (n *node) confirmedTime() time.Time {
	if said := n.confirmed.Load(); said != nil {
		return *said
	}
	return time.Time{}
}

// inForce gives the configuration in force, and what it made of Silverfin.
func (n *node) inForce() (*config.Config, silverfinSide) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.cfg, n.silverfin
}

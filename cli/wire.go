package cli

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/user"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"balansd/balance"
	"balansd/config"
	"balansd/daemon"
	"balansd/finbox"
	"balansd/folder"
	"balansd/ledger"
	"balansd/problem"
	"balansd/service"
	"balansd/silverfin"
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
	reader, err := documentReader(cfg)
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

// folderConnections gives the folder sources of the configuration as
// connections.
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

// sources makes the function that opens the source of a connection.
func (n *node) sources(cfg *config.Config, reader *balance.Reader) (func(ledger.Connection) (daemon.Source, error), error) {
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

// silverfinSide is what a node needs of Silverfin.
type silverfinSide interface {
	daemon.Linker
	destination(firmID int64) daemon.Destination
	// Close waits for tokens that are being renewed.
	Close(ctx context.Context) error
}

// linkedSilverfin is the real one.
type linkedSilverfin struct{ *silverfin.Client }

func (l linkedSilverfin) destination(firmID int64) daemon.Destination { return l.Firm(firmID) }

func (n *node) newSilverfin(cfg *config.Config) (silverfinSide, error) {
	o, s := n.options, cfg.Silverfin
	if !s.Configured() {
		return noSilverfin{}, nil
	}
	client, err := n.httpClient(cfg, s.Timeout, s.BaseURL)
	if err != nil {
		return nil, err
	}
	var before *silverfin.Client
	_, old := n.inForce()
	if l, ok := old.(linkedSilverfin); ok {
		before = l.Client // people may be half through a sign-in
	}
	c, err := silverfin.New(silverfin.Config{BaseURL: s.BaseURL, ClientID: s.ClientID, ClientSecret: s.ClientSecret.Reveal(),
		Scopes: s.Scopes, HTTP: client, Vault: n.store.Secrets(), Home: n.home, NumberFields: s.EnterpriseNumberFields,
		Target:            target(s.Target),
		Workflow:          silverfin.WorkflowMatch{Names: s.Workflow.Names},
		Lock:              silverfin.LockMatch{Fields: s.LockedFields, Statuses: s.LockedStatuses},
		RequestsPerSecond: s.RequestsPerSecond, Burst: s.Burst, Concurrency: s.Concurrency, Now: o.now, Log: o.log,
		After: before})
	return linkedSilverfin{c}, err
}

// home is where the state is in use. The id of the computer is hashed: it must
// not be known from a copy of the state.
func (n *node) home(ctx context.Context) (silverfin.Home, error) {
	restored, err := n.store.RestoredAt(ctx)
	h := silverfin.Home{Restored: restored}
	h.Name, _ = os.Hostname()
	if id := machineID(); id != "" {
		sum := sha256.Sum256([]byte("balansd " + id))
		h.Machine = hex.EncodeToString(sum[:16])
	}
	return h, err
}

// target is where figures land.
func target(t config.Target) silverfin.Target {
	return silverfin.Target{Level: t.Level, Handle: t.Handle, Namespace: t.Namespace, Key: t.Key, Map: t.Map, RequireStarred: t.RequireStarred}
}

// noSilverfin stands in where the configuration has no Silverfin: every call
// says what is missing, so that all else works.
type noSilverfin struct{}

func (noSilverfin) missing() error {
	return problem.New(problem.ConfigInvalid, "Silverfin is not configured",
		"Set silverfin.client_id and silverfin.client_secret_file in the configuration; Silverfin gives them on request.")
}

func (n noSilverfin) destination(int64) daemon.Destination { return n }

func (n noSilverfin) Begin(context.Context, int64, string) (url, state string, err error) {
	return "", "", n.missing()
}

func (n noSilverfin) End(context.Context, string, string, int64) (ledger.Firm, []string, error) {
	return ledger.Firm{}, nil, n.missing()
}

func (n noSilverfin) Renew(context.Context, int64, time.Duration) (bool, error) {
	return false, n.missing()
}
func (n noSilverfin) TakeOver(context.Context, int64) error { return n.missing() }

func (noSilverfin) Forget(context.Context, int64) error { return nil }
func (noSilverfin) Close(context.Context) error         { return nil }
func (n noSilverfin) Companies(context.Context) ([]ledger.Company, []string, error) {
	return nil, nil, n.missing()
}

func (n noSilverfin) Company(context.Context, int64) (ledger.Company, error) {
	return ledger.Company{}, n.missing()
}

func (n noSilverfin) Locate(context.Context, ledger.Company, balance.Period) (ledger.Target, error) {
	return ledger.Target{}, n.missing()
}

func (n noSilverfin) Update(context.Context, ledger.Target, ledger.Decide) error { return n.missing() }
func (noSilverfin) Property(balance.Cell) string                                 { return "" }

// inForce gives the configuration in force, and what it made of Silverfin.
func (n *node) inForce() (*config.Config, silverfinSide) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.cfg, n.silverfin
}

// quietLog is the log of a command that shows its answer itself: only what is
// wrong, unless the configuration asks for more.
func (app *App) quietLog(cfg *config.Config) zerolog.Logger {
	if cfg.Log.Level == "info" {
		return app.log(cfg).Level(zerolog.ErrorLevel)
	}
	return app.log(cfg)
}

// person names who acts, for the history: the account on this server. Behind
// sudo that is who called it, "jan (root)": each administrator is root there.
func person() string {
	u, err := user.Current()
	if err != nil {
		return "a person on this server"
	}
	return personAs(u.Username, os.Geteuid() == 0, os.Getenv, loginAccount)
}

// personAs is person for an account. login gives the account that the session
// began with, empty where that is not known.
func personAs(account string, root bool, env func(string) string, login func() string) string {
	if !root {
		return account
	}
	who := clean(cmp.Or(env("SUDO_USER"), env("DOAS_USER"), login()))
	if letters := []rune(who); len(letters) > maxAccount {
		who = string(letters[:maxAccount])
	}
	if who == "" || who == account {
		return account
	}
	return who + " (" + account + ")"
}

// maxAccount bounds the name of an account, in characters, as Linux does for
// those that it makes.
const maxAccount = 32

// loginAccount is the account that signed in to this session, by what the
// kernel keeps for its audit: it stays the same through su and sudo.
func loginAccount() string {
	text, err := os.ReadFile("/proc/self/loginuid")
	if err != nil {
		return ""
	}
	u, err := user.LookupId(strings.TrimSpace(string(text)))
	if err != nil {
		return "" // none has signed in: it is 4294967295 for a service
	}
	return u.Username
}

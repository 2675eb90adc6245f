package daemon

import (
	"context"
	"sync"
	"time"

	"balansd/ledger"
	"balansd/mapping"
	"balansd/problem"

	"github.com/rs/zerolog"
)

// Config is all that a Daemon needs.
type Config struct {
	Store Store
	// Scratch copies the state for a dry run, as it is now: what is changed in
	// the copy changes nothing else, and is lost when discard is called.
	Scratch func(ctx context.Context) (copied Store, discard func(), err error)
	// Uploads keeps what people hand in until they confirm it; nil for no uploads.
	Uploads UploadFiles
	// Source opens the source of a connection, except for uploads.
	Source func(c ledger.Connection) (Source, error)
	// DrySource opens it for a dry run, such that nothing is remembered; nil is
	// Source.
	DrySource func(c ledger.Connection) (Source, error)
	// TestSource opens it for a test, which waits for nothing; nil is Source.
	TestSource func(c ledger.Connection) (Source, error)
	// Catalogue lists the sources that a person can add.
	Catalogue []ledger.CatalogueEntry
	// Complete fills in what follows from the settings of a folder that a person adds.
	// It returns a problem if the folder cannot be used beside the other connections.
	Complete func(c ledger.Connection, others []ledger.Connection) (ledger.Connection, error)
	// Destination returns the destination of a linked firm.
	Destination func(firmID int64) Destination
	Linker      Linker
	// Mappings are the mappings to Silverfin that the configuration names.
	Mappings mapping.Configured
	// Folders are the folder sources of the configuration.
	Folders []ledger.Connection
	// Links are the dossier links of the configuration.
	Links    []ledger.DossierLink
	Schedule Schedule
	// Deadline ends a run that takes longer; 0 for no deadline.
	Deadline time.Duration
	// Backup has a copy of the state made before each nightly run.
	Backup bool
	// Retention says what the nightly run deletes of old entries.
	Retention ledger.Retention
	// Administration says where names and addresses of clients come from.
	Administration AdministrationConfig
	// Built is when this program was made. A clock that shows an earlier time
	// is wrong. Zero when it is not known.
	Built time.Time
	// Reader reads the documents; nil is one that knows what balansd knows by
	// itself, and reads all in this process.
	Reader DocumentReader
	// FollowArchived has what was delivered to a company that is archived or gone
	// delivered to the one with the same enterprise number as well, without asking.
	FollowArchived bool
	// HoldOnFindings makes a balance with findings wait until a person releases it.
	HoldOnFindings bool
	// StoreDocuments has the document of each balance that is delivered stored with its
	// company in Silverfin, once a revision.
	StoreDocuments bool
	// AppLink is the address that the app link in each firm leads to; empty for none.
	AppLink string
	// Notifier tells people what needs them; nil for nobody.
	Notifier Notifier
	// TryFinbox asks Finbox for a new token; nil where Finbox is not configured.
	TryFinbox func(ctx context.Context) error
	// Host looks at the certificates, disks and backups of the server; nil for none.
	Host func() HostStatus
	// Workers is how many dossiers are worked on at once.
	Workers   int
	Now       func() time.Time // time.Now when nil
	Version   string
	StateFile string // for people to see
	Layout    int    // of the state file, for a newer version to see
	Log       zerolog.Logger
}

// Daemon does the work: it is the API, and it runs the nights.
type Daemon struct {
	runs           activeRuns
	companies      knownCompanies
	adding         sync.Mutex // held while a new connection is checked and saved
	scheduler      scheduler
	dossierIndex   dossierIndex
	needingEntries needingEntries
	uploads        uploads
	administration administrationData
	state          stateCheck
	pages          pagesReport
	linking        sync.Mutex // is held from checking links to saving them

	mu      sync.Mutex
	cfg     Config
	running bool // Run was called
	since   time.Time
}

// config returns the configuration in force.
func (d *Daemon) config() Config {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cfg
}

// Reconfigure puts another configuration in force, once the run under way is
// over. Store, Now and Version must be the same. Between the two settle is
// called, which ends what the old configuration has under way; its error leaves
// the old one in force.
func (d *Daemon) Reconfigure(ctx context.Context, cfg Config, settle func(context.Context) error) error {
	release, err := d.runs.exclude(ctx, "the wait for its end was broken off")
	if err != nil {
		return problem.Wrap(ctx.Err(), problem.Stopped, problem.Of(err).What,
			"The configuration in force stays as it is; a restart of balansd reads it anew, too.")
	}
	defer release()
	if err := settle(ctx); err != nil {
		return err
	}
	d.mu.Lock()
	before := d.cfg
	d.cfg = d.complete(cfg)
	d.mu.Unlock()
	if err := d.Prepare(ctx); err != nil {
		d.mu.Lock()
		d.cfg = before
		d.mu.Unlock()
		return err
	}
	d.logNextNight(ctx)
	return nil
}

var _ API = (*Daemon)(nil)

// New makes a Daemon. It does not touch the state yet.
func New(cfg Config) *Daemon {
	d := &Daemon{}
	d.cfg = d.complete(cfg)
	d.since = d.cfg.Now()
	return d
}

// complete sets defaults, and wraps the store so that the dossier index follows
// changes.
func (d *Daemon) complete(cfg Config) Config {
	cfg.Store = indexedStore{cfg.Store, &d.dossierIndex}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.Workers = max(cfg.Workers, 1)
	return cfg
}

// Prepare brings the connections and links of the configuration into the
// state, all or none: new folder sources are added, those that the configuration
// no longer names are removed. It does so even when ctx ends meanwhile.
func (d *Daemon) Prepare(ctx context.Context) error {
	d.removeOldUploads()
	ctx, cfg := context.WithoutCancel(ctx), d.config()
	known, err := cfg.Store.Connections(ctx)
	if err != nil {
		return err
	}
	stored := map[string]ledger.Connection{}
	for _, c := range known {
		stored[c.ID] = c
	}
	var changed []ledger.Connection
	for _, f := range cfg.Folders {
		before, known := stored[f.ID]
		delete(stored, f.ID)
		c, changes := folderNow(f, before, known)
		if !changes {
			continue
		}
		if known && c.ActivatedAt.Before(before.ActivatedAt) {
			if err := d.recall(ctx, c); err != nil {
				return err
			}
		}
		changed = append(changed, c)
	}
	for _, c := range stored {
		if c.Configured() && c.Status != ledger.Removed {
			c.Status = ledger.Removed
			changed = append(changed, c)
		}
	}
	return d.configure(ctx, changed, cfg.Links)
}

// folderNow returns a folder source of the configuration as it is to be stored, and
// whether that differs from how it is.
func folderNow(f, stored ledger.Connection, known bool) (c ledger.Connection, changes bool) {
	if known && stored.Status != ledger.Removed && stored.Name == f.Name && stored.ActivatedAt.Equal(f.ActivatedAt) && stored.Configured() {
		return stored, false
	}
	c = stored
	if !known {
		c = f
	}
	if !known || c.Status == ledger.Removed {
		c.Status = ledger.Active
	}
	// One that a person added goes over into the configuration.
	c.Name, c.ActivatedAt, c.Source, c.Settings = f.Name, f.ActivatedAt, "", nil
	return c, true
}

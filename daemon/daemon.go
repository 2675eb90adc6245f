package daemon

import (
	"context"
	"slices"
	"sync"
	"time"

	"balansd/ledger"
	"balansd/problem"

	"github.com/rs/zerolog"
)

// Config is all that a Daemon needs.
type Config struct {
	Keeper Keeper
	// Source opens the source of a connection.
	Source func(c ledger.Connection) (Source, error)
	// Destination gives the destination of a linked firm.
	Destination func(firmID int64) Destination
	Linker      Linker
	// Folders are the folder sources of the configuration.
	Folders []ledger.Connection
	// Links are the dossier links of the configuration.
	Links []ledger.Linked
	Night Night
	// Deadline ends a pass that takes longer; 0 for no deadline.
	Deadline time.Duration
	// Workers is how many dossiers are worked on at once.
	Workers   int
	Now       func() time.Time // time.Now when nil
	Version   string
	StateFile string // for people to see
	Log       zerolog.Logger
}

// Daemon does the work: it is the API, and it runs the nights.
type Daemon struct {
	cfg Config

	// passing is held while a pass runs: one at a time.
	passing sync.Mutex

	mu      sync.Mutex
	current *ledger.Pass // the pass under way
	running bool         // Run was called
	since   time.Time
}

var _ API = (*Daemon)(nil)

// New makes a Daemon. It does not touch the state yet.
func New(cfg Config) *Daemon {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Workers < 1 {
		cfg.Workers = 1
	}
	return &Daemon{cfg: cfg, since: cfg.Now()}
}

// Prepare brings the connections and links of the configuration into the
// state: new folder sources are added, those that the configuration no longer
// names are removed.
func (d *Daemon) Prepare(ctx context.Context) error {
	known, err := d.cfg.Keeper.Connections(ctx)
	if err != nil {
		return err
	}
	stored := map[string]ledger.Connection{}
	for _, c := range known {
		stored[c.ID] = c
	}
	for _, f := range d.cfg.Folders {
		if err := d.prepareFolder(ctx, f, stored); err != nil {
			return err
		}
		delete(stored, f.ID)
	}
	for _, c := range stored {
		if c.Kind != ledger.Folder || c.Status == ledger.Removed {
			continue
		}
		c.Status = ledger.Removed
		if err := d.cfg.Keeper.SaveConnection(ctx, c); err != nil {
			return err
		}
	}
	links := slices.Clone(d.cfg.Links)
	for i := range links {
		links[i].Configured = true
	}
	return d.cfg.Keeper.SetLinks(ctx, links)
}

// prepareFolder adds a folder source, or brings the stored one up to date.
func (d *Daemon) prepareFolder(ctx context.Context, f ledger.Connection, stored map[string]ledger.Connection) error {
	c, known := stored[f.ID]
	if known && c.Status != ledger.Removed && c.Name == f.Name && c.ActivatedAt.Equal(f.ActivatedAt) {
		return nil
	}
	earlier := known && f.ActivatedAt.Before(c.ActivatedAt)
	switch {
	case !known:
		c = f
		c.Status = ledger.Active
	case c.Status == ledger.Removed:
		c.Status = ledger.Active
	}
	c.Name, c.ActivatedAt = f.Name, f.ActivatedAt
	if err := d.cfg.Keeper.SaveConnection(ctx, c); err != nil || !earlier {
		return err
	}
	return d.recall(ctx, c)
}

// tick is how often the wall clock is looked at. Timers stop in a sleeping
// machine, and jump with nothing when the clock is set: only a comparison of
// wall clocks is sure.
const tick = 20 * time.Second

// Run wakes each night until ctx ends. It returns nil then, after the pass
// under way, if any, was stopped and recorded.
func (d *Daemon) Run(ctx context.Context) error {
	d.mu.Lock()
	d.running, d.since = true, d.cfg.Now()
	d.mu.Unlock()
	d.announce(ctx)
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		d.nightIfDue(ctx)
		select {
		case <-ctx.Done():
			d.passing.Lock() // a pass by hand ends with its own caller's context or with ours
			defer d.passing.Unlock()
			return nil
		case <-t.C:
		}
	}
}

// nightIfDue runs the nightly pass when it is due. Whatever goes wrong is said
// in the log and in the pass; the next tick tries again unless the night was
// begun.
func (d *Daemon) nightIfDue(ctx context.Context) {
	ran, err := d.RunNight(ctx)
	switch {
	case ctx.Err() != nil:
		return
	case problem.Is(err, problem.Busy), problem.Is(err, problem.Conflict):
		d.cfg.Log.Debug().Err(err).Msg("the night does not begin now")
		return
	case err != nil:
		d.cfg.Log.Error().Err(err).Msg("the night did not go through")
	}
	if ran {
		d.announce(ctx)
	}
}

// RunNight runs the nightly pass if one is due now, as Run does at each tick.
// It tells whether one was due.
func (d *Daemon) RunNight(ctx context.Context) (ran bool, err error) {
	last, err := d.cfg.Keeper.LastNight(ctx)
	if err != nil {
		return false, err
	}
	created, err := d.cfg.Keeper.Created(ctx)
	if err != nil {
		return false, err
	}
	night, catchUp, due := d.cfg.Night.Due(d.cfg.Now(), last, created)
	if !due {
		return false, nil
	}
	trigger := ledger.Nightly
	if catchUp {
		trigger = ledger.CatchUp
		d.cfg.Log.Warn().Stringer("night", night).Msg("the night was missed, catching up")
	}
	_, err = d.pass(ctx, ledger.Pass{Trigger: trigger, Night: night}, SyncRequest{}, nil)
	return true, err
}

// announce says in the log when the next night is.
func (d *Daemon) announce(ctx context.Context) {
	last, err := d.cfg.Keeper.LastNight(ctx)
	if err == nil && ctx.Err() == nil {
		d.cfg.Log.Info().Time("next_wake", d.cfg.Night.Next(d.cfg.Now(), last)).Msg("next night")
	}
}

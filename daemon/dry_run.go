package daemon

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"

	"balansd/administration"
	"balansd/balance"
	"balansd/ledger"
	"balansd/mapping"
)

// dryRun returns the configuration of a dry run: the same run, on a scratch copy
// of the state and on destinations that cannot write. discard removes the copy.
func dryRun(ctx context.Context, cfg Config) (_ Config, discard func(), err error) {
	if cfg.Scratch == nil {
		return cfg, nil, errors.New("no scratch copy of the state can be made, so there is no dry run")
	}
	scratch, discard, err := cfg.Scratch(ctx)
	if err != nil {
		return cfg, nil, err
	}
	cfg.Store = scratchStore{scratch}
	cfg.Destination = readOnly(cfg.Destination)
	if cfg.DrySource != nil {
		cfg.Source = cfg.DrySource
	}
	return cfg, discard, nil
}

// scratchStore is a scratch copy of the state. A dry run is not among the runs,
// and has no number.
type scratchStore struct{ Store }

func (s scratchStore) BeginRun(_ context.Context, r ledger.Run) (ledger.Run, error) { return r, nil }

func (s scratchStore) EndRun(context.Context, ledger.Run) error { return nil }

// readOnly returns destinations that read through the given ones and cannot write.
// There is one for each firm, which remembers what would have been written.
func readOnly(destination func(int64) Destination) func(int64) Destination {
	var mu sync.Mutex
	firms := map[int64]*readOnlyDestination{}
	return func(firmID int64) Destination {
		mu.Lock()
		defer mu.Unlock()
		if firms[firmID] == nil {
			firms[firmID] = &readOnlyDestination{inner: destination(firmID), would: map[string]ledger.Figures{}}
		}
		return firms[firmID]
	}
}

// readOnlyDestination reads from inner and only simulates writes. It does not embed
// its Destination, so that a new method does not write unnoticed.
type readOnlyDestination struct {
	inner Destination
	mu    sync.Mutex
	would map[string]ledger.Figures // that would have been written, by target
}

func (d *readOnlyDestination) Company(ctx context.Context, id int64) (ledger.Company, error) {
	return d.inner.Company(ctx, id)
}

func (d *readOnlyDestination) Companies(ctx context.Context) ([]ledger.Company, []string, error) {
	return d.inner.Companies(ctx)
}

func (d *readOnlyDestination) Locate(ctx context.Context, c ledger.Company, year balance.Period, to mapping.Target) (ledger.Target, error) {
	return d.inner.Locate(ctx, c, year, to)
}

func (d *readOnlyDestination) Reconciliations(ctx context.Context, t ledger.Target) ([]mapping.Reconciliation, error) {
	return d.inner.Reconciliations(ctx, t)
}

func (d *readOnlyDestination) Results(ctx context.Context, t ledger.Target, reconciliationID int64) (map[string]string, error) {
	return d.inner.Results(ctx, t, reconciliationID)
}

// StoreDocument stores nothing.
func (d *readOnlyDestination) StoreDocument(context.Context, int64, string, []byte) (int64, error) {
	return 0, errors.New("a dry run stores no document")
}

// AppLinks lists the links.
func (d *readOnlyDestination) AppLinks(ctx context.Context) ([]ledger.AppLink, error) {
	return d.inner.AppLinks(ctx)
}

// AddAppLink makes nothing.
func (d *readOnlyDestination) AddAppLink(context.Context, string) (int64, error) {
	return 0, errors.New("a dry run makes no app link")
}

// RemoveAppLink deletes nothing.
func (d *readOnlyDestination) RemoveAppLink(context.Context, int64) error {
	return errors.New("a dry run deletes no app link")
}

// UpdateCompany changes nothing.
func (d *readOnlyDestination) UpdateCompany(context.Context, int64, func(ledger.CompanyReading) (ledger.CompanyDetails, error)) error {
	return errors.New("a dry run changes no company")
}

// People lists the directors.
func (d *readOnlyDestination) People(ctx context.Context, companyID int64) ([]administration.Person, bool, error) {
	return d.inner.People(ctx, companyID)
}

// Templates lists the templates.
func (d *readOnlyDestination) Templates(ctx context.Context) ([]mapping.Template, error) {
	return d.inner.Templates(ctx)
}

// Filled reads a period.
func (d *readOnlyDestination) Filled(ctx context.Context, c ledger.Company, year balance.Period, tie *ledger.PeriodTie) (mapping.Filled, ledger.Target, error) {
	return d.inner.Filled(ctx, c, year, tie)
}

func (d *readOnlyDestination) Throttle() ledger.Throttle { return d.inner.Throttle() }

func (d *readOnlyDestination) LocateTied(ctx context.Context, c ledger.Company, tie ledger.PeriodTie, to mapping.Target) (ledger.Target, error) {
	return d.inner.LocateTied(ctx, c, tie, to)
}

func (d *readOnlyDestination) Periods(ctx context.Context, c ledger.Company) ([]ledger.CompanyPeriod, error) {
	return d.inner.Periods(ctx, c)
}

// Update reads the target once, and has decide see its figures as they would be
// after the writes so far.
func (d *readOnlyDestination) Update(ctx context.Context, t ledger.Target, to mapping.Target, decide ledger.Decide) error {
	return d.inner.Update(ctx, t, to, func(r ledger.Reading) (ledger.Figures, error) {
		have := d.wouldHold(t, r.Have, nil)
		write, err := decide(ledger.Reading{Have: have})
		if len(write) > 0 && err == nil {
			_, err = decide(ledger.Reading{Have: d.wouldHold(t, have, write), Accepted: write})
		}
		return nil, err
	})
}

// wouldHold returns what the target would hold after another write.
func (d *readOnlyDestination) wouldHold(t ledger.Target, have, write ledger.Figures) ledger.Figures {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.would[t.Key()] == nil {
		d.would[t.Key()] = ledger.Figures{}
	}
	maps.Copy(d.would[t.Key()], write)
	have = maps.Clone(have)
	maps.Copy(have, d.would[t.Key()])
	return have
}

// would says in one sentence what a real run does, or this run did, with an
// entry.
func would(d *delivery) string {
	e := d.entry
	switch e.State {
	case ledger.Done:
		switch {
		case d.wrote > 0:
			return fmt.Sprintf("write %s to %s, period %s", figures(d.wrote), e.Target.CompanyName, e.Target.PeriodEnd)
		case e.Successor != nil:
			return "ask a person: " + e.Detail
		case d.unchecked != "":
			return "leave it done; it could not be compared again: " + d.unchecked
		case d.before.State == ledger.Done:
			return "nothing: Silverfin still holds the figures"
		default:
			return "mark it done: Silverfin already holds the figures"
		}
	case ledger.Waiting:
		return "wait: " + e.Detail
	case ledger.Differs:
		return "ask a person: " + e.Detail
	case ledger.Failed:
		return "fail: " + e.Detail
	case ledger.Superseded:
		return "set it aside: a newer balance of the same year takes its place"
	default:
		return "leave it as it is"
	}
}

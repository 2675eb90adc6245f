package daemon

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"balansd/balance"
	"balansd/ledger"
)

// dryRun makes a configuration that cannot write: not to the ledger, and not
// to Silverfin. The pass itself is the same; what it would have changed is
// remembered here, so that it sees its own steps.
func dryRun(cfg Config) Config {
	k := &dryStore{Store: cfg.Store, entries: map[uint64]ledger.Entry{}, written: map[string]ledger.Written{}, next: 1 << 62}
	real := cfg.Destination
	var mu sync.Mutex
	destinations := map[int64]*dryDestination{}
	cfg.Store = k
	cfg.Destination = func(firmID int64) Destination {
		mu.Lock()
		defer mu.Unlock()
		if destinations[firmID] == nil {
			destinations[firmID] = &dryDestination{inner: real(firmID), would: map[string]ledger.Figures{}}
		}
		return destinations[firmID]
	}
	return cfg
}

// dryDestination reads for real and only pretends to write.
type dryDestination struct {
	inner Destination
	mu    sync.Mutex
	would map[string]ledger.Figures
}

func (d *dryDestination) Company(ctx context.Context, id int64) (ledger.Company, error) {
	return d.inner.Company(ctx, id)
}

func (d *dryDestination) Companies(ctx context.Context) ([]ledger.Company, []string, error) {
	return d.inner.Companies(ctx)
}

func (d *dryDestination) Locate(ctx context.Context, c ledger.Company, year balance.Period) (ledger.Target, error) {
	return d.inner.Locate(ctx, c, year)
}

func (d *dryDestination) Property(c balance.Cell) string { return d.inner.Property(c) }

// Update reads once, and then remembers what would have been written.
func (d *dryDestination) Update(ctx context.Context, p ledger.Target, decide ledger.Decide) error {
	return d.inner.Update(ctx, p, func(r ledger.Reading) (ledger.Figures, error) {
		have := d.pretend(p, r.Have, nil)
		write, err := decide(ledger.Reading{Have: have})
		if len(write) > 0 && err == nil {
			_, err = decide(ledger.Reading{Have: d.pretend(p, have, write), Accepted: write})
		}
		return nil, err
	})
}

// pretend gives what the place would hold, with what would be written now.
func (d *dryDestination) pretend(p ledger.Target, have, write ledger.Figures) ledger.Figures {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.would[p.Key()] == nil {
		d.would[p.Key()] = ledger.Figures{}
	}
	maps.Copy(d.would[p.Key()], write)
	have = maps.Clone(have)
	maps.Copy(have, d.would[p.Key()])
	return have
}

// dryStore reads the state and keeps changes to itself.
type dryStore struct {
	Store
	mu      sync.Mutex
	entries map[uint64]ledger.Entry
	order   []uint64 // numbers of the entries found in this run
	opened  []uint64 // numbers of stored entries that this run opened
	written map[string]ledger.Written
	next    uint64
}

var errDry = errors.New("a dry run changes nothing")

func (k *dryStore) SaveConnection(context.Context, ledger.Connection) error { return nil }
func (k *dryStore) SaveFirm(context.Context, ledger.Firm) error             { return nil }
func (k *dryStore) RemoveFirm(context.Context, int64) error                 { return errDry }
func (k *dryStore) SaveLink(context.Context, ledger.DossierLink) error      { return nil }
func (k *dryStore) Configure(context.Context, []ledger.Connection, []ledger.DossierLink) error {
	return errDry
}
func (k *dryStore) EndRun(context.Context, ledger.Run) error { return nil }

func (k *dryStore) Backup(context.Context) (ledger.Backup, error)           { return ledger.Backup{}, errDry }
func (k *dryStore) Alive(context.Context, time.Time) error                  { return nil }
func (k *dryStore) Since(context.Context, time.Time) (time.Time, error)     { return time.Time{}, errDry }
func (k *dryStore) NoteMissed(context.Context, ...ledger.MissedNight) error { return nil }
func (k *dryStore) Prune(context.Context, ledger.Retention, time.Time) (ledger.Pruned, error) {
	return ledger.Pruned{}, nil
}

func (k *dryStore) UpdateConnection(context.Context, string, func(*ledger.Connection)) error {
	return nil
}

func (k *dryStore) UpdateFirm(ctx context.Context, id int64, change func(*ledger.Firm)) error {
	firms, err := k.Firms(ctx)
	for _, f := range firms {
		if f.ID == id {
			change(&f)
		}
	}
	return err
}

func (k *dryStore) BeginRun(_ context.Context, p ledger.Run) (ledger.Run, error) {
	return p, nil
}

// Record asks the state what it would record, and remembers it here.
func (k *dryStore) Record(ctx context.Context, c ledger.Connection, found []ledger.Entry) ([]ledger.Entry, error) {
	added, changed, err := k.WouldRecord(ctx, c, found)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, e := range changed {
		k.entries[e.Number] = e
	}
	fresh := make([]ledger.Entry, 0, len(added))
	for _, e := range added {
		if slices.ContainsFunc(k.order, func(n uint64) bool {
			o := k.entries[n]
			return o.Connection == e.Connection && o.ID == e.ID && o.Revision == e.Revision
		}) {
			continue // listed on an earlier page of this run
		}
		e.Number, e.Version = k.next, 1
		k.next++
		k.entries[e.Number] = e
		k.order = append(k.order, e.Number)
		fresh = append(fresh, e)
	}
	return fresh, nil
}

func (k *dryStore) Move(ctx context.Context, steps ...ledger.Step) ([]ledger.Entry, error) {
	moved := make([]ledger.Entry, 0, len(steps))
	for _, s := range steps {
		before, err := k.Entry(ctx, s.Entry.Number)
		if err != nil {
			return nil, err
		}
		k.mu.Lock()
		if s.Entry.Open() && !before.Open() {
			k.opened = append(k.opened, s.Entry.Number)
		}
		s.Entry.Version++
		k.entries[s.Entry.Number] = s.Entry
		if s.Written != nil && s.Entry.Target != nil {
			w := *s.Written
			w.Version++
			k.written[s.Entry.Target.Key()] = w
		}
		k.mu.Unlock()
		moved = append(moved, s.Entry)
	}
	return moved, nil
}

func (k *dryStore) Written(ctx context.Context, p ledger.Target) (ledger.Written, error) {
	k.mu.Lock()
	w, ok := k.written[p.Key()]
	k.mu.Unlock()
	if ok {
		return w, nil
	}
	return k.Store.Written(ctx, p)
}

func (k *dryStore) Entry(ctx context.Context, number uint64) (ledger.Entry, error) {
	k.mu.Lock()
	e, ok := k.entries[number]
	k.mu.Unlock()
	if ok {
		return e, nil
	}
	return k.Store.Entry(ctx, number)
}

func (k *dryStore) Siblings(ctx context.Context, e ledger.Entry) ([]ledger.Entry, error) {
	siblings, err := k.Store.Siblings(ctx, e)
	return k.now(siblings, func(o ledger.Entry) bool { return o.Number != e.Number && o.SiblingOf(e) }), err
}

func (k *dryStore) SameID(ctx context.Context, e ledger.Entry) ([]ledger.Entry, error) {
	others, err := k.Store.SameID(ctx, e)
	return k.now(others, func(o ledger.Entry) bool {
		return o.Number != e.Number && o.Connection == e.Connection && o.ID == e.ID
	}), err
}

// now gives entries as this run left them, and those that it found and that
// match.
func (k *dryStore) now(stored []ledger.Entry, match func(ledger.Entry) bool) []ledger.Entry {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, s := range stored {
		if o, ok := k.entries[s.Number]; ok {
			stored[i] = o
		}
	}
	for _, n := range k.order {
		if o := k.entries[n]; match(o) {
			stored = append(stored, o)
		}
	}
	return stored
}

// Open walks the ledger's open entries, then those that this run found.
func (k *dryStore) Open(ctx context.Context) iter.Seq2[ledger.Entry, error] {
	return k.with(k.Store.Open(ctx), func(ledger.Entry) bool { return true })
}

// Entries walks what the query selects, and what this run found of it.
func (k *dryStore) Entries(ctx context.Context, q ledger.Query) iter.Seq2[ledger.Entry, error] {
	return k.with(k.Store.Entries(ctx, q), q.Matches)
}

func (k *dryStore) with(stored iter.Seq2[ledger.Entry, error], match func(ledger.Entry) bool) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		for e, err := range stored {
			if !yield(e, err) {
				return
			}
		}
		k.mu.Lock()
		found := make([]ledger.Entry, 0, len(k.order)+len(k.opened))
		for _, n := range append(slices.Clone(k.opened), k.order...) {
			found = append(found, k.entries[n])
		}
		k.mu.Unlock()
		for _, e := range found {
			if (e.Open() || e.State == ledger.Ignored) && match(e) && !yield(e, nil) {
				return
			}
		}
	}
}

// would says in one sentence what a real pass does, or this pass did, with an
// entry.
func would(j *job) string {
	e := j.entry
	switch e.State {
	case ledger.Done:
		switch {
		case j.wrote > 0:
			return fmt.Sprintf("write %s to %s, period %s", figures(j.wrote), e.Target.CompanyName, e.Target.PeriodEnd)
		case j.blind != "":
			return "leave it done; it could not be looked at again: " + j.blind
		case j.before.State == ledger.Done:
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

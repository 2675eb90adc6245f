package daemon

import (
	"context"
	"fmt"
	"iter"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
)

// statusList bounds how many entries Status lists.
const statusList = 100

// missedList bounds how many missed nights Status lists.
const missedList = 7

// recentPasses is how far back Status looks for the last night.
const recentPasses = 100

// Status tells how everything stands.
func (d *Daemon) Status(ctx context.Context) (Status, error) {
	k := d.config().Store
	s := Status{Version: d.config().Version, StateFile: d.config().StateFile, Layout: d.config().Layout}
	d.mu.Lock()
	if s.Running = d.running; s.Running {
		s.Since = d.since
	}
	if d.current != nil {
		now := *d.current
		s.Run = &now
	}
	d.mu.Unlock()
	var err error
	if s.Connections, err = k.Connections(ctx); err != nil {
		return s, err
	}
	if s.Firms, err = k.Firms(ctx); err != nil {
		return s, err
	}
	if s.Counts, err = k.Counts(ctx); err != nil {
		return s, err
	}
	last, err := k.LastNight(ctx)
	if err != nil {
		return s, err
	}
	if s.Running {
		s.NextWake = d.config().Night.Next(d.config().Now(), last)
	}
	if err := d.lastPasses(ctx, &s); err != nil {
		return s, err
	}
	if s.Missed, err = k.Missed(ctx, d.today(), missedList); err != nil {
		return s, err
	}
	d.watch.mu.Lock()
	s.Clock, s.Again = d.watch.clock, d.watch.again
	d.watch.mu.Unlock()
	s.State = d.stateProblems(ctx, s.Running)
	q := ledger.Query{States: []ledger.State{ledger.Differs, ledger.Failed, ledger.Waiting}, Limit: statusList}
	for e, err := range k.Entries(ctx, q) {
		if err != nil {
			return s, err
		}
		s.Waiting = append(s.Waiting, e)
	}
	return s, nil
}

func (d *Daemon) lastPasses(ctx context.Context, s *Status) error {
	passes, err := d.config().Store.Runs(ctx, recentPasses)
	if err != nil {
		return err
	}
	for i, p := range passes {
		if s.Run != nil && p.Number == s.Run.Number {
			continue
		}
		if s.LastRun == nil {
			s.LastRun = &passes[i]
		}
		if s.LastNight == nil && !p.Night.IsZero() {
			s.LastNight = &passes[i]
		}
	}
	return nil
}

// today is the local date. A clock that was ahead for a while may have left
// missed nights behind it.
func (d *Daemon) today() balance.Date {
	cfg := d.config()
	return balance.DateOf(cfg.Now().In(cfg.Night.zone()))
}

// Backup makes a copy of the state.
func (d *Daemon) Backup(ctx context.Context, by string) (ledger.Backup, error) {
	b, err := d.config().Store.Backup(ctx)
	if err != nil {
		return b, err
	}
	d.notice(d.log().Info(), problem.BackupMade).Str("by", by).Str("file", b.File).Int64("bytes", b.Size).Msg("backup made")
	return b, nil
}

// History tells of the newest passes and missed nights.
func (d *Daemon) History(ctx context.Context, limit int) (h History, err error) {
	k := d.config().Store
	if h.Runs, err = k.Runs(ctx, limit); err != nil {
		return h, err
	}
	h.Missed, err = k.Missed(ctx, d.today(), limit)
	return h, err
}

// Document gives the document of an entry as it came.
func (d *Daemon) Document(ctx context.Context, number uint64) (Document, error) {
	k := d.config().Store
	e, err := k.Entry(ctx, number)
	if err != nil {
		return Document{}, err
	}
	data, err := k.Document(ctx, number)
	if err != nil {
		return Document{}, err
	}
	if data == nil {
		return Document{}, problem.New(problem.NotFound, fmt.Sprintf("no document is kept with entry %d", number),
			"It was never fetched, or it is older than the configuration keeps documents.")
	}
	return Document{Name: e.ID, Data: data}, nil
}

// Entries walks the ledger, newest first.
func (d *Daemon) Entries(ctx context.Context, q ledger.Query) iter.Seq2[ledger.Entry, error] {
	return d.config().Store.Entries(ctx, q)
}

// Show gives everything that is known of one entry.
func (d *Daemon) Show(ctx context.Context, number uint64) (EntryDetail, error) {
	k := d.config().Store
	e, err := k.Entry(ctx, number)
	if err != nil {
		return EntryDetail{}, err
	}
	f := EntryDetail{Entry: e}
	if f.History, err = k.History(ctx, number); err != nil {
		return f, err
	}
	values, err := k.Values(ctx, number)
	if err != nil {
		return f, err
	}
	if len(values) > 0 {
		f.Values = make(map[string]string, len(values))
		for c, v := range values {
			f.Values[c.String()] = balance.Canonical(v)
		}
	}
	if e.Target != nil && e.Target.PeriodID != 0 {
		f.Written, err = k.Written(ctx, *e.Target)
	}
	return f, err
}

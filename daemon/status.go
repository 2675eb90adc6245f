package daemon

import (
	"context"
	"fmt"
	"iter"
	"time"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
)

// statusList bounds how many entries Status lists.
const statusList = 100

// missedList bounds how many missed nights Status lists.
const missedList = 7

// recentRuns is how many runs Status searches for the last night.
const recentRuns = 100

// Status returns the status of the daemon, connections, firms and ledger.
func (d *Daemon) Status(ctx context.Context) (Status, error) { return d.status(ctx, statusList) }

// status returns the status with at most so many entries, 0 for all.
func (d *Daemon) status(ctx context.Context, entries int) (Status, error) {
	store := d.config().Store
	s := Status{Version: d.config().Version, StateFile: d.config().StateFile, Layout: d.config().Layout}
	d.mu.Lock()
	if s.Running = d.running; s.Running {
		s.Since = d.since
	}
	d.mu.Unlock()
	s.Runs = d.runsUnderway()
	if len(s.Runs) > 0 {
		s.Run = &s.Runs[0].Run
	}
	var err error
	if s.Connections, err = sources(ctx, store); err != nil {
		return s, err
	}
	if s.Firms, err = store.Firms(ctx); err != nil {
		return s, err
	}
	s.Unseen = d.config().unseen(s.Firms)
	if s.Administration, err = d.administrationSources(ctx); err != nil {
		return s, err
	}
	if s.Counts, err = store.Counts(ctx); err != nil {
		return s, err
	}
	last, err := store.LastNight(ctx)
	if err != nil {
		return s, err
	}
	if s.Running {
		s.NextWake = d.config().Schedule.Next(d.config().Now(), last)
	}
	if err := d.lastRuns(ctx, &s); err != nil {
		return s, err
	}
	if s.Missed, err = store.Missed(ctx, d.today(), missedList); err != nil {
		return s, err
	}
	d.scheduler.mu.Lock()
	s.Clock, s.Again = d.scheduler.clockProblem, d.scheduler.retryAt
	d.scheduler.mu.Unlock()
	s.State, s.Pages = d.stateProblems(ctx, s.Running), d.PagesStatus()
	if host := d.config().Host; host != nil {
		found := host()
		s.Host = &found
	}
	if s.Waiting, err = d.needing(ctx, entries); err != nil {
		return s, err
	}
	var since time.Time
	if s.Running { // the command line alone may not write, as this does after a wrong clock
		if since, err = store.NightsSince(ctx, d.config().Now()); err != nil {
			return s, err
		}
	}
	if n := d.config().Notifier; n != nil {
		if s.Unsent, err = n.Unsent(ctx); err != nil {
			return s, err
		}
	}
	s.Conditions = conditionsOf(s, since, d.config().Now())
	return s, nil
}

func (d *Daemon) lastRuns(ctx context.Context, s *Status) error {
	runs, err := d.config().Store.Runs(ctx, recentRuns)
	if err != nil {
		return err
	}
	for i, r := range runs {
		if s.Run != nil && r.Number == s.Run.Number {
			continue
		}
		if s.LastRun == nil {
			s.LastRun = &runs[i]
		}
		if s.LastNight == nil && !r.Night.IsZero() {
			s.LastNight = &runs[i]
		}
	}
	last, good, err := d.config().Store.NightRuns(ctx)
	if err != nil {
		return err
	}
	if s.LastNight == nil && last.Number != 0 && (s.Run == nil || s.Run.Number != last.Number) {
		s.LastNight = &last // with many runs by hand after it
	}
	if good.Number != 0 {
		s.GoodNight = &good
	}
	return nil
}

// today is the local date. A clock that was ahead for a while may have left
// missed nights behind it.
func (d *Daemon) today() balance.Date {
	cfg := d.config()
	return balance.DateOf(cfg.Now().In(cfg.Schedule.zone()))
}

// Backup makes a copy of the state.
func (d *Daemon) Backup(ctx context.Context, r BackupRequest) (ledger.Backup, error) {
	b, err := d.config().Store.Backup(ctx)
	if err != nil {
		return b, err
	}
	d.notice(d.log().Info(), problem.BackupMade).Str("by", r.By).Str("file", b.File).Int64("bytes", b.Size).Msg("backup made")
	return b, nil
}

// backUpFirst makes a copy of the state once it holds what somebody would miss: with the
// first link, and where the daemon starts and no copy is there.
func (d *Daemon) backUpFirst(ctx context.Context, by string) {
	if !d.config().Backup {
		return
	}
	err := d.config().Store.CheckBackups(ctx)
	if err == nil {
		_, err = d.Backup(ctx, BackupRequest{By: by})
	}
	if err != nil && ctx.Err() == nil {
		d.notice(d.log().Error(), problem.BackupFailed).Err(err).Str("code", string(problem.Of(err).Code)).Msg("no backup could be made")
	}
}

// History lists the newest runs and missed nights.
func (d *Daemon) History(ctx context.Context, q HistoryQuery) (h History, err error) {
	store := d.config().Store
	if h.Runs, err = store.Runs(ctx, q.Limit); err != nil {
		return h, err
	}
	h.Missed, err = store.Missed(ctx, d.today(), q.Limit)
	return h, err
}

// Document returns the document of an entry as it came.
func (d *Daemon) Document(ctx context.Context, r EntryRequest) (Document, error) {
	store := d.config().Store
	e, err := store.Entry(ctx, r.Number)
	if err != nil {
		return Document{}, err
	}
	data, err := store.Document(ctx, r.Number)
	if err != nil {
		return Document{}, err
	}
	if data == nil {
		return Document{}, problem.New(problem.NotFound, fmt.Sprintf("no document is kept with entry %d", r.Number),
			"It was never fetched, or it is older than the configuration keeps documents.")
	}
	return Document{Name: e.ID, Data: data}, nil
}

// Entries walks the ledger, newest first.
func (d *Daemon) Entries(ctx context.Context, q ledger.Query) iter.Seq2[ledger.Entry, error] {
	return d.config().Store.Entries(ctx, q)
}

// Show returns everything that is known of one entry.
func (d *Daemon) Show(ctx context.Context, r EntryRequest) (EntryDetail, error) {
	store := d.config().Store
	e, err := store.Entry(ctx, r.Number)
	if err != nil {
		return EntryDetail{}, err
	}
	f := EntryDetail{Entry: e}
	if f.History, err = store.History(ctx, r.Number); err != nil {
		return f, err
	}
	values, err := store.Values(ctx, r.Number)
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
		if f.Written, err = store.Written(ctx, *e.Target); err != nil {
			return f, err
		}
	}
	if err := d.addNumbers(ctx, &f); err != nil {
		return f, err
	}
	return f, d.addUse(ctx, &f)
}

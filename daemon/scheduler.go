package daemon

import (
	"context"
	"fmt"
	"sync"
	"time"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"

	"github.com/rs/zerolog"
)

// tickInterval is how often the wall clock is read. Timers stop in a sleeping
// machine, and jump with nothing when the clock is set: only a comparison of
// wall clocks is sure.
const tickInterval = 20 * time.Second

// scheduler holds what the daemon knows of time while it runs.
type scheduler struct {
	mu           sync.Mutex
	lastTick     time.Time             // when the clock was read last
	lastDueCheck time.Time             // when it was last checked whether a night is due
	lastAlive    time.Time             // when it was last recorded that balansd runs
	away         []span                // when nothing ran: the machine was off, slept, or its clock was set
	retryAt      time.Time             // when a night that did not reach its services is tried again
	retries      int                   // how often it was
	night        balance.Date          // that night
	failing      string                // why the night due now could not begin
	waitedNight  balance.Date          // the night that was due during another run
	recorded     map[balance.Date]bool // missed nights that are in the state
	clockProblem string                // what is wrong with the clock; empty if nothing is
	lastSkew     time.Duration         // how far the services' clocks are ahead
	confirmedAt  time.Time             // when a service last confirmed the clock; zero for not since it last jumped
}

// Run wakes each night until ctx ends. It returns nil then, after the run
// under way, if any, was stopped and recorded.
func (d *Daemon) Run(ctx context.Context) error {
	d.Begin(ctx)
	var beside sync.WaitGroup
	defer beside.Wait()
	beside.Go(func() { d.watchClock(ctx) })
	beside.Go(func() { d.deliverNotifications(ctx) })
	beside.Go(func() {
		if err := d.putBackTrials(ctx, d.config()); err != nil && ctx.Err() == nil {
			d.log().Warn().Err(err).Str("code", string(problem.Of(err).Code)).Msg("the figures of a trial of the mapping could not be put back")
		}
	})
	beside.Go(func() {
		if err := d.checkState(ctx); problem.Is(err, problem.StateDamaged) {
			d.log().Error().Err(err).Str("code", string(problem.StateDamaged)).Str("next", problem.Of(err).Next).Msg("the state is damaged")
		}
	})
	t := time.NewTicker(tickInterval)
	defer t.Stop()
	for {
		d.checkKey(ctx)
		d.removeOldUploads()
		d.tick(ctx)
		select {
		case <-ctx.Done():
			// A run by hand ends with its own caller's context or with ours.
			if release, err := d.runs.exclude(context.WithoutCancel(ctx), ""); err == nil {
				defer release()
			}
			d.recordAlive(context.WithoutCancel(ctx), d.config().Now())
			return nil
		case <-t.C:
		}
	}
}

// Begin records since when the daemon runs and when it last did, and schedules a
// retry of the last night if that is needed. Run calls it too; who serves the status
// before Run is called calls it first.
func (d *Daemon) Begin(ctx context.Context) {
	cfg := d.config()
	now := cfg.Now()
	d.mu.Lock()
	began := d.running
	if !began {
		d.running, d.since = true, now
	}
	d.mu.Unlock()
	if began {
		return
	}
	if cfg.Host != nil && cfg.Host().Backup.IsZero() {
		d.backUpFirst(ctx, "the start")
	}
	w := &d.scheduler
	w.mu.Lock()
	defer w.mu.Unlock()
	w.recorded = map[balance.Date]bool{}
	if last, err := cfg.Store.LastAlive(ctx); err == nil && !last.IsZero() {
		w.away = append(w.away, span{last, now, "balansd did not run", ledger.NotRunning})
	}
	if r, ok := d.lastFailedRun(ctx); ok {
		w.retryAt, w.night = now, r.Night
	}
	defer d.logNextNight(ctx)
}

// lastFailedRun returns the most recent nightly run if it or its last retry could
// not reach Finbox or Silverfin.
func (d *Daemon) lastFailedRun(ctx context.Context) (night ledger.Run, is bool) {
	runs, err := d.config().Store.Runs(ctx, recentRuns)
	if err != nil {
		return night, false
	}
	decided := false
	for _, r := range runs {
		cutOff := r.Trigger == ledger.NightRetry && (r.End.IsZero() || r.Halted) && len(r.Down) == 0
		if r.DryRun || r.Trigger == ledger.ByHand || cutOff { // which say nothing about the services
			continue
		}
		if !decided {
			decided, is = true, len(r.Down) > 0
		}
		if !r.Night.IsZero() {
			return r, is
		}
	}
	return night, false
}

// tick reads the clock once and runs what is due.
func (d *Daemon) tick(ctx context.Context) {
	now := d.checkClock(ctx)
	d.scheduler.mu.Lock()
	d.scheduler.lastDueCheck = now.Round(0)
	d.scheduler.mu.Unlock()
	if d.clockIsWrong(now) {
		return
	}
	d.recordMissedRuns(ctx) // before the night that is due, after which the earlier ones do not count as missed
	d.runNightIfDue(ctx)
	d.retryNightIfDue(ctx)
}

// runNightIfDue runs the nightly run when it is due. Whatever goes wrong is said
// in the log and in the run; the next tick tries again unless the night was
// begun.
func (d *Daemon) runNightIfDue(ctx context.Context) {
	ran, err := d.RunNight(ctx)
	switch {
	case ctx.Err() != nil:
		return
	case problem.Is(err, problem.Busy), problem.Is(err, problem.Conflict):
		d.log().Debug().Err(err).Msg("the night does not begin now")
		return
	}
	why := ""
	if err != nil {
		why = problem.Of(err).What
	}
	d.scheduler.mu.Lock()
	said := d.scheduler.failing == why
	d.scheduler.failing = why
	d.scheduler.mu.Unlock()
	if err != nil && !said { // once, not at each tick
		d.logFailedNight(err)
	}
	if ran {
		d.logNextNight(ctx)
	}
}

func (d *Daemon) logFailedNight(err error) {
	d.log().Error().Err(err).Str("code", string(problem.Of(err).Code)).Msg("the nightly run failed")
}

// RunNight runs the nightly run if one is due now, as Run does at each tick. It
// reports whether one was due.
func (d *Daemon) RunNight(ctx context.Context) (ran bool, err error) {
	cfg := d.config()
	last, err := cfg.Store.LastNight(ctx)
	if err != nil {
		return false, err
	}
	since, err := cfg.Store.NightsSince(ctx, cfg.Now())
	if err != nil {
		return false, err
	}
	night, catchUp, due := cfg.Schedule.Due(cfg.Now(), last, since)
	if !due {
		return false, nil
	}
	record := ledger.Run{Trigger: ledger.Nightly, Night: night}
	if catchUp {
		record.Trigger = ledger.CatchUp
		record.Missed, record.MissedCause = d.whyMissed(ctx, night)
	}
	r, err := d.run(ctx, record, SyncRequest{}, nil)
	if problem.Is(err, problem.Busy) {
		d.scheduler.mu.Lock()
		d.scheduler.waitedNight = night
		d.scheduler.mu.Unlock()
	}
	d.scheduleRetry(ctx, r, night)
	if r.Number != 0 {
		d.report(context.WithoutCancel(ctx)) // once it is known whether it is tried again
	}
	if r.StoppedBy != "" {
		err = nil // which a person wanted
	}
	return true, err
}

// retryWaits are the waits before a night without its services is tried again;
// the last one repeats, mostTries in all.
var retryWaits = []time.Duration{5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 40 * time.Minute, time.Hour}

// maxRetries bounds how often a night is tried again: some nine hours.
const maxRetries = 12

// scheduleRetry schedules a retry of a night that did not reach its services: the
// network is often not up yet when a server starts, and services have maintenance
// windows at night.
func (d *Daemon) scheduleRetry(ctx context.Context, r ledger.Run, night balance.Date) {
	w := &d.scheduler
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(r.Down) == 0 || ctx.Err() != nil {
		if r.Number != 0 && ctx.Err() == nil {
			w.retryAt, w.retries = time.Time{}, 0
		}
		return
	}
	if w.night != night {
		w.night, w.retries = night, 0
	}
	if w.retries >= maxRetries {
		w.retryAt = time.Time{}
		d.log().Info().Stringer("night", night).Strs("down", r.Down).Msg("the night is not retried any more")
		return
	}
	wait := retryWaits[min(w.retries, len(retryWaits)-1)]
	w.retries++
	w.retryAt = d.config().Now().Add(wait)
	e := d.log().Info()
	if w.retries == 1 {
		e = d.log().Warn()
	}
	d.notice(e, problem.NightAgain).Stringer("night", night).Strs("down", r.Down).Time("again", w.retryAt).
		Msg("services could not be reached, the night is tried again")
}

// retryNightIfDue tries a night again that did not reach its services.
func (d *Daemon) retryNightIfDue(ctx context.Context) {
	w, cfg := &d.scheduler, d.config()
	now := cfg.Now()
	w.mu.Lock()
	due := !w.retryAt.IsZero() && !now.Before(w.retryAt) && cfg.Schedule.Window.Contains(now.In(cfg.Schedule.zone()))
	night := w.night
	w.mu.Unlock()
	if !due || ctx.Err() != nil {
		return
	}
	r, err := d.run(ctx, ledger.Run{Trigger: ledger.NightRetry, RetryOf: night}, SyncRequest{}, nil)
	if problem.Is(err, problem.Busy) {
		return
	}
	if err != nil && ctx.Err() == nil && r.StoppedBy == "" {
		d.logFailedNight(err)
	}
	if r.Number == 0 { // it could not even begin
		w.mu.Lock()
		w.retryAt = d.config().Now().Add(retryWaits[0])
		w.mu.Unlock()
	}
	d.scheduleRetry(ctx, r, night)
	d.report(context.WithoutCancel(ctx))
}

// recordMissedRuns records which nights were missed, and why.
func (d *Daemon) recordMissedRuns(ctx context.Context) {
	cfg := d.config()
	last, err := cfg.Store.LastNight(ctx)
	if err != nil {
		return
	}
	since, err := cfg.Store.NightsSince(ctx, cfg.Now())
	if err != nil {
		return
	}
	var fresh []ledger.MissedNight
	for _, night := range cfg.Schedule.Missed(cfg.Now(), last, since) {
		d.scheduler.mu.Lock()
		known := d.scheduler.recorded[night]
		d.scheduler.mu.Unlock()
		if !known {
			why, cause := d.whyMissed(ctx, night)
			fresh = append(fresh, ledger.MissedNight{Night: night, Why: why, Cause: cause})
		}
	}
	if len(fresh) == 0 {
		return
	}
	if err := cfg.Store.RecordMissed(ctx, fresh...); err != nil {
		return
	}
	for _, m := range fresh {
		d.scheduler.mu.Lock()
		d.scheduler.recorded[m.Night] = true
		d.scheduler.mu.Unlock()
		d.notice(cfg.Log.Warn(), problem.NightMissed).Stringer("night", m.Night).Str("why", m.Why).Msg("the night was missed")
	}
}

// whyMissed returns why a night did not begin at its time, as far as it is known.
func (d *Daemon) whyMissed(ctx context.Context, night balance.Date) (string, ledger.Cause) {
	cfg := d.config()
	wake := cfg.Schedule.Wake(night)
	show := func(t time.Time) string { return t.In(cfg.Schedule.zone()).Format("2006-01-02 15:04") }
	d.scheduler.mu.Lock()
	away, failing, waitedNight := d.scheduler.away, d.scheduler.failing, d.scheduler.waitedNight
	d.scheduler.mu.Unlock()
	for _, s := range away {
		if !wake.Before(s.from) && wake.Before(s.to) {
			return fmt.Sprintf("%s from %s to %s", s.why, show(s.from), show(s.to)), s.cause
		}
	}
	if failing != "" {
		return "it could not begin: " + failing, ledger.CouldNotBegin
	}
	runs, err := cfg.Store.Runs(ctx, recentRuns)
	for _, r := range runs {
		if err == nil && r.Start.Before(wake) && r.End.After(wake) {
			return fmt.Sprintf("another run was under way from %s to %s", show(r.Start), show(r.End)), ledger.OtherRun
		}
	}
	if waitedNight == night { // a dry run leaves no run
		return "another run was under way at " + show(wake), ledger.OtherRun
	}
	d.mu.Lock()
	since := d.since
	d.mu.Unlock()
	if wake.After(since) {
		return "the time of the night was changed after " + show(wake), ledger.CouldNotBegin
	}
	return "balansd did not run at " + show(wake), ledger.NotRunning
}

// Healthy reports whether the daemon does its work: it reads the clock, and
// its state answers. ctx bounds how long that may take.
func (d *Daemon) Healthy(ctx context.Context) error {
	cfg := d.config()
	d.scheduler.mu.Lock()
	lastDueCheck := d.scheduler.lastDueCheck
	d.scheduler.mu.Unlock()
	underway := len(d.runs.all()) > 0
	d.mu.Lock()
	running := d.running
	d.mu.Unlock()
	if quiet := cfg.Now().Round(0).Sub(lastDueCheck); running && !underway && !lastDueCheck.IsZero() && quiet > sleepGap {
		return fmt.Errorf("the clock was not read for %s", quiet.Round(time.Second))
	}
	answer := make(chan error, 1)
	go func() {
		_, err := cfg.Store.LastNight(ctx)
		answer <- err
	}()
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return fmt.Errorf("the state does not answer: %w", ctx.Err())
	}
}

// logNextNight logs when the next night is.
func (d *Daemon) logNextNight(ctx context.Context) {
	cfg := d.config()
	last, err := cfg.Store.LastNight(ctx)
	if err == nil && ctx.Err() == nil {
		cfg.Log.Info().Time("next_wake", cfg.Schedule.Next(cfg.Now(), last)).Msg("next night")
	}
}

func (d *Daemon) log() *zerolog.Logger {
	l := d.config().Log
	return &l
}

// notice makes a line one that the event log shows, too.
func (d *Daemon) notice(e *zerolog.Event, n problem.Notice) *zerolog.Event {
	return e.Uint32(problem.NoticeKey, uint32(n))
}

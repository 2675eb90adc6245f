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

// tick is how often the wall clock is looked at. Timers stop in a sleeping
// machine, and jump with nothing when the clock is set: only a comparison of
// wall clocks is sure.
const tick = 20 * time.Second

// watch is what the daemon notices of time while it runs.
type watch struct {
	mu       sync.Mutex
	looked   time.Time             // the last look at the clock
	turned   time.Time             // when it was last seen whether a night is due
	marked   time.Time             // when the state last learnt that balansd lives
	away     []span                // when nothing ran: the machine was off, slept, or its clock was set
	again    time.Time             // when a night that did not reach its services is tried again
	tries    int                   // how often it was
	night    balance.Date          // that night
	failing  string                // why the night due now could not begin
	waited   balance.Date          // the night that was due while another pass ran
	noted    map[balance.Date]bool // missed nights that the state knows
	clock    string                // what is wrong with the clock; empty when well
	lastSkew time.Duration         // how far the services' clocks are ahead
	right    time.Time             // when a service last confirmed the clock; zero for not since it last jumped
}

// Run wakes each night until ctx ends. It returns nil then, after the pass
// under way, if any, was stopped and recorded.
func (d *Daemon) Run(ctx context.Context) error {
	d.Begin(ctx)
	var beside sync.WaitGroup
	defer beside.Wait()
	beside.Go(func() { d.watchClock(ctx) })
	beside.Go(func() {
		if err := d.checkState(ctx); problem.Is(err, problem.StateDamaged) {
			d.log().Error().Err(err).Str("code", string(problem.StateDamaged)).Str("next", problem.Of(err).Next).Msg("the state is damaged")
		}
	})
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		d.checkKey(ctx)
		d.look(ctx)
		select {
		case <-ctx.Done():
			d.passing.Lock() // a pass by hand ends with its own caller's context or with ours
			defer d.passing.Unlock()
			d.alive(context.WithoutCancel(ctx), d.config().Now())
			return nil
		case <-t.C:
		}
	}
}

// Begin notes since when the daemon runs, when it last did, and whether the last
// night is to be tried again. Run does it too; whoever lets people ask for the
// status does it before.
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
	w := &d.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	w.noted = map[balance.Date]bool{}
	if last, err := cfg.Store.LastAlive(ctx); err == nil && !last.IsZero() {
		w.away = append(w.away, span{last, now, "balansd did not run", ledger.NotRunning})
	}
	if p, ok := d.unreached(ctx); ok {
		w.again, w.night = now, p.Night
	}
	defer d.announce(ctx)
}

// unreached gives the newest nightly pass when it, or the last try after it,
// did not reach its services.
func (d *Daemon) unreached(ctx context.Context) (night ledger.Run, is bool) {
	passes, err := d.config().Store.Runs(ctx, recentPasses)
	if err != nil {
		return night, false
	}
	decided := false
	for _, p := range passes {
		cutOff := p.Trigger == ledger.Again && (p.End.IsZero() || p.Halted) && len(p.Down) == 0
		if p.DryRun || p.Trigger == ledger.ByHand || cutOff { // which tell nothing of the services
			continue
		}
		if !decided {
			decided, is = true, len(p.Down) > 0
		}
		if !p.Night.IsZero() {
			return p, is
		}
	}
	return night, false
}

// look looks at the clock once and does what is due.
func (d *Daemon) look(ctx context.Context) {
	now := d.lookAtClock(ctx)
	d.watch.mu.Lock()
	d.watch.turned = now.Round(0)
	d.watch.mu.Unlock()
	if d.clockWrong(now) {
		return
	}
	d.noteMissed(ctx) // before the night that is due: it makes the earlier ones forgotten
	d.nightIfDue(ctx)
	d.againIfDue(ctx)
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
		d.log().Debug().Err(err).Msg("the night does not begin now")
		return
	}
	why := ""
	if err != nil {
		why = problem.Of(err).What
	}
	d.watch.mu.Lock()
	said := d.watch.failing == why
	d.watch.failing = why
	d.watch.mu.Unlock()
	if err != nil && !said { // once, not at each tick
		d.notThrough(err)
	}
	if ran {
		d.announce(ctx)
	}
}

func (d *Daemon) notThrough(err error) {
	d.log().Error().Err(err).Str("code", string(problem.Of(err).Code)).Msg("the night did not go through")
}

// RunNight runs the nightly pass if one is due now, as Run does at each tick. It
// tells whether one was due.
func (d *Daemon) RunNight(ctx context.Context) (ran bool, err error) {
	cfg := d.config()
	last, err := cfg.Store.LastNight(ctx)
	if err != nil {
		return false, err
	}
	since, err := cfg.Store.Since(ctx, cfg.Now())
	if err != nil {
		return false, err
	}
	night, catchUp, due := cfg.Night.Due(cfg.Now(), last, since)
	if !due {
		return false, nil
	}
	rec := ledger.Run{Trigger: ledger.Nightly, Night: night}
	if catchUp {
		rec.Trigger = ledger.CatchUp
		rec.Missed, rec.MissedCause = d.whyMissed(ctx, night)
	}
	p, err := d.pass(ctx, rec, SyncRequest{}, nil)
	if problem.Is(err, problem.Busy) {
		d.watch.mu.Lock()
		d.watch.waited = night
		d.watch.mu.Unlock()
	}
	d.tryAgain(ctx, p, night)
	return true, err
}

// againAfter are the waits before a night without its services is tried again;
// the last one repeats, mostTries in all.
var againAfter = []time.Duration{5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 40 * time.Minute, time.Hour}

// mostTries bounds how often a night is tried again: some nine hours.
const mostTries = 12

// tryAgain plans another try of a night that did not reach its services, for
// the network is often not up yet when a server starts, and services rest at
// night as well.
func (d *Daemon) tryAgain(ctx context.Context, p ledger.Run, night balance.Date) {
	w := &d.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(p.Down) == 0 || ctx.Err() != nil {
		if p.Number != 0 && ctx.Err() == nil {
			w.again, w.tries = time.Time{}, 0
		}
		return
	}
	if w.night != night {
		w.night, w.tries = night, 0
	}
	if w.tries >= mostTries {
		w.again = time.Time{}
		d.log().Info().Stringer("night", night).Strs("down", p.Down).Msg("the night is not tried again any more, the next one is")
		return
	}
	wait := againAfter[min(w.tries, len(againAfter)-1)]
	w.tries++
	w.again = d.config().Now().Add(wait)
	e := d.log().Info()
	if w.tries == 1 {
		e = d.log().Warn()
	}
	d.notice(e, problem.NightAgain).Stringer("night", night).Strs("down", p.Down).Time("again", w.again).
		Msg("services could not be reached, the night is tried again")
}

// againIfDue tries a night again that did not reach its services.
func (d *Daemon) againIfDue(ctx context.Context) {
	w, cfg := &d.watch, d.config()
	now := cfg.Now()
	w.mu.Lock()
	due := !w.again.IsZero() && !now.Before(w.again) && cfg.Night.Window.Holds(now.In(cfg.Night.zone()))
	night := w.night
	w.mu.Unlock()
	if !due || ctx.Err() != nil {
		return
	}
	p, err := d.pass(ctx, ledger.Run{Trigger: ledger.Again, For: night}, SyncRequest{}, nil)
	if problem.Is(err, problem.Busy) {
		return
	}
	if err != nil && ctx.Err() == nil {
		d.notThrough(err)
	}
	if p.Number == 0 { // it could not even begin
		w.mu.Lock()
		w.again = d.config().Now().Add(againAfter[0])
		w.mu.Unlock()
	}
	d.tryAgain(ctx, p, night)
}

// noteMissed keeps which nights were missed, and why.
func (d *Daemon) noteMissed(ctx context.Context) {
	cfg := d.config()
	last, err := cfg.Store.LastNight(ctx)
	if err != nil {
		return
	}
	since, err := cfg.Store.Since(ctx, cfg.Now())
	if err != nil {
		return
	}
	var fresh []ledger.MissedNight
	for _, night := range cfg.Night.Missed(cfg.Now(), last, since) {
		d.watch.mu.Lock()
		known := d.watch.noted[night]
		d.watch.mu.Unlock()
		if !known {
			why, cause := d.whyMissed(ctx, night)
			fresh = append(fresh, ledger.MissedNight{Night: night, Why: why, Cause: cause})
		}
	}
	if len(fresh) == 0 {
		return
	}
	if err := cfg.Store.NoteMissed(ctx, fresh...); err != nil {
		return
	}
	for _, m := range fresh {
		d.watch.mu.Lock()
		d.watch.noted[m.Night] = true
		d.watch.mu.Unlock()
		d.notice(cfg.Log.Warn(), problem.NightMissed).Stringer("night", m.Night).Str("why", m.Why).Msg("the night was missed")
	}
}

// whyMissed says why a night did not begin at its time, as well as can be told.
func (d *Daemon) whyMissed(ctx context.Context, night balance.Date) (string, ledger.Cause) {
	cfg := d.config()
	wake := cfg.Night.Wake(night)
	show := func(t time.Time) string { return t.In(cfg.Night.zone()).Format("2006-01-02 15:04") }
	d.watch.mu.Lock()
	away, failing, waited := d.watch.away, d.watch.failing, d.watch.waited
	d.watch.mu.Unlock()
	for _, s := range away {
		if !wake.Before(s.from) && wake.Before(s.to) {
			return fmt.Sprintf("%s from %s to %s", s.why, show(s.from), show(s.to)), s.cause
		}
	}
	if failing != "" {
		return "it could not begin: " + failing, ledger.CouldNotBegin
	}
	passes, err := cfg.Store.Runs(ctx, recentPasses)
	for _, p := range passes {
		if err == nil && p.Start.Before(wake) && p.End.After(wake) {
			return fmt.Sprintf("another pass ran from %s to %s", show(p.Start), show(p.End)), ledger.OtherPass
		}
	}
	if waited == night { // a dry run leaves no pass
		return "another pass was under way at " + show(wake), ledger.OtherPass
	}
	d.mu.Lock()
	since := d.since
	d.mu.Unlock()
	if wake.After(since) {
		return "the time of the night was changed after " + show(wake), ledger.CouldNotBegin
	}
	return "balansd did not run at " + show(wake), ledger.NotRunning
}

// Healthy tells whether the daemon does its work: it looks at the clock, and
// its state answers. ctx bounds how long that may take.
func (d *Daemon) Healthy(ctx context.Context) error {
	cfg := d.config()
	d.watch.mu.Lock()
	turned := d.watch.turned
	d.watch.mu.Unlock()
	d.mu.Lock()
	passing, running := d.current != nil, d.running
	d.mu.Unlock()
	if quiet := cfg.Now().Round(0).Sub(turned); running && !passing && !turned.IsZero() && quiet > asleep {
		return fmt.Errorf("the clock was not looked at for %s", quiet.Round(time.Second))
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

// announce says in the log when the next night is.
func (d *Daemon) announce(ctx context.Context) {
	cfg := d.config()
	last, err := cfg.Store.LastNight(ctx)
	if err == nil && ctx.Err() == nil {
		cfg.Log.Info().Time("next_wake", cfg.Night.Next(cfg.Now(), last)).Msg("next night")
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

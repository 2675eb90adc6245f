package daemon

import (
	"context"
	"fmt"
	"time"

	"balansd/ledger"
	"balansd/problem"
)

const (
	// sleepGap is the time between two readings of the clock from which the machine
	// counts as having slept.
	sleepGap = 5 * time.Minute
	// aliveEvery is how often it is recorded that balansd runs.
	aliveEvery = 10 * time.Minute
	// clockSlack is how far the clock may be off before it is reported. Tokens and
	// certificates tolerate some minutes.
	clockSlack = 5 * time.Minute
	// confirmedFor is how long the time of a service confirms the clock.
	confirmedFor = 48 * time.Hour
)

// span is a time in which the daemon did not run.
type span struct {
	from, to time.Time
	why      string
	cause    ledger.Cause
}

// watchClock reads the clock every tickInterval until ctx ends. It does so beside the nights: a
// run may take hours, and is no sleep.
func (d *Daemon) watchClock(ctx context.Context) {
	t := time.NewTicker(tickInterval)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			d.checkClock(ctx)
		}
	}
}

// checkClock detects sleep and changes of the clock since it was called last.
func (d *Daemon) checkClock(ctx context.Context) (now time.Time) {
	now = d.config().Now()
	d.detectSleep(now)
	d.recordAlive(ctx, now)
	return now
}

// detectSleep records a sleep of the machine since the clock was read last.
func (d *Daemon) detectSleep(now time.Time) {
	w := &d.scheduler
	w.mu.Lock()
	defer w.mu.Unlock()
	// The wall clock only: the monotonic clock stops while the machine sleeps.
	now = now.Round(0)
	before := w.lastTick
	w.lastTick = now
	gap := now.Sub(before)
	if before.IsZero() || gap > -clockSlack && gap < sleepGap {
		return
	}
	w.lastSkew, w.confirmedAt = 0, time.Time{} // what the services said was of the clock before
	if gap < 0 {
		if w.retryAt.After(now.Add(retryWaits[len(retryWaits)-1])) {
			w.retryAt = now
		}
		d.log().Warn().Time("from", before).Time("to", now).Msg("the clock was set back")
		return
	}
	d.log().Info().Time("from", before).Time("to", now).Msg("the server slept, or its clock was set")
	w.away = append(w.away, span{before, now, "the server slept, or its clock was set", ledger.Asleep})
	if len(w.away) > 50 {
		w.away = w.away[1:]
	}
}

// recordAlive records now and then that balansd runs, so that a later start can say
// since when it did not.
func (d *Daemon) recordAlive(ctx context.Context, now time.Time) {
	w := &d.scheduler
	w.mu.Lock()
	due := now.Sub(w.lastAlive).Abs() >= aliveEvery
	if due {
		w.lastAlive = now
	}
	w.mu.Unlock()
	if !due {
		return
	}
	if err := d.config().Store.SaveLastAlive(ctx, now); err != nil && ctx.Err() == nil {
		d.log().Warn().Err(err).Str("code", string(problem.Of(err).Code)).Msg("the state cannot be written")
	}
}

// clockIsWrong reports whether the clock cannot be right: then no night begins,
// since its date would be a wrong one.
func (d *Daemon) clockIsWrong(now time.Time) bool {
	built := d.config().Built
	wrong := !built.IsZero() && now.Before(built.Add(-24*time.Hour))
	w := &d.scheduler
	w.mu.Lock()
	defer w.mu.Unlock()
	text := ""
	switch {
	case wrong:
		text = fmt.Sprintf("the clock of this server shows %s, which is before this balansd was made; no night begins until it is right",
			now.Format(time.DateOnly))
	case w.lastSkew.Abs() > clockSlack:
		text = fmt.Sprintf("the clock of this server is %s %s that of the services; set it right, or sign-ins fail",
			w.lastSkew.Abs().Round(time.Minute), map[bool]string{true: "behind", false: "ahead of"}[w.lastSkew > 0])
	}
	if text != "" && w.clockProblem == "" {
		d.notice(d.log().Error(), problem.ClockWrong).Str("clock", text).Msg("the clock is wrong")
	}
	w.clockProblem = text
	return wrong
}

// ObserveClock records the time of a service; skew is how far it is ahead of ours.
func (d *Daemon) ObserveClock(skew time.Duration) {
	now := d.config().Now().Round(0)
	d.scheduler.mu.Lock()
	defer d.scheduler.mu.Unlock()
	d.scheduler.lastSkew, d.scheduler.confirmedAt = skew, time.Time{}
	if skew.Abs() <= clockSlack {
		d.scheduler.confirmedAt = now
	}
}

// serviceTime is what the services say it is now, as far as one was heard: a
// clock that is ahead must not put off from when balances count.
func (d *Daemon) serviceTime() time.Time {
	now := d.config().Now()
	d.scheduler.mu.Lock()
	defer d.scheduler.mu.Unlock()
	if d.scheduler.lastSkew.Abs() <= clockSlack {
		return now
	}
	return now.Add(d.scheduler.lastSkew)
}

// clockConfirmed reports whether a service confirmed the clock within the last
// two days, and the clock did not jump since. What cannot be undone is done by no
// other time.
func (d *Daemon) clockConfirmed() bool {
	now := d.config().Now()
	d.scheduler.mu.Lock()
	defer d.scheduler.mu.Unlock()
	age := now.Round(0).Sub(d.scheduler.confirmedAt)
	return !d.scheduler.confirmedAt.IsZero() && age > -clockSlack && age < confirmedFor
}

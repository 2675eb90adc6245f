package daemon

import (
	"context"
	"fmt"
	"time"

	"balansd/ledger"
	"balansd/problem"
)

const (
	// asleep is the gap between two looks from which the machine counts as
	// having slept.
	asleep = 5 * time.Minute
	// aliveEvery is how often the state learns that balansd lives.
	aliveEvery = 10 * time.Minute
	// clockSlack is how far the clock may be off before people hear of it.
	// Tokens and certificates bear some minutes.
	clockSlack = 5 * time.Minute
	// confirmedFor is how long a service's word about the clock holds.
	confirmedFor = 48 * time.Hour
)

// span is a time in which the daemon saw nothing.
type span struct {
	from, to time.Time
	why      string
	cause    ledger.Cause
}

// watchClock looks at the clock until ctx ends. It does so beside the nights: a
// pass may take hours, and is no sleep.
func (d *Daemon) watchClock(ctx context.Context) {
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			d.lookAtClock(ctx)
		}
	}
}

// lookAtClock notices what became of time since the last look.
func (d *Daemon) lookAtClock(ctx context.Context) (now time.Time) {
	now = d.config().Now()
	d.slept(now)
	d.alive(ctx, now)
	return now
}

// slept notices that the machine slept since the last look.
func (d *Daemon) slept(now time.Time) {
	w := &d.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	// Wall clocks alone: the monotonic one stands still in a sleeping machine.
	now = now.Round(0)
	before := w.looked
	w.looked = now
	gap := now.Sub(before)
	if before.IsZero() || gap > -clockSlack && gap < asleep {
		return
	}
	w.lastSkew, w.right = 0, time.Time{} // what the services said was of the clock before
	if gap < 0 {
		if w.again.After(now.Add(againAfter[len(againAfter)-1])) {
			w.again = now
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

// alive tells the state every now and then that balansd lives, so that a later
// start can say since when it did not.
func (d *Daemon) alive(ctx context.Context, now time.Time) {
	w := &d.watch
	w.mu.Lock()
	due := now.Sub(w.marked).Abs() >= aliveEvery
	if due {
		w.marked = now
	}
	w.mu.Unlock()
	if !due {
		return
	}
	if err := d.config().Store.Alive(ctx, now); err != nil && ctx.Err() == nil {
		d.log().Warn().Err(err).Str("code", string(problem.Of(err).Code)).Msg("the state cannot be written")
	}
}

// clockWrong tells whether the clock cannot be right: then no night begins,
// since its date would be a wrong one.
func (d *Daemon) clockWrong(now time.Time) bool {
	built := d.config().Built
	wrong := !built.IsZero() && now.Before(built.Add(-24*time.Hour))
	w := &d.watch
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
	if text != "" && w.clock == "" {
		d.notice(d.log().Error(), problem.ClockWrong).Str("clock", text).Msg("the clock is wrong")
	}
	w.clock = text
	return wrong
}

// SawClock takes the time that a service said to have; skew is how far it is
// ahead of ours.
func (d *Daemon) SawClock(skew time.Duration) {
	now := d.config().Now().Round(0)
	d.watch.mu.Lock()
	defer d.watch.mu.Unlock()
	d.watch.lastSkew, d.watch.right = skew, time.Time{}
	if skew.Abs() <= clockSlack {
		d.watch.right = now
	}
}

// serviceTime is what the services say it is now, as far as one was heard: a
// clock that is ahead must not put off from when balances count.
func (d *Daemon) serviceTime() time.Time {
	now := d.config().Now()
	d.watch.mu.Lock()
	defer d.watch.mu.Unlock()
	if d.watch.lastSkew.Abs() <= clockSlack {
		return now
	}
	return now.Add(d.watch.lastSkew)
}

// clockConfirmed tells whether a service confirmed the clock within the last
// two days, and the clock did not jump since. What cannot be undone is done by no
// other time.
func (d *Daemon) clockConfirmed() bool {
	now := d.config().Now()
	d.watch.mu.Lock()
	defer d.watch.mu.Unlock()
	age := now.Round(0).Sub(d.watch.right)
	return !d.watch.right.IsZero() && age > -clockSlack && age < confirmedFor
}

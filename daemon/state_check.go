package daemon

import (
	"context"
	"sync"

	"balansd/problem"
)

// StateProblem is something that is wrong with the state itself or its data key.
type StateProblem struct {
	Code string `json:"code"` // a problem's
	What string `json:"what"` // one sentence in English without a full stop
	Next string `json:"next,omitempty"`
}

// stateCheck is the result of the last checks of the state. It is safe for concurrent
// use.
type stateCheck struct {
	mu     sync.Mutex
	damage *problem.Problem // found by the newest check; nil when there was none
	keyBad string           // the last logged problem of the data key; empty if there was none
}

// checkState reads the state as a whole and records whether it is damaged.
func (d *Daemon) checkState(ctx context.Context) error {
	err := d.config().Store.Check(ctx)
	if ctx.Err() == nil {
		d.observeState(err)
	}
	return err
}

// observeState records what a check, or a backup, says of the state.
func (d *Daemon) observeState(err error) {
	d.state.mu.Lock()
	defer d.state.mu.Unlock()
	switch {
	case problem.Is(err, problem.StateDamaged):
		d.state.damage = problem.Of(err)
	case err == nil:
		d.state.damage = nil
	}
}

// checkKey logs that the data key does not open the secrets any more, or opens
// them again, once each.
func (d *Daemon) checkKey(ctx context.Context) {
	err := d.config().Store.CheckSecrets(ctx)
	if err != nil && !problem.Is(err, problem.KeyInvalid) {
		return // a problem of the state, which is reported elsewhere
	}
	p, text := problem.Of(err), ""
	if err != nil {
		text = p.Error()
	}
	d.state.mu.Lock()
	changed := d.state.keyBad != text
	d.state.keyBad = text
	d.state.mu.Unlock()
	switch {
	case changed && err != nil:
		d.log().Error().Err(err).Str("code", string(p.Code)).Str("next", p.Next).Msg("the sign-ins to Silverfin cannot be opened")
	case changed:
		d.log().Info().Msg("the data key opens the sign-ins to Silverfin again")
	}
}

// stateProblems lists what is wrong with the state now. The data key is tried
// each time; the state is read as a whole only where no daemon does so.
func (d *Daemon) stateProblems(ctx context.Context, running bool) []StateProblem {
	if !running {
		_ = d.checkState(ctx)
	}
	d.state.mu.Lock()
	damage := d.state.damage
	d.state.mu.Unlock()
	var list []StateProblem
	if damage != nil {
		list = append(list, StateProblem{string(damage.Code), damage.What, damage.Next})
	}
	if err := d.config().Store.CheckSecrets(ctx); problem.Is(err, problem.KeyInvalid) {
		p := problem.Of(err)
		list = append(list, StateProblem{string(p.Code), p.What, p.Next})
	}
	return list
}

// checkState reports a damaged state or a missing data key. A nightly run with a
// backup has checked the state already.
func (r *run) checkState(ctx context.Context) error {
	if r.record.DryRun {
		return nil
	}
	if r.record.Night.IsZero() || !r.cfg.Backup {
		if err := r.daemon.checkState(ctx); err != nil && ctx.Err() == nil {
			r.reportProblem(err, aboutState)
		}
	}
	if err := r.cfg.Store.CheckSecrets(ctx); problem.Is(err, problem.KeyInvalid) {
		r.reportProblem(err, aboutState)
	}
	return ctx.Err()
}

// aboutState is what a problem of the state itself is about.
const aboutState = "balansd"

package daemon

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"balansd/internal/keyedlock"
	"balansd/ledger"
	"balansd/problem"
)

// activeRuns are the runs under way. There is one whole run at a time, over
// everything; runs over what a person chose go on beside it, and have precedence:
// the whole run begins no other dossier before they are over. Its zero value is
// ready to use, and it is safe for concurrent use.
type activeRuns struct {
	whole sync.Mutex   // held by the whole run
	any   sync.RWMutex // read-locked by every run, locked by what must not happen during one

	// dossiers and targets are locked by the run that works on them; listings by
	// the run that lists a connection.
	dossiers, targets, listings keyedlock.Lock[string]

	mu      sync.Mutex
	list    []*run // oldest first
	changed chan struct{}
}

// admit waits until a run may begin, and returns the function that says it is over.
// A whole run is refused with a Busy problem while another one is under way, unless
// wait is set.
func (a *activeRuns) admit(ctx context.Context, chosen, wait bool) (release func(), err error) {
	const what = "the wait for it was broken off"
	if chosen {
		if err := poll(ctx, a.any.TryRLock, what); err != nil {
			return nil, err
		}
		return a.any.RUnlock, nil
	}
	switch {
	case wait:
		if err := poll(ctx, a.whole.TryLock, what); err != nil {
			return nil, err
		}
	case !a.whole.TryLock():
		return nil, busy()
	}
	if err := poll(ctx, a.any.TryRLock, what); err != nil {
		a.whole.Unlock()
		return nil, err
	}
	return func() { a.any.RUnlock(); a.whole.Unlock() }, nil
}

// tryExclude keeps runs from beginning until release is called. It fails with a Busy
// problem while one is under way.
func (a *activeRuns) tryExclude() (release func(), err error) {
	if !a.whole.TryLock() {
		return nil, busy()
	}
	if !a.any.TryLock() {
		a.whole.Unlock()
		return nil, busy()
	}
	return func() { a.any.Unlock(); a.whole.Unlock() }, nil
}

// exclude is tryExclude, but waits for the end of the runs under way. No other whole
// run begins meanwhile.
func (a *activeRuns) exclude(ctx context.Context, what string) (release func(), err error) {
	if err := poll(ctx, a.whole.TryLock, what); err != nil {
		return nil, err
	}
	if err := poll(ctx, a.any.TryLock, what); err != nil {
		a.whole.Unlock()
		return nil, err
	}
	return func() { a.any.Unlock(); a.whole.Unlock() }, nil
}

// runPollInterval is how often what waits for a run checks whether it is over.
const runPollInterval = 100 * time.Millisecond

// poll waits for a lock. Where ctx ends first, the problem says that a run is under
// way, and why that ends something.
func poll(ctx context.Context, tryLock func() bool, what string) error {
	for !tryLock() {
		select {
		case <-ctx.Done():
			return problem.Wrap(ctx.Err(), problem.Stopped, "a run is under way, and "+what, "Try again once it is over; balansd status shows how far it is.")
		case <-time.After(runPollInterval):
		}
	}
	return nil
}

// busy says that a run over everything is under way: there is one at a time.
func busy() error {
	return problem.New(problem.Busy, "another run is under way",
		"Wait until it is over, or stop it with balansd sync stop; balansd status shows how far it is. One dossier can be synced beside it: balansd sync --dossier.")
}

// add makes a run one of those under way, and returns the function that removes it.
func (a *activeRuns) add(r *run) (remove func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.list = append(a.list, r)
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.list = slices.DeleteFunc(a.list, func(o *run) bool { return o == r })
		if a.changed != nil {
			close(a.changed)
			a.changed = nil
		}
	}
}

// all returns the runs under way, oldest first.
func (a *activeRuns) all() []*run {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.list)
}

// yield waits until no run over chosen dossiers is under way. It fails only when ctx
// has ended.
func (a *activeRuns) yield(ctx context.Context) error {
	for {
		a.mu.Lock()
		if !slices.ContainsFunc(a.list, func(r *run) bool { return r.chosen() }) {
			a.mu.Unlock()
			return ctx.Err()
		}
		if a.changed == nil {
			a.changed = make(chan struct{})
		}
		changed := a.changed
		a.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// listed reports whether a whole run is listing the sources now, and will then work
// on all that it finds.
func (a *activeRuns) listed() bool {
	return slices.ContainsFunc(a.all(), func(r *run) bool { return !r.chosen() && !r.req.DryRun && r.listing.Load() })
}

// StopRequest names the run that a person stops: 0 for all that are under way.
type StopRequest struct {
	Run uint64 `json:"run,omitempty"`
	By  string `json:"by,omitempty"`
}

// StoppedRuns are the runs that were asked to stop, as they were then.
type StoppedRuns struct {
	Runs []ledger.Run `json:"runs"`
}

// StopSync stops runs under way. What they did is done; the rest is left to the next
// run. It does not wait for their end. A NotFound problem says that no such run is
// under way.
func (d *Daemon) StopSync(_ context.Context, r StopRequest) (StoppedRuns, error) {
	stopped := StoppedRuns{Runs: []ledger.Run{}}
	for _, one := range d.runs.all() {
		if r.Run != 0 && one.record.Number != r.Run {
			continue
		}
		one.stop(&stoppedByError{r.By})
		one.log.Info().Str("by", r.By).Msg("a person stops the run")
		stopped.Runs = append(stopped.Runs, one.begun)
	}
	if len(stopped.Runs) > 0 {
		return stopped, nil
	}
	what := "no run is under way"
	if r.Run != 0 {
		what = fmt.Sprintf("run %d is not under way", r.Run)
	}
	return stopped, problem.New(problem.NotFound, what, "balansd status shows what runs.")
}

// stoppedByError is the cause of the end of a run that a person stopped.
type stoppedByError struct{ by string }

func (e *stoppedByError) Error() string { return name(e.by) + " stopped it" }

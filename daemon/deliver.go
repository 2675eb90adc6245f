package daemon

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"

	"balansd/balance"
	"balansd/ledger"
	"balansd/mapping"
	"balansd/problem"
)

// deliverAll processes the open entries, several dossiers at once. With a request for
// one dossier, done entries are compared again too.
//
// Entries that failed last time because a service was unavailable come last, so that
// they do not delay the others if they fail again.
func (r *run) deliverAll(ctx context.Context) error {
	entries := func() iter.Seq2[ledger.Entry, error] { return r.cfg.Store.OpenEntries(ctx) }
	if r.chosen() {
		chosen, err := r.choose(ctx)
		if err != nil {
			return err
		}
		chosen = slices.DeleteFunc(chosen, func(e ledger.Entry) bool { return !r.selects(e) })
		r.beginDelivery(ctx, len(chosen))
		entries = func() iter.Seq2[ledger.Entry, error] { return walk(chosen) }
	} else {
		counts, err := r.cfg.Store.Counts(ctx)
		if err != nil {
			return err
		}
		r.beginDelivery(ctx, counts[ledger.Found]+counts[ledger.Waiting]+counts[ledger.Sending]+counts[ledger.Failed])
	}
	again := func(e ledger.Entry) bool { return e.State == ledger.Failed && e.FailClass == ledger.Unavailable }
	if err := r.deliverWhere(ctx, entries(), func(e ledger.Entry) bool { return !again(e) }); err != nil {
		return err
	}
	return r.deliverWhere(ctx, entries(), again)
}

// walk iterates over entries that were read.
func walk(all []ledger.Entry) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		for _, e := range all {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// deliverWhere walks the entries whose turn it is.
func (r *run) deliverWhere(ctx context.Context, entries iter.Seq2[ledger.Entry, error], turn func(ledger.Entry) bool) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work := make(chan ledger.Entry)
	var wg sync.WaitGroup
	for range r.cfg.Workers {
		wg.Go(func() {
			for e := range work {
				if err := r.deliver(ctx, e); err != nil {
					cancel(err)
				}
			}
		})
	}
	err := r.feed(ctx, entries, work, turn)
	close(work)
	wg.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// feed sends the entries that the request selects to work. A whole run waits before
// each while a person's run over chosen dossiers is under way.
func (r *run) feed(ctx context.Context, entries iter.Seq2[ledger.Entry, error], work chan<- ledger.Entry, turn func(ledger.Entry) bool) error {
	for e, err := range entries {
		if err != nil {
			return err
		}
		if !turn(e) || !r.selects(e) || !r.untried(e.Number) {
			continue
		}
		if !r.chosen() {
			if err := r.daemon.runs.yield(ctx); err != nil {
				return err
			}
		}
		select {
		case work <- e:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// untried reports whether this run has not tried an entry yet.
func (r *run) untried(number uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.tried[number]
}

func (r *run) markTried(number uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tried[number] = true
}

// selects reports whether this run tries an entry.
func (r *run) selects(e ledger.Entry) bool {
	if r.req.FirmID != 0 && e.Target != nil && e.Target.FirmID != r.req.FirmID {
		return false
	}
	// A rest that is longer than any that is given comes from a clock that was
	// ahead once.
	night := r.record.Night
	if night.IsZero() {
		night = r.record.RetryOf
	}
	resting := !night.IsZero() && night.Before(e.NextTry) && e.NextTry.Before(night.AddDays(ledger.ParkAfter+1))
	return !resting && r.workable(e)
}

// workable reports whether this run can do something with an entry: what is
// open, and what a person asked for by its dossier or number, where it is parked
// or done, too.
// What is to be emptied by a person is never written again.
func (r *run) workable(e ledger.Entry) bool {
	return e.Open() || r.chosen() && (e.State == ledger.Done && e.MovedTo == 0 || e.State == ledger.Failed)
}

// deliver brings one entry as far as it goes now. The error ends the run: the
// state cannot be written, or ctx has ended. All else becomes a state of the
// entry.
func (r *run) deliver(ctx context.Context, e ledger.Entry) error {
	release, err := r.lockDossier(ctx, e)
	if err != nil {
		return err
	}
	defer release()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := r.followLinks(ctx); err != nil {
		return err
	}
	if e, err = r.cfg.Store.Entry(ctx, e.Number); err != nil {
		return err
	}
	if e.State == ledger.Superseded {
		// A newer entry of the dossier had its turn first in this run.
		r.countFinished(e, would(&delivery{run: r, entry: e}))
		return nil
	}
	if !r.workable(e) {
		return nil // a person moved it meanwhile
	}
	d := &delivery{run: r, before: e, entry: e}
	err = d.attempt(ctx)
	switch {
	case err == nil:
	case isState(err):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case problem.Is(err, problem.Conflict):
		return nil // a person, or another daemon, moved the entry meanwhile
	default:
		err := d.settle(ctx, err)
		if problem.Is(err, problem.Conflict) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	if d.skipped {
		return nil
	}
	if err := d.storeDocument(ctx); err != nil {
		return err
	}
	d.logOutcome()
	r.countFinished(d.entry, would(d))
	return nil
}

// lockDossier locks the dossier of an entry, then the group that it is in, and reads the
// connections again: a person may have changed one, or grouped dossiers. The last part
// of a group to have its turn sees the others as they ended.
func (r *run) lockDossier(ctx context.Context, e ledger.Entry) (release func(), err error) {
	var held []func()
	release = func() {
		for _, unlock := range slices.Backward(held) {
			unlock()
		}
	}
	lock := func(key string) error {
		unlock, err := r.daemon.runs.dossiers.Acquire(ctx, key)
		if err != nil {
			return err
		}
		held = append(held, unlock)
		return r.loadConnections(ctx)
	}
	err = lock(e.Connection + "\x00" + e.Dossier.ID)
	if group, ok := r.group(e); ok && err == nil {
		err = lock("\x00group " + group.ID) // which may be dissolved once it is held
	}
	if err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// isState reports whether an error is of the state, which ends the run.
func isState(err error) bool {
	switch problem.Of(err).Code {
	case problem.StateUnwritable, problem.StateDamaged, problem.StateLocked, problem.StateNewer:
		return true
	default:
		return false
	}
}

// delivery is one entry on its way through a run. It goes through revisions.go, which
// calls read.go, then hold_for_review.go, locate.go, which calls match.go, and write.go;
// outcome.go records where it ended.
type delivery struct {
	*run
	before    ledger.Entry // as the run found it
	entry     ledger.Entry // as it is now
	values    balance.Values
	fresh     bool   // values were read now, and are to be kept with the next move
	doc       []byte // kept with the next move, when it cannot be read
	in        inFirm
	mapping   mapping.Target // of the firm, the same from the first reading to the last
	mappedFor int64          // the firm that mapping is of; 0 for none
	skipped   bool           // not changed, because its source or firm cannot be reached
	located   bool           // the company was found: what goes wrong now is this dossier's own
	unchecked string         // why a done entry could not be compared again
	wrote     int
	unspent   *ledger.Written // kept with the move that a failed write leads to
}

// attempt takes a balance through all steps. An error says where it ended; settle
// makes a state of it.
func (d *delivery) attempt(ctx context.Context) error {
	if c := d.connection(d.entry.Connection); c.Status != ledger.Active {
		return &ledger.WaitingError{Reason: ledger.ConnectionInactive, Detail: connectionState(c, d.entry.Connection)}
	}
	if gone, err := d.chooseRevision(ctx); gone || err != nil {
		return err
	}
	if err := d.checkHold(); err != nil {
		return err
	}
	if group, ok := d.group(d.entry); ok {
		return d.addUp(ctx, group)
	}
	d.entry.Sum = 0 // its group may have been dissolved
	if err := d.checkParts(ctx); err != nil {
		return err
	}
	target, err := d.locate(ctx)
	if err != nil {
		return err
	}
	if err := d.write(ctx, target); err != nil {
		return err
	}
	if d.entry.State != ledger.Done {
		return nil
	}
	return d.settleParts(ctx, d.entry)
}

func connectionState(c ledger.Connection, id string) string {
	switch c.Status {
	case ledger.Paused:
		return "its connection is paused"
	case ledger.Removed:
		return "its connection was removed"
	case ledger.Deactivated:
		return "its connection is deactivated in Finbox"
	default:
		return "its connection " + id + " is not known"
	}
}

func (d *delivery) firmService() string { return firmService(d.in.firm.ID) }

// errLeftAlone ends a delivery whose source or firm cannot be reached in this run.
var errLeftAlone = errors.New("left alone in this run")

// isDown reports whether an error is a failure of a service, or of the connection to it,
// and not of one dossier.
func isDown(err error) bool {
	if err == nil {
		return false
	}
	switch problem.Of(err).Code {
	case problem.FinboxDown, problem.FolderDown, problem.SilverfinDown,
		problem.FinboxSignIn, problem.SilverfinSignIn, problem.KeyInvalid:
		return true
	default:
		return false
	}
}

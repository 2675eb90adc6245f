package daemon

import (
	"context"
	"errors"
	"sync"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
)

// deliverAll walks the open entries, several dossiers at once. A request for
// one dossier looks at what is done there too.
//
// Those that a service could not do last time come last: when it cannot do them
// again, that must not keep it from all the others.
func (p *pass) deliverAll(ctx context.Context) error {
	counts, err := p.cfg.Store.Counts(ctx)
	if err != nil {
		return err
	}
	if p.req.Dossier == "" {
		p.total = counts[ledger.Found] + counts[ledger.Waiting] + counts[ledger.Sending] + counts[ledger.Failed]
	}
	again := func(e ledger.Entry) bool { return e.State == ledger.Failed && e.FailClass == ledger.Unavailable }
	if err := p.deliverThose(ctx, func(e ledger.Entry) bool { return !again(e) }); err != nil {
		return err
	}
	return p.deliverThose(ctx, again)
}

// deliverThose walks the open entries whose turn it is.
func (p *pass) deliverThose(ctx context.Context, turn func(ledger.Entry) bool) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work := make(chan ledger.Entry)
	var wg sync.WaitGroup
	for range p.cfg.Workers {
		wg.Go(func() {
			for e := range work {
				if err := p.deliver(ctx, e); err != nil {
					cancel(err)
				}
			}
		})
	}
	err := p.feed(ctx, work, turn)
	close(work)
	wg.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// feed hands out the entries that the request selects.
func (p *pass) feed(ctx context.Context, work chan<- ledger.Entry, turn func(ledger.Entry) bool) error {
	entries := p.cfg.Store.Open(ctx)
	if p.req.Dossier != "" {
		entries = p.cfg.Store.Entries(ctx, ledger.Query{Dossier: p.req.Dossier,
			States: []ledger.State{ledger.Found, ledger.Waiting, ledger.Failed, ledger.Sending, ledger.Done}})
	}
	for e, err := range entries {
		if err != nil {
			return err
		}
		if !turn(e) || !p.wants(e) || !p.first(e.Number) {
			continue
		}
		select {
		case work <- e:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// first tells whether this is the pass's first look at an entry.
func (p *pass) first(number uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.tried[number]
}

func (p *pass) triedNow(number uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tried[number] = true
}

// wants tells whether this pass looks at an entry.
func (p *pass) wants(e ledger.Entry) bool {
	if p.req.FirmID != 0 && e.Target != nil && e.Target.FirmID != p.req.FirmID {
		return false
	}
	// A rest that is longer than any that is given comes from a clock that was
	// ahead once.
	night := p.rec.Night
	if night.IsZero() {
		night = p.rec.For
	}
	resting := !night.IsZero() && night.Before(e.NextTry) && e.NextTry.Before(night.AddDays(ledger.ParkAfter+1))
	return !resting && p.workable(e)
}

// workable tells whether this pass can do something with an entry: what is
// open, and where a person asked for one dossier, what is parked or done, too.
// What is to be emptied by a person is never written again.
func (p *pass) workable(e ledger.Entry) bool {
	return e.Open() || p.req.Dossier != "" && (e.State == ledger.Done && e.MovedTo == 0 || e.State == ledger.Failed)
}

// deliver brings one entry as far as it goes now. The error ends the pass: the
// state cannot be written, or ctx has ended. All else becomes a state of the
// entry.
func (p *pass) deliver(ctx context.Context, e ledger.Entry) error {
	unlock := p.dossiers.Lock(e.Connection + "\x00" + e.Dossier.ID)
	defer unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := p.followLinks(ctx); err != nil {
		return err
	}
	e, err := p.cfg.Store.Entry(ctx, e.Number)
	if err != nil {
		return err
	}
	if e.State == ledger.Superseded {
		// A newer entry of the dossier had its turn first in this pass.
		p.finished(e, would(&job{pass: p, entry: e}))
		return nil
	}
	if !p.workable(e) {
		return nil // a person moved it meanwhile
	}
	j := &job{pass: p, before: e, entry: e}
	err = j.run(ctx)
	switch {
	case err == nil:
	case isState(err):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case problem.Is(err, problem.Conflict):
		return nil // a person, or another daemon, moved the entry meanwhile
	default:
		err := j.settle(ctx, err)
		if problem.Is(err, problem.Conflict) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	if j.skipped {
		return nil
	}
	j.logOutcome()
	p.finished(j.entry, would(j))
	return nil
}

// isState tells whether an error is of the state, which ends the pass.
func isState(err error) bool {
	switch problem.Of(err).Code {
	case problem.StateUnwritable, problem.StateDamaged, problem.StateLocked, problem.StateNewer:
		return true
	default:
		return false
	}
}

// job is one entry being delivered.
type job struct {
	*pass
	before  ledger.Entry // as the pass found it
	entry   ledger.Entry // as it stands now
	values  balance.Values
	fresh   bool   // values were read now, and are to be kept with the next move
	doc     []byte // kept with the next move, when it cannot be read
	in      inFirm
	skipped bool   // left as it is: its source or firm is out of reach
	located bool   // the company was found: what goes wrong now is this dossier's own
	blind   string // why a done entry could not be looked at again
	wrote   int
	unspent *ledger.Written // kept with the move that a failed write leads to
}

// run is the way of a balance: read, supersede, match, locate, compare, write,
// read back.
func (j *job) run(ctx context.Context) error {
	c, err := j.connection(ctx)
	if err != nil {
		return err
	}
	if c.Status != ledger.Active {
		return &ledger.NotYet{Reason: ledger.ConnectionInactive, Detail: connectionState(c, j.entry.Connection)}
	}
	if gone, err := j.settleRevisions(ctx); gone || err != nil {
		return err
	}
	if err := j.hold(); err != nil {
		return err
	}
	place, err := j.locate(ctx)
	if err != nil {
		return err
	}
	return j.write(ctx, place)
}

// connection gives the entry's connection as the pass knows it, unless a person
// paused or removed it meanwhile.
func (j *job) connection(ctx context.Context) (ledger.Connection, error) {
	c := j.connections[j.entry.Connection]
	all, err := j.cfg.Store.Connections(ctx)
	for _, now := range all {
		if now.ID == j.entry.Connection && (now.Status == ledger.Paused || now.Status == ledger.Removed) {
			c.Status = now.Status
		}
	}
	return c, err
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

func (j *job) firmService() string { return firmService(j.in.firm.ID) }

// errLeftAlone ends a job whose source or firm is out of reach in this pass.
var errLeftAlone = errors.New("left alone in this pass")

// isDown tells whether an error is trouble of a service, or of our way to it,
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

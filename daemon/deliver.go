package daemon

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
)

// deliverAll walks the open entries, several dossiers at once. A request for
// one dossier looks at what is done there too.
func (p *pass) deliverAll(ctx context.Context) error {
	counts, err := p.cfg.Keeper.Counts(ctx)
	if err != nil {
		return err
	}
	if p.req.Dossier == "" {
		p.total = counts[ledger.Found] + counts[ledger.Waiting] + counts[ledger.Sending] + counts[ledger.Failed]
	}
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
	err = p.feed(ctx, work)
	close(work)
	wg.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// feed hands out the entries that the request selects.
func (p *pass) feed(ctx context.Context, work chan<- ledger.Entry) error {
	entries := p.cfg.Keeper.Open(ctx)
	if p.req.Dossier != "" {
		entries = p.cfg.Keeper.Entries(ctx, ledger.Query{Dossier: p.req.Dossier,
			States: []ledger.State{ledger.Found, ledger.Waiting, ledger.Failed, ledger.Sending, ledger.Done}})
	}
	for e, err := range entries {
		if err != nil {
			return err
		}
		if !p.wants(e) {
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

// wants tells whether this pass looks at an entry.
func (p *pass) wants(e ledger.Entry) bool {
	if p.req.FirmID != 0 && e.Place != nil && e.Place.FirmID != p.req.FirmID {
		return false
	}
	// A rest that is longer than any that is given comes from a clock that was
	// ahead once.
	resting := !p.rec.Night.IsZero() && p.rec.Night.Before(e.NextTry) &&
		e.NextTry.Before(p.rec.Night.AddDays(ledger.ParkAfter+1))
	return !resting && p.workable(e)
}

// workable tells whether this pass can do something with an entry: what is
// open, and where a person asked for one dossier, what is parked or done, too.
func (p *pass) workable(e ledger.Entry) bool {
	return e.Open() || p.req.Dossier != "" && (e.State == ledger.Done || e.State == ledger.Failed)
}

// deliver brings one entry as far as it goes now. The error ends the pass: the
// state cannot be written, or ctx has ended. All else becomes a state of the
// entry.
func (p *pass) deliver(ctx context.Context, e ledger.Entry) error {
	unlock := p.dossiers.lock(e.Connection + "\x00" + e.Dossier.ID)
	defer unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	e, err := p.cfg.Keeper.Entry(ctx, e.Number)
	if err != nil {
		return err
	}
	if e.State == ledger.Superseded {
		// A newer entry of the dossier had its turn first in this pass.
		p.finished(e, "")
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
}

// run is the way of a balance: supersede, read, match, locate, compare, write,
// read back.
func (j *job) run(ctx context.Context) error {
	if c := j.connections[j.entry.Connection]; c.Status != ledger.Active {
		return &ledger.NotYet{Reason: ledger.ConnectionInactive, Detail: connectionState(c, j.entry.Connection)}
	}
	if gone, err := j.supersede(ctx); gone || err != nil {
		return err
	}
	if err := j.read(ctx); err != nil {
		return err
	}
	place, err := j.locate(ctx)
	if err != nil {
		return err
	}
	return j.write(ctx, place)
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

// supersede settles which of several revisions counts: the newest. It tells
// whether the entry itself is no longer the one.
func (j *job) supersede(ctx context.Context) (gone bool, err error) {
	siblings, err := j.cfg.Keeper.Siblings(ctx, j.entry)
	if err != nil {
		return false, err
	}
	for _, s := range siblings {
		if s.State == ledger.Superseded || s.State == ledger.Ignored {
			continue
		}
		if j.newer(s, j.entry) {
			next, err := j.entry.Supersede(s.Number, j.cfg.Now())
			if err != nil {
				return false, err
			}
			return true, j.keep(ctx, next, fmt.Sprintf("a newer balance of the same year, number %d, took its place", s.Number), nil)
		}
		next, err := s.Supersede(j.entry.Number, j.cfg.Now())
		if err != nil {
			return false, err
		}
		if _, err := j.move(ctx, next, fmt.Sprintf("a newer balance of the same year, number %d, took its place", j.entry.Number), nil); err != nil {
			return false, err
		}
	}
	return false, nil
}

// newer tells whether a is of a later revision than b. Of one file in a folder
// it is what was seen last: a file's own time may go back.
func (p *pass) newer(a, b ledger.Entry) bool {
	oneFile := a.ID == b.ID && p.connections[a.Connection].Kind == ledger.Folder
	if c := a.CreatedAt.Compare(b.CreatedAt); c != 0 && !oneFile {
		return c > 0
	}
	return a.Number > b.Number
}

// read gets the figures: those kept from an earlier pass, or the document's.
func (j *job) read(ctx context.Context) error {
	if j.entry.ValuesHash != "" {
		v, err := j.cfg.Keeper.Values(ctx, j.entry.Number)
		if err != nil {
			return err
		}
		if v != nil && v.Hash() == j.entry.ValuesHash {
			j.values = v
			return nil
		}
	}
	service := "connection " + j.entry.Connection
	if j.outages.over(service) {
		j.skipped = true
		return errLeftAlone
	}
	src, err := j.cfg.Source(j.connections[j.entry.Connection])
	if err != nil {
		return err
	}
	doc, err := src.Content(ctx, j.entry.Listing)
	j.outages.saw(service, isDown(err))
	if errors.Is(err, ledger.ErrClosed) {
		return &ledger.NotYet{Reason: ledger.ConnectionInactive, Detail: "its connection is deactivated in Finbox"}
	}
	if err != nil {
		return err
	}
	return j.take(doc)
}

// take reads a document and completes the entry by what it says.
func (j *job) take(doc []byte) error {
	b, err := balance.Read(doc)
	if err != nil {
		j.doc = doc
		return problem.Wrap(err, problem.Unreadable, "the document "+j.entry.ID+" cannot be read",
			j.mend("Ask the payroll bureau for the balance in another format, or for a corrected one."))
	}
	if len(b.Values) == 0 {
		j.doc = doc
		return problem.New(problem.NoSocialBalance, "the document "+j.entry.ID+" has no social balance in it",
			j.mend("Ask the payroll bureau for the social balance itself."))
	}
	listed := j.entry.Listing
	switch d := listed.Dossier.EnterpriseNumber; {
	case d == "":
		j.entry.Dossier.EnterpriseNumber = b.EnterpriseNumber
	case b.EnterpriseNumber != "" && b.EnterpriseNumber != d:
		j.doc = doc
		return problem.New(problem.Unreadable, fmt.Sprintf("the document is of enterprise number %s, but it is listed for %s",
			b.EnterpriseNumber.Pretty(), d.Pretty()), "Ask the payroll bureau which of the two is right.")
	}
	switch end := listed.FiscalYear.End; {
	case end.IsZero():
		j.entry.FiscalYear = b.FiscalYear
	case !b.FiscalYear.End.IsZero() && b.FiscalYear.End != end:
		j.doc = doc
		return problem.New(problem.Unreadable, fmt.Sprintf("the document is of the financial year that ends %s, but it is listed for %s",
			b.FiscalYear.End, end), "Ask the payroll bureau which of the two is right.")
	}
	if j.entry.FiscalYear.End.IsZero() {
		j.doc = doc
		return problem.New(problem.Unreadable, "neither the source nor the document gives the financial year",
			"Ask the payroll bureau for the balance in another format.")
	}
	if j.entry.Dossier.Name == "" || j.entry.Dossier.Name == j.entry.Dossier.ID && b.Name != "" {
		j.entry.Dossier.Name = b.Name
	}
	if b.Model != "" {
		j.entry.Model = b.Model
	}
	j.values, j.fresh = b.Values, true
	j.entry.ValuesHash, j.entry.Findings = b.Values.Hash(), b.Findings
	return nil
}

// mend says what to do about a document: what to ask the payroll bureau, or
// what to do with the file.
func (j *job) mend(ask string) string {
	if j.connections[j.entry.Connection].Kind == ledger.Folder {
		return "Replace the file, or take it out of the folder if it is no social balance."
	}
	return ask
}

// locate finds the company and its place for the year.
func (j *job) locate(ctx context.Context) (ledger.Place, error) {
	in, remembered, err := j.company(ctx)
	if err != nil {
		return ledger.Place{}, err
	}
	place, err := j.placeIn(ctx, in)
	if remembered && (err == nil || problem.Is(err, problem.SilverfinRefused)) {
		// Before anything is written, or when the company is gone: is it still
		// the one that takes this dossier?
		found, err := j.match(ctx, j.entry)
		if err != nil {
			return ledger.Place{}, err
		}
		if found.firm.ID == in.firm.ID && found.company.ID == in.company.ID && place.PeriodID != 0 {
			return place, nil
		}
		return j.placeIn(ctx, found)
	}
	return place, err
}

// company gives the entry's company: the one that an earlier pass found, so
// that a waiting entry does not cost the index every night, or a match. Once a
// week, when a person asks, and when the index was read anyway, it is matched
// anew.
func (j *job) company(ctx context.Context) (in inFirm, remembered bool, err error) {
	anew := j.rec.Night.IsZero() || j.rec.Night.In(time.UTC).Weekday() == time.Monday || j.indexed()
	if pl := j.entry.Place; pl != nil && pl.FirmID != 0 && !anew {
		firms, err := j.cfg.Keeper.Firms(ctx)
		if err != nil {
			return inFirm{}, false, err
		}
		for _, f := range firms {
			if f.ID == pl.FirmID {
				c := ledger.Company{ID: pl.CompanyID, Name: pl.CompanyName, EnterpriseNumber: j.entry.Dossier.EnterpriseNumber}
				return inFirm{f, c}, true, nil
			}
		}
	}
	in, err = j.match(ctx, j.entry)
	if _, waits := errors.AsType[*ledger.NotYet](err); waits && j.req.FirmID != 0 {
		j.skipped = true // a pass over one firm does not judge the others
		return in, false, errLeftAlone
	}
	return in, false, err
}

func (j *job) placeIn(ctx context.Context, in inFirm) (ledger.Place, error) {
	j.entry.Place = &ledger.Place{FirmID: in.firm.ID, CompanyID: in.company.ID, CompanyName: in.company.Name}
	j.in, j.located = in, true
	if j.req.FirmID != 0 && in.firm.ID != j.req.FirmID {
		j.skipped = true
		return ledger.Place{}, errLeftAlone
	}
	if in.firm.Relink != "" {
		return ledger.Place{}, &ledger.NotYet{Reason: ledger.NeedsRelink,
			Detail: "Silverfin firm " + in.firm.Name + " must be linked again"}
	}
	if j.outages.over(j.firmService()) {
		j.skipped = true
		return ledger.Place{}, errLeftAlone
	}
	place, err := j.cfg.Destination(in.firm.ID).Locate(ctx, in.company, j.entry.FiscalYear)
	j.outages.saw(j.firmService(), isDown(err))
	return place, err
}

func (j *job) firmService() string { return fmt.Sprintf("firm %d", j.in.firm.ID) }

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
		problem.FinboxSignIn, problem.SilverfinSignIn, problem.KeyInvalid, problem.ConfigInvalid:
		return true
	default:
		return false
	}
}

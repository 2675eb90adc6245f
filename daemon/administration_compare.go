package daemon

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"

	"balansd/administration"
	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
)

// comparison returns how records are compared now.
func (cfg Config) comparison() administration.Comparison {
	return administration.Comparison{On: balance.DateOf(cfg.Now().In(cfg.Schedule.zone())), Language: cfg.Administration.Language}
}

// compareOne compares a company with what a source states of it, and saves the outcome. It
// carries out a recorded write that was cut off, and names a company that has no name.
func (s *administrationSync) compareOne(ctx context.Context, f ledger.Firm, c ledger.Company) error {
	unlock, err := s.daemon.runs.targets.Acquire(ctx, administrationLock(f.ID, c.ID))
	if err != nil {
		return err
	}
	defer unlock()
	before, err := s.daemon.loadAdministration(ctx, f.ID, c.ID)
	if err != nil {
		return err
	}
	s.out.Companies++
	a, err := s.compared(ctx, before, c)
	if err != nil {
		return err
	}
	switch {
	case a.Writing == nil:
		a = s.withName(a)
	case !stillHolds(a):
		a = a.With(ledger.AdministrationEvent{At: s.cfg.Now(), Act: ledger.AdministrationDropped, By: a.Writing.By, Source: a.Source, Changes: a.Writing.Seen})
		a.Writing = nil
	}
	if !sameAdministration(before, a) {
		if a, err = s.daemon.saveAdministration(ctx, a); err != nil {
			return err
		}
	}
	if a.Writing != nil {
		if a, err = s.write(ctx, a); err != nil {
			return err
		}
	}
	if a.Source != "" {
		s.out.Matched++
	}
	if len(a.Open()) > 0 {
		s.out.Open++
	}
	return nil
}

// administrationLock is the key of the lock of a company's name and address.
func administrationLock(firmID, companyID int64) string {
	return "administration " + ledger.AdministrationKey(firmID, companyID)
}

// compared returns a row with the outcome of the comparison of a company as it is now.
func (s *administrationSync) compared(ctx context.Context, a ledger.Administration, c ledger.Company) (ledger.Administration, error) {
	a.Company, a.EnterpriseNumber, a.Gone = c.Name, c.EnterpriseNumber, false
	cmp, held := s.cfg.comparison(), c.Record()
	l, stated, ok := s.stated(a, c.EnterpriseNumber)
	if !ok {
		a.Source, a.Reference = "", ""
		return a.Compared(nil, cmp.Values(held), nil), nil
	}
	if stated.Knows(administration.Directors) && !s.noPeople[a.FirmID] {
		people, known, err := s.cfg.Destination(a.FirmID).People(ctx, c.ID)
		switch {
		case ctx.Err() != nil:
			return a, ctx.Err()
		case err != nil && isState(err):
			return a, err
		case err != nil:
			s.addProblem(companyText(c), err)
		case known:
			held.Directors, held.Known = people, append(held.Known, administration.Directors)
		default:
			s.noPeople[a.FirmID] = true
		}
	}
	a.Source, a.Reference, a.ListedAt, a.AsOf = l.Name, stated.Reference, l.ListedAt, stated.AsOf
	if !held.Knows(administration.Number) {
		stated = onOneLine(stated, cmp.Language)
	}
	return a.Compared(cmp.Values(stated), cmp.Values(held), cmp.Differences(stated, held)), nil
}

// onOneLine returns a record with its street, number and box in one text, for a company that
// has them so.
func onOneLine(r administration.Record, language string) administration.Record {
	streets := administration.Text{}
	for l, street := range r.Streets {
		if l == "" {
			l = language
		}
		streets[l] = administration.JoinStreet(street, r.Number, r.Box, l)
	}
	r.Streets, r.Number, r.Box = streets, "", ""
	r.Known = slices.DeleteFunc(slices.Clone(r.Known), func(f administration.Field) bool { return f == administration.Number || f == administration.Box })
	return r
}

// withName returns a with a write of the source's name, where the company has no name of its
// own.
func (s *administrationSync) withName(a ledger.Administration) ledger.Administration {
	name := a.Stated[administration.Name]
	if !administration.Unnamed(a.Company, a.EnterpriseNumber) || administration.Unnamed(name, "") {
		return a
	}
	if _, has := a.Held[administration.Name]; !has {
		return a // it cannot be told what its name is
	}
	a.Writing = &ledger.AdministrationWrite{At: s.cfg.Now(),
		Seen: []administration.Difference{{Field: administration.Name, Source: name, Silverfin: a.Held[administration.Name]}}}
	return a
}

// stillHolds reports whether a recorded write is still what its person saw: the source
// states the same, and Silverfin has what it had, or already what is written.
func stillHolds(a ledger.Administration) bool {
	for _, d := range a.Writing.Seen {
		held := a.Held[d.Field]
		if !administration.SameText(d.Field, a.Stated[d.Field], d.Source) || held != d.Silverfin && held != d.Source {
			return false
		}
	}
	return true
}

// sameAdministration reports whether two rows say the same, apart from the dates of the
// source.
func sameAdministration(a, b ledger.Administration) bool {
	a.ListedAt, a.AsOf = b.ListedAt, b.AsOf
	return reflect.DeepEqual(a, b)
}

// write carries out the recorded write of a row. What Silverfin refuses, or what is out of
// reach, is named in Problems.
func (s *administrationSync) write(ctx context.Context, a ledger.Administration) (ledger.Administration, error) {
	named := a.Writing.By == ""
	next, err := s.daemon.writeAdministration(ctx, s.cfg, a)
	switch {
	case err == nil && named:
		s.out.Named++
	case err == nil:
		s.out.Written++
	case ctx.Err() != nil || isState(err):
		return next, err
	default:
		s.addProblem(companyLabel(a), err)
	}
	return next, nil
}

// writeAdministration carries out the recorded write of a row: read, compare with what was
// seen, write, read back. It returns the row as it was saved then. After an error that is no
// refusal, the write stays recorded, and the next comparison goes on with it. The caller
// holds the lock of the company.
func (d *Daemon) writeAdministration(ctx context.Context, cfg Config, a ledger.Administration) (ledger.Administration, error) {
	w := *a.Writing
	var last ledger.Company
	err := cfg.Destination(a.FirmID).UpdateCompany(ctx, a.CompanyID, func(r ledger.CompanyReading) (ledger.CompanyDetails, error) {
		last = r.Company
		change := r.Company.Change(w.Values(), cfg.Administration.Language)
		if len(change) == 0 {
			return nil, nil
		}
		if r.Accepted.Holds(change) && len(r.Accepted) > 0 {
			return nil, &notStoredError{}
		}
		if !heldAsSeen(cfg, r.Company, w) {
			return nil, administrationChanged(a)
		}
		return change, ctx.Err()
	})
	_, notStored := errors.AsType[*notStoredError](err)
	switch {
	case err == nil:
		return d.saveWritten(ctx, cfg, a, last)
	case notStored:
		err = problem.New(problem.SilverfinRefused, "Silverfin took the values for "+companyLabel(a)+" and does not show them",
			"Change them in Silverfin by hand; the values are on the page.")
	case !problem.Is(err, problem.Conflict) && !problem.Is(err, problem.SilverfinRefused):
		return a, err // it may have been written
	}
	act := ledger.AdministrationRefused
	if problem.Is(err, problem.Conflict) {
		act = ledger.AdministrationDropped
	}
	e := ledger.AdministrationEvent{At: cfg.Now(), Act: act, By: w.By, Source: a.Source, Changes: w.Seen}
	if n := len(a.History); n == 0 || !a.History[n-1].Repeats(e) { // a name is tried each night
		a = a.With(e)
	}
	a.Writing = nil
	saved, saveErr := d.saveAdministration(context.WithoutCancel(ctx), d.reheld(cfg, a, last))
	if saveErr != nil {
		return a, saveErr
	}
	return saved, err
}

// notStoredError says that Silverfin accepted values and does not show them.
type notStoredError struct{}

func (*notStoredError) Error() string { return "Silverfin does not show what it accepted" }

// heldAsSeen reports whether a company still has what the person saw in each field that is
// written, or already what is written.
func heldAsSeen(cfg Config, c ledger.Company, w ledger.AdministrationWrite) bool {
	held := cfg.comparison().Values(c.Record())
	return !slices.ContainsFunc(w.Seen, func(d administration.Difference) bool {
		return held[d.Field] != d.Silverfin && held[d.Field] != d.Source
	})
}

// saveWritten saves that a write was carried out and read back.
func (d *Daemon) saveWritten(ctx context.Context, cfg Config, a ledger.Administration, now ledger.Company) (ledger.Administration, error) {
	w := *a.Writing
	act := ledger.AdministrationUsed
	if w.By == "" {
		act = ledger.AdministrationNamed
	}
	a = a.With(ledger.AdministrationEvent{At: cfg.Now(), Act: act, By: w.By, Source: a.Source, Changes: w.Seen})
	a.Writing = nil
	return d.saveAdministration(context.WithoutCancel(ctx), d.reheld(cfg, a, now))
}

// reheld returns a row with what Silverfin holds now, and its differences with what the source
// was known to state. People and what is not among the company's own fields stay as they were.
func (d *Daemon) reheld(cfg Config, a ledger.Administration, now ledger.Company) ledger.Administration {
	if now.ID == 0 {
		return a // it could not be read
	}
	held := maps.Clone(a.Held)
	if held == nil {
		held = administration.Values{}
	}
	maps.Copy(held, cfg.comparison().Values(now.Record()))
	a.Company = now.Name
	var differences []administration.Difference
	for _, f := range administration.Fields() {
		source, states := a.Stated[f]
		silverfin, has := held[f]
		if states && has && !d.statesSame(a, f, source, silverfin) {
			differences = append(differences, administration.Difference{Field: f, Source: source, Silverfin: silverfin})
		}
	}
	return a.Compared(a.Stated, held, differences)
}

// statesSame reports whether a source and Silverfin say the same of a field. A field that was
// no difference before, for a spelling in another language, is none while Silverfin's text
// stays.
func (d *Daemon) statesSame(a ledger.Administration, f administration.Field, source, silverfin string) bool {
	if administration.SameText(f, source, silverfin) {
		return true
	}
	_, differed := a.Difference(f)
	return !differed && a.Held[f] == silverfin
}

package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
)

// settleRevisions reads the entry and settles which of several balances counts.
// It tells whether the entry is no longer the one. What the source's own
// revision numbers say needs no reading: nobody fetches what was corrected.
func (j *job) settleRevisions(ctx context.Context) (gone bool, err error) {
	if j.entry.ValuesHash == "" && j.entry.Dossier.EnterpriseNumber != "" {
		if gone, err := j.supersede(ctx, false); gone || err != nil {
			return gone, err
		}
	}
	unread := j.read(ctx)
	if unread != nil && !ofDocument(unread) {
		return false, j.overwritten(ctx, unread)
	}
	gone, err = j.supersede(ctx, true)
	if gone || err != nil && !waits(err) {
		return gone, err
	}
	if unread != nil {
		return false, unread
	}
	if err != nil {
		return false, err
	}
	if len(j.entry.Doubts) == 0 { // its year may be in doubt
		if err := j.leaveBehind(ctx); err != nil {
			return false, err
		}
	}
	if !j.fresh {
		return false, nil
	}
	return false, j.compare(ctx)
}

// supersede settles which of the entry and its siblings counts. The older ones
// are set aside when the newer one is worked on, delivered or not. Where nothing
// tells them apart a person is asked. read says that the entry was read; until
// then only what needs no reading is settled.
func (j *job) supersede(ctx context.Context, read bool) (gone bool, err error) {
	siblings, err := j.cfg.Store.Siblings(ctx, j.entry)
	if err != nil {
		return false, err
	}
	var undecided error
	for _, s := range siblings {
		if s.State == ledger.Superseded || s.State == ledger.Ignored {
			continue
		}
		c := ledger.CompareRevisions(j.kind(), j.entry, s)
		if s.ValuesHash == "" && s.Open() && (c == 0 || s.Dossier.EnterpriseNumber == "") {
			if !read {
				continue
			}
			if s, err = j.readSibling(ctx, s); err != nil {
				return false, err
			}
			if !s.SiblingOf(j.entry) {
				continue // its own document says what it is
			}
		}
		if read {
			c = ledger.CompareSiblings(j.kind(), j.entry, s)
		}
		unknown, other := j.entry.FiscalYear.End.IsZero(), s.FiscalYear.End.IsZero()
		switch {
		case c < 0 && (unknown || !other):
			return true, j.supersededBy(ctx, s.Number)
		case c > 0 && (other || !unknown):
			if err := j.setAside(ctx, s); err != nil {
				return false, err
			}
		case c == 0 && read:
			undecided = &ledger.NotYet{Reason: ledger.WhichCounts, Detail: fmt.Sprintf(
				"entry %d is of the same year and was made at the same time, with other figures: nothing tells which of the two counts", s.Number)}
		}
	}
	return false, undecided
}

// readSibling gives a sibling that had no turn yet as its document says. What
// cannot be read is what it was listed as.
func (j *job) readSibling(ctx context.Context, s ledger.Entry) (ledger.Entry, error) {
	k := &job{pass: j.pass, before: s, entry: s}
	err := k.read(ctx)
	if err != nil && !ofDocument(err) {
		j.skipped = k.skipped
		return s, err
	}
	return k.entry, nil
}

func (j *job) supersededBy(ctx context.Context, number uint64) error {
	next, err := j.entry.Supersede(number, j.cfg.Now())
	if err != nil {
		return err
	}
	return j.keep(ctx, next, newerCame(number), nil)
}

// setAside supersedes a sibling by the entry. It is looked up once more: what
// was read of it here is kept when it has its own turn.
func (j *job) setAside(ctx context.Context, s ledger.Entry) error {
	s, err := j.cfg.Store.Entry(ctx, s.Number)
	if err != nil {
		return err
	}
	next, err := s.Supersede(j.entry.Number, j.cfg.Now())
	if err != nil {
		return err
	}
	_, err = j.move(ctx, next, newerCame(j.entry.Number), nil)
	return err
}

func newerCame(number uint64) string {
	return fmt.Sprintf("a newer balance of the same year, number %d, took its place", number)
}

func (j *job) kind() ledger.ConnectionKind { return j.connections[j.entry.Connection].Kind }

// newer orders siblings: a is positive when it counts before b.
func (j *job) newer(a, b ledger.Entry) int {
	return cmp.Or(ledger.CompareSiblings(j.kind(), a, b), cmp.Compare(a.Number, b.Number))
}

// leaveBehind looks at what has the entry's id and is of another year or another
// company, so that neither takes the other's place.
//
// In Finbox one id is one balance: a revision for another year says that the
// earlier one was wrong. What that one put into Silverfin is to be emptied by a
// person, and where it was not delivered yet, a person is asked. In a folder one
// name may hold a new balance each year, so only one that goes back in time is a
// correction.
func (j *job) leaveBehind(ctx context.Context) error {
	others, err := j.cfg.Store.SameID(ctx, j.entry)
	if err != nil {
		return err
	}
	for _, o := range others {
		if o.State == ledger.Superseded || o.State == ledger.Ignored || o.SiblingOf(j.entry) {
			continue
		}
		switch newer := j.newer(j.entry, o) > 0; {
		case newer && o.State == ledger.Done && o.MovedTo != j.entry.Number && j.corrects(o):
			if err := j.moved(ctx, o); err != nil {
				return err
			}
		case !newer && j.kind() != ledger.Folder && j.entry.State != ledger.Done && j.entry.Chosen < o.Number:
			return &ledger.NotYet{Reason: ledger.WhichCounts, Detail: fmt.Sprintf(
				"entry %d is a later revision of the same balance, and is of %s: it is not clear whether this one still counts%s", o.Number, whose(o), j.begun())}
		}
	}
	return nil
}

// begun says at the end of a sentence that a write of the entry was begun.
func (j *job) begun() string {
	if j.entry.State != ledger.Sending || j.entry.Target == nil {
		return ""
	}
	return fmt.Sprintf("; part of it may be in %s already, period %s", j.entry.Target.CompanyName, j.entry.Target.PeriodEnd)
}

// corrects tells whether the entry corrects an older one of its id that is of
// another year or another company.
func (j *job) corrects(o ledger.Entry) bool {
	if j.kind() != ledger.Folder {
		return true
	}
	return o.Dossier.EnterpriseNumber == j.entry.Dossier.EnterpriseNumber && j.entry.FiscalYear.End.Before(o.FiscalYear.End)
}

// moved names the place that the entry, a correction for another year or
// another company, leaves behind.
func (j *job) moved(ctx context.Context, o ledger.Entry) error {
	where := "Silverfin"
	if o.Target != nil {
		where = fmt.Sprintf("%s, period %s", o.Target.CompanyName, o.Target.PeriodEnd)
	}
	detail := fmt.Sprintf("entry %d corrects it and is of %s; what this one wrote is still in %s", j.entry.Number, whose(j.entry), where)
	todo := fmt.Sprintf("Empty it there by hand, then: balansd ledger dismiss %d.", o.Number)
	next, err := o.Move(j.entry.Number, detail, todo, j.cfg.Now())
	if err != nil {
		return err
	}
	if _, err := j.move(ctx, next, detail, nil); err != nil {
		return err
	}
	j.note(fmt.Sprintf("%s: entry %d was corrected for %s by entry %d; what it wrote is still in %s. %s", dossierName(o.Listing), o.Number,
		whose(j.entry), j.entry.Number, where, todo), ledger.Trouble{About: dossierName(o.Listing), Code: string(problem.NeedsPerson)})
	return nil
}

// whose names the company and the year that an entry is of.
func whose(e ledger.Entry) string {
	if n := e.Dossier.EnterpriseNumber; n != "" {
		return fmt.Sprintf("%s, year to %s", n.Pretty(), e.FiscalYear.End)
	}
	return fmt.Sprintf("the year to %s", e.FiscalYear.End)
}

// overwritten says of a file that could not be read as it was listed that it
// holds another balance by now: its own is gone, and no pass will read it.
func (j *job) overwritten(ctx context.Context, cause error) error {
	if j.kind() != ledger.Folder || !problem.Is(cause, problem.Damaged) {
		return cause
	}
	others, err := j.cfg.Store.SameID(ctx, j.entry)
	if err != nil {
		return err
	}
	for _, o := range others {
		if o.Number > j.entry.Number {
			return problem.New(problem.NotFound, fmt.Sprintf("the file %s was overwritten by entry %d before it was read", j.entry.ID, o.Number),
				"Put the balance into the folder again under a name of its own, then dismiss this entry.")
		}
	}
	return cause
}

// compare notes what the balance changed of the newest that it replaces, as far
// as the figures of that one are kept.
func (j *job) compare(ctx context.Context) error {
	siblings, err := j.cfg.Store.Siblings(ctx, j.entry)
	if err != nil {
		return err
	}
	slices.SortFunc(siblings, func(a, b ledger.Entry) int { return j.newer(b, a) })
	for _, s := range siblings {
		if s.State != ledger.Superseded || j.newer(s, j.entry) > 0 {
			continue
		}
		before, err := j.cfg.Store.Values(ctx, s.Number)
		if err != nil {
			return err
		}
		if before != nil {
			j.entry.Replaces, j.entry.Changes = s.Number, balance.Diff(before, j.values)
			return nil
		}
	}
	return nil
}

// ofDocument tells whether an error is of a document alone, and not of its
// source.
func ofDocument(err error) bool {
	switch problem.Of(err).Code {
	case problem.Unreadable, problem.NoSocialBalance, problem.NotFound:
		return true
	default:
		return false
	}
}

// waits tells whether an error has the entry wait for a person.
func waits(err error) bool {
	_, is := errors.AsType[*ledger.NotYet](err)
	return is
}

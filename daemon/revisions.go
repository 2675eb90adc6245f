package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
)

// settleRevisions reads the entry and decides which of several balances counts; gone
// reports that it is another one. Where the source's revision numbers decide, the
// document is not fetched.
func (d *delivery) settleRevisions(ctx context.Context) (gone bool, err error) {
	if d.entry.ValuesHash == "" && d.entry.Dossier.EnterpriseNumber != "" {
		if gone, err := d.supersede(ctx, false); gone || err != nil {
			return gone, err
		}
	}
	unread := d.read(ctx)
	if unread != nil && !ofDocument(unread) {
		return false, d.overwritten(ctx, unread)
	}
	gone, err = d.supersede(ctx, true)
	if gone || err != nil && !waits(err) {
		return gone, err
	}
	if unread != nil {
		return false, unread
	}
	if err != nil {
		return false, err
	}
	if len(d.entry.Doubts) == 0 { // its year may be in doubt
		if err := d.leaveBehind(ctx); err != nil {
			return false, err
		}
	}
	if !d.fresh {
		return false, nil
	}
	return false, d.compare(ctx)
}

// supersede decides which of the entry and its siblings counts. The older ones are
// superseded when the newer one is processed, delivered or not. If they cannot be
// ordered, a person is asked. Unless read is true, the entry was not read yet and
// only siblings are considered that can be ordered without that.
func (d *delivery) supersede(ctx context.Context, read bool) (gone bool, err error) {
	siblings, err := d.cfg.Store.Siblings(ctx, d.entry)
	if err != nil {
		return false, err
	}
	if read && d.entry.Rounded {
		if gone, err := d.giveWay(ctx, siblings); gone || err != nil {
			return gone, err
		}
	}
	var undecided error
	for _, s := range siblings {
		if s.State == ledger.Superseded || s.State == ledger.Ignored {
			continue
		}
		c, err := d.compareSibling(ctx, s, read)
		if err != nil {
			return false, err
		}
		if c.order == 0 && !c.unclear && read {
			undecided = &ledger.WaitingError{Reason: ledger.WhichCounts, Detail: fmt.Sprintf(
				"entry %d is of the same year and was made at the same time, with other figures: nothing tells which of the two counts", s.Number)}
		}
		if gone, err := d.settleSibling(ctx, c, siblings); gone || err != nil {
			return gone, err
		}
	}
	return false, undecided
}

// settleSibling supersedes the one of the entry and a sibling that does not count,
// as far as that is known. It reports whether that is the entry.
func (d *delivery) settleSibling(ctx context.Context, c comparison, siblings []ledger.Entry) (gone bool, err error) {
	unknown, other := d.entry.FiscalYear.End.IsZero(), c.sibling.FiscalYear.End.IsZero()
	switch {
	case c.unclear:
		return false, nil
	case c.order < 0 && (unknown || !other):
		if given, err := d.hasExact(ctx, c, siblings); given || err != nil {
			return false, err // the sibling gives way itself
		}
		return true, d.supersededBy(ctx, c.sibling, c.oneFiling)
	case c.order > 0 && (other || !unknown):
		if err := d.setAside(ctx, c.sibling, c.oneFiling); err != nil {
			return false, err
		}
		return d.recall(ctx, siblings, c)
	}
	return false, nil
}

// comparison is how an entry and one of its siblings stand to each other.
type comparison struct {
	sibling ledger.Entry // as its document says, where that was read
	values  balance.Values
	order   int // positive when the entry counts
	// oneFiling says that one has the figures of the other in whole euros.
	oneFiling bool
	// unclear says that they cannot be compared before the entry itself has been
	// read, or that the document of the sibling says that it is none.
	unclear bool
}

// compareSibling compares the entry and a sibling, reading the sibling's document
// first where only that can tell.
func (d *delivery) compareSibling(ctx context.Context, s ledger.Entry, read bool) (comparison, error) {
	c := comparison{sibling: s, order: ledger.CompareRevisions(d.kind(), d.entry, s)}
	mustRead := c.order == 0 || s.Dossier.EnterpriseNumber == "" || d.entry.Rounded || mayBeRounded(s)
	mustRead = mustRead && s.ValuesHash == "" && s.Open()
	if !read {
		c.unclear = mustRead || c.order < 0 && mayBeRounded(s)
		return c, nil
	}
	var err error
	if mustRead {
		if c.sibling, c.values, err = d.readSibling(ctx, s); err != nil || !c.sibling.SiblingOf(d.entry) {
			c.unclear = true
			return c, err
		}
	} else if s.Rounded != d.entry.Rounded {
		if c.values, err = d.cfg.Store.Values(ctx, s.Number); err != nil {
			return c, err
		}
	}
	c.oneFiling = isRounding(d.entry, d.values, c.sibling, c.values)
	c.order = ledger.CompareSiblings(d.kind(), d.entry, c.sibling, c.oneFiling)
	return c, nil
}

// readSibling returns a sibling that had no turn yet as its document says, with its
// figures. What cannot be read is what it was listed as.
func (d *delivery) readSibling(ctx context.Context, s ledger.Entry) (ledger.Entry, balance.Values, error) {
	k := &delivery{run: d.run, before: s, entry: s}
	err := k.read(ctx)
	if err != nil && !ofDocument(err) {
		d.skipped = k.skipped
		return s, nil, err
	}
	return k.entry, k.values, nil
}

func (d *delivery) supersededBy(ctx context.Context, by ledger.Entry, oneFiling bool) error {
	next, err := superseded(d.entry, by, oneFiling, d.cfg.Now())
	if err != nil {
		return err
	}
	return d.save(ctx, next, whySuperseded(d.entry, by, oneFiling), nil)
}

// setAside supersedes a sibling by the entry. It loads the sibling again, because
// what was read of its document here is only saved by its own delivery.
func (d *delivery) setAside(ctx context.Context, s ledger.Entry, oneFiling bool) error {
	text := whySuperseded(s, d.entry, oneFiling)
	s, err := d.cfg.Store.Entry(ctx, s.Number)
	if err != nil {
		return err
	}
	next, err := superseded(s, d.entry, oneFiling, d.cfg.Now())
	if err != nil {
		return err
	}
	_, err = d.move(ctx, next, text, nil)
	return err
}

// superseded moves an entry to superseded by another one of the same year.
func superseded(e, by ledger.Entry, oneFiling bool, now time.Time) (ledger.Entry, error) {
	if oneFiling && !by.Rounded {
		return e.SupersedeByExact(by.Number, now)
	}
	return e.Supersede(by.Number, now)
}

// whySuperseded says why another entry of the same year took an entry's place. e is
// as its document says.
func whySuperseded(e, by ledger.Entry, oneFiling bool) string {
	if oneFiling && e.Rounded {
		return fmt.Sprintf("its amounts are in whole euros; entry %d has the same figures to the cent, and counts", by.Number)
	}
	text := fmt.Sprintf("a newer balance of the same year, number %d, took its place", by.Number)
	if by.Rounded && !e.Rounded && e.ValuesHash != "" {
		text += ", although the amounts of that one are in whole euros"
		if by.Correction && !e.Correction {
			text += ": it is a correction, and this one an initial filing"
		}
	}
	return text
}

func (d *delivery) kind() ledger.ConnectionKind { return d.connections[d.entry.Connection].Kind }

// newer orders siblings: a is positive when it counts before b.
func (d *delivery) newer(a, b ledger.Entry) int {
	return cmp.Or(ledger.CompareSiblings(d.kind(), a, b, false), cmp.Compare(a.Number, b.Number))
}

// leaveBehind handles entries with the same id that are of another year or another
// company.
//
// In Finbox one id is one balance: a revision for another year means that the earlier
// one was wrong. A person has to empty the figures that the earlier one wrote to
// Silverfin; if it was not delivered yet, a person is asked. In a folder one file
// name may hold a new balance each year, so only a balance of an earlier year is a
// correction.
func (d *delivery) leaveBehind(ctx context.Context) error {
	others, err := d.cfg.Store.SameID(ctx, d.entry)
	if err != nil {
		return err
	}
	for _, o := range others {
		if o.State == ledger.Superseded || o.State == ledger.Ignored || o.SiblingOf(d.entry) {
			continue
		}
		switch newer := d.newer(d.entry, o) > 0; {
		case newer && o.State == ledger.Done && o.MovedTo != d.entry.Number && d.corrects(o):
			if err := d.moved(ctx, o); err != nil {
				return err
			}
		case !newer && d.kind() != ledger.Folder && d.entry.State != ledger.Done && d.entry.Chosen < o.Number:
			return &ledger.WaitingError{Reason: ledger.WhichCounts, Detail: fmt.Sprintf(
				"entry %d is a later revision of the same balance, and is of %s: it is not clear whether this one still counts%s", o.Number, companyAndYear(o), d.partlyWrittenNote())}
		}
	}
	return nil
}

// partlyWrittenNote says at the end of a sentence that a write of the entry was begun.
func (d *delivery) partlyWrittenNote() string {
	if d.entry.State != ledger.Sending || d.entry.Target == nil {
		return ""
	}
	return fmt.Sprintf("; part of it may be in %s already, period %s", d.entry.Target.CompanyName, d.entry.Target.PeriodEnd)
}

// corrects reports whether the entry corrects an older one of its id that is of
// another year or another company.
func (d *delivery) corrects(o ledger.Entry) bool {
	if d.kind() != ledger.Folder {
		return true
	}
	return o.Dossier.EnterpriseNumber == d.entry.Dossier.EnterpriseNumber && d.entry.FiscalYear.End.Before(o.FiscalYear.End)
}

// moved names the target that the entry, a correction for another year or
// another company, leaves behind.
func (d *delivery) moved(ctx context.Context, o ledger.Entry) error {
	where := "Silverfin"
	if o.Target != nil {
		where = fmt.Sprintf("%s, period %s", o.Target.CompanyName, o.Target.PeriodEnd)
	}
	detail := fmt.Sprintf("entry %d corrects it and is of %s; what this one wrote is still in %s", d.entry.Number, companyAndYear(d.entry), where)
	todo := fmt.Sprintf("Empty it there by hand, then: balansd ledger dismiss %d.", o.Number)
	next, err := o.MarkMoved(d.entry.Number, detail, todo, d.cfg.Now())
	if err != nil {
		return err
	}
	if _, err := d.move(ctx, next, detail, nil); err != nil {
		return err
	}
	d.addProblem(fmt.Sprintf("%s: entry %d was corrected for %s by entry %d; what it wrote is still in %s. %s", dossierName(o.Listing), o.Number,
		companyAndYear(d.entry), d.entry.Number, where, todo), ledger.Trouble{About: dossierName(o.Listing), Code: string(problem.NeedsPerson)})
	return nil
}

// companyAndYear names the company and the year that an entry is of.
func companyAndYear(e ledger.Entry) string {
	if n := e.Dossier.EnterpriseNumber; n != "" {
		return fmt.Sprintf("%s, year to %s", n.Pretty(), e.FiscalYear.End)
	}
	return fmt.Sprintf("the year to %s", e.FiscalYear.End)
}

// overwritten says of a file that could not be read as it was listed that it
// holds another balance by now: its own is gone, and no run will read it.
func (d *delivery) overwritten(ctx context.Context, cause error) error {
	if d.kind() != ledger.Folder || !problem.Is(cause, problem.Damaged) {
		return cause
	}
	others, err := d.cfg.Store.SameID(ctx, d.entry)
	if err != nil {
		return err
	}
	for _, o := range others {
		if o.Number > d.entry.Number {
			return problem.New(problem.NotFound, fmt.Sprintf("the file %s was overwritten by entry %d before it was read", d.entry.ID, o.Number),
				"Put the balance into the folder again under a name of its own, then dismiss this entry.")
		}
	}
	return cause
}

// compare records what the balance changed of the newest that it replaces, as far
// as the figures of that one are kept.
func (d *delivery) compare(ctx context.Context) error {
	siblings, err := d.cfg.Store.Siblings(ctx, d.entry)
	if err != nil {
		return err
	}
	slices.SortFunc(siblings, func(a, b ledger.Entry) int { return d.newer(b, a) })
	for _, s := range siblings {
		if s.State != ledger.Superseded || d.newer(s, d.entry) > 0 {
			continue
		}
		before, err := d.cfg.Store.Values(ctx, s.Number)
		if err != nil {
			return err
		}
		if before != nil {
			d.entry.Replaces, d.entry.Changes = s.Number, balance.Diff(before, d.values)
			if s.Rounded != d.entry.Rounded {
				d.entry.Changes = slices.DeleteFunc(d.entry.Changes, balance.Change.ByRounding)
			}
			return nil
		}
	}
	return nil
}

// ofDocument reports whether an error is of a document alone, and not of its
// source.
func ofDocument(err error) bool {
	switch problem.Of(err).Code {
	case problem.Unreadable, problem.NoSocialBalance, problem.NotFound:
		return true
	default:
		return false
	}
}

// waits reports whether an error has the entry wait for a person.
func waits(err error) bool {
	_, is := errors.AsType[*ledger.WaitingError](err)
	return is
}

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

// chooseRevision reads the entry's document and decides which of several balances of
// the same year counts. gone reports that it is another one, so that the delivery of
// this entry ends. The document is not fetched if the source's revision numbers are
// enough to decide.
func (d *delivery) chooseRevision(ctx context.Context) (gone bool, err error) {
	if d.entry.ValuesHash == "" && d.entry.Dossier.EnterpriseNumber != "" {
		if gone, err := d.supersede(ctx, false); gone || err != nil {
			return gone, err
		}
	}
	unread := d.read(ctx)
	if unread != nil && !ofDocument(unread) {
		return false, d.explainOverwritten(ctx, unread)
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
	if len(d.entry.Doubts) == 0 { // else its financial year may be wrong
		if err := d.handleMoved(ctx); err != nil {
			return false, err
		}
	}
	if !d.fresh {
		return false, nil
	}
	return false, d.recordChanges(ctx)
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
		if gone, err := d.yieldToExact(ctx, siblings); gone || err != nil {
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

// settleSibling supersedes either the entry or its sibling, whichever does not count,
// if that is known. It reports whether it was the entry.
func (d *delivery) settleSibling(ctx context.Context, c comparison, siblings []ledger.Entry) (gone bool, err error) {
	unknown, other := d.entry.FiscalYear.End.IsZero(), c.sibling.FiscalYear.End.IsZero()
	switch {
	case c.unclear:
		return false, nil
	case c.order < 0 && (unknown || !other):
		if given, err := d.hasExact(ctx, c, siblings); given || err != nil {
			return false, err // the sibling is superseded by its own delivery
		}
		return true, d.supersededBy(ctx, c.sibling, c.oneFiling)
	case c.order > 0 && (other || !unknown):
		if err := d.supersedeSibling(ctx, c.sibling, c.oneFiling); err != nil {
			return false, err
		}
		return d.reinstate(ctx, siblings, c)
	}
	return false, nil
}

// comparison is the result of comparing an entry with one of its siblings.
type comparison struct {
	sibling ledger.Entry // with what its document says, if that was read
	values  balance.Values
	order   int // positive when the entry counts, negative when the sibling does
	// oneFiling is true if the figures of one are those of the other, rounded to euros.
	oneFiling bool
	// unclear is true if the entry's own document must be read first, or if the
	// sibling's document is of another year or company after all.
	unclear bool
}

// compareSibling compares the entry with a sibling. It reads the sibling's document
// only if what was listed does not decide.
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

// readSibling reads the document of a sibling that has not been delivered yet, and
// returns the sibling as its document says, with its figures. If the document cannot
// be read it returns the sibling as it was listed.
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

// supersedeSibling supersedes a sibling by the entry. It loads the sibling from the
// store, because what readSibling added is saved only by the sibling's own delivery.
func (d *delivery) supersedeSibling(ctx context.Context, s ledger.Entry, oneFiling bool) error {
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

// superseded returns e as superseded by another entry of the same year.
func superseded(e, by ledger.Entry, oneFiling bool, now time.Time) (ledger.Entry, error) {
	if oneFiling && !by.Rounded {
		return e.SupersedeByExact(by.Number, now)
	}
	return e.Supersede(by.Number, now)
}

// whySuperseded explains why by, of the same year, counts instead of e. It expects e
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

func (d *delivery) kind() ledger.ConnectionKind { return d.connection(d.entry.Connection).Kind }

// newer compares two siblings: the result is positive when a counts and b does not.
func (d *delivery) newer(a, b ledger.Entry) int {
	return cmp.Or(ledger.CompareSiblings(d.kind(), a, b, false), cmp.Compare(a.Number, b.Number))
}

// handleMoved handles entries with the same id that are of another year or another
// company.
//
// In Finbox one id is one balance: a revision for another year means that the earlier
// one was wrong. A person has to empty the figures that the earlier one wrote to
// Silverfin; if it was not delivered yet, a person is asked. In a folder one file
// name may hold a new balance each year, so only a balance of an earlier year is a
// correction.
func (d *delivery) handleMoved(ctx context.Context) error {
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
			if err := d.markMoved(ctx, o); err != nil {
				return err
			}
		case !newer && d.kind() != ledger.Folder && d.entry.State != ledger.Done && d.entry.Chosen < o.Number:
			return &ledger.WaitingError{Reason: ledger.WhichCounts, Detail: fmt.Sprintf(
				"entry %d is a later revision of the same balance, and is of %s: it is not clear whether this one still counts%s", o.Number, companyAndYear(o), d.partlyWrittenNote())}
		}
	}
	return nil
}

// partlyWrittenNote returns a clause that names the target if a write of the entry was
// begun, else the empty string.
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

// markMoved records that the entry corrects o for another year or another company,
// and reports the target that still has o's figures, which a person must empty.
func (d *delivery) markMoved(ctx context.Context, o ledger.Entry) error {
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
		companyAndYear(d.entry), d.entry.Number, where, todo), ledger.ProblemCode{About: dossierName(o.Listing), Code: string(problem.NeedsPerson)})
	return nil
}

// companyAndYear names the company and the financial year of an entry.
func companyAndYear(e ledger.Entry) string {
	if n := e.Dossier.EnterpriseNumber; n != "" {
		return fmt.Sprintf("%s, year to %s", n.Pretty(), e.FiscalYear.End)
	}
	return fmt.Sprintf("the year to %s", e.FiscalYear.End)
}

// explainOverwritten returns a clearer error if a file differs from what was listed
// because a newer balance was saved under its name. Otherwise it returns cause.
func (d *delivery) explainOverwritten(ctx context.Context, cause error) error {
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

// recordChanges records in the entry how its figures differ from those of the newest
// entry that it replaces, if those are still kept.
func (d *delivery) recordChanges(ctx context.Context) error {
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

// ofDocument reports whether an error is about one document, rather than about the
// source as a whole.
func ofDocument(err error) bool {
	switch problem.Of(err).Code {
	case problem.Unreadable, problem.NoSocialBalance, problem.NotFound:
		return true
	default:
		return false
	}
}

// waits reports whether err is a WaitingError.
func waits(err error) bool {
	_, is := errors.AsType[*ledger.WaitingError](err)
	return is
}

package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
)

// An employer can have several dossiers, with two payroll bureaus or two affiliation
// numbers. A person groups them, and their balances of one year are added up: the sum
// is an entry of its own, of the connection of the group, with a document in the
// state. It is compared, recorded, written and read back as any other; each part
// points to it, and is done when it is.

// group returns the connection that adds up the balances of an entry's dossier with
// those of others.
func (r *run) group(e ledger.Entry) (ledger.Connection, bool) {
	for _, c := range r.allConnections() {
		if c.Status != ledger.Removed && c.HasPart(e) {
			return c, true
		}
	}
	return ledger.Connection{}, false
}

// addUp brings the sum that the entry is part of up to date, and the entry to where
// the sum is.
func (d *delivery) addUp(ctx context.Context, group ledger.Connection) error {
	if link, _ := d.link(d.entry.Connection, d.entry.Dossier); link.Paused {
		return linkPaused("the link of its dossier", link)
	}
	parts, err := d.parts(ctx, group)
	if err != nil {
		return err
	}
	sum, changed, err := d.recordSum(ctx, group, parts)
	if err != nil {
		return err
	}
	if changed {
		if err := d.deliver(ctx, sum); err != nil {
			return err
		}
		if sum, err = d.cfg.Store.Entry(ctx, sum.Number); err != nil {
			return err
		}
		if err := d.settleParts(ctx, sum); err != nil {
			return err
		}
	}
	return d.followSum(ctx, sum)
}

// part is a balance that is added up.
type part struct {
	entry  ledger.Entry
	values balance.Values
}

// parts returns the balances of the year that are added up, the entry's among them,
// in the order of the group. It returns a *ledger.WaitingError when one is missing
// or does not fit the others.
func (d *delivery) parts(ctx context.Context, group ledger.Connection) ([]part, error) {
	var parts []part
	for _, ref := range group.Parts {
		if ref.Connection == d.entry.Connection && ref.DossierID == d.entry.Dossier.ID {
			parts = append(parts, part{d.entry, d.values})
			continue
		}
		e, found, err := d.counting(ctx, ref)
		if err != nil {
			return nil, err
		}
		if !found {
			continue
		}
		_, values, err := d.readSibling(ctx, e)
		if err != nil {
			return nil, err
		}
		if values == nil || values.Hash() != e.ValuesHash {
			return nil, partMissing(fmt.Sprintf("the figures of entry %d, %s, are not known any more", e.Number, dossierName(e.Listing)))
		}
		parts = append(parts, part{e, values})
	}
	return parts, checkAlike(parts)
}

// counting returns the entry of another dossier of the group that counts for the
// entry's year. found is false if the dossier has none, and had none last year.
func (d *delivery) counting(ctx context.Context, ref ledger.DossierRef) (e ledger.Entry, found bool, err error) {
	entries, err := d.balancesOf(ctx, ref, d.entry.FiscalYear.End)
	if err != nil {
		return e, false, err
	}
	switch {
	case len(entries) == 0:
		last, err := d.balancesOf(ctx, ref, yearBefore(d.entry.FiscalYear.End))
		if err == nil && len(last) > 0 {
			err = partMissing(fmt.Sprintf("last year the balance of %s, dossier %s of %s, was part of the sum; this year's is not there yet",
				dossierName(last[0].Listing), ref.DossierID, ref.Connection))
		}
		return e, false, err
	case len(entries) > 1:
		return e, false, partMissing(fmt.Sprintf("it is not known yet which of %d balances of dossier %s of %s counts", len(entries), ref.DossierID, ref.Connection))
	case !readyToAdd(entries[0]):
		return e, false, partMissing(fmt.Sprintf("entry %d, %s, which it is added up with, is not ready", entries[0].Number, dossierName(entries[0].Listing)))
	}
	return entries[0], true, d.checkPart(entries[0])
}

// checkParts returns a *ledger.WaitingError for a sum with a part that may not be
// delivered now: since the sum was made it can have been dismissed, or paused.
func (d *delivery) checkParts(ctx context.Context) error {
	for _, number := range d.entry.Parts {
		e, err := d.cfg.Store.Entry(ctx, number)
		if err != nil && !problem.Is(err, problem.NotFound) {
			return err
		}
		if err != nil || e.State == ledger.Superseded || e.State == ledger.Ignored {
			return partMissing(fmt.Sprintf("entry %d, which it was added up from, does not count any more", number))
		}
		if err := d.checkPart(e); err != nil {
			return err
		}
	}
	return nil
}

// checkPart returns a *ledger.WaitingError for a balance whose figures a person does not
// want delivered now, in a sum neither.
func (d *delivery) checkPart(e ledger.Entry) error {
	if link, _ := d.link(e.Connection, e.Dossier); link.Paused {
		return linkPaused(fmt.Sprintf("the link of %s, which it is added up with,", dossierName(e.Listing)), link)
	}
	if c := d.connection(e.Connection); c.Status != ledger.Active && e.State != ledger.Done {
		return &ledger.WaitingError{Reason: ledger.ConnectionInactive, Detail: fmt.Sprintf("entry %d, %s, is added up with it: %s",
			e.Number, dossierName(e.Listing), connectionState(c, e.Connection))}
	}
	return nil
}

// balancesOf returns the entries of a dossier for the financial year that ends on a
// day, as far as they may count.
func (d *delivery) balancesOf(ctx context.Context, ref ledger.DossierRef, end balance.Date) ([]ledger.Entry, error) {
	all, err := d.cfg.Store.Siblings(ctx, ledger.Entry{Connection: ref.Connection,
		Listing: ledger.Listing{Dossier: ledger.Dossier{ID: ref.DossierID}, FiscalYear: balance.Period{End: end}}})
	return slices.DeleteFunc(all, func(e ledger.Entry) bool { return e.State == ledger.Superseded || e.State == ledger.Ignored }), err
}

// yearBefore returns the day a year before the last day of a financial year; of the
// last day of a month that is the last day too.
func yearBefore(end balance.Date) balance.Date {
	next := end.AddDays(1)
	next.Year--
	return next.AddDays(-1)
}

// readyToAdd reports whether an entry had its turn: its document was read and leaves
// nothing open. A sum of one that had none yet would be another one later in the run.
func readyToAdd(e ledger.Entry) bool {
	return e.State != ledger.Found && e.ValuesHash != "" && len(e.Doubts) == 0 && e.FailClass != ledger.Unreadable &&
		e.Reason != ledger.HasFindings && e.Reason != ledger.WhichCounts
}

func partMissing(detail string) error {
	return &ledger.WaitingError{Reason: ledger.PartMissing, Detail: detail}
}

// checkAlike returns a *ledger.WaitingError for balances that cannot be added up. Each
// is compared with each: the number or the year of some may be unknown.
func checkAlike(parts []part) error {
	for i, p := range parts {
		for _, q := range parts[i+1:] {
			if what := unlike(p.entry, q.entry); what != "" {
				return &ledger.WaitingError{Reason: ledger.PartsDiffer, Detail: fmt.Sprintf("entries %d and %d are to be added up, and are not of the same %s",
					p.entry.Number, q.entry.Number, what)}
			}
		}
	}
	return nil
}

// unlike says of what two balances are not the same, with both; empty for none.
func unlike(a, b ledger.Entry) string {
	start, other := a.FiscalYear.Start, b.FiscalYear.Start
	switch x, y := a.Dossier.EnterpriseNumber, b.Dossier.EnterpriseNumber; {
	case a.Model != b.Model:
		return fmt.Sprintf("model: %s and %s", a.Model, b.Model)
	case start != other && !start.IsZero() && !other.IsZero():
		return fmt.Sprintf("financial year: %s and %s", a.FiscalYear, b.FiscalYear)
	case !agree(x, y):
		return fmt.Sprintf("enterprise number: %s and %s", x.Pretty(), y.Pretty())
	}
	return ""
}

// recordSum records the sum of the parts, unless it is the newest of the group for
// the year already. changed reports that it is to be delivered now. A sum that is done is
// delivered again for a part that is not: somebody wants that one tried again.
func (d *delivery) recordSum(ctx context.Context, group ledger.Connection, parts []part) (sum ledger.Entry, changed bool, err error) {
	e, document, err := d.newSum(group, parts)
	if err != nil {
		return e, false, err
	}
	earlier, err := d.cfg.Store.Siblings(ctx, e)
	if err != nil {
		return e, false, err
	}
	for _, old := range earlier {
		switch {
		case old.SHA256 != e.SHA256 || old.State == ledger.Superseded:
		case old.State != ledger.Done || d.entry.State == ledger.Done || d.entry.Reason == ledger.PartOfSum:
			return old, false, nil
		default:
			next, err := old.Retry(d.cfg.Now())
			if err != nil {
				return old, false, err
			}
			sum, err = d.move(ctx, next, fmt.Sprintf("compared again, with entry %d", d.entry.Number), nil)
			return sum, true, err
		}
	}
	e.Revision = strconv.Itoa(len(earlier) + 1)
	text := "added up from entries " + numbers(e.Parts)
	sum, added, err := d.cfg.Store.RecordUpload(ctx, group, ledger.Move{Entry: e, Document: document,
		Event: ledger.Event{At: d.cfg.Now(), Run: d.record.Number, By: d.record.By, State: e.State, Act: ledger.ActSum, Text: text}})
	if err != nil || added {
		return sum, true, err
	}
	// A part went back to an older balance, and so does the sum.
	next, err := sum.Retry(d.cfg.Now())
	if err != nil {
		return sum, false, err
	}
	for _, old := range earlier {
		next.Chosen = max(next.Chosen, old.Number)
	}
	sum, err = d.move(ctx, next, text+" again", nil)
	return sum, true, err
}

// newSum returns the entry and the document of the sum of the parts.
func (d *delivery) newSum(group ledger.Connection, parts []part) (e ledger.Entry, document []byte, err error) {
	now := d.cfg.Now()
	e = ledger.Entry{Connection: group.ID, State: ledger.Found, FoundAt: now, UpdatedAt: now,
		Listing: ledger.Listing{ID: "sum to " + d.entry.FiscalYear.End.String(), Dossier: ledger.Dossier{ID: group.ID, Name: group.Name},
			FiscalYear: d.entry.FiscalYear, Model: d.entry.Model, CreatedAt: now, MediaTypes: []string{"text/csv"}}}
	sum := balance.Values{}
	for _, p := range parts {
		e.Parts = append(e.Parts, p.entry.Number)
		e.Rounded = e.Rounded || p.entry.Rounded
		if e.Dossier.EnterpriseNumber == "" {
			e.Dossier.EnterpriseNumber = p.entry.Dossier.EnterpriseNumber
		}
		if e.FiscalYear.Start.IsZero() {
			e.FiscalYear.Start = p.entry.FiscalYear.Start
		}
		for cell, v := range p.values {
			sum[cell] = sum[cell].Add(v)
		}
	}
	document, err = balance.Write(balance.NBBCSV, &balance.Balance{EnterpriseNumber: e.Dossier.EnterpriseNumber, Name: e.Dossier.Name,
		Model: e.Model, FiscalYear: e.FiscalYear, Currency: "EUR", Values: sum})
	if err != nil {
		return e, nil, err
	}
	hash := sha256.New()
	fmt.Fprintln(hash, e.Parts)
	hash.Write(document)
	e.SHA256 = hex.EncodeToString(hash.Sum(nil))
	return e, document, nil
}

func numbers(list []uint64) string {
	texts := make([]string, len(list))
	for i, n := range list {
		texts[i] = strconv.FormatUint(n, 10)
	}
	return strings.Join(texts, ", ")
}

// followSum brings the entry to where its sum is: done with it, or waiting for it.
func (d *delivery) followSum(ctx context.Context, sum ledger.Entry) error {
	stored, err := d.cfg.Store.Entry(ctx, d.entry.Number)
	if err != nil {
		return err
	}
	if stored.Version != d.entry.Version && stored.Sum == sum.Number {
		d.entry = stored // the sum brought it along
		return nil
	}
	if sum.State != ledger.Done {
		d.entry.Sum = sum.Number
		return &ledger.WaitingError{Reason: ledger.PartOfSum, Detail: waitsWith(sum)}
	}
	next, changed, err := d.entry.FinishWithSum(sum, d.cfg.Now())
	if err != nil || !changed {
		return err
	}
	return d.save(ctx, next, doneWith(sum), nil)
}

// settleParts brings the parts of a sum to where it is. A part that somebody moved
// meanwhile, or that has not had its turn, follows at its own.
func (r *run) settleParts(ctx context.Context, sum ledger.Entry) error {
	for _, number := range sum.Parts {
		e, err := r.cfg.Store.Entry(ctx, number)
		if err != nil {
			return err
		}
		if e.State != ledger.Done && e.Reason != ledger.PartOfSum && e.Reason != ledger.PartMissing {
			continue
		}
		next, changed, text := e, false, ""
		switch {
		case sum.State == ledger.Done:
			text = doneWith(sum)
			next, changed, err = e.FinishWithSum(sum, r.cfg.Now())
		case e.Reason == ledger.PartMissing:
			text, changed = waitsWith(sum), true
			next.Sum = sum.Number
			next, err = next.Wait(ledger.PartOfSum, text, remedies[ledger.PartOfSum], r.cfg.Now())
		}
		if err != nil {
			return err
		}
		if !changed {
			continue
		}
		if _, err := r.move(ctx, next, text, nil); err != nil && !problem.Is(err, problem.Conflict) {
			return err
		}
	}
	return nil
}

// doneWith says in the history of a part that its sum is done, waitsWith that it is
// not.
func doneWith(sum ledger.Entry) string {
	return fmt.Sprintf("its figures are in %s as part of entry %d, the sum of %d balances", sum.Target.CompanyName, sum.Number, len(sum.Parts))
}

func waitsWith(sum ledger.Entry) string {
	text := fmt.Sprintf("its figures are in the sum of %d balances, entry %d, which is not in Silverfin yet", len(sum.Parts), sum.Number)
	if sum.Detail != "" {
		text += ": " + sum.Detail
	}
	return text
}

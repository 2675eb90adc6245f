package daemon

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
)

// isRounding reports whether one of two siblings has the figures of the other in
// whole euros. Where the figures of one are not kept any more, it is taken for so
// unless a correction is among them: whole euros never go over exact amounts on a
// guess.
func isRounding(a ledger.Entry, aValues balance.Values, b ledger.Entry, bValues balance.Values) bool {
	switch {
	case a.Rounded == b.Rounded || a.ValuesHash == "" || b.ValuesHash == "":
		return false
	case b.Rounded:
		a, aValues, b, bValues = b, bValues, a, aValues
	}
	if aValues == nil || bValues == nil {
		return !a.Correction && !b.Correction
	}
	return len(b.Doubts) == 0 && balance.IsRounding(aValues, bValues, a.Doubts)
}

// mayBeRounded reports whether the amounts of an entry are in whole euros, or may be
// as far as is known before it is read: so are those of a PDF.
func mayBeRounded(e ledger.Entry) bool {
	if e.ValuesHash != "" {
		return e.Rounded
	}
	if len(e.MediaTypes) > 0 {
		return !slices.ContainsFunc(e.MediaTypes, func(m string) bool { return !strings.HasPrefix(m, "application/pdf") })
	}
	return strings.EqualFold(path.Ext(e.ID), ".pdf")
}

// yieldToExact supersedes the entry, in whole euros, by a superseded sibling that has
// the same figures to the cent. The entry holds nothing new, so it must not replace the
// balance that superseded that sibling.
func (d *delivery) yieldToExact(ctx context.Context, siblings []ledger.Entry) (gone bool, err error) {
	for _, s := range siblings {
		if s.State != ledger.Superseded || s.Rounded || d.entry.Chosen >= s.Number {
			continue
		}
		s, values, err := d.figuresOf(ctx, s)
		if err != nil {
			return false, err
		}
		if values != nil && isRounding(d.entry, d.values, s, values) {
			return true, d.supersededBy(ctx, s, true)
		}
	}
	return false, nil
}

// figuresOf returns a sibling as its document says, with its figures. A document that
// was not read, since the sibling was superseded before its turn, is read now. The
// figures are nil where they are not known any more.
func (d *delivery) figuresOf(ctx context.Context, s ledger.Entry) (ledger.Entry, balance.Values, error) {
	if s.ValuesHash != "" {
		values, err := d.cfg.Store.Values(ctx, s.Number)
		return s, values, err
	}
	if s.ID == d.entry.ID {
		return s, nil, nil // the source has the content of the entry under that id now
	}
	read, values, err := d.readSibling(ctx, s)
	if err != nil && (ofDocument(err) || problem.Is(err, problem.Damaged)) {
		return s, nil, nil
	}
	return read, values, err
}

// hasExact reports whether the compared sibling is a rounded version of another
// sibling. It is then superseded by that one, and decides nothing about the entry.
func (d *delivery) hasExact(ctx context.Context, c comparison, siblings []ledger.Entry) (bool, error) {
	if !c.sibling.Rounded || c.sibling.Chosen >= d.entry.Number {
		return false, nil
	}
	for _, o := range siblings {
		if o.Rounded || o.State == ledger.Ignored {
			continue
		}
		o, values, err := d.figuresOf(ctx, o)
		if err != nil {
			return false, err
		}
		if values != nil && isRounding(c.sibling, c.values, o, values) {
			return true, nil
		}
	}
	return false, nil
}

// reinstate handles an older decision that no longer holds: the compared sibling, in
// whole euros, had superseded a third balance, and is now itself superseded by the
// entry. If that third one counts before the entry, it is retried and the entry is
// superseded by it.
func (d *delivery) reinstate(ctx context.Context, siblings []ledger.Entry, c comparison) (gone bool, err error) {
	rounded := c.sibling.Number
	for _, s := range siblings {
		if !c.oneFiling || s.State != ledger.Superseded || s.SupersededBy != rounded || s.ValuesHash == "" ||
			ledger.CompareSiblings(d.kind(), d.entry, s, false) >= 0 {
			continue
		}
		values, err := d.cfg.Store.Values(ctx, s.Number)
		if err != nil {
			return false, err
		}
		if isRounding(d.entry, d.values, s, values) {
			continue
		}
		again, err := s.Retry(d.cfg.Now())
		if err != nil {
			return false, err
		}
		text := fmt.Sprintf("it counts again: entry %d, in whole euros, which had taken its place, gave way to entry %d, which counts behind this one", rounded, d.entry.Number)
		_, err = d.cfg.Store.Move(ctx, ledger.Move{Entry: again, Event: ledger.Event{At: d.cfg.Now(), Run: d.record.Number, State: again.State,
			Text: text, Act: ledger.ActCountsAgain}})
		if err != nil {
			return false, err
		}
		return true, d.supersededBy(ctx, s, false)
	}
	return false, nil
}

// wroteRounded reports whether an entry of another source wrote to the target what
// the delivery's has to the cent: both are of one filing, and exact figures go over
// whole euros that balansd wrote.
func (d *delivery) wroteRounded(ctx context.Context, by ledger.Entry) (bool, error) {
	if !by.Rounded || d.entry.Rounded || !agree(by.Dossier.EnterpriseNumber, d.entry.Dossier.EnterpriseNumber) {
		return false, nil
	}
	values, err := d.cfg.Store.Values(ctx, by.Number)
	return err == nil && values != nil && isRounding(by, values, d.entry, d.values), err
}

package daemon

import (
	"context"
	"fmt"

	"balansd/ledger"
)

// save records a move of the delivery's entry, with what was read for it.
func (d *delivery) save(ctx context.Context, next ledger.Entry, text string, w *ledger.Written) error {
	moved, err := d.moveWith(ctx, ledger.Move{Entry: next, Written: w, Document: d.doc}, text+d.revisionNote(), d)
	if err != nil {
		return err
	}
	d.entry, d.fresh, d.doc = moved, false, nil
	return nil
}

// move records a move of an entry that needs no figures.
func (r *run) move(ctx context.Context, next ledger.Entry, text string, w *ledger.Written) (ledger.Entry, error) {
	return r.moveWith(ctx, ledger.Move{Entry: next, Written: w}, text, nil)
}

func (r *run) moveWith(ctx context.Context, s ledger.Move, text string, d *delivery) (ledger.Entry, error) {
	if d != nil && d.fresh {
		s.Values = d.values
	}
	s.Event = ledger.Event{At: r.cfg.Now(), Run: r.record.Number, By: r.record.By, State: s.Entry.State, Reason: s.Entry.Reason, Text: text,
		FailClass: s.Entry.FailClass}
	switch {
	case s.Entry.State == ledger.Sending && s.Written != nil:
		s.Event.Figures = len(s.Written.Intended)
	case s.Entry.State == ledger.Done && d != nil:
		s.Event.Figures = d.wrote
	case s.Entry.State == ledger.Differs:
		s.Event.Figures = len(s.Entry.Differences)
	}
	moved, err := r.cfg.Store.Move(ctx, s)
	if err != nil {
		return s.Entry, err
	}
	return moved[0], nil
}

// revisionNote says at the end of a sentence what a balance that was just read
// changed of the one that it replaces.
func (d *delivery) revisionNote() string {
	switch e := d.entry; {
	case !d.fresh || e.Replaces == 0:
		return ""
	case len(e.Changes) == 0:
		return fmt.Sprintf("; it replaces entry %d, with the same figures", e.Replaces)
	default:
		return fmt.Sprintf("; it replaces entry %d, with %s changed", e.Replaces, figures(len(e.Changes)))
	}
}

// figures counts figures in words.
func figures(n int) string {
	if n == 1 {
		return "1 figure"
	}
	return fmt.Sprintf("%d figures", n)
}

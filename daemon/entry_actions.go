package daemon

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
)

// Retry has an entry tried again at the next run, parked or not.
func (d *Daemon) Retry(ctx context.Context, r EntryRequest) (ledger.Entry, error) {
	return d.change(ctx, r.Number, action{by: r.By, seen: r.Seen, act: ledger.ActRetry, text: "asked to try it again"}, func(e ledger.Entry) (ledger.Entry, *ledger.Written, error) {
		if e.State == ledger.Differs {
			return e, nil, notAllowed(e, "tried again", "Decide instead: use-finbox or keep-silverfin.")
		}
		if e.State == ledger.Superseded {
			newest, err := d.newest(ctx, e)
			if err != nil {
				return e, nil, err
			}
			if newest.State != ledger.Ignored {
				e.SupersededBy = newest.Number
				return e, nil, notAllowed(e, "tried again", "")
			}
		}
		if err := d.resetListing(ctx, e); err != nil {
			return e, nil, err
		}
		next, err := e.Retry(d.config().Now())
		if err != nil {
			return e, nil, notAllowed(e, "tried again", "")
		}
		if e.Reason == ledger.WhichCounts || e.MovedTo != 0 {
			next.Chosen, err = d.newestKnown(ctx, e)
		}
		return next, nil, err
	})
}

// newestKnown returns the highest number of the entries that an entry competes
// with: a person who says that it counts has seen those, and none that come
// later.
func (d *Daemon) newestKnown(ctx context.Context, e ledger.Entry) (number uint64, err error) {
	for _, list := range []func(context.Context, ledger.Entry) ([]ledger.Entry, error){d.config().Store.Siblings, d.config().Store.SameID} {
		others, err := list(ctx, e)
		if err != nil {
			return 0, err
		}
		for _, o := range others {
			number = max(number, o.Number)
		}
	}
	return number, nil
}

// newest returns the last entry in the chain that superseded e.
func (d *Daemon) newest(ctx context.Context, e ledger.Entry) (ledger.Entry, error) {
	for e.State == ledger.Superseded {
		next, err := d.config().Store.Entry(ctx, e.SupersededBy)
		if err != nil {
			return e, err
		}
		if next.Number == e.Number {
			return next, nil
		}
		e = next
	}
	return e, nil
}

// resetListing has the connection of an entry listed from the beginning, if the
// source may have corrected what the entry waits for or failed on: a listing updates
// only the entries that it contains.
func (d *Daemon) resetListing(ctx context.Context, e ledger.Entry) error {
	mendable := e.State == ledger.Waiting && e.Reason == ledger.NoCompany || e.State == ledger.Failed && e.FailClass == ledger.Unreadable
	if !mendable {
		return nil
	}
	return d.config().Store.UpdateConnection(ctx, e.Connection, (*ledger.Connection).ResetCursor)
}

// Dismiss ignores an entry until it is retried. The figures of a done entry stay in
// Silverfin, and an older entry can be delivered instead.
func (d *Daemon) Dismiss(ctx context.Context, r EntryRequest) (ledger.Entry, error) {
	return d.change(ctx, r.Number, action{by: r.By, seen: r.Seen, act: ledger.ActDismiss, text: "dismissed"}, func(e ledger.Entry) (ledger.Entry, *ledger.Written, error) {
		detail, todo := "dismissed by "+name(r.By), fmt.Sprintf("To deliver it all the same: balansd ledger retry %d.", e.Number)
		if e.State == ledger.Done && e.Target != nil && e.MovedTo == 0 {
			detail += fmt.Sprintf("; what it wrote stays in %s, period %s", e.Target.CompanyName, e.Target.PeriodEnd)
		}
		siblings, err := d.config().Store.Siblings(ctx, e)
		if err != nil {
			return e, nil, err
		}
		for _, s := range slices.Backward(siblings) {
			if s.State == ledger.Superseded && s.SupersededBy == e.Number {
				todo += fmt.Sprintf(" To have the older one take its place: balansd ledger retry %d.", s.Number)
				break
			}
		}
		next, err := e.Ignore(ledger.Dismissed, detail, todo, d.config().Now())
		if err != nil {
			return e, nil, notAllowed(e, "dismissed", "Its write is under way: dismiss it after the next run, balansd sync.")
		}
		return next, nil, nil
	})
}

// Decide settles what differs. The decision holds for the figures that the
// person saw: where Silverfin or Finbox say something else by the time of the
// next run, the entry differs again.
func (d *Daemon) Decide(ctx context.Context, r Decision) (ledger.Entry, error) {
	act, text := ledger.ActUseFinbox, "decided to use the data from Finbox"
	if r.Choice == KeepSilverfin {
		act, text = ledger.ActKeepSilverfin, "decided to keep Silverfin's figures"
	} else if r.Choice != UseFinbox {
		return ledger.Entry{}, problem.New(problem.Usage, fmt.Sprintf("%.30q is no choice", r.Choice), "Choose use_finbox or keep_silverfin.")
	}
	if len(r.Cells) > 0 {
		text += " for " + figures(len(r.Cells))
	}
	return d.change(ctx, r.Number, action{r.By, r.Seen, act, text, len(r.Cells)}, func(e ledger.Entry) (ledger.Entry, *ledger.Written, error) {
		if e.State != ledger.Differs || e.Target == nil {
			return e, nil, notAllowed(e, "decided on", "Only what differs needs a decision.")
		}
		chosen, err := pick(e, r.Cells)
		if err != nil {
			return e, nil, err
		}
		known, err := d.config().Store.Written(ctx, *e.Target)
		if err != nil {
			return e, nil, err
		}
		known = settled(known, chosen, r.Choice, e.Rounded)
		rest := slices.DeleteFunc(slices.Clone(e.Differences), func(x ledger.Difference) bool { return slices.Contains(chosen, x) })
		now := d.config().Now()
		if len(rest) > 0 {
			next, err := e.Differ(*e.Target, rest, fmt.Sprintf("%s still to be decided", figures(len(rest))), e.Next, now)
			return next, &known, err
		}
		next, err := e.Retry(now)
		next.Target = e.Target // which the decision is about
		next.Detail, next.Next = text, "It is carried out at the next run: balansd sync."
		return next, &known, err
	})
}

// pick returns the differences that a decision is about: all, or those named.
func pick(e ledger.Entry, cells []balance.Cell) ([]ledger.Difference, error) {
	if len(cells) == 0 {
		return e.Differences, nil
	}
	var chosen []ledger.Difference
	for _, c := range cells {
		i := slices.IndexFunc(e.Differences, func(x ledger.Difference) bool { return x.Cell == c })
		if i < 0 {
			return nil, problem.New(problem.NotFound, fmt.Sprintf("rubric %s of entry %d does not differ", c, e.Number),
				fmt.Sprintf("See what differs: balansd ledger show %d.", e.Number))
		}
		chosen = append(chosen, e.Differences[i])
	}
	return chosen, nil
}

// settled adds a decision to what is known of a target. rounded says that the
// balance is in whole euros.
func settled(w ledger.Written, chosen []ledger.Difference, choice Choice, rounded bool) ledger.Written {
	w.UseFinbox, w.KeepSilverfin = maps.Clone(w.UseFinbox), maps.Clone(w.KeepSilverfin)
	if w.UseFinbox == nil {
		w.UseFinbox = map[balance.Cell]ledger.Seen{}
	}
	if w.KeepSilverfin == nil {
		w.KeepSilverfin = map[balance.Cell]ledger.Seen{}
	}
	for _, x := range chosen {
		seen := ledger.Seen{Finbox: x.Finbox, Silverfin: x.Silverfin, Property: x.Property, Rounded: rounded}
		if choice == UseFinbox {
			delete(w.KeepSilverfin, x.Cell)
			w.UseFinbox[x.Cell] = seen
		} else {
			delete(w.UseFinbox, x.Cell)
			w.KeepSilverfin[x.Cell] = seen
		}
	}
	return w
}

// action is what a person did with an entry.
type action struct {
	by      string
	seen    uint64 // the version that they saw; 0 for whatever it is now
	act     ledger.Act
	text    string
	figures int // that a decision is about; 0 for all
}

// change moves one entry because a person said so.
func (d *Daemon) change(ctx context.Context, number uint64, by action,
	f func(ledger.Entry) (ledger.Entry, *ledger.Written, error),
) (ledger.Entry, error) {
	e, err := d.config().Store.Entry(ctx, number)
	if err != nil {
		return e, err
	}
	if by.seen != 0 && by.seen != e.Version {
		return e, changedSince(e)
	}
	next, w, err := f(e)
	if err != nil {
		return e, err
	}
	moved, err := d.config().Store.Move(ctx, ledger.Move{Entry: next, Written: w,
		Event: ledger.Event{At: d.config().Now(), By: by.by, State: next.State, Reason: next.Reason, Text: name(by.by) + " " + by.text + staysWritten(e, next),
			Act: by.act, Figures: by.figures}})
	if err != nil {
		return e, err
	}
	d.log().Info().Uint64("entry", number).Str("by", by.by).Str("state", string(next.State)).Str("did", by.text).Msg("a person moved an entry")
	return moved[0], nil
}

// staysWritten says at the end of a sentence where figures stay that an entry leaves
// behind.
func staysWritten(before, next ledger.Entry) string {
	if t := before.Target; t != nil && len(next.WrittenBefore) > len(before.WrittenBefore) {
		return fmt.Sprintf("; what was written to %s, period %s, stays there", t.CompanyName, t.PeriodEnd)
	}
	return ""
}

// name is how a history names the person.
func name(by string) string {
	if by == "" {
		return "a person"
	}
	return by
}

// changedSince refuses what a person says of an entry as it was before.
func changedSince(e ledger.Entry) error {
	return problem.New(problem.Conflict, fmt.Sprintf("entry %d changed since it was looked at", e.Number),
		fmt.Sprintf("Look at it again: balansd ledger show %d.", e.Number))
}

func notAllowed(e ledger.Entry, what, next string) error {
	text := fmt.Sprintf("entry %d (%s) is %s and cannot be %s", e.Number, dossierName(e.Listing), e.State, what)
	if e.State == ledger.Superseded {
		next = fmt.Sprintf("A newer balance took its place, entry %d. If that one is not to count, dismiss it first.", e.SupersededBy)
	}
	return problem.New(problem.NotAllowed, text, next)
}

package daemon

import (
	"context"
	"fmt"
	"maps"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
)

// write brings the place in line with the figures, unless a person changed
// something there.
//
// It locks the place from the first reading to the last: two dossiers may lead
// to one company.
func (j *job) write(ctx context.Context, place ledger.Target) error {
	unlock := j.dossiers.Lock("\x00place " + place.Key())
	defer unlock()
	j.entry.Target = &place
	d := &delivery{job: j, place: place, dest: j.cfg.Destination(place.FirmID),
		planned: ledger.Figures{}, spent: map[balance.Cell]ledger.Seen{}}
	err := d.dest.Update(ctx, place, func(r ledger.Reading) (ledger.Figures, error) { return d.decide(ctx, r) })
	j.outages.saw(j.firmService(), isDown(err))
	if err != nil {
		j.unspent = d.unspend(isDown(err))
		return err
	}
	return d.conclude(ctx)
}

// delivery is one entry being brought into its place.
type delivery struct {
	*job
	place ledger.Target
	dest  Destination

	ledger.Reading // the newest, and as of it:
	known          ledger.Written
	other          *ledger.Entry // of another dossier, which wrote there last
	plan           ledger.Plan

	planned ledger.Figures               // all that was recorded as being sent
	spent   map[balance.Cell]ledger.Seen // the choices of a person that this carries out
	sent    bool                         // a write may have gone out since the newest reading
}

// decide compares what the place holds with the figures, and gives those that
// are to be written, after a record of them is on disk.
func (d *delivery) decide(ctx context.Context, r ledger.Reading) (ledger.Figures, error) {
	d.outages.saw(d.firmService(), false)
	d.Reading, d.sent = r, false
	if err := d.compare(ctx); err != nil {
		return nil, err
	}
	if len(d.plan.Differ) > 0 || len(d.plan.Write) == 0 {
		return nil, nil
	}
	if d.Failed != nil {
		return d.plan.Write, nil
	}
	if !d.recorded() {
		if err := d.record(ctx); err != nil {
			return nil, err
		}
	}
	// From here on the figures may be in Silverfin, whatever happens.
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	d.sent = true
	return d.plan.Write, nil
}

// compare makes the plan for what the place holds now.
func (d *delivery) compare(ctx context.Context) error {
	known, err := d.cfg.Store.Written(ctx, d.place)
	if err != nil {
		return err
	}
	if d.other, err = d.otherSource(ctx, known); err != nil {
		return err
	}
	if d.known = known.At(d.dest.Property); d.other != nil {
		d.known.Confirmed, d.known.Intended = nil, nil
	}
	if open := d.notCarriedOut(); len(open) > 0 {
		d.known = d.known.Unspend(open)
	}
	d.plan = ledger.Compare(d.values, d.Have, d.known)
	return nil
}

// recorded tells whether all that the plan writes was recorded as being sent,
// by this delivery.
func (d *delivery) recorded() bool {
	for c, figure := range d.plan.Write {
		if d.planned[c] != figure || d.known.Intended[c] != figure {
			return false
		}
	}
	return true
}

// record notes on disk what is about to be sent.
func (d *delivery) record(ctx context.Context) (err error) {
	if d.entry.State == ledger.Done {
		if d.entry, err = d.entry.Retry(d.cfg.Now()); err != nil {
			return err
		}
	}
	sending, err := d.entry.Send(d.place, d.cfg.Now())
	if err != nil {
		return err
	}
	known, spent := d.known.Holding(d.Have).Spend(d.plan.Write)
	known.Intended, known.By = d.plan.Write, d.entry.Number
	known = known.Mapped(d.dest.Property)
	if err := d.keep(ctx, sending, fmt.Sprintf("writing %s to %s", figures(len(d.plan.Write)), d.place.CompanyName), &known); err != nil {
		return err
	}
	known.Version++
	d.known = known
	maps.Copy(d.spent, spent)
	maps.Copy(d.planned, d.plan.Write)
	d.wrote = len(d.planned)
	return nil
}

// notCarriedOut gives the spent choices whose cells still hold what the person
// saw, though nothing was accepted for them.
func (d *delivery) notCarriedOut() map[balance.Cell]ledger.Seen {
	open := maps.Clone(d.spent)
	maps.DeleteFunc(open, func(c balance.Cell, s ledger.Seen) bool {
		_, stored := d.Accepted[c]
		return stored || !ledger.Equal(ledger.Figures{c: s.Silverfin}, d.Have)
	})
	return open
}

// unspend gives what is to be known of the place when the delivery ends early:
// a choice that was surely not carried out still holds. It gives nil when there
// is none. Where a write may have gone out and nothing was read since, the
// person is asked again.
func (d *delivery) unspend(unknown bool) *ledger.Written {
	open := d.notCarriedOut()
	if len(open) == 0 || d.sent && unknown {
		return nil
	}
	known := d.known.Unspend(open)
	return &known
}

// conclude says what became of the entry, by what the place holds in the end.
func (d *delivery) conclude(ctx context.Context) error {
	const nothing = "Silverfin already holds these figures; nothing was written"
	switch {
	case d.touched():
		return d.differ(ctx)
	case !ledger.Equal(d.plan.Want, d.Have):
		return &notEqualError{cells: unequal(d.plan.Want, d.Have)}
	case len(d.planned) > 0:
		return d.finish(context.WithoutCancel(ctx), fmt.Sprintf("%s written to %s and read back equal", figures(len(d.planned)), d.place.CompanyName))
	case d.entry.State == ledger.Done:
		return nil // looked at again, and still the same
	case d.other != nil:
		return d.finishAs(ctx, nil, nothing+d.kept()) // what is there stays known as the other's
	default:
		return d.finish(ctx, nothing)
	}
}

// touched tells whether a person changed what is there. A figure that was
// accepted a moment ago and is not there is the destination's doing.
func (d *delivery) touched() bool {
	for _, x := range d.plan.Differ {
		if _, stored := d.Accepted[x.Cell]; !stored {
			return true
		}
	}
	return false
}

// finish makes the entry done, and what it wrote known.
func (d *delivery) finish(ctx context.Context, text string) error {
	kept := map[balance.Cell]ledger.Seen{}
	for c, k := range d.known.Kept {
		if _, written := d.planned[c]; !written && d.plan.Want[c] != "" {
			kept[c] = k
		}
	}
	known := ledger.Written{Confirmed: d.plan.Ours, Kept: kept, By: d.entry.Number, Version: d.known.Version}.Mapped(d.dest.Property)
	return d.finishAs(ctx, &known, text+d.kept())
}

// kept says how many figures stay as Silverfin has them; empty for none.
func (d *delivery) kept() string {
	many := len(unequal(ledger.FiguresOf(d.values), d.plan.Want))
	if many == 0 {
		return ""
	}
	return fmt.Sprintf("; %s kept as Silverfin has it, as a person decided", figures(many))
}

// finishAs makes the entry done, with what is known of the place from now on.
func (d *delivery) finishAs(ctx context.Context, known *ledger.Written, text string) error {
	done, err := d.entry.Finish(d.place, d.cfg.Now())
	if err != nil {
		return err
	}
	return d.keep(ctx, done, text, known)
}

// otherSource returns the entry that wrote to the target last, when it is of
// another dossier: two payroll files of one company, a folder beside Finbox, or
// two clients whose files lie in one folder. What one of them wrote is not the
// other's to replace.
func (j *job) otherSource(ctx context.Context, known ledger.Written) (*ledger.Entry, error) {
	if known.By == 0 || known.By == j.entry.Number {
		return nil, nil
	}
	by, err := j.cfg.Store.Entry(ctx, known.By)
	switch {
	case problem.Is(err, problem.NotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case by.Connection == j.entry.Connection && (by.ID == j.entry.ID || by.Dossier.ID == j.entry.Dossier.ID) &&
		agree(by.Dossier.EnterpriseNumber, j.entry.Dossier.EnterpriseNumber):
		return nil, nil
	default:
		return &by, nil
	}
}

// differ leaves the place alone and asks a person.
func (d *delivery) differ(ctx context.Context) error {
	differences := d.plan.Differ
	for i := range differences {
		differences[i].Property = d.dest.Property(differences[i].Cell)
	}
	many := figures(len(differences))
	text := fmt.Sprintf("%s holds %s in Silverfin that a person changed", d.place.CompanyName, many)
	if d.other != nil {
		text = fmt.Sprintf("%s holds %s in Silverfin that differ; entry %d, of another dossier (%s), wrote there before",
			d.place.CompanyName, many, d.other.Number, d.other.Connection+" "+dossierName(d.other.Listing))
	}
	next, err := d.entry.Differ(d.place, differences, text,
		fmt.Sprintf("Decide: balansd ledger use-finbox %d, or balansd ledger keep-silverfin %d.", d.entry.Number, d.entry.Number), d.cfg.Now())
	if err != nil {
		return err
	}
	return d.keep(ctx, next, text, d.unspend(false))
}

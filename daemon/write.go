package daemon

import (
	"context"
	"errors"
	"fmt"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
)

// write compares the place with the figures and brings them in line, unless a
// person changed something there.
func (j *job) write(ctx context.Context, place ledger.Place) error {
	dest := j.cfg.Destination(place.FirmID)
	j.entry.Place = &place
	have, err := dest.Read(ctx, place)
	j.outages.saw(j.firmService(), isDown(err))
	if err != nil {
		return err
	}
	known, err := j.cfg.Keeper.Written(ctx, place)
	if err != nil {
		return err
	}
	plan := ledger.Compare(j.values, have, known)
	switch {
	case len(plan.Differ) > 0:
		return j.differ(ctx, place, plan)
	case len(plan.Write) == 0 && j.entry.State == ledger.Done:
		return nil // looked at again, and still the same
	case len(plan.Write) == 0:
		return j.finish(ctx, place, plan, known, "Silverfin already holds these figures; nothing was written")
	}
	if j.entry.State == ledger.Done {
		if j.entry, err = j.entry.Retry(j.cfg.Now()); err != nil {
			return err
		}
	}
	sending, err := j.entry.Send(place, j.cfg.Now())
	if err != nil {
		return err
	}
	known.Intended, known.By = plan.Write, j.entry.Number
	if err := j.keep(ctx, sending, fmt.Sprintf("writing %d figures to %s", len(plan.Write), place.CompanyName), &known); err != nil {
		return err
	}
	// From here on the figures may be in Silverfin, whatever happens.
	if err := ctx.Err(); err != nil {
		return err
	}
	j.wrote = len(plan.Write)
	writeErr := dest.Write(ctx, place, plan.Write)
	j.outages.saw(j.firmService(), isDown(writeErr))
	if writeErr != nil && !isDown(writeErr) {
		return writeErr
	}
	return j.readBack(ctx, dest, place, plan, known, writeErr)
}

// readBack makes the entry done when the place holds what was planned. A write
// whose reply was lost is judged by what the place holds, too.
func (j *job) readBack(ctx context.Context, dest Destination, place ledger.Place, plan ledger.Plan, known ledger.Written, writeErr error) error {
	have, err := dest.Read(ctx, place)
	if err != nil {
		return errors.Join(writeErr, err)
	}
	if !ledger.Equal(plan.Want, have) {
		if writeErr != nil {
			return writeErr
		}
		return &notEqualError{cells: unequal(plan.Want, have)}
	}
	text := fmt.Sprintf("%d figures written to %s and read back equal", len(plan.Write), place.CompanyName)
	return j.finish(context.WithoutCancel(ctx), place, plan, known, text)
}

// finish makes the entry done.
func (j *job) finish(ctx context.Context, place ledger.Place, plan ledger.Plan, known ledger.Written, text string) error {
	done, err := j.entry.Finish(place, j.cfg.Now())
	if err != nil {
		return err
	}
	kept := map[balance.Cell]ledger.Kept{}
	for c, k := range known.Kept {
		if _, written := plan.Write[c]; !written && plan.Want[c] != "" {
			kept[c] = k
		}
	}
	if len(kept) > 0 {
		text += fmt.Sprintf("; %d figures stay as Silverfin has them, as a person decided", len(kept))
	}
	return j.keep(ctx, done, text, &ledger.Written{Confirmed: plan.Ours, Kept: kept, By: j.entry.Number})
}

// differ leaves the place alone and asks a person.
func (j *job) differ(ctx context.Context, place ledger.Place, plan ledger.Plan) error {
	text := fmt.Sprintf("%s holds %d figures in Silverfin that a person changed", place.CompanyName, len(plan.Differ))
	next, err := j.entry.Differ(place, plan.Differ, text,
		fmt.Sprintf("Decide: balansd ledger use-finbox %d, or balansd ledger keep-silverfin %d.", j.entry.Number, j.entry.Number), j.cfg.Now())
	if err != nil {
		return err
	}
	return j.keep(ctx, next, text, nil)
}

// notEqualError says that a place does not hold what was written to it.
type notEqualError struct{ cells []string }

func (e *notEqualError) Error() string {
	return fmt.Sprintf("Silverfin accepted the figures but holds others for %d rubrics, such as %s", len(e.cells), e.cells[0])
}

func unequal(want, have ledger.Figures) []string {
	var cells []string
	for c, f := range want {
		if !ledger.Equal(ledger.Figures{c: f}, have) {
			cells = append(cells, c.String())
		}
	}
	return cells
}

// settle turns an error into the state that the entry waits or fails in.
func (j *job) settle(ctx context.Context, cause error) error {
	if errors.Is(cause, errLeftAlone) {
		return nil
	}
	now := j.cfg.Now()
	var next ledger.Entry
	var err error
	notYet, waits := errors.AsType[*ledger.NotYet](cause)
	unlike, isUnlike := errors.AsType[*notEqualError](cause)
	pr := problem.Of(cause)
	switch {
	case waits:
		next, err = j.entry.Wait(notYet.Reason, notYet.Detail, whatNext(notYet.Reason), now)
	case isUnlike:
		next, err = j.entry.Fail(ledger.NotEqual, unlike.Error(),
			"Look at the dossier in Silverfin; it is compared again next night.", j.rec.Night, now)
	case pr.Code == problem.NeedsRelink:
		if err := j.mustRelink(ctx, j.in.firm.ID, cause); err != nil {
			return err
		}
		next, err = j.entry.Wait(ledger.NeedsRelink, pr.What, pr.Next, now)
	case pr.Code == problem.Unreadable || pr.Code == problem.NoSocialBalance:
		next, err = j.entry.Fail(ledger.Unreadable, pr.Error(), pr.Next, j.rec.Night, now)
	case isDown(cause) || pr.Code == problem.FinboxSignIn || pr.Code == problem.SilverfinSignIn || pr.Code == problem.KeyInvalid:
		j.trouble(cause, j.aboutService(pr.Code))
		next, err = j.entry.Fail(ledger.Unavailable, pr.What, "It is tried again at every pass. "+pr.Next, j.rec.Night, now)
	default:
		next, err = j.entry.Fail(ledger.Refused, pr.Error(), pr.Next, j.rec.Night, now)
	}
	if err != nil {
		return err
	}
	text := next.Detail
	if j.before.State == ledger.Sending || j.entry.State == ledger.Sending {
		text += "; what was being written is compared first at the next try"
	}
	return j.keep(ctx, next, text, nil)
}

// aboutService names the service that is in trouble.
func (j *job) aboutService(c problem.Code) string {
	if c == problem.SilverfinDown || c == problem.SilverfinSignIn {
		return "Silverfin firm " + j.in.firm.Name
	}
	return j.connections[j.entry.Connection].Name
}

// keep carries out a move of the job's entry, with what was read for it.
func (j *job) keep(ctx context.Context, next ledger.Entry, text string, w *ledger.Written) error {
	moved, err := j.moveWith(ctx, ledger.Step{Entry: next, Written: w, Document: j.doc}, text, j)
	if err != nil {
		return err
	}
	j.entry, j.fresh, j.doc = moved, false, nil
	return nil
}

// move carries out one move that needs no figures.
func (p *pass) move(ctx context.Context, next ledger.Entry, text string, w *ledger.Written) (ledger.Entry, error) {
	return p.moveWith(ctx, ledger.Step{Entry: next, Written: w}, text, nil)
}

func (p *pass) moveWith(ctx context.Context, s ledger.Step, text string, j *job) (ledger.Entry, error) {
	if j != nil && j.fresh {
		s.Values = j.values
	}
	s.Event = ledger.Event{At: p.cfg.Now(), Pass: p.rec.Number, By: p.rec.By, State: s.Entry.State, Reason: s.Entry.Reason, Text: text}
	moved, err := p.cfg.Keeper.Move(ctx, s)
	if err != nil {
		return s.Entry, err
	}
	p.log.Debug().Uint64("entry", s.Entry.Number).Str("state", string(s.Entry.State)).
		Str("reason", string(s.Entry.Reason)).Str("dossier", dossierName(s.Entry.Listing)).Msg("entry moved")
	return moved[0], nil
}

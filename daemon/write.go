package daemon

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"

	"github.com/rs/zerolog"
)

// write compares the place with the figures and brings them in line, unless a
// person changed something there.
//
// It holds the place from the first look to the last: two dossiers may lead to
// one company.
func (j *job) write(ctx context.Context, place ledger.Place) error {
	unlock := j.dossiers.lock("\x00place " + place.Key())
	defer unlock()
	j.entry.Place = &place
	l, err := j.look(ctx, place)
	if err != nil {
		return err
	}
	const nothing = "Silverfin already holds these figures; nothing was written"
	switch {
	case len(l.plan.Differ) > 0:
		return j.differ(ctx, place, l.plan, l.other)
	case len(l.plan.Write) > 0:
		return j.send(ctx, place, l)
	case j.entry.State == ledger.Done:
		return nil // looked at again, and still the same
	case l.other != nil:
		return j.finishAs(ctx, place, nil, nothing+j.kept(l.plan)) // what is there stays known as the other's
	default:
		return j.finish(ctx, place, l.plan, l.known, nothing)
	}
}

// look is what a place holds, and what is to be done about it.
type look struct {
	have  ledger.Figures
	known ledger.Written
	other *ledger.Entry // of another dossier, which wrote there last
	plan  ledger.Plan
}

func (j *job) look(ctx context.Context, place ledger.Place) (l look, err error) {
	l.have, err = j.cfg.Destination(place.FirmID).Read(ctx, place)
	j.outages.saw(j.firmService(), isDown(err))
	if err != nil {
		return l, err
	}
	if l.known, err = j.cfg.Keeper.Written(ctx, place); err != nil {
		return l, err
	}
	if l.other, err = j.otherSource(ctx, l.known); err != nil {
		return l, err
	}
	if l.other != nil {
		l.known.Confirmed, l.known.Intended = nil, nil
	}
	l.plan = ledger.Compare(j.values, l.have, l.known)
	return l, nil
}

// send writes what the plan wants, after a record of it is on disk.
func (j *job) send(ctx context.Context, place ledger.Place, l look) (err error) {
	if j.entry.State == ledger.Done {
		if j.entry, err = j.entry.Retry(j.cfg.Now()); err != nil {
			return err
		}
	}
	sending, err := j.entry.Send(place, j.cfg.Now())
	if err != nil {
		return err
	}
	known := l.known.Holding(l.have)
	known.Intended, known.By = l.plan.Write, j.entry.Number
	if err := j.keep(ctx, sending, fmt.Sprintf("writing %s to %s", figures(len(l.plan.Write)), place.CompanyName), &known); err != nil {
		return err
	}
	known.Version++
	// From here on the figures may be in Silverfin, whatever happens.
	if err := ctx.Err(); err != nil {
		return err
	}
	j.wrote = len(l.plan.Write)
	dest := j.cfg.Destination(place.FirmID)
	writeErr := dest.Write(ctx, place, l.plan.Write)
	j.outages.saw(j.firmService(), isDown(writeErr))
	if writeErr != nil && !isDown(writeErr) {
		return writeErr
	}
	return j.readBack(ctx, dest, place, l.plan, known, writeErr)
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
	text := fmt.Sprintf("%s written to %s and read back equal", figures(len(plan.Write)), place.CompanyName)
	return j.finish(context.WithoutCancel(ctx), place, plan, known, text)
}

// finish makes the entry done.
func (j *job) finish(ctx context.Context, place ledger.Place, plan ledger.Plan, known ledger.Written, text string) error {
	kept := map[balance.Cell]ledger.Seen{}
	for c, k := range known.Kept {
		if _, written := plan.Write[c]; !written && plan.Want[c] != "" {
			kept[c] = k
		}
	}
	return j.finishAs(ctx, place, &ledger.Written{Confirmed: plan.Ours, Kept: kept, By: j.entry.Number, Version: known.Version}, text+j.kept(plan))
}

// kept says how many figures stay as Silverfin has them; empty for none.
func (j *job) kept(plan ledger.Plan) string {
	many := 0
	for c, f := range ledger.FiguresOf(j.values) {
		if !ledger.Equal(ledger.Figures{c: f}, plan.Want) {
			many++
		}
	}
	if many == 0 {
		return ""
	}
	return fmt.Sprintf("; %s kept as Silverfin has it, as a person decided", figures(many))
}

// finishAs makes the entry done, with what is known of the place from now on.
func (j *job) finishAs(ctx context.Context, place ledger.Place, known *ledger.Written, text string) error {
	done, err := j.entry.Finish(place, j.cfg.Now())
	if err != nil {
		return err
	}
	return j.keep(ctx, done, text, known)
}

// otherSource gives the entry that wrote to the place last, when it is of
// another dossier: two payroll files of one company, or a folder beside Finbox.
// What one of them wrote is not the other's to replace.
func (j *job) otherSource(ctx context.Context, known ledger.Written) (*ledger.Entry, error) {
	if known.By == 0 || known.By == j.entry.Number {
		return nil, nil
	}
	by, err := j.cfg.Keeper.Entry(ctx, known.By)
	switch {
	case problem.Is(err, problem.NotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case by.Connection == j.entry.Connection && (by.ID == j.entry.ID || by.Dossier.ID == j.entry.Dossier.ID):
		return nil, nil
	default:
		return &by, nil
	}
}

// differ leaves the place alone and asks a person.
func (j *job) differ(ctx context.Context, place ledger.Place, plan ledger.Plan, other *ledger.Entry) error {
	text := fmt.Sprintf("%s holds %s in Silverfin that a person changed", place.CompanyName, figures(len(plan.Differ)))
	if other != nil {
		text = fmt.Sprintf("%s holds %s in Silverfin that differ; entry %d, of another dossier (%s), wrote there before",
			place.CompanyName, figures(len(plan.Differ)), other.Number, other.Connection+" "+other.Dossier.ID)
	}
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

// settle turns an error into the state that the entry waits or fails in. An
// entry that was done and only looked at again stays done.
func (j *job) settle(ctx context.Context, cause error) error {
	if errors.Is(cause, errLeftAlone) {
		return nil
	}
	if problem.Is(cause, problem.NeedsRelink) {
		if err := j.mustRelink(ctx, j.in.firm, cause); err != nil {
			return err
		}
	}
	if j.entry.State == ledger.Done {
		j.blind = explain(cause)
		j.note(dossierName(j.entry.Listing) + ": what is done could not be looked at again: " + j.blind)
		return nil
	}
	if code := problem.Of(cause).Code; (isDown(cause) || code == problem.ConfigInvalid) && (j.located || !ofSilverfin(code)) {
		// When the companies could not be read, that was said already.
		j.dossierTrouble(cause)
	}
	next, err := j.verdict(cause)
	if err != nil {
		// A fault of ours must not keep the other dossiers from their turn.
		j.log.Error().Err(err).Str("code", string(problem.Unexpected)).AnErr("cause", cause).Uint64("entry", j.entry.Number).Msg("cannot settle an entry")
		j.note(fmt.Sprintf("entry %d could not be brought further: %s", j.entry.Number, explain(cause)))
		return nil
	}
	text := next.Detail
	if j.before.State == ledger.Sending || j.entry.State == ledger.Sending {
		text += "; what was being written is compared first at the next try"
	}
	if next.FailClass == ledger.Unavailable {
		j.triedNow(next.Number) // before it can be seen in the ledger
	}
	return j.keep(ctx, next, text, nil)
}

// explain says in one sentence why an entry cannot go further.
func explain(cause error) string {
	if notYet, waits := errors.AsType[*ledger.NotYet](cause); waits {
		return notYet.Detail
	}
	if unlike, ok := errors.AsType[*notEqualError](cause); ok {
		return unlike.Error()
	}
	return problem.Of(cause).Error()
}

// verdict gives the entry in the state that an error leads to. Only what is
// wrong with this very balance, or refused for this very dossier, counts
// towards parking.
func (j *job) verdict(cause error) (ledger.Entry, error) {
	now, night, pr := j.cfg.Now(), j.rec.Night, problem.Of(cause)
	if notYet, waits := errors.AsType[*ledger.NotYet](cause); waits {
		return j.entry.Wait(notYet.Reason, notYet.Detail, whatNext(notYet.Reason), now)
	}
	if _, ok := errors.AsType[*notEqualError](cause); ok {
		return j.entry.Fail(ledger.NotEqual, explain(cause), "Look at the dossier in Silverfin; it is compared again next night.", night, now)
	}
	switch pr.Code {
	case problem.NeedsRelink:
		return j.entry.Wait(ledger.NeedsRelink, pr.What, pr.Next, now)
	case problem.Unreadable, problem.NoSocialBalance, problem.NotFound:
		return j.entry.Fail(ledger.Unreadable, pr.Error(), pr.Next, night, now)
	case problem.SilverfinRefused:
		return j.entry.Fail(ledger.Refused, pr.Error(), pr.Next, night, now)
	default:
		return j.entry.Fail(ledger.Unavailable, pr.What, strings.TrimSpace("It is tried again at every pass. "+pr.Next), night, now)
	}
}

func ofSilverfin(c problem.Code) bool {
	return c == problem.SilverfinDown || c == problem.SilverfinSignIn
}

// aboutService names the service that is in trouble.
func (j *job) aboutService(c problem.Code) string {
	if ofSilverfin(c) {
		return aboutFirm + j.in.firm.Name
	}
	return j.connections[j.entry.Connection].Name
}

// keep carries out a move of the job's entry, with what was read for it.
func (j *job) keep(ctx context.Context, next ledger.Entry, text string, w *ledger.Written) error {
	moved, err := j.moveWith(ctx, ledger.Step{Entry: next, Written: w, Document: j.doc}, text+j.revised(), j)
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
	s.Event = ledger.Event{At: p.cfg.Now(), Pass: p.rec.Number, By: p.rec.By, State: s.Entry.State, Reason: s.Entry.Reason, Text: text,
		FailClass: s.Entry.FailClass}
	switch {
	case s.Entry.State == ledger.Sending && s.Written != nil:
		s.Event.Figures = len(s.Written.Intended)
	case s.Entry.State == ledger.Done && j != nil:
		s.Event.Figures = j.wrote
	case s.Entry.State == ledger.Differs:
		s.Event.Figures = len(s.Entry.Differences)
	}
	moved, err := p.cfg.Keeper.Move(ctx, s)
	if err != nil {
		return s.Entry, err
	}
	return moved[0], nil
}

// logOutcome says in the log how an entry ended. One that waits as it did
// before is only for those who look closely.
func (j *job) logOutcome() {
	e := j.entry
	level := zerolog.InfoLevel
	switch {
	case e.State == ledger.Failed || e.State == ledger.Differs:
		level = zerolog.WarnLevel
	case e.State == j.before.State && e.Reason == j.before.Reason:
		level = zerolog.DebugLevel
	}
	line := j.log.WithLevel(level).Uint64("entry", e.Number).Str("dossier", dossierName(e.Listing)).Stringer("year_end", e.FiscalYear.End).
		Str("state", string(e.State))
	if e.Reason != "" {
		line = line.Str("reason", string(e.Reason))
	}
	if e.FailClass != "" {
		line = line.Str("fail_class", string(e.FailClass))
	}
	if e.Detail != "" {
		line = line.Str("detail", e.Detail)
	}
	if e.State == ledger.Done {
		line = line.Int("figures_written", j.wrote)
	}
	line.Msg("an entry was worked on")
}

// figures counts figures in words.
func figures(n int) string {
	if n == 1 {
		return "1 figure"
	}
	return fmt.Sprintf("%d figures", n)
}

package daemon

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"balansd/ledger"
	"balansd/problem"

	"github.com/rs/zerolog"
)

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
	return j.keep(ctx, next, text, j.unspent)
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
	s.Event = ledger.Event{At: p.cfg.Now(), Run: p.rec.Number, By: p.rec.By, State: s.Entry.State, Reason: s.Entry.Reason, Text: text,
		FailClass: s.Entry.FailClass}
	switch {
	case s.Entry.State == ledger.Sending && s.Written != nil:
		s.Event.Figures = len(s.Written.Intended)
	case s.Entry.State == ledger.Done && j != nil:
		s.Event.Figures = j.wrote
	case s.Entry.State == ledger.Differs:
		s.Event.Figures = len(s.Entry.Differences)
	}
	moved, err := p.cfg.Store.Move(ctx, s)
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

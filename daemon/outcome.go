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

// conclude says what became of the entry, by what the target holds in the end.
func (x *exchange) conclude(ctx context.Context) error {
	const nothing = "Silverfin already holds these figures; nothing was written"
	switch {
	case x.personChanged():
		return x.differ(ctx)
	case len(x.plan.Unequal(x.Have)) > 0:
		return &notEqualError{cells: x.plan.Unequal(x.Have)}
	case len(x.planned) > 0:
		return x.finish(context.WithoutCancel(ctx), fmt.Sprintf("%s written to %s and read back equal", figures(len(x.planned)), x.target.CompanyName))
	case x.entry.State == ledger.Done:
		return nil // compared again, and still the same
	case x.other != nil:
		return x.finishAs(ctx, nil, nothing+x.kept()) // the figures stay recorded as the other's
	default:
		return x.finish(ctx, nothing)
	}
}

// personChanged reports whether a person changed figures of the target. A figure that the
// destination just accepted and does not hold was not changed by a person.
func (x *exchange) personChanged() bool {
	for _, diff := range x.plan.Differ {
		if _, stored := x.Accepted[diff.Cell]; !stored {
			return true
		}
	}
	return false
}

// finish makes the entry done, and what it wrote known.
func (x *exchange) finish(ctx context.Context, text string) error {
	kept := map[balance.Cell]ledger.Seen{}
	for c, k := range x.known.KeepSilverfin {
		_, wanted := x.plan.Want[c]
		if _, written := x.planned[c]; !written && wanted {
			kept[c] = k
		}
	}
	known := ledger.Written{Confirmed: x.plan.Ours, KeepSilverfin: kept, Comma: x.mapping.Values.Comma(), By: x.entry.Number, Version: x.known.Version}.WithMapping(x.property)
	return x.finishAs(ctx, &known, text+x.kept())
}

// kept says how many figures stay as Silverfin has them; empty for none.
func (x *exchange) kept() (text string) {
	if exact := x.plan.Exact; exact > 0 {
		because := "since the balance is in whole euros"
		if !x.entry.Rounded {
			because = "since whole euros are written"
		}
		text = fmt.Sprintf("; %s kept to the cent as Silverfin has it, %s", figures(exact), because)
	}
	if many := x.plan.Kept; many > 0 {
		text += fmt.Sprintf("; %s kept as Silverfin has it, as a person decided", figures(many))
	}
	return text
}

// finishAs makes the entry done, with what is known of the target from now on.
func (x *exchange) finishAs(ctx context.Context, known *ledger.Written, text string) error {
	done, err := x.entry.Finish(x.target, x.cfg.Now())
	if err != nil {
		return err
	}
	done.Mapping = x.mapping.Fingerprint()
	if done.Stored, err = x.toStore(ctx, done); err != nil {
		return err
	}
	return x.save(ctx, done, text, known)
}

// differ leaves the target alone and asks a person.
func (x *exchange) differ(ctx context.Context) error {
	differences := x.plan.Differ
	for i := range differences {
		differences[i].Property = x.property(differences[i].Cell)
	}
	many := figures(len(differences))
	text := fmt.Sprintf("%s holds %s in Silverfin that a person changed", x.target.CompanyName, many)
	if x.other != nil {
		text = fmt.Sprintf("%s holds %s in Silverfin that differ; entry %d, of another dossier (%s), wrote there before",
			x.target.CompanyName, many, x.other.Number, x.other.Connection+" "+dossierName(x.other.Listing))
	}
	next, err := x.entry.Differ(x.target, differences, text,
		fmt.Sprintf("Decide: balansd ledger use-finbox %d, or balansd ledger keep-silverfin %d.", x.entry.Number, x.entry.Number), x.cfg.Now())
	if err != nil {
		return err
	}
	return x.save(ctx, next, text, x.unspend(false))
}

// notEqualError is the error for a target that does not hold what was written to it.
type notEqualError struct{ cells []balance.Cell }

func (e *notEqualError) Error() string {
	return fmt.Sprintf("Silverfin accepted the figures but holds others for %d rubrics, such as %s", len(e.cells), e.cells[0])
}

// settle turns an error into the state that the entry waits or fails in. An
// entry that was done and only compared again stays done.
func (d *delivery) settle(ctx context.Context, cause error) error {
	if errors.Is(cause, errLeftAlone) {
		return nil
	}
	if problem.Is(cause, problem.NeedsRelink) {
		if err := d.mustRelink(ctx, d.in.firm, cause); err != nil {
			return err
		}
	}
	if d.entry.State == ledger.Done {
		d.unchecked = explain(cause)
		d.addProblem(dossierName(d.entry.Listing) + ": what is done could not be compared again: " + d.unchecked)
		return nil
	}
	if code := problem.Of(cause).Code; (isDown(cause) || code == problem.ConfigInvalid) && (d.located || !ofSilverfin(code)) {
		// When the companies could not be read, that was said already.
		d.reportServiceFailure(cause)
	}
	next, err := d.verdict(cause)
	if err != nil {
		// A bug must not stop the other dossiers.
		d.log.Error().Err(err).Str("code", string(problem.Unexpected)).AnErr("cause", cause).Uint64("entry", d.entry.Number).Msg("the outcome of an entry could not be recorded")
		d.addProblem(fmt.Sprintf("entry %d could not be brought further: %s", d.entry.Number, explain(cause)))
		return nil
	}
	text := next.Detail
	if d.before.State == ledger.Sending || d.entry.State == ledger.Sending {
		text += "; what was being written is compared first at the next try"
	}
	if next.FailClass == ledger.Unavailable {
		d.markTried(next.Number) // before it can be seen in the ledger
	}
	return d.save(ctx, next, text, d.unspent)
}

// explain says in one sentence why an entry cannot go further.
func explain(cause error) string {
	if notYet, waits := errors.AsType[*ledger.WaitingError](cause); waits {
		return notYet.Detail
	}
	if unlike, ok := errors.AsType[*notEqualError](cause); ok {
		return unlike.Error()
	}
	return problem.Of(cause).Error()
}

// verdict returns the entry in the state that an error leads to. Only what is
// wrong with this very balance, or refused for this very dossier, counts
// towards parking.
func (d *delivery) verdict(cause error) (ledger.Entry, error) {
	now, night, pr := d.cfg.Now(), d.record.Night, problem.Of(cause)
	if notYet, waits := errors.AsType[*ledger.WaitingError](cause); waits {
		return d.entry.Wait(notYet.Reason, notYet.Detail, remedies[notYet.Reason], now)
	}
	if _, ok := errors.AsType[*notEqualError](cause); ok {
		return d.entry.Fail(ledger.NotEqual, explain(cause), "Look at the dossier in Silverfin; it is compared again next night.", night, now)
	}
	switch pr.Code {
	case problem.NeedsRelink:
		return d.entry.Wait(ledger.NeedsRelink, pr.What, pr.Next, now)
	case problem.Unreadable, problem.NoSocialBalance, problem.NotFound:
		next, err := d.entry.Fail(ledger.Unreadable, pr.Error(), pr.Next, night, now)
		if d.kind() == ledger.Folder && pr.Code != problem.NotFound {
			next = next.Park() // its listing says when the file is another, or can be read
		}
		return next, err
	case problem.SilverfinRefused:
		return d.entry.Fail(ledger.Refused, pr.Error(), pr.Next, night, now)
	default:
		return d.entry.Fail(ledger.Unavailable, pr.What, strings.TrimSpace("It is tried again at every run. "+pr.Next), night, now)
	}
}

// remedies are what a person can do about each reason to wait. It is never changed.
var remedies = map[ledger.Reason]string{
	ledger.NoCompany:          "Put the enterprise number on the company in Silverfin, or link the dossier to a company: on its page, or balansd links set.",
	ledger.SeveralCompanies:   "Link the dossier to the right company, on its page or with balansd links set, or archive the other one in Silverfin.",
	ledger.NoPeriod:           "Add the financial year to the company in Silverfin, or say which period is meant: balansd links tie.",
	ledger.YearDiffers:        "Correct the financial year in Silverfin, or say that the balance goes into that period all the same: balansd links tie.",
	ledger.WorkflowClosed:     "Open the annual-accounts workflow in Silverfin; the balance goes in the night after.",
	ledger.PeriodLocked:       "Unlock the period in Silverfin; the balance goes in the night after.",
	ledger.TemplateMissing:    "Add the social balance template to the workflow in Silverfin.",
	ledger.TemplateUnknown:    "Not the dossier but the mapping is to be corrected, by whoever set balansd up: balansd mapping check names the handles that are there.",
	ledger.ConnectionInactive: "Resume the connection, or activate it in Finbox.",
	ledger.NeedsRelink:        "Link the firm: balansd connect silverfin.",
	ledger.DoubtfulFigures:    "Look at the document and say which reading is right: balansd ledger accept; or have the payroll bureau send one that leaves nothing open.",
	ledger.TwoAmounts:         "Look at the document and say which reading is right: balansd ledger accept; or have the payroll bureau send one that leaves nothing open.",
	ledger.HasFindings:        "See what was found with balansd ledger show; deliver it all the same with balansd ledger retry, or ask the payroll bureau for a corrected balance.",
	ledger.NumbersDiffer:      "Compare the two. If it is meant, an administrator types the company's name on the dossier's page, or: balansd links set … --number-differs NAME; else link the dossier to its own company.",
	ledger.LinkPaused:         "Resume the link on the dossier's page, or: balansd links set … --resume.",
	ledger.PartMissing:        "It goes in with the sum once the other balance is there. If that one is not coming, dissolve the group: balansd links group --remove.",
	ledger.PartsDiffer:        "Ask the payroll bureaus for balances of one model, year and enterprise, or dissolve the group: balansd links group --remove.",
	ledger.PartOfSum:          "See the sum with balansd ledger show.",
	ledger.WhichCounts:        "See both with balansd ledger show. For the one that counts: balansd ledger accept; for one that does not: balansd ledger dismiss.",
}

// logOutcome logs how an entry ended. One that waits as it did before is logged at
// debug level.
func (d *delivery) logOutcome() {
	e := d.entry
	level := zerolog.InfoLevel
	switch {
	case e.State == ledger.Failed || e.State == ledger.Differs:
		level = zerolog.WarnLevel
	case e.State == d.before.State && e.Reason == d.before.Reason:
		level = zerolog.DebugLevel
	}
	line := d.log.WithLevel(level).Uint64("entry", e.Number).Str("dossier", dossierName(e.Listing)).Stringer("year_end", e.FiscalYear.End).
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
		line = line.Int("figures_written", d.wrote)
	}
	line.Msg("an entry was processed")
}

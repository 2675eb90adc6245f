package daemon

import (
	"context"
	"fmt"
	"slices"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
)

// BulkStep is what is done with several entries at once.
type BulkStep string

// The steps.
const (
	BulkSync          BulkStep = "sync"
	BulkRetry         BulkStep = "retry"
	BulkDismiss       BulkStep = "dismiss"
	BulkLink          BulkStep = "link" // by the suggestion that is sure, see suggestLinks
	BulkUseFinbox     BulkStep = "use_finbox"
	BulkKeepSilverfin BulkStep = "keep_silverfin"
)

// BulkSteps lists the steps.
func BulkSteps() []BulkStep {
	return []BulkStep{BulkSync, BulkRetry, BulkDismiss, BulkLink, BulkUseFinbox, BulkKeepSilverfin}
}

// BulkRequest is one step for several entries. Without Apply it changes nothing, and says
// what would be done.
type BulkRequest struct {
	Step  BulkStep   `json:"step"`
	Items []BulkItem `json:"items"`
	Apply bool       `json:"apply,omitempty"`
	By    string     `json:"by,omitempty"`
}

// BulkItem is an entry of a bulk step, as a person saw it.
type BulkItem struct {
	Number uint64 `json:"number"`
	// Seen is the version of the entry that the person saw; 0 for whatever it is now.
	Seen uint64 `json:"seen,omitempty"`
	// Cells are those that a decision is about; none for all.
	Cells []balance.Cell `json:"cells,omitempty"`
	// FirmID and CompanyID are the suggested company that the person saw; 0 for whichever
	// is suggested now.
	FirmID    int64 `json:"firm_id,omitempty"`
	CompanyID int64 `json:"company_id,omitempty"`
}

// BulkRefusal says why an entry is left out of a bulk step: one of the refusals, or the
// code of a problem.
type BulkRefusal string

// The refusals.
const (
	BulkGone       BulkRefusal = "gone"       // there is no such entry
	BulkChanged    BulkRefusal = "changed"    // it changed since the person saw it
	BulkDecide     BulkRefusal = "decide"     // it differs: somebody decides
	BulkSuperseded BulkRefusal = "superseded" // a newer balance counts
	BulkIgnored    BulkRefusal = "ignored"    // it is ignored
	BulkDone       BulkRefusal = "done"       // it is in Silverfin
	BulkQueued     BulkRefusal = "queued"     // the next run tries it as it is
	BulkSending    BulkRefusal = "sending"    // its write is under way
	BulkSettled    BulkRefusal = "settled"    // nothing differs
	BulkNoLink     BulkRefusal = "no_link"    // no link would help
	BulkLinked     BulkRefusal = "linked"     // it has a link
	BulkUnsure     BulkRefusal = "unsure"     // no company is suggested with enough certainty
	BulkSeveral    BulkRefusal = "several"    // several companies are, equally
	BulkShared     BulkRefusal = "shared"     // the company is suggested for another dossier too
	BulkStopped    BulkRefusal = "stopped"    // the step was stopped before its turn
	bulkOK         BulkRefusal = ""           // it is not refused
)

// BulkRefusals lists the refusals that are no codes of problems.
func BulkRefusals() []BulkRefusal {
	return []BulkRefusal{BulkGone, BulkChanged, BulkDecide, BulkSuperseded, BulkIgnored, BulkDone, BulkQueued, BulkSending, BulkSettled,
		BulkNoLink, BulkLinked, BulkUnsure, BulkSeveral, BulkShared, BulkStopped}
}

// BulkOutcome is what a bulk step does, or did, with one entry.
type BulkOutcome struct {
	Entry   ledger.Entry `json:"entry"` // as it is now, or after the step
	Refused BulkRefusal  `json:"refused,omitempty"`
	// Since is the newest step of an entry that changed since the person saw it.
	Since *ledger.Event `json:"since,omitempty"`
	// Company is the one that is suggested for its dossier, and why.
	Company    *Client     `json:"company,omitempty"`
	Suggestion *Suggestion `json:"suggestion,omitempty"`
}

// BulkResult is what a bulk step does, or did, with each entry.
type BulkResult struct {
	Applied  bool          `json:"applied,omitempty"`
	Outcomes []BulkOutcome `json:"outcomes"` // in the order of the request
	Run      *ledger.Run   `json:"pass,omitempty"`
}

// Refused counts the entries that are left out.
func (r BulkResult) Refused() (n int) {
	for _, o := range r.Outcomes {
		if o.Refused != bulkOK {
			n++
		}
	}
	return n
}

// Bulk carries out one step for several entries, each as the single step does. What
// changed since the person saw it, or cannot be done, is left as it is; the outcome of
// each entry says so.
func (d *Daemon) Bulk(ctx context.Context, r BulkRequest) (BulkResult, error) {
	result := BulkResult{Applied: r.Apply, Outcomes: make([]BulkOutcome, len(r.Items))}
	if !slices.Contains(BulkSteps(), r.Step) {
		return result, problem.New(problem.Usage, fmt.Sprintf("%.30q is no step for several balances", r.Step),
			"Choose sync, retry, dismiss, link, use_finbox or keep_silverfin.")
	}
	for i, item := range r.Items {
		o, err := d.bulkCheck(ctx, r.Step, item)
		if err != nil {
			return result, err
		}
		result.Outcomes[i] = o
	}
	if r.Step == BulkLink {
		if err := d.suggestLinks(ctx, r.Items, result.Outcomes); err != nil {
			return result, err
		}
	}
	switch {
	case !r.Apply:
		return result, nil
	case r.Step == BulkSync:
		return d.bulkSync(ctx, r, result)
	}
	for i := range result.Outcomes {
		o := &result.Outcomes[i]
		switch {
		case o.Refused != bulkOK:
		case ctx.Err() != nil:
			o.Refused = BulkStopped
		default:
			d.bulkApply(ctx, r, r.Items[i], o)
		}
	}
	d.log().Info().Str("step", string(r.Step)).Int("entries", len(r.Items)).Int("left_out", result.Refused()).Str("by", r.By).
		Msg("a person moved several entries")
	return result, nil
}

// bulkCheck says whether a step can be done with an entry, but for what only doing it
// shows.
func (d *Daemon) bulkCheck(ctx context.Context, step BulkStep, item BulkItem) (BulkOutcome, error) {
	e, err := d.config().Store.Entry(ctx, item.Number)
	if problem.Is(err, problem.NotFound) {
		return BulkOutcome{Entry: ledger.Entry{Number: item.Number}, Refused: BulkGone}, nil
	}
	if err != nil {
		return BulkOutcome{}, err
	}
	o := BulkOutcome{Entry: e, Refused: refusal(step, e)}
	if item.Seen != 0 && item.Seen != e.Version {
		o.Refused = BulkChanged
		o.Since, err = d.lastEvent(ctx, e.Number)
	}
	return o, err
}

// lastEvent returns the newest step of an entry; nil for none.
func (d *Daemon) lastEvent(ctx context.Context, number uint64) (*ledger.Event, error) {
	history, err := d.config().Store.History(ctx, number)
	if err != nil || len(history) == 0 {
		return nil, err
	}
	return &history[len(history)-1], nil
}

// refusal says why a step cannot be done with an entry in its state.
func refusal(step BulkStep, e ledger.Entry) BulkRefusal {
	switch step {
	case BulkUseFinbox, BulkKeepSilverfin:
		if e.State != ledger.Differs {
			return BulkSettled
		}
		return bulkOK
	case BulkLink:
		if !e.NeedsLink() {
			return BulkNoLink
		}
		return bulkOK
	}
	refused := map[ledger.State]BulkRefusal{ledger.Superseded: BulkSuperseded}
	switch step {
	case BulkSync:
		refused[ledger.Differs], refused[ledger.Ignored] = BulkDecide, BulkIgnored
	case BulkRetry:
		refused[ledger.Differs], refused[ledger.Done], refused[ledger.Found], refused[ledger.Sending] = BulkDecide, BulkDone, BulkQueued, BulkSending
	case BulkDismiss:
		refused[ledger.Ignored], refused[ledger.Done], refused[ledger.Sending] = BulkIgnored, BulkDone, BulkSending
	}
	return refused[e.State]
}

// bulkApply does a step with one entry, as the single step does.
func (d *Daemon) bulkApply(ctx context.Context, r BulkRequest, item BulkItem, o *BulkOutcome) {
	var err error
	e, request := o.Entry, EntryRequest{Number: item.Number, Seen: o.Entry.Version, By: r.By}
	switch r.Step {
	case BulkRetry:
		e, err = d.Retry(ctx, request)
	case BulkDismiss:
		e, err = d.Dismiss(ctx, request)
	case BulkLink:
		e, err = d.bulkLink(ctx, o, r.By)
	case BulkUseFinbox, BulkKeepSilverfin:
		e, err = d.Decide(ctx, Decision{Number: item.Number, Choice: Choice(r.Step), Cells: item.Cells, Seen: request.Seen, By: r.By})
	}
	switch {
	case err == nil:
		o.Entry = e
	case ctx.Err() != nil:
		o.Refused = BulkStopped
	case problem.Is(err, problem.Conflict):
		o.Refused = BulkChanged
		o.Since, _ = d.lastEvent(ctx, item.Number) // for information
	default:
		o.Refused = BulkRefusal(problem.Of(err).Code)
	}
}

// bulkSync syncs the entries that are not refused, in one run.
func (d *Daemon) bulkSync(ctx context.Context, r BulkRequest, result BulkResult) (BulkResult, error) {
	var numbers []uint64
	for _, o := range result.Outcomes {
		if o.Refused == bulkOK {
			numbers = append(numbers, o.Entry.Number)
		}
	}
	if len(numbers) == 0 {
		return result, nil
	}
	run, err := d.Sync(ctx, SyncRequest{Entries: numbers, Wait: true, By: r.By}, nil)
	if err != nil {
		return result, err
	}
	result.Run = &run
	for i := range result.Outcomes {
		o := &result.Outcomes[i]
		if o.Refused != bulkOK {
			continue
		}
		if o.Entry, err = d.config().Store.Entry(ctx, o.Entry.Number); err != nil {
			return result, err
		}
	}
	return result, nil
}

package portal

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"balansd/ledger"
)

// entryView adds to an entry what the templates need: message ids, CSS classes, links.
type entryView struct {
	ledger.Entry

	baseURL string // of Silverfin
}

// entry returns the view of an entry.
func (rq *request) entry(e ledger.Entry) entryView {
	return entryView{e, rq.setting("silverfin.base_url")}
}

// entries returns the views of entries.
func (rq *request) entries(list []ledger.Entry) []entryView {
	base := rq.setting("silverfin.base_url")
	out := make([]entryView, len(list))
	for i, e := range list {
		out[i] = entryView{e, base}
	}
	return out
}

// Name returns the name of the dossier, else its id.
func (e entryView) Name() string { return cmp.Or(e.Dossier.Name, e.Dossier.ID, e.ID) }

// StateKey returns the last part of the message id of the state.
func (e entryView) StateKey() string { return stateKey(e.State) }

// Case returns the part of the message ids that explain the state and say what to do:
// the reason or the kind of failure, else the state.
func (e entryView) Case() string {
	if e.State == ledger.Done && e.Cause() != "" {
		return e.Cause()
	}
	return caseOf(e.State, e.Reason, e.FailClass)
}

// Class returns the CSS class of the state.
func (e entryView) Class() string { return stateClass(e.State) }

// Mark returns the symbol of the state.
func (e entryView) Mark() string { return stateMarks[e.State] }

// HasNextStep reports whether a person can do something about it: then there is a
// message that says what.
func (e entryView) HasNextStep() bool { return hasNextStep(e.Case()) }

// CanRetry reports whether a person may have it tried again.
func (e entryView) CanRetry() bool {
	return e.State == ledger.Waiting || e.State == ledger.Failed || e.State == ledger.Ignored || e.Successor != nil
}

// CanDismiss reports whether a person may have it ignored: a balance that is done only
// where another one can replace it, or was emptied.
func (e entryView) CanDismiss() bool {
	return ledger.CanMove(e.State, ledger.Ignored) && (e.State != ledger.Done || e.Replaces != 0 || e.MovedTo != 0)
}

// CanSync reports whether syncing the dossier can change the state.
func (e entryView) CanSync() bool {
	return e.Open() || e.State == ledger.Failed || e.State == ledger.Done
}

// CanLink reports whether a link to a dossier in Silverfin would help.
func (e entryView) CanLink() bool { return e.NeedsLink() }

// AsksYear reports whether a person may have to say which financial year is meant.
func (e entryView) AsksYear() bool {
	return e.Reason == ledger.NoPeriod || e.Reason == ledger.YearDiffers
}

// InSilverfin returns the address of the dossier in Silverfin; empty when unknown.
func (e entryView) InSilverfin() string { return targetURL(e.baseURL, e.Target) }

// Earlier returns where else its figures are, with the address of each.
func (e entryView) Earlier() (list []earlierTarget) {
	for _, t := range e.WrittenBefore {
		list = append(list, earlierTarget{t, targetURL(e.baseURL, &t)})
	}
	return list
}

// earlierTarget is a target that an entry was written to before its present one.
type earlierTarget struct {
	ledger.Target
	Address string
}

// targetURL returns the address of a target in Silverfin. Without a URL from the client
// it is built as Silverfin does: /f/FIRM/COMPANY/ledgers/PERIOD.
func targetURL(base string, p *ledger.Target) string {
	switch {
	case p == nil:
		return ""
	case p.URL != "":
		return p.URL
	case base == "" || p.FirmID == 0 || p.CompanyID == 0:
		return ""
	case p.PeriodID == 0:
		return fmt.Sprintf("%s/f/%d/%d", strings.TrimSuffix(base, "/"), p.FirmID, p.CompanyID)
	}
	return fmt.Sprintf("%s/f/%d/%d/ledgers/%d", strings.TrimSuffix(base, "/"), p.FirmID, p.CompanyID, p.PeriodID)
}

// stateMarks are the symbols of the states, so that no state is shown by colour alone.
var stateMarks = map[ledger.State]string{
	ledger.Found: "○", ledger.Waiting: "◔", ledger.Failed: "✕", ledger.Sending: "→", ledger.Done: "✓",
	ledger.Differs: "≠", ledger.Superseded: "↻", ledger.Ignored: "–",
}

func stateClass(s ledger.State) string {
	switch s {
	case ledger.Done:
		return "well"
	case ledger.Waiting, ledger.Differs:
		return "warn"
	case ledger.Failed:
		return "bad"
	}
	return ""
}

// unknown replaces a code that only another version of balansd knows.
const unknown = "unknown"

func stateKey(s ledger.State) string {
	if slices.Contains(ledger.States(), s) {
		return string(s)
	}
	return unknown
}

// knownCases are the cases that have messages.
func knownCases() []string {
	var list []string
	for _, r := range append(ledger.Reasons(), ledger.IgnoreReasons()...) {
		list = append(list, string(r))
	}
	for _, c := range []ledger.FailClass{ledger.Unreadable, ledger.Refused, ledger.NotEqual, ledger.Unavailable} {
		list = append(list, string(c))
	}
	for _, s := range []ledger.State{ledger.Found, ledger.Sending, ledger.Done, ledger.Differs, ledger.Superseded} {
		list = append(list, string(s))
	}
	return append(list, ledger.Moved, ledger.Archived, string(ledger.InWholeEuros))
}

func caseOf(s ledger.State, r ledger.Reason, c ledger.FailClass) string {
	code := string(s)
	switch s {
	case ledger.Waiting, ledger.Ignored:
		code = string(r)
	case ledger.Superseded:
		code = cmp.Or(string(r), code)
	case ledger.Failed:
		code = string(c)
	}
	return knownCase(code)
}

// knownCase returns the code of a case, or unknown: a daemon of another version may have
// more.
func knownCase(code string) string {
	if slices.Contains(knownCases(), code) {
		return code
	}
	return unknown
}

// hasNextStep reports whether a case has a message that says what to do.
func hasNextStep(code string) bool {
	return !slices.Contains([]string{string(ledger.Done), string(ledger.Superseded), string(ledger.InWholeEuros), string(ledger.Found), string(ledger.Sending), unknown}, code)
}

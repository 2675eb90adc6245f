package portal

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"balansd/ledger"
)

// entryView is an entry as the pages tell of it: by codes that have messages.
type entryView struct {
	ledger.Entry

	base string // the address of Silverfin
}

// entry makes the view of an entry.
func (rq *request) entry(e ledger.Entry) entryView {
	return entryView{e, rq.setting("silverfin.base_url")}
}

// entries makes the views of entries.
func (rq *request) entries(list []ledger.Entry) []entryView {
	base := rq.setting("silverfin.base_url")
	out := make([]entryView, len(list))
	for i, e := range list {
		out[i] = entryView{e, base}
	}
	return out
}

// Name is how people know the dossier.
func (e entryView) Name() string { return cmp.Or(e.Dossier.Name, e.Dossier.ID, e.ID) }

// StateKey names the message of the state.
func (e entryView) StateKey() string { return stateKey(e.State) }

// Case names the messages that say why the entry stands as it does, and what to
// do: its reason or kind of failure, else its state.
func (e entryView) Case() string {
	if e.State == ledger.Done && e.MovedTo != 0 {
		return moved
	}
	return caseOf(e.State, e.Reason, e.FailClass)
}

// moved is the case of a balance whose correction went to another year or
// another dossier.
const moved = "moved"

// Class is how the state is coloured; its words and its mark say the same.
func (e entryView) Class() string { return stateClass(e.State) }

// Mark is a sign before the words of the state.
func (e entryView) Mark() string { return stateMarks[e.State] }

// HasNextStep tells whether somebody can do something about it: then there is a
// message for what.
func (e entryView) HasNextStep() bool { return hasNextStep(e.Case()) }

// CanRetry tells whether a person may have it tried again.
func (e entryView) CanRetry() bool {
	return e.State == ledger.Waiting || e.State == ledger.Failed || e.State == ledger.Ignored
}

// CanDismiss tells whether a person may leave it aside: what is done only where
// something can take its place, or was emptied.
func (e entryView) CanDismiss() bool {
	return ledger.CanMove(e.State, ledger.Ignored) && (e.State != ledger.Done || e.Replaces != 0 || e.MovedTo != 0)
}

// CanSync tells whether a pass over the dossier can bring it further.
func (e entryView) CanSync() bool {
	return e.Open() || e.State == ledger.Failed || e.State == ledger.Done
}

// CanLink tells whether a link to a dossier in Silverfin would help.
func (e entryView) CanLink() bool {
	return e.Reason == ledger.NoCompany || e.Reason == ledger.SeveralCompanies || e.Reason == ledger.NumbersDiffer
}

// InSilverfin is the address of the dossier there; empty when it is not known.
func (e entryView) InSilverfin() string { return targetURL(e.base, e.Target) }

// targetURL is the address of a place in Silverfin. Where the client gave none it
// is put together as Silverfin's own addresses are: /f/FIRM/COMPANY/ledgers/PERIOD.
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

// stateMarks say without colour how a state stands.
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

// unknown is the code of what another version of balansd knows and this not.
const unknown = "unknown"

func stateKey(s ledger.State) string {
	if slices.Contains(ledger.States(), s) {
		return string(s)
	}
	return unknown
}

// knownCases are the reasons and kinds of failure that have messages.
func knownCases() []string {
	var list []string
	for _, r := range append(ledger.Reasons(), ledger.BeforeActivation, ledger.Dismissed) {
		list = append(list, string(r))
	}
	for _, c := range []ledger.FailClass{ledger.Unreadable, ledger.Refused, ledger.NotEqual, ledger.Unavailable} {
		list = append(list, string(c))
	}
	for _, s := range []ledger.State{ledger.Found, ledger.Sending, ledger.Done, ledger.Differs, ledger.Superseded} {
		list = append(list, string(s))
	}
	return append(list, moved)
}

func caseOf(s ledger.State, r ledger.Reason, c ledger.FailClass) string {
	code := string(s)
	switch s {
	case ledger.Waiting, ledger.Ignored:
		code = string(r)
	case ledger.Failed:
		code = string(c)
	}
	if slices.Contains(knownCases(), code) {
		return code
	}
	return unknown
}

// hasNextStep tells whether a case has a message for what to do.
func hasNextStep(code string) bool {
	return !slices.Contains([]string{string(ledger.Done), string(ledger.Superseded), string(ledger.Found), string(ledger.Sending), unknown}, code)
}

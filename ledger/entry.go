package ledger

import (
	"time"

	"balansd/balance"
)

// State is the state of a social balance.
type State string

// The states. Open ones are tried at every run.
const (
	Found      State = "found"      // known, to be delivered
	Waiting    State = "waiting"    // cannot be delivered yet, for a Reason
	Failed     State = "failed"     // an attempt went wrong, of a FailClass
	Sending    State = "sending"    // a write is recorded and its outcome not known
	Done       State = "done"       // read back equal
	Differs    State = "differs"    // a person changed figures; a person decides
	Superseded State = "superseded" // a newer revision took its place
	Ignored    State = "ignored"    // made before the activation, or dismissed by a person
)

// States lists all states, in the order of a balance's life.
func States() []State {
	return []State{Found, Waiting, Failed, Sending, Done, Differs, Superseded, Ignored}
}

// Reason names what a waiting balance waits for.
type Reason string

// The reasons.
const (
	NoCompany          Reason = "no_company"          // no company with this enterprise number
	SeveralCompanies   Reason = "several_companies"   // two or more companies with it
	NoPeriod           Reason = "no_period"           // no period ends with the financial year
	YearDiffers        Reason = "year_differs"        // Silverfin has another financial year there
	WorkflowClosed     Reason = "workflow_closed"     // the annual-accounts workflow is not in the period, or archived
	PeriodLocked       Reason = "period_locked"       // the period is locked
	TemplateUnknown    Reason = "template_unknown"    // the mapping names a reconciliation that the firm does not have at all
	TemplateMissing    Reason = "template_missing"    // the reconciliation that takes the figures is not in the period
	ConnectionInactive Reason = "connection_inactive" // the connection is paused or deactivated
	NeedsRelink        Reason = "needs_relink"        // the firm must be linked again
	HasFindings        Reason = "findings"            // the checks found something, and the configuration holds such balances
	DoubtfulFigures    Reason = "doubtful_figures"    // figures or the financial year can be read in more than one way
	TwoAmounts         Reason = "two_amounts"         // the document states a rubric with amounts that contradict each other
	LinkPaused         Reason = "link_paused"         // the dossier's link is paused
	NumbersDiffer      Reason = "number_differs"      // the company of the dossier's link has another enterprise number
	WhichCounts        Reason = "which_counts"        // nothing says which of several balances counts
	PartMissing        Reason = "part_missing"        // the balance of another dossier that it is added up with is not there, or not ready
	PartsDiffer        Reason = "parts_differ"        // balances that are added up are of different models, years or enterprises
	PartOfSum          Reason = "part_of_sum"         // the sum that it is part of is not in Silverfin yet
)

// InWholeEuros is the reason for which an entry is superseded that has the figures
// of another one of the same year, rounded to whole euros.
const InWholeEuros Reason = "in_whole_euros"

// The reasons for which an entry is ignored.
const (
	BeforeActivation Reason = "before_activation" // made before the connection was activated
	Dismissed        Reason = "dismissed"         // left aside by a person
	NotListed        Reason = "not_listed"        // its file could not be read, and is gone or not meant as a balance
)

// IgnoreReasons lists all reasons for which an entry is ignored.
func IgnoreReasons() []Reason { return []Reason{BeforeActivation, Dismissed, NotListed} }

// Reasons lists all reasons to wait.
func Reasons() []Reason {
	return []Reason{NoCompany, SeveralCompanies, NoPeriod, YearDiffers, WorkflowClosed, PeriodLocked,
		TemplateMissing, TemplateUnknown, ConnectionInactive, NeedsRelink, HasFindings, DoubtfulFigures, TwoAmounts, WhichCounts, NumbersDiffer, LinkPaused, PartMissing, PartsDiffer, PartOfSum}
}

// FailClass names the kind of failure.
type FailClass string

// The classes. Only trouble with the balance itself counts towards parking.
const (
	Unreadable  FailClass = "unreadable"  // the document cannot be read, or is no social balance
	Refused     FailClass = "refused"     // Silverfin refused the figures
	NotEqual    FailClass = "not_equal"   // the figures read back differ from those written
	Unavailable FailClass = "unavailable" // a service or the network was in trouble; never parks
)

// Entry is the ledger's record of one social balance: one revision of one
// document of one connection. Its figures are stored apart from it; only those that a
// person has to check are in it, in Differences and Findings.
type Entry struct {
	Number     uint64 `json:"number"` // assigned when it is recorded, never reused; people refer to it by this
	Version    uint64 `json:"version"`
	Connection string `json:"connection"`
	Listing           // as the source listed it, completed by what the document says

	FoundAt   time.Time `json:"found_at"`
	UpdatedAt time.Time `json:"updated_at"`

	State     State     `json:"state"`
	Reason    Reason    `json:"reason,omitempty"`
	FailClass FailClass `json:"fail_class,omitempty"`
	// Since is when it came into its state, or began to wait or fail for its present
	// cause; zero where that was before this was recorded.
	Since time.Time `json:"since,omitzero"`
	// Detail is one sentence on this dossier's own case, safe to show.
	Detail string `json:"detail,omitempty"`
	// Next is one sentence on what a person can do, empty when nothing.
	Next string `json:"next,omitempty"`

	Nights  int          `json:"nights,omitempty"`  // failed nights in a row
	NextTry balance.Date `json:"next_try,omitzero"` // no nightly try before this local date
	Parked  bool         `json:"parked,omitempty"`  // not tried again until a person says so

	// Ambiguous says that several companies were found for it, until all of
	// them can be seen again or a link decides.
	Ambiguous bool `json:"ambiguous,omitempty"`

	Target       *Target           `json:"place,omitempty"`       // once it was found
	ValuesHash   string            `json:"values_hash,omitempty"` // balance.Values.Hash of the document
	Differences  []Difference      `json:"differences,omitempty"` // while it differs
	Findings     []balance.Finding `json:"findings,omitempty"`
	Doubts       []balance.Doubt   `json:"doubts,omitempty"`        // what the document leaves open: with any, it is not delivered
	Released     bool              `json:"released,omitempty"`      // a person let it go in spite of its findings
	Replaces     uint64            `json:"replaces,omitempty"`      // the number of the older entry that Changes compares with
	Changes      []balance.Change  `json:"changes,omitempty"`       // the figures that it changed of that one
	SupersededBy uint64            `json:"superseded_by,omitempty"` // the number of the newer entry
	// Accepted are a person's words on what the document left open.
	Accepted []AcceptedReading `json:"accepted,omitempty"`
	// Correction says that the document corrects an earlier filing.
	Correction bool `json:"correction,omitempty"`
	// Rounded says that the amounts of the document are rounded to whole euros.
	Rounded bool `json:"rounded,omitempty"`
	// Chosen is the newest entry that was known when a person said that this
	// one counts: it does before all up to that number.
	Chosen uint64 `json:"chosen,omitempty"`
	// Tie is the period that a person chose for it; nil for the one of its own year.
	Tie *PeriodTie `json:"tie,omitempty"`
	// WrittenBefore are the targets that it was written to before its present one, and
	// where its figures still are.
	WrittenBefore []Target `json:"written_before,omitempty"`
	// Successor is set while the company of a done entry is archived in Silverfin, or
	// gone, and another one has its enterprise number: where the figures could go as
	// well.
	Successor *Target `json:"successor,omitempty"`
	// MovedTo is the number of the entry that corrected this one for another
	// year or another company. What this one wrote is to be emptied by a person.
	MovedTo uint64 `json:"moved_to,omitempty"`
	// Parts are the numbers of the entries whose figures it is the sum of.
	Parts []uint64 `json:"parts,omitempty"`
	// Sum is the number of the entry that has the sum of its figures and those of the
	// dossiers that belong together with its own; that one is delivered in its place.
	Sum uint64 `json:"sum,omitempty"`
	// Mapping is the fingerprint of the mapping that its figures were last delivered by.
	Mapping string `json:"mapping,omitempty"`
	// Stored is its document in Silverfin, if it is to be stored there.
	Stored *StoredDocument `json:"stored,omitempty"`
}

// Open reports whether a run should process the entry: it is not settled, not
// parked and not left to a person.
func (e Entry) Open() bool {
	switch e.State {
	case Found, Waiting, Sending:
		return true
	case Failed:
		return !e.Parked
	default:
		return false
	}
}

// Unsettled reports whether somebody, balansd or a person, still has something
// to do about the entry.
func (e Entry) Unsettled() bool {
	return e.Open() || e.State == Differs || e.State == Failed
}

// NeedsPerson reports whether only a person can bring the entry further. What is
// wrong with a sum needs one for the sum alone.
func (e Entry) NeedsPerson() bool {
	return e.State == Differs || e.State == Waiting && e.Reason != PartOfSum || e.State == Failed && e.FailClass != Unavailable || e.MovedTo != 0 || e.Successor != nil
}

// NeedsLink reports whether a link to a company in Silverfin would help.
func (e Entry) NeedsLink() bool {
	return e.State == Waiting && (e.Reason == NoCompany || e.Reason == SeveralCompanies || e.Reason == NumbersDiffer)
}

// Causes of an entry that is done and yet needs a person.
const (
	// Moved is the cause of a balance whose correction went to another year or dossier.
	Moved = "moved"
	// Archived is the cause of a balance whose dossier in Silverfin is archived, or gone,
	// and set up anew.
	Archived = "archived"
)

// Cause returns the code of what stands in the way of the entry: the reason that it
// waits or is ignored, the kind of its failure, or what is still to be done about one
// that is done; empty in other states.
func (e Entry) Cause() string {
	switch {
	case e.State == Done && e.MovedTo != 0:
		return Moved
	case e.State == Done && e.Successor != nil:
		return Archived
	case !HasCause(e.State):
		return ""
	case e.State == Failed:
		return string(e.FailClass)
	default:
		return string(e.Reason)
	}
}

// HasCause reports whether entries of a state have a cause.
func HasCause(s State) bool { return s == Waiting || s == Ignored || s == Failed }

// CountFindings is the number of its findings that are about its figures.
func (e Entry) CountFindings() (n int) {
	for _, f := range e.Findings {
		if !f.IsRemark() {
			n++
		}
	}
	return n
}

// FirstDryRunNumber is the number of the first entry that a dry run finds. No entry of
// the ledger has so high a number.
const FirstDryRunNumber uint64 = 1 << 62

// SiblingOf reports whether e and o are about the same balance, so that only one
// of them counts: they have the same id in one connection, or the same dossier and
// financial year. Entries with different financial years or different enterprise
// numbers are never siblings, even with the same id: a file may be overwritten by
// another. An unknown year equals any year with the same id, and none otherwise.
func (e Entry) SiblingOf(o Entry) bool {
	x, y := e.Dossier.EnterpriseNumber, o.Dossier.EnterpriseNumber
	if e.Connection != o.Connection || x != y && x != "" && y != "" {
		return false
	}
	end, other := e.FiscalYear.End, o.FiscalYear.End
	if e.ID == o.ID && (end.IsZero() || other.IsZero()) {
		return true
	}
	return (e.ID == o.ID || e.Dossier.ID == o.Dossier.ID) && end == other && !end.IsZero()
}

// Event is one step in an entry's history.
type Event struct {
	At     time.Time `json:"at"`
	Run    uint64    `json:"pass,omitempty"` // the run's number; 0 when a person acted
	By     string    `json:"by,omitempty"`   // the person, when one acted
	State  State     `json:"state"`          // the state after the step
	Reason Reason    `json:"reason,omitempty"`
	Text   string    `json:"text"` // one plain sentence, in English

	// The rest is for telling the step in another language.
	FailClass FailClass `json:"fail_class,omitempty"`
	Act       Act       `json:"act,omitempty"`
	// Figures is the number of figures written (Sending, Done; 0 if Silverfin held
	// all of them already), that differ (Differs), or that were decided on (0: all).
	Figures int `json:"figures,omitempty"`
}

// Act is what moved an entry besides the work of a run.
type Act string

// The acts. All but the last six are a person's.
const (
	ActRetry         Act = "retry"
	ActDismiss       Act = "dismiss"
	ActUseFinbox     Act = "use_finbox"
	ActKeepSilverfin Act = "keep_silverfin"
	ActAccept        Act = "accept"       // said what a document means, or which of several balances counts
	ActUpload        Act = "upload"       // handed in as a file
	ActTie           Act = "tie"          // tied to a period whose financial year is another
	ActUntie         Act = "untie"        // the tie was taken away
	ActLink          Act = "link"         // linked to a company with another enterprise number, confirmed by an admin
	ActRelink        Act = "relink"       // its dossier goes to another company from now on
	ActUnlink        Act = "unlink"       // the link of its dossier was removed
	ActRecall        Act = "recall"       // it counts after all: a link or the activation reaches back to it
	ActCountsAgain   Act = "counts_again" // what had taken its place gave way to exact figures
	ActSum           Act = "sum"          // added up from the balances of dossiers that belong together
	ActArchived      Act = "archived"     // its company is archived or gone, and another one has the number
	ActUnarchived    Act = "unarchived"   // its company is there again
	ActFollow        Act = "follow"       // it goes to that other company as well
)

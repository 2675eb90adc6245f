package ledger

import (
	"strconv"
	"strings"
	"time"
)

// ConditionKind is the kind of something that needs a person.
type ConditionKind string

// The kinds. Reason of a Condition says more of those that it is named with.
const (
	// Of a balance.
	BalanceWaits   ConditionKind = "balance_waits"   // Reason: why
	BalanceDiffers ConditionKind = "balance_differs" // a person changed the figures in Silverfin
	BalanceFailed  ConditionKind = "balance_failed"  // FailClass as Reason; it is tried again
	BalanceParked  ConditionKind = "balance_parked"  // FailClass as Reason; it is not tried again

	FirmRelink         ConditionKind = "firm_relink"         // the sign-in to a firm is lost
	FirmRefuses        ConditionKind = "firm_refuses"        // Silverfin refuses it; Reason: the code of the problem
	InactiveConnection ConditionKind = "connection_inactive" // deactivated in Finbox
	FailingConnection  ConditionKind = "connection_fails"    // it could not be listed; Reason of the problem, or none
	// AdministrationFails: a source of names and addresses could not be listed; Reason: the
	// code of the problem.
	AdministrationFails ConditionKind = "administration_fails"
	StateWrong          ConditionKind = "state_wrong" // damaged, or the data key is gone; Reason: the code of the problem
	ClockWrong          ConditionKind = "clock_wrong"
	PagesDown           ConditionKind = "pages_down"    // the web pages cannot be served
	NightsMissed        ConditionKind = "nights_missed" // since the last good night; Params: nights
	NoGoodNight         ConditionKind = "no_good_night" // for two days

	// Of the server. Subject: the setting of the file, the host or the folder.
	CertificateEnds  ConditionKind = "certificate_ends"  // in at most 30 days; Params: date
	CertificateEnded ConditionKind = "certificate_ended" // Params: date
	DiskLow          ConditionKind = "disk_low"
	BackupMissing    ConditionKind = "backup_missing" // none is there, or the newest is old

	// Of the last run.
	BackupFailed ConditionKind = "backup_failed"
	RunProblem   ConditionKind = "run_problem" // Reason: the code of the problem, or none
	RunStopped   ConditionKind = "run_stopped" // before it was through
)

// ConditionKinds lists every kind, for the translations and their tests.
func ConditionKinds() []ConditionKind {
	return []ConditionKind{BalanceWaits, BalanceDiffers, BalanceFailed, BalanceParked, FirmRelink, FirmRefuses, InactiveConnection,
		FailingConnection, AdministrationFails, StateWrong, ClockWrong, PagesDown, NightsMissed, NoGoodNight, CertificateEnds, CertificateEnded, DiskLow, BackupMissing, BackupFailed, RunProblem, RunStopped}
}

// OfBalance reports whether a condition of the kind is about a single balance.
func (k ConditionKind) OfBalance() bool { return strings.HasPrefix(string(k), "balance_") }

// OfRun reports whether only a run over everything tells that a condition of the kind
// began or ended.
func (k ConditionKind) OfRun() bool {
	return k.OfBalance() || k == BackupFailed || k == RunProblem || k == RunStopped
}

// Role names who must act.
type Role string

// The roles.
const (
	Accountant Role = "accountant" // in the dossiers
	Admin      Role = "admin"      // on the server, in the connections
	CSM        Role = "csm"        // in the templates of the firm in Silverfin
)

// Condition is something that needs a person now. It has no figure and nothing of a
// document.
type Condition struct {
	Kind ConditionKind `json:"kind"`
	// Subject is what it is about: the number of an entry, the id of a firm or a
	// connection, the name of a file; empty for balansd itself. Kind, Subject and Reason
	// identify a condition.
	Subject string    `json:"subject,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Role    Role      `json:"role"`
	Since   time.Time `json:"since,omitzero"` // as far as it is known
	// Name is the name of the firm or connection; Client the one of a balance's dossier.
	Name   string            `json:"name,omitempty"`
	Client string            `json:"client,omitempty"`
	Params map[string]string `json:"params,omitempty"` // for its text in another language
	// Detail says it in English, for the log and the details on a page. It may name a
	// client.
	Detail string `json:"detail,omitempty"`
	Path   string `json:"path"` // of the page that shows it
	// Retry is when balansd tries again by itself; zero if it does not. A person need not
	// act before.
	Retry time.Time `json:"retry,omitzero"`
}

// ID identifies a condition among those of one time, and over time.
func (c Condition) ID() string {
	return string(c.Kind) + " " + strconv.Quote(c.Subject) + " " + c.Reason
}

// Condition returns what an entry needs a person for; ok is false if it needs none.
func (e Entry) Condition() (c Condition, ok bool) {
	if !e.NeedsPerson() {
		return c, false
	}
	number := strconv.FormatUint(e.Number, 10)
	c = Condition{Subject: number, Role: Accountant, Since: e.UpdatedAt, Client: e.Dossier.Name, Detail: e.Detail, Path: "/dossiers/" + number}
	switch {
	case e.State == Waiting:
		c.Kind, c.Reason, c.Role = BalanceWaits, string(e.Reason), e.Reason.role()
	case e.State == Differs:
		c.Kind = BalanceDiffers
	case e.State == Failed:
		c.Kind, c.Reason = BalanceFailed, string(e.FailClass)
		if e.Parked {
			c.Kind = BalanceParked
		}
		if e.FailClass == Refused {
			c.Role = Admin
		}
	default:
		return c, false
	}
	return c, true
}

// role returns who can end the wait for a reason.
func (r Reason) role() Role {
	switch r {
	case TemplateMissing, TemplateUnknown:
		return CSM
	case NeedsRelink, ConnectionInactive:
		return Admin
	default:
		return Accountant
	}
}

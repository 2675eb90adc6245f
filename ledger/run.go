package ledger

import (
	"slices"
	"time"

	"balansd/balance"
)

// Trigger says what started a run.
type Trigger string

// The triggers.
const (
	Nightly    Trigger = "nightly"  // at the time of the schedule
	CatchUp    Trigger = "catch_up" // after a missed night
	ByHand     Trigger = "by_hand"  // a person asked for it
	NightRetry Trigger = "again"    // a night that did not reach its services is tried again
)

// Run is one walk over everything, or over what a person asked for.
type Run struct {
	Number  uint64       `json:"number"`
	Trigger Trigger      `json:"trigger"`
	Night   balance.Date `json:"night,omitzero"` // the local date, for a nightly run or catch-up
	RetryOf balance.Date `json:"for,omitzero"`   // the night that is tried again, of a retry
	By      string       `json:"by,omitempty"`   // the person, for a run by hand
	DryRun  bool         `json:"dry_run,omitempty"`
	Chosen  bool         `json:"chosen,omitempty"` // over dossiers or entries that a person chose
	Start   time.Time    `json:"start"`
	End     time.Time    `json:"end,omitzero"` // zero while it runs, or if it was cut off
	// Outcome counts the processed entries by the state that they ended in.
	Outcome map[State]int `json:"outcome,omitempty"`
	New     int           `json:"new"` // balances seen for the first time
	// Findings counts the processed balances that have findings.
	Findings int `json:"findings,omitempty"`
	// Problems are what went wrong besides single balances: a connection
	// closed, a firm to be linked again, a service that did not answer.
	Problems []string `json:"problems,omitempty"`
	// ProblemCodes are the codes of those Problems that have one; pages
	// translate them.
	ProblemCodes []ProblemCode `json:"troubles,omitempty"`
	// Down lists the services that could not be reached, by their names.
	Down []string `json:"down,omitempty"`
	// Missing lists the connections that could not be listed and the firms that
	// could not be worked in, by their names: those that are Down, and those that
	// refused the sign-in or must be linked again.
	Missing []string `json:"missing,omitempty"`
	// Missed says why a catch-up was late; empty for other runs.
	Missed      string `json:"missed,omitempty"`
	MissedCause Cause  `json:"missed_cause,omitempty"`
	// Stopped says why the run ended early; empty when it went through.
	Stopped string `json:"stopped,omitempty"`
	// Halted says that the run ended early because balansd, or the command that
	// asked for it, was stopped: nothing is wrong then.
	Halted bool `json:"halted,omitempty"`
	// StoppedBy names the person who stopped the run, if one did.
	StoppedBy string `json:"stopped_by,omitempty"`
}

// NeedsPerson reports whether something went wrong in the run that needs a person.
func (r Run) NeedsPerson() bool {
	return r.Stopped != "" && !r.Halted || len(r.Problems) > 0
}

// Succeeded reports whether the run went through, listed each active connection, and
// could work in each firm.
func (r Run) Succeeded() bool {
	return !r.End.IsZero() && r.Stopped == "" && len(r.Missing)+len(r.Down) == 0
}

// OfNight reports whether it is the run of a night, or another try of one.
func (r Run) OfNight() bool { return !r.Night.IsZero() || !r.RetryOf.IsZero() }

// MissedNight is a night without a nightly run at its time.
type MissedNight struct {
	Night balance.Date `json:"night"`
	Why   string       `json:"why"` // a clause in English, such as "balansd did not run from … to …"
	Cause Cause        `json:"cause,omitempty"`
}

// Cause names why a night did not begin at its time.
type Cause string

// The causes.
const (
	NotRunning    Cause = "not_running"     // balansd did not run
	Asleep        Cause = "asleep"          // the server slept, or its clock was set
	CouldNotBegin Cause = "could_not_begin" // such as with a full disk
	OtherRun      Cause = "other_pass"      // another run was under way
	Restored      Cause = "restored"        // the state was restored: what was done that night is not known
)

// ProblemCode is the code of one of the Problems of a run, and what it is about.
type ProblemCode struct {
	About string `json:"about"` // the connection, the firm; or AboutBackup
	Code  string `json:"code"`  // of the problem
}

// AboutBackup is what a ProblemCode of the backup of the state is about.
const AboutBackup = "backup"

// Retention says how long what belongs to a settled entry is kept after it was
// settled; 0 is for ever. The entry itself is always kept.
type Retention struct {
	Documents, Figures, Histories time.Duration
}

// Pruned counts what was removed under a Retention.
type Pruned struct {
	Documents, Figures, Histories int
}

// Backup is a copy of the state in a file of its own.
type Backup struct {
	File    string    `json:"file"` // the path
	Size    int64     `json:"size"` // bytes
	MadeAt  time.Time `json:"made_at"`
	Version string    `json:"version,omitempty"` // of the balansd that wrote the state last
	Layout  int       `json:"layout"`            // of the state
	Entries int       `json:"entries"`           // in the ledger
	Newest  uint64    `json:"newest"`            // the highest entry number; 0 for none
	Changes uint64    `json:"changes"`           // grows with each change of the ledger: of two copies of one state the later has more
	Problem string    `json:"problem,omitempty"` // why it cannot be used; empty when it was read back well
}

// ConnectionKind is the kind of a source.
type ConnectionKind string

// The kinds of source.
const (
	Finbox ConnectionKind = "finbox"
	Folder ConnectionKind = "folder"
	Upload ConnectionKind = "upload" // what people hand in, file by file
	Sum    ConnectionKind = "sum"    // dossiers of one employer, whose balances are added up
)

// HasSource reports whether balances of the kind are listed and fetched from a
// source. The documents of the others are in the state alone.
func (k ConnectionKind) HasSource() bool { return k == Finbox || k == Folder }

// UploadsID is the id of the one connection of the kind Upload.
const UploadsID = "uploads"

// ConnectionStatus is the status of a connection.
type ConnectionStatus string

// The statuses of a connection.
const (
	Active      ConnectionStatus = "active"
	Paused      ConnectionStatus = "paused"      // by a person, in balansd
	Deactivated ConnectionStatus = "deactivated" // in Finbox; asked about again each night
	Removed     ConnectionStatus = "removed"     // by a person; the ledger keeps its entries
)

// Connection is one source of balances: a Finbox environment, a folder, the
// files that people upload, or a group of dossiers that belong together.
type Connection struct {
	ID            string           `json:"id"` // the connection id, or the folder source's name
	Kind          ConnectionKind   `json:"kind"`
	Name          string           `json:"name"` // the environment's name
	Language      string           `json:"language,omitempty"`
	Status        ConnectionStatus `json:"status"`
	StartDate     balance.Date     `json:"start_date,omitzero"`   // as set in Finbox
	ActivatedAt   time.Time        `json:"activated_at,omitzero"` // balances created before do not count
	Cursor        string           `json:"cursor,omitempty"`      // where the next listing starts
	CursorResets  uint64           `json:"anew,omitempty"`        // how often the cursor was reset to list everything again
	ListedAt      time.Time        `json:"listed_at,omitzero"`    // when it was last listed without an error
	FullyListedAt time.Time        `json:"whole_at,omitzero"`     // when it was last listed from the beginning
	Problem       string           `json:"problem,omitempty"`     // why the last listing failed; empty if it did not
	// ProblemReason is the cause of Problem in a word, for telling it in another
	// language; empty where there is none.
	ProblemReason string        `json:"problem_reason,omitempty"`
	Folder        *FolderReport `json:"folder,omitempty"` // what the last listing of a folder found
	// Source is the entry of the catalogue that a person added it from, Settings
	// what that person typed, by the names of the entry's fields; both are empty for
	// a folder of the configuration.
	Source   string            `json:"source,omitempty"`
	Settings map[string]string `json:"settings,omitempty"`
	// Secrets are the settings to be sealed. They are never in JSON, and a
	// connection that is read has none.
	Secrets map[string]string `json:"-"`
	Parts   []DossierRef      `json:"parts,omitempty"` // of a Sum: the dossiers whose balances are added up
}

// DossierRef names a dossier: its connection, and its id there.
type DossierRef struct {
	Connection string `json:"connection"`
	DossierID  string `json:"dossier_id"`
}

// HasPart reports whether the balances of an entry's dossier are added up by the
// connection.
func (c Connection) HasPart(e Entry) bool {
	return c.Kind == Sum && slices.Contains(c.Parts, DossierRef{e.Connection, e.Dossier.ID})
}

// Configured reports whether it is a folder of the configuration, which changes only
// there.
func (c Connection) Configured() bool { return c.Kind == Folder && c.Settings == nil }

// ResetCursor makes the next listing start from the beginning. A listing that is
// under way does not overwrite the reset.
func (c *Connection) ResetCursor() {
	c.Cursor = ""
	c.CursorResets++
}

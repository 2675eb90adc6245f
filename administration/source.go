package administration

import (
	"context"
	"time"

	"balansd/balance"
)

// Kind names a kind of source, as the configuration does.
type Kind string

// The kinds of sources.
const (
	ClientList   Kind = "client_list"   // a CSV or a workbook that an administration package exports
	AdminPulse   Kind = "adminpulse"    // AdminPulse
	Adsolut      Kind = "adsolut"       // Adsolut, of Wolters Kluwer
	KBO          Kind = "kbo"           // the open data of the Crossroads Bank for Enterprises (KBO, BCE)
	NationalBank Kind = "national_bank" // the annual accounts that the National Bank publishes
)

// Kinds lists every kind.
func Kinds() []Kind { return []Kind{ClientList, AdminPulse, Adsolut, KBO, NationalBank} }

// Info says what a source is.
type Info struct {
	Name string // as the configuration calls it; unique
	Kind Kind
	// Fields are the fields that the source can know at all. What it states of a single
	// client is Record.Known.
	Fields []Field
	// Register says that this is a public register of all active enterprises: a number
	// that it does not have is perhaps that of an enterprise that was stopped. Of any other
	// source a missing client says nothing.
	Register bool
}

// Query says which clients a source is asked for.
type Query struct {
	// Numbers are the enterprise numbers of the firm's clients. A source that holds
	// everybody, or is asked by number, lists these alone; one that holds the firm's own
	// clients lists them all.
	Numbers []balance.EnterpriseNumber
	// Names are official names whose enterprise number is sought. A source that holds
	// everybody lists the enterprises with one of these names as well, whatever their
	// number; others ignore them.
	Names []string
}

// Source lists the clients that one source knows. It is safe for concurrent use.
type Source interface {
	// Info says what the source is, without asking it.
	Info() Info
	// List calls yield for each client, once everything was read: after an error of the
	// source nothing was yielded. It returns the first error of yield. The Report is
	// also set when there is an error.
	List(ctx context.Context, q Query, yield func(Record) error) (Report, error)
}

// Report says what a source had, and what of it was left aside.
type Report struct {
	Read  int       `json:"read"`           // rows or items
	Found int       `json:"found"`          // clients that were listed
	AsOf  time.Time `json:"as_of,omitzero"` // the date of the data; zero if it is not known
	// From names what was read: files, or the address that was asked.
	From []string `json:"from,omitempty"`
	// Left counts what was left aside, by reason.
	Left map[Reason]int `json:"left,omitempty"`
	// Examples are the first of those, at most MaxExamples of each reason.
	Examples []LeftAside `json:"examples,omitempty"`
}

// MaxExamples bounds the examples of one reason.
const MaxExamples = 20

// Reason says why a row or item was left aside, or was taken with something missing.
type Reason string

// The reasons.
const (
	DamagedNumber Reason = "damaged_number" // what stands for its enterprise number is none; the row is left aside
	Doubled       Reason = "doubled"        // a client that stands there already, with the same values; counted once
	Contradicts   Reason = "contradicts"    // a client that stands there already, with other values; all its rows are left aside
	Nameless      Reason = "nameless"       // it has neither name nor number
	TooLong       Reason = "too_long"       // a value is longer than any name or address
	NotReadable   Reason = "not_readable"   // characters that belong to no encoding, or an item of another shape
	NoDeposit     Reason = "no_deposit"     // nothing was filed, or it is no longer there
	MissingUpdate Reason = "missing_update" // a daily update between two that were applied: its changes are not there
	Unavailable   Reason = "unavailable"    // this client could not be asked for now
)

// Reasons lists every reason.
func Reasons() []Reason {
	return []Reason{DamagedNumber, Doubled, Contradicts, Nameless, TooLong, NotReadable, NoDeposit, MissingUpdate, Unavailable}
}

// LeftAside is a row or item that was left aside.
type LeftAside struct {
	Reason Reason `json:"reason"`
	File   string `json:"file,omitempty"`  // its name without the folder
	Line   int    `json:"line,omitempty"`  // of the file, from 1
	Value  string `json:"value,omitempty"` // what is wrong, shortened; never a whole row
}

// Leave counts a row or item that is left aside.
func (r *Report) Leave(l LeftAside) {
	if r.Left == nil {
		r.Left = map[Reason]int{}
	}
	r.Left[l.Reason]++
	if r.Left[l.Reason] <= MaxExamples {
		r.Examples = append(r.Examples, l)
	}
}

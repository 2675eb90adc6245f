package ledger

import (
	"fmt"
	"slices"
	"time"

	"balansd/balance"

	"github.com/shopspring/decimal"
)

// Firm is a Silverfin firm that balansd may write to.
type Firm struct {
	ID        int64     `json:"id"`
	Name      string    `json:"name"`
	LinkedAt  time.Time `json:"linked_at"`
	LinkedBy  string    `json:"linked_by,omitempty"`      // who gave consent, as Silverfin names them
	Relink    string    `json:"needs_relink,omitempty"`   // why it must be linked again; empty if it need not
	RenewedAt time.Time `json:"renewed_at"`               // when its tokens were last renewed
	Missing   []string  `json:"missing_scopes,omitempty"` // asked for at the sign-in, and not granted
	Scopes    []string  `json:"scopes,omitempty"`         // granted; empty where that is not known
	// Learnt is the mapping that a person saved for the firm, nil for none. Whether it is
	// in force, mapping.Configured.For decides.
	Learnt *LearntMapping `json:"mapping,omitempty"`
	// Use is what was seen of a template that uses a mapping of the firm; nil for nothing.
	Use *MappingUse `json:"mapping_use,omitempty"`
	// Problem is why Silverfin did not let balansd in at the last run that asked
	// it, in words for a person, and ProblemCode its kind; both are empty when it
	// did. Unlike Relink, it goes away when the cause is gone.
	Problem     string `json:"problem,omitempty"`
	ProblemCode string `json:"problem_code,omitempty"`
	// AppLink is the link to the pages that balansd made in the firm; nil for none.
	AppLink *AppLink `json:"app_link,omitempty"`
	// Trial is the trial write under way, or cut off, in one of its companies; nil for none.
	Trial *TrialWrite `json:"trial,omitempty"`
}

// Lacks lists the scopes among needed that the firm was not granted, as far as it is
// known what it was.
func (f Firm) Lacks(needed []string) (missing []string) {
	for _, scope := range needed {
		if len(f.Scopes) > 0 && !slices.Contains(f.Scopes, scope) {
			missing = append(missing, scope)
		}
	}
	return missing
}

// Fails reports whether balansd cannot work in the firm before a person acts.
func (f Firm) Fails() bool { return f.Relink != "" || f.Problem != "" }

// Company is a client file in a firm.
type Company struct {
	ID               int64                    `json:"id"`
	Name             string                   `json:"name"`
	FileCode         string                   `json:"file_code,omitempty"`
	EnterpriseNumber balance.EnterpriseNumber `json:"enterprise_number,omitempty"` // empty where Silverfin has none, a wrong one or several
	// Several are the different valid numbers that Silverfin has for the company,
	// where there are more than one: then none counts by itself.
	Several []balance.EnterpriseNumber `json:"several_numbers,omitempty"`
	// WrongNumber is what Silverfin has in the place of the number where that is no
	// valid one, such as a number with a typing slip.
	WrongNumber string `json:"wrong_number,omitempty"`
	Address     string `json:"address,omitempty"` // on one line, as far as Silverfin has it
	// Details is what Silverfin has of the company besides, as texts by the field of the API.
	// A field that its answer does not have is absent.
	Details CompanyDetails `json:"-"`
}

// NumberBeside returns the company's enterprise number as it is to be compared with
// that of a dossier: of several the dossier's, else the first.
func (c Company) NumberBeside(dossier balance.EnterpriseNumber) balance.EnterpriseNumber {
	switch {
	case len(c.Several) == 0:
		return c.EnterpriseNumber
	case slices.Contains(c.Several, dossier):
		return dossier
	default:
		return c.Several[0]
	}
}

// Target is where one social balance lands: one period of one company, and
// with it one reconciliation where the firm's templates want that.
type Target struct {
	FirmID           int64        `json:"firm_id"`
	CompanyID        int64        `json:"company_id"`
	CompanyName      string       `json:"company_name,omitempty"`
	PeriodID         int64        `json:"period_id"`
	PeriodEnd        balance.Date `json:"period_end"`
	ReconciliationID int64        `json:"reconciliation_id,omitempty"` // 0 at period level
	URL              string       `json:"url,omitempty"`               // for a person to open in Silverfin
}

// Key identifies the target; it does not change over time.
func (t Target) Key() string {
	return fmt.Sprintf("%d/%d/%d/%d", t.FirmID, t.CompanyID, t.PeriodID, t.ReconciliationID)
}

// Figures are the texts that a target holds, by cell. A cell that is absent or
// holds an empty text is empty. What a person typed need not be a number.
type Figures map[balance.Cell]string

// FiguresOf returns the canonical texts of a balance's values.
func FiguresOf(v balance.Values) Figures {
	f := make(Figures, len(v))
	for c, d := range v {
		f[c] = balance.Canonical(d)
	}
	return f
}

// Written is what balansd has recorded of a target: the figures that it last wrote and
// read back, those that it is about to write, and the choices of a person.
type Written struct {
	// Properties names, as "namespace.key", the property that each cell of Confirmed
	// and Intended was written to. After a change of the mapping, the value of another
	// property is not what balansd wrote. See ForMapping.
	Properties map[balance.Cell]string `json:"properties,omitempty"`
	// Confirmed are the figures that balansd wrote and read back equal. A
	// figure that a person typed is not among them, even where it is the same
	// as Finbox's.
	Confirmed Figures `json:"confirmed,omitempty"`
	// Intended are the figures of a write whose outcome is not known yet: the
	// target may hold any part of them. Nil when no write is under way.
	Intended Figures `json:"intended,omitempty"`
	// UseFinbox are the cells where a person chose Finbox's figure over
	// Silverfin's. A choice holds for one write, and only while both still have
	// the figures that the person saw.
	UseFinbox map[balance.Cell]Seen `json:"given,omitempty"`
	// KeepSilverfin are the cells where a person chose Silverfin's figure. A choice
	// holds while both still have the figures that the person saw.
	KeepSilverfin map[balance.Cell]Seen `json:"kept,omitempty"`
	// Comma says that some of Confirmed and Intended may be written with a decimal comma.
	Comma bool `json:"comma,omitempty"`
	// By is the ledger number of the entry that wrote last.
	By uint64 `json:"by,omitempty"`
	// Version counts the changes of this record. A change is refused unless it
	// is based on the newest version.
	Version uint64 `json:"version,omitempty"`
}

// Seen are the two figures that a person saw when deciding about a cell.
type Seen struct {
	Finbox    string `json:"finbox"`
	Silverfin string `json:"silverfin"`
	Property  string `json:"property,omitempty"` // that held Silverfin's, as "namespace.key"
	Rounded   bool   `json:"rounded,omitempty"`  // Finbox's was rounded to whole euros
}

// still reports whether both sides have the figures that the person saw. rounded
// says that the balance is in whole euros: rounding alone makes no other figure.
func (s Seen) still(c balance.Cell, finbox decimal.Decimal, rounded bool, silverfin string) bool {
	seen, err := balance.ParseDecimal(s.Finbox)
	same := err == nil && (seen.Equal(finbox) || s.Rounded && balance.RoundsTo(c, finbox, seen) || rounded && balance.RoundsTo(c, seen, finbox))
	return same && s.Holds(silverfin)
}

// Holds reports whether Silverfin's side is as the person saw it.
func (s Seen) Holds(silverfin string) bool { return sameText(s.Silverfin, silverfin) }

// WaitingError is the error for a balance that cannot be delivered now, for a
// reason that a person can remove. Destinations return it from Locate.
type WaitingError struct {
	Reason Reason
	Detail string // one sentence that names the dossier's own case
	// Templates are those in the dossier's workflows, when the one that is wanted is missing.
	Templates []TemplateName
}

// TemplateName names a template of Silverfin.
type TemplateName struct {
	Handle string `json:"handle"`
	Name   string `json:"name,omitempty"`
}

// String returns the handle with the name in brackets.
func (t TemplateName) String() string {
	if t.Name == "" {
		return t.Handle
	}
	return t.Handle + " (" + t.Name + ")"
}

func (e *WaitingError) Error() string { return e.Detail }

package ledger

import (
	"strings"
	"time"

	"balansd/balance"
)

// DossierLink names a dossier link that a person set: which company of which firm
// takes a dossier's balances, and from when.
type DossierLink struct {
	Connection string `json:"connection"`
	DossierID  string `json:"dossier_id"`
	// EnterpriseNumber is for a dossier without one in its source.
	EnterpriseNumber balance.EnterpriseNumber `json:"enterprise_number,omitempty"`
	FirmID           int64                    `json:"firm_id,omitempty"`
	CompanyID        int64                    `json:"company_id,omitempty"` // 0: found by the enterprise number
	From             balance.Date             `json:"from,omitzero"`        // balances created from this day on count, even before the activation
	All              bool                     `json:"all,omitempty"`        // every balance counts
	// Paused has the dossier's balances wait until the link is resumed.
	Paused bool   `json:"paused,omitempty"`
	Note   string `json:"note,omitempty"` // a person's own words
	// NumberDiffers is needed where the company has another enterprise number
	// than the dossier.
	NumberDiffers NumberDiffers `json:"number_differs,omitzero"`
	// Configured marks a link of the configuration, which goes when it is taken
	// out there.
	Configured bool `json:"configured,omitempty"`
	// SetBy and SetAt say who set the link, and when; empty for the configuration.
	SetBy string    `json:"set_by,omitempty"`
	SetAt time.Time `json:"set_at,omitzero"`
}

// From when the balances of a link count, in words.
const (
	FromActivation = "activation" // of the connection
	FromAll        = "all"        // from the first one on
)

// FromText returns from when balances count: FromActivation, FromAll or a date.
func (l DossierLink) FromText() string {
	switch {
	case l.All:
		return FromAll
	case l.From.IsZero():
		return FromActivation
	default:
		return l.From.String()
	}
}

// ParseFrom reads what FromText writes; an empty text is FromActivation.
func ParseFrom(text string) (from balance.Date, all bool, err error) {
	switch text = strings.ToLower(strings.TrimSpace(text)); text {
	case "", FromActivation:
		return from, false, nil
	case FromAll:
		return from, true, nil
	default:
		from, err = balance.ParseDate(text)
		return from, false, err
	}
}

// MaxNote bounds the note of a link, in characters.
const MaxNote = 500

// Same reports whether two links say the same, whoever set them.
func (l DossierLink) Same(o DossierLink) bool {
	l.SetBy, l.SetAt, o.SetBy, o.SetAt = "", time.Time{}, "", time.Time{}
	l.NumberDiffers.By, l.NumberDiffers.At, o.NumberDiffers.By, o.NumberDiffers.At = "", time.Time{}, "", time.Time{}
	return l == o
}

// SameCompany reports whether two links lead to one company, or both to none.
func (l DossierLink) SameCompany(o DossierLink) bool {
	return l.FirmID == o.FirmID && l.CompanyID == o.CompanyID
}

// Leads reports whether the link leads to the company of a target.
func (l DossierLink) Leads(t Target) bool { return l.FirmID == t.FirmID && l.CompanyID == t.CompanyID }

// SaysNothing reports whether the link changes nothing about its dossier.
func (l DossierLink) SaysNothing() bool {
	return l.Same(DossierLink{Connection: l.Connection, DossierID: l.DossierID, Configured: l.Configured})
}

// Counts reports whether a balance counts that was made at an instant before the
// activation of its connection. Days are meant in zone.
func (l DossierLink) Counts(created time.Time, zone *time.Location) bool {
	return l.All || !l.From.IsZero() && !created.Before(l.From.In(zone))
}

// NumberDiffers is an administrator's confirmation that a dossier's balances go into
// a company although the enterprise numbers of the two differ. It is valid for these
// two numbers only.
type NumberDiffers struct {
	Company       string                   `json:"company"` // the company's name, as the administrator typed it
	DossierNumber balance.EnterpriseNumber `json:"dossier_number,omitempty"`
	// CompanyNumber is empty where the company has none, and another one has the
	// dossier's.
	CompanyNumber balance.EnterpriseNumber `json:"company_number,omitempty"`
	By            string                   `json:"by,omitempty"` // empty: the configuration
	At            time.Time                `json:"at,omitzero"`
}

// Confirmed reports whether n has the two numbers that it was said of.
func (n NumberDiffers) Confirmed() bool { return n.DossierNumber != "" }

// CompanyNumberText returns the company's number for people.
func (n NumberDiffers) CompanyNumberText() string {
	if n.CompanyNumber == "" {
		return "none"
	}
	return n.CompanyNumber.Pretty()
}

// Covers reports whether n was confirmed for these two numbers.
func (n NumberDiffers) Covers(dossier, company balance.EnterpriseNumber) bool {
	return n.Company != "" && n.DossierNumber == dossier && n.CompanyNumber == company
}

// Names reports whether n names a company, ignoring case and white space.
func (n NumberDiffers) Names(company string) bool {
	fold := func(s string) string { return FoldName(strings.Join(strings.Fields(s), " ")) }
	return fold(n.Company) != "" && fold(n.Company) == fold(company)
}

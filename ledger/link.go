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
	// NumberDiffers is needed where the company has another enterprise number
	// than the dossier.
	NumberDiffers NumberDiffers `json:"number_differs,omitzero"`
	// Configured marks a link of the configuration, which goes when it is taken
	// out there.
	Configured bool `json:"configured,omitempty"`
}

// NumberDiffers is an administrator's confirmation that a dossier's balances go into
// a company although the enterprise numbers of the two differ. It is valid for these
// two numbers only.
type NumberDiffers struct {
	Company       string                   `json:"company"` // the company's name, as the administrator typed it
	DossierNumber balance.EnterpriseNumber `json:"dossier_number,omitempty"`
	CompanyNumber balance.EnterpriseNumber `json:"company_number,omitempty"`
	By            string                   `json:"by,omitempty"` // empty: the configuration
	At            time.Time                `json:"at,omitzero"`
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

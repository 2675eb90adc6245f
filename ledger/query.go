package ledger

import (
	"slices"
	"strings"

	"balansd/balance"
)

// Query selects entries of the ledger. The zero Query matches all.
type Query struct {
	States     []State `json:"states,omitempty"`
	Reason     Reason  `json:"reason,omitempty"`
	Connection string  `json:"connection,omitempty"`
	DossierID  string  `json:"dossier_id,omitempty"` // exactly; with Connection only its entries are read
	FirmID     int64   `json:"firm_id,omitempty"`
	Dossier    string  `json:"dossier,omitempty"` // id, affiliation number, enterprise number, or part of the name
	Below      uint64  `json:"below,omitempty"`   // only entries with a smaller number, for paging
	Limit      int     `json:"limit,omitempty"`   // at most this many; 0 for all
}

// Matches reports whether the query selects the entry that has a head. Below and Limit
// are for the walk, not for a single entry.
func (q Query) Matches(h Head) bool {
	switch {
	case len(q.States) > 0 && !slices.Contains(q.States, h.State),
		q.Reason != "" && q.Reason != h.Reason,
		q.Connection != "" && q.Connection != h.Connection,
		q.DossierID != "" && q.DossierID != h.Dossier.ID,
		q.FirmID != 0 && h.FirmID != q.FirmID,
		q.Dossier != "" && !h.Dossier.Matches(q.Dossier):
		return false
	}
	return true
}

// Matches reports whether people could mean the dossier by ref: its id in any
// spelling that looks the same, its affiliation number, its enterprise number in any spelling, or a part of its
// name in upper or lower case.
func (d Dossier) Matches(ref string) bool {
	ref = strings.TrimSpace(ref)
	if ref != "" && FoldName(ref) == FoldName(d.ID) || d.AffiliationNumber != "" && ref == d.AffiliationNumber {
		return true
	}
	if n, err := balance.ParseEnterpriseNumber(ref); err == nil && n == d.EnterpriseNumber {
		return true
	}
	return ref != "" && strings.Contains(FoldName(d.Name), FoldName(ref))
}

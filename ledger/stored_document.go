package ledger

// StoredDocument is the document of an entry among the permanent documents of its
// company in Silverfin.
type StoredDocument struct {
	FirmID    int64  `json:"firm_id"`
	CompanyID int64  `json:"company_id"`
	Name      string `json:"name"`         // no other document of the company has it
	ID        int64  `json:"id,omitempty"` // in Silverfin; 0 while it is not known to be there
}

package ledger

import "balansd/balance"

// Step is one move of one entry, kept as a whole or not at all.
type Step struct {
	// Entry is the entry after the move; its Version is that of the entry
	// before, and the step is refused with a Conflict when the ledger holds
	// another.
	Entry Entry
	// Event goes into the entry's story.
	Event Event
	// Written, when not nil, becomes what is known of the place of the entry.
	Written *Written
	// Values, when not nil, are the document's figures, kept with the entry.
	Values balance.Values
	// Document, when not nil, is kept with the entry.
	Document []byte
}

// Query selects entries of the  The zero Query matches all.
type Query struct {
	States     []State `json:"states,omitempty"`
	Reason     Reason  `json:"reason,omitempty"`
	Connection string  `json:"connection,omitempty"`
	FirmID     int64   `json:"firm_id,omitempty"`
	Dossier    string  `json:"dossier,omitempty"` // id, affiliation number, enterprise number, or part of the name
	Below      uint64  `json:"below,omitempty"`   // only entries with a smaller number, for paging
	Limit      int     `json:"limit,omitempty"`   // at most this many; 0 for all
}

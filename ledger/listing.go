package ledger

import (
	"errors"
	"slices"
	"time"

	"balansd/balance"
)

// Dossier is a client as a source knows it. Every identifier but the
// enterprise number is opaque: trimmed, case preserved.
type Dossier struct {
	ID                string                   `json:"id"`                           // the source's own id; for a folder source the folder's name
	AffiliationNumber string                   `json:"affiliation_number,omitempty"` // aansluitingsnummer
	EnterpriseNumber  balance.EnterpriseNumber `json:"enterprise_number,omitempty"`
	Name              string                   `json:"name,omitempty"`
}

// References lists by what a link can name the dossier: its id, its affiliation
// number and its enterprise number, as far as they are known.
func (d Dossier) References() []string {
	return slices.DeleteFunc([]string{d.ID, d.AffiliationNumber, d.EnterpriseNumber.String()}, func(ref string) bool { return ref == "" })
}

// IsNamed reports whether a link's reference names the dossier: one of References,
// in any spelling that looks the same, and the enterprise number in any notation.
func (d Dossier) IsNamed(ref string) bool {
	if n, err := balance.ParseEnterpriseNumber(ref); err == nil && n == d.EnterpriseNumber {
		return true
	}
	folded := FoldName(ref)
	return slices.ContainsFunc(d.References(), func(r string) bool { return FoldName(r) == folded })
}

// Listing is what a source lists of a social balance.
type Listing struct {
	ID         string         `json:"id"`       // opaque
	Revision   string         `json:"revision"` // opaque; a correction has the same ID and another Revision
	Dossier    Dossier        `json:"dossier"`
	FiscalYear balance.Period `json:"fiscal_year"` // zero where the source does not say
	Model      balance.Model  `json:"model,omitempty"`
	CreatedAt  time.Time      `json:"created_at"` // when this revision was made; revisions are ordered by it
	SHA256     string         `json:"sha256"`     // of the content, hex; empty where the source does not say
	MediaTypes []string       `json:"media_types,omitempty"`
}

// Page is one page of a source's listing.
type Page struct {
	Listings []Listing
	// Cursor is where the next run starts once these listings are recorded.
	// It is opaque to all but the source, and may stay the same until the last
	// page.
	Cursor string
	// Problems are items in the source that could not be listed, one sentence for a
	// person each.
	Problems []string
	// Folder is what a folder says about all that is in it, on the last page of its
	// listing; nil elsewhere.
	Folder *FolderContent
}

// SourceStatus is what a source says of a connection.
type SourceStatus struct {
	Active      bool
	Environment string       // the name that people know it by
	Language    string       // nl, fr, en or de; may be empty
	StartDate   balance.Date // the first day from which balances are offered; zero for none
}

// ErrDeactivated is the error for a connection that was deactivated in the source.
var ErrDeactivated = errors.New("the connection is deactivated in the source")

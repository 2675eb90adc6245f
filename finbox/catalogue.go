package finbox

import "balansd/ledger"

// Catalogue is what a person needs to add a Finbox environment: its connection id and,
// where SD Worx gave this environment credentials of its own, those.
func Catalogue() []ledger.CatalogueEntry {
	return []ledger.CatalogueEntry{{ID: "finbox", Name: "SD Worx Finbox", Kind: ledger.Finbox, Group: ledger.OnlineSource, Fields: []ledger.SourceField{
		{Name: "id", Required: true},
		{Name: "client_id", Rare: true},
		{Name: "client_secret", Secret: true, Rare: true},
	}}}
}

// Package ledger says what became of every social balance: its entries, their
// states, and the moves between them.
//
// It is pure: it knows no disk, no network and no clock, and imports only
// balance. The packages around it exchange its types, so that a source, a
// destination and a store need not know of one another.
package ledger

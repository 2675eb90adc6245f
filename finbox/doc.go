// Package finbox is a source of social balances: it asks SD Worx Finbox, over
// HTTP, how a connection stands, which social balances are new, and for their
// documents.
//
// SD Worx publishes no description of Finbox's interface, so the contract is
// stated here, in openapi.yaml; nothing outside this package knows it. The
// package must not write anywhere, keep anything over a restart, or know what
// becomes of a social balance: it only reads and reports.
package finbox

// Package finbox is the client of SD Worx Finbox, a source of social balances. Over
// HTTP it reads the status of a connection, lists new social balances, and
// downloads their documents.
//
// SD Worx publishes no description of Finbox's interface, so the contract is
// stated here, in openapi.yaml; no other package knows it. The package writes
// nothing, stores nothing, and does not know what becomes of a social balance.
package finbox

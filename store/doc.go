// Package store keeps the state of balansd in one file: connections, firms,
// sealed secrets, the ledger and the sync runs.
//
// It is built on a small interface of ordered keys (backend.go), which bbolt
// implements (bolt.go), so that another backend can replace it. What a method
// changed is on disk when the method returns.
//
// The store decides nothing about balances: package ledger decides which state
// follows which, and package daemon when. It knows no source, no Silverfin and no
// daemon, reads no environment, and never writes a secret in plain text.
package store

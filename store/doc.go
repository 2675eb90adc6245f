// Package store keeps the state of balansd in one file: connections, firms,
// sealed secrets, the ledger and the passes.
//
// Everything is written on a small interface of ordered keys (kv.go), which
// bbolt carries out (bolt.go), so that another backend can take its place.
// Whatever a method changed is on disk when the method returns.
//
// The store decides nothing about balances: which state follows which is
// ledger's word, and when is daemon's. It knows no source, no Silverfin and no
// daemon, reads no environment, and never writes a secret in the clear.
package store

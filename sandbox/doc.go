// Package sandbox is a Finbox and a Silverfin in memory, with the manners of
// the real ones and with faults on demand: for the demo, for tests, and for
// whoever wants to see what balansd does before it touches a real dossier.
//
// It shares no code with the clients that it tests: what a client and the
// sandbox agree on is the published contract, so that both can be wrong apart
// but not together. It imports only the rooms balance, ledger and problem. It
// must never be reachable from outside the machine: it listens on loopback.
package sandbox

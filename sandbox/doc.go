// Package sandbox starts a Finbox, a Silverfin and a control endpoint on this
// machine: for the demo, for tests, and for whoever wants to see what balansd
// does before it reads a real dossier.
//
// It shares no code with the clients that it tests: what a client and the
// sandbox agree on is the published contract, so that a fault in the one does
// not hide a fault in the other. It must never be reachable from outside the
// machine: it listens on loopback only.
package sandbox

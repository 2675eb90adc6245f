// Package sandbox starts a Finbox, a Silverfin and a control endpoint on this
// machine: for the demo, for tests, and to try balansd before it reads real dossiers.
//
// It shares no code with the clients that it tests, only the published contract, so
// that a bug in one does not hide a bug in the other. It must never be reachable from
// outside the machine: it listens on loopback only.
package sandbox

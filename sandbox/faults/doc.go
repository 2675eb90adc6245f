// Package faults has a simulated service fail on demand: with an error status,
// a lost connection, or a reply that is slow, cut off or no JSON. It also logs
// the calls. Finbox and Silverfin of the sandbox both use it.
package faults

// Package control takes orders over HTTP for the simulated Finbox and
// Silverfin: for what people and other programs do there, and for faults.
// docs/sandbox.md lists the orders.
package control

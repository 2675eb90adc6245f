// Package daemon is the night: it knows when to wake, and walks every social
// balance from its source to its place in Silverfin.
//
// It declares the small interfaces that it needs, and knows no database and no
// HTTP. It must not assume that it is the only daemon on a state, beyond what
// Store promises.
package daemon

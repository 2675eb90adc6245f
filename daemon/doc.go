// Package daemon is the nightly sync: it knows when to wake, and takes every social
// balance from its source to its target in Silverfin.
//
// A run is in run.go. A balance goes through discover.go, deliver.go, revisions.go
// and read.go, hold_for_review.go, locate.go and match.go, write.go, and outcome.go.
//
// It declares the small interfaces that it needs, and knows no database and no
// HTTP. It must not assume that it is the only daemon on a state, beyond what
// Store promises.
package daemon

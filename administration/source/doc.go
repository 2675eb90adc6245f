// Package source has the sources of administration data, one file a source: lists of
// clients, AdminPulse, Adsolut, the open data of the KBO, and the National Bank. Each
// implements administration.Source.
//
// What a source sends is untrusted: every reader has bounds and a fuzz target, and
// nothing is listed before all of it was read.
package source

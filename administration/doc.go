// Package administration knows what a client of the firm is called and where it has its
// seat, as registers and administration packages state it, and compares that with what
// Silverfin has.
//
// The package does no I/O. Package administration/source has the sources.
package administration

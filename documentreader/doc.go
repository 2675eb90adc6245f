// Package documentreader reads social balances for the daemon and the commands. A
// document of a format whose parser is large, a PDF or a workbook, is read in
// a process of its own: one made to keep a parser busy for ever, to take all
// memory or to make it panic costs one line in the ledger, and the daemon goes on.
//
// The process is this program again, with a hidden command that calls Serve. It
// gets the document on its standard input and nothing else: no configuration, no
// secret, no environment.
package documentreader

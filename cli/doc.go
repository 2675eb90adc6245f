// Package cli is the command line: one file a command, and the one place where
// the rooms are wired together.
//
// Main is the whole program but for the process around it, so that tests drive
// what people run. Commands hold no rules of their own: they ask, and show what
// they are told. Nothing here keeps state between two calls of Main.
package cli

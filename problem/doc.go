// Package problem defines the error for everything that a person must act on: what
// happened, to which dossier, and what to do next.
//
// Every package may return one. The package imports no other, does no I/O, and its
// errors never hold a token, a secret or the content of a document: they end up in
// logs, on terminals and in tickets.
package problem

// Package problem is the one kind of error that a person must act on: what
// happened, to which dossier, and what to do next.
//
// Every room may return one. It must not know any room, do I/O, or carry a
// token, a secret or the content of a document: what it says ends up in logs,
// on terminals and in tickets.
package problem

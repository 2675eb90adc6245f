// Package localapi is the local API: HTTP and JSON over a Unix socket, or a named
// pipe on Windows, that the command line speaks when a daemon holds the state
// file. Its client implements the same API as the daemon, errors included, so that a
// command behaves the same whether the daemon runs or not.
//
// The package must not decide anything about social balances, open the state, or
// listen on the network: the mode of the socket is what keeps others out.
package localapi

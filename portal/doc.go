// Package portal is how people and their programs reach a running balansd. For
// now it is the local API: HTTP and JSON over a Unix socket, or a named pipe on
// Windows, that the command line speaks when a daemon holds the state file.
//
// It hands on daemon.API unchanged, errors included, so that a command behaves
// the same whether the daemon runs or not. It must not decide anything about
// social balances, open the state, or listen on the network.
package portal

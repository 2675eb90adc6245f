// Package httpserver serves HTTP until a context ends: the web pages on TCP, the
// local API on a socket or a named pipe. It bounds what an unknown client can
// cost: time, memory, lines in the log.
//
// The package must not know what is served.
package httpserver

// Package logs makes the one logger of a process and looks after where its
// lines go: to a terminal as a person likes to read them, to the journal of
// systemd with their fields, to a file that is rotated by size, to standard error
// as JSON, and, as a service of Windows, what matters to the event log.
//
// A line that a destination refuses goes to standard error, and the failure is
// reported once. No line is lost unreported. The daemon never waits for a reader
// of its log, and a failure of the log never ends the daemon.
//
// It knows no settings file, no service manager and no other room but problem,
// whose event ids it hands on. It must not decide what is worth a line: the
// rooms that log do.
package logs

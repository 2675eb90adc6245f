// Package logs creates the logger of a process and its destinations: a terminal, in
// readable form; the journal of systemd, with fields; a file that is rotated by size;
// standard error, as JSON; and, for a Windows service, the event log for important
// events.
//
// A line that a destination refuses goes to standard error, and the failure is
// reported once. No line is lost unreported. The daemon never waits for a reader
// of its log, and a failure of the log never ends the daemon.
//
// It knows no settings file, no service manager and no other package but problem,
// whose event ids it passes on. The packages that log decide what is logged.
package logs

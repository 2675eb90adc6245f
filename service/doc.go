// Package service makes balansd a citizen of the machine's service manager:
// systemd on Linux, the service control manager on Windows. It installs,
// starts, stops, mends and removes the service, and tells the manager from
// within how the running process stands.
//
// The library kardianos/service installs, removes and controls it; library.go
// has what all calls of it share. The files: run and crash are the running
// process, which is ours alone, notify its word to systemd; unit is the text of
// balansd.service, systemd the manager that installs it; initd is that of OpenRC,
// SysV init and launchd, initd_script its texts; control gives their orders; scm
// is the manager of Windows, and acl who may reach what is the service's own. Tests try all this on what internal/testenv gives them.
//
// It knows nothing of social balances, of the configuration's content or of
// the state; it is told paths. It must not detect whether it runs as a service:
// the unit and the service say so with an argument.
package service

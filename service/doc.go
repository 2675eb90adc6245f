// Package service integrates balansd with the machine's service manager:
// systemd on Linux, the service control manager on Windows. It installs,
// repairs, starts, stops and removes the service, and reports the state of the
// running process to the manager.
//
// The library kardianos/service installs, removes and controls it; kardianos.go
// has what all calls of it share. The files:
//
//   - run, crash_file and systemd_notify: the running process
//   - manager, install, files, control: what the managers have in common
//   - systemd: the manager, with the unit in systemd_unit
//   - initd: OpenRC, SysV init and launchd, with their scripts in initd_scripts
//   - scm: the service control manager of Windows
//   - access: who can read and change files
//
// The package knows nothing of social balances, of the configuration's content
// or of the state; it is given paths. It must not detect whether it runs as a
// service: the unit and the service say so with an argument.
package service

// Package service makes balansd a citizen of the machine's service manager:
// systemd on Linux, the service control manager on Windows. It installs,
// starts, stops, mends and removes the service, and tells the manager from
// within how the running process stands.
//
// It knows nothing of social balances, of the configuration's content or of
// the state; it is told paths. It must not detect whether it runs as a service:
// the unit and the service say so with an argument.
package service

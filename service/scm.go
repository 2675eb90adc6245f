package service

import (
	"strings"
	"syscall"
	"time"
)

// This file and the other scm files are the Manager for Windows without
// Windows: which calls of the service control manager it makes, in which order, and
// how it uses the results. They compile on every system, so that tests on any system
// can check the calls; only scm_windows.go makes them.

// The errors of Windows that are distinguished, with their numbers in winerror.h.
const (
	errAccessDenied        = syscall.Errno(5)
	errInvalidHandle       = syscall.Errno(6)   // the process ended while it was asked
	errInvalidLevel        = syscall.Errno(124) // an option that this Windows does not know
	errServiceTimeout      = syscall.Errno(1053)
	errAlreadyRunning      = syscall.Errno(1056)
	errServiceDisabled     = syscall.Errno(1058)
	errServiceDoesNotExist = syscall.Errno(1060)
	errCannotAcceptControl = syscall.Errno(1061) // it is just starting or stopping
	errServiceNotActive    = syscall.Errno(1062)
	errLogonFailed         = syscall.Errno(1069)
	errDependencyFailed    = syscall.Errno(1068)
	errDependentsRunning   = syscall.Errno(1051)
	errMarkedForDelete     = syscall.Errno(1072)
)

// What the service control manager says of how a service ended, besides an
// error of Windows.
const (
	exitSpecific     = 1066 // the service's own exit code says it
	exitTerminated   = 1067 // the process ended without a reason
	exitNeverStarted = 1077
)

// scm are the calls that the Manager makes for the service Name besides those of the
// library. Each method is one call, and leaves no handle open: a deleted
// service stays until the last handle is closed. The errors are those of
// Windows, as syscall.Errno.
type scm interface {
	version() string                        // such as "10.0.20348"
	mayInstall() error                      // nil where this process may create services
	expand(text string) string              // fills in %VARIABLES%, as Windows does when it starts a service
	startable(service string) (bool, error) // whether there is such a service and it is not disabled

	config() (scmConfig, error)
	change(c scmConfig) error
	set(o scmOption) error

	status() (scmStatus, error)
	running(pid uint32) (bool, error) // whether the process is there

	addEventSource() error
	removeEventSource() error // nil where there is none
	hasEventSource() bool

	// own makes the Administrators the owner of a file or folder, with only this
	// access list. It does not follow links.
	own(path, sddl string) error
	// grant adds an access right of the service to those that a file or folder
	// has, and to all that is in the folder.
	grant(path string, mask uint32) error
	// openTo returns who besides the administrators can change a program.
	whoHasAccess(path string) ([]string, error)
}

// scmConfig is the configuration of a service in Windows. Only command, account and
// auto are read back.
type scmConfig struct {
	command      []string // program and arguments
	account      string
	displayName  string
	description  string
	dependencies []string
	auto         bool   // starts with the machine
	delayed      bool   // and then after the services of Windows itself
	sid          uint32 // what the token says of the service's own identity
}

// scmStatus is the status of a service in Windows.
type scmStatus struct {
	state    uint32 // one of the numbers below
	pid      uint32 // 0 when it is stopped
	exit     uint32 // how it ended
	specific uint32 // the service's own exit code, where exit is exitSpecific
	since    time.Time
}

// The states of a service, with their numbers in winsvc.h.
const (
	scmStopped         = 1
	scmStartPending    = 2
	scmStopPending     = 3
	scmRunning         = 4
	scmContinuePending = 5
	scmPausePending    = 6
	scmPaused          = 7
)

// scmOption is a property that is set on a service that exists. Not every
// Windows knows all of them.
type scmOption interface {
	// what says for a person what the option does.
	what() string
}

type (
	// recovery are the steps after each failure, the last one repeated, and
	// after which time without a failure they begin anew.
	recovery struct {
		delays []time.Duration
		reset  time.Duration
	}
	// recoverAfterError counts an end with an error code as a failure too.
	recoverAfterError bool
	// preShutdown is the time to stop when the machine shuts down.
	preShutdown time.Duration
	// privileges are the only ones that the process gets.
	privileges []string
)

func (r recovery) what() string {
	var delays []string
	for _, d := range r.delays {
		delays = append(delays, d.String())
	}
	return "restart it after a crash: after " + strings.Join(delays, ", ") + ", counted anew after " + r.reset.String()
}
func (recoverAfterError) what() string { return "restart it after an error as well" }
func (p preShutdown) what() string {
	return "give it " + time.Duration(p).String() + " to stop when the machine shuts down"
}
func (privileges) what() string { return "take privileges away that it does not use" }

// sidUnrestricted adds the service's identity to its token, and takes nothing
// away (SERVICE_SID_TYPE_UNRESTRICTED).
const sidUnrestricted = 1

// scmOptions lists the options of the service. It is a function since a slice
// could be changed.
func scmOptions() []scmOption {
	return []scmOption{
		recovery{delays: []time.Duration{10 * time.Second, time.Minute, 5 * time.Minute}, reset: 24 * time.Hour},
		recoverAfterError(true),
		preShutdown(stopTime + 5*time.Second),
		// The right to traverse folders, which everybody has. By default the
		// account would also have the right to impersonate its callers
		// (SeImpersonate), which allows becoming the system.
		privileges{"SeChangeNotifyPrivilege"},
	}
}

// account is the virtual account of the service: it has no password, exists as
// long as the service, and may do no more than an ordinary user.
const account = `NT SERVICE\` + Name

// scmDependencies are the services of Windows that must run first: network
// and names. A disabled one would keep balansd from starting, so that only
// those that can be started are asked for.
func scmDependencies() []string { return []string{"Tcpip", "Dnscache"} }

package service

import (
	"context"
	"time"

	"github.com/rs/zerolog"
)

// Name is what the service is called everywhere: the unit, the service of
// Windows, its event source and its account.
const Name = "balansd"

// Spec is what is installed. All paths are absolute.
type Spec struct {
	Executable string   // the program
	Config     string   // the configuration file
	DataDir    string   // where the state is; the service may write here and in Writable alone
	Writable   []string // further folders that the service writes: backups, the log
	// Socket is the address of the web pages where its port needs a right that the service
	// has not: systemd listens there for it. Empty for none.
	Socket   string
	Readable []string // files and folders outside that the service reads: folder sources, certificates
}

// Options is what a Manager needs. The zero Options are for this machine.
type Options struct {
	Log   zerolog.Logger
	hooks // replace the machine in tests; each system has its own
}

// A Step is one thing that a plan does. Do is called once, in order; a Step
// that finds its work done does nothing.
type Step struct {
	What string // for a person, such as "write /etc/systemd/system/balansd.service"
	Do   func(ctx context.Context) error
}

// Removal says what uninstalling deletes besides the service.
type Removal struct {
	Purge []string // files and folders to delete for good
	// Shown says that the steps are only shown. What a package installed the package
	// removes: its steps can be shown, and not done.
	Shown bool
}

// State is what a service manager says of the service.
type State string

// The states.
const (
	NotInstalled State = "not installed"
	Off          State = "stopped"
	Starting     State = "starting"
	On           State = "running"
	Ending       State = "stopping"
	Failed       State = "failed" // it ended with an error, and is not tried again by itself
	Waiting      State = "waiting to restart"
)

// Status is the status of the service in its manager.
type Status struct {
	Manager    string    `json:"manager"` // such as "systemd 252"
	State      State     `json:"state"`
	Enabled    bool      `json:"enabled"` // starts with the machine
	PID        int       `json:"pid,omitempty"`
	Since      time.Time `json:"since,omitzero"`
	Restarts   int       `json:"restarts,omitempty"`
	Account    string    `json:"account,omitempty"`
	Executable string    `json:"executable,omitempty"`
	Config     string    `json:"config,omitempty"`
	Says       string    `json:"says,omitempty"` // the status text that the process sent to the manager
	Result     string    `json:"result,omitempty"`
}

// Manager is the machine's service manager, as New(Options) returns it. It is for one
// goroutine at a time. The errors of its methods are problems (package problem):
// NotAllowed without the rights, NotFound if the service is not installed.
type Manager interface {
	// Rights returns which rights the caller lacks to change the service, and how
	// to get them; nil when it lacks none.
	Rights() error
	// Install plans what installing takes. On a machine that has the service
	// the steps repair it: installing twice does no harm.
	Install(s Spec) ([]Step, error)
	// Uninstall plans the removal: stop, remove, wait until it is gone.
	Uninstall(r Removal) ([]Step, error)
	// Start starts the service and waits until it runs.
	Start(ctx context.Context) error
	// Stop stops the service and waits until it is gone.
	Stop(ctx context.Context) error
	// Restart stops the service if it runs, and starts it.
	Restart(ctx context.Context) error
	// Status returns the status of the service; NotInstalled is no error.
	Status(ctx context.Context) (Status, error)
}

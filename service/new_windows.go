package service

// seams is what tests put in place of the machine: nothing here, since the
// Manager itself takes its calls to Windows as an interface.
type seams struct{}

// New gives the service control manager.
func New(o Options) (Manager, error) {
	return &scmManager{scm: machine{}, log: o.Log}, nil
}

package service

// seams is what tests put in place of the machine.
type seams struct {
	scm     scm
	library library
}

// New returns the service control manager.
func New(o Options) (Manager, error) {
	m := &scmManager{scm: o.scm, library: o.library, log: o.Log}
	if m.scm == nil {
		m.scm, m.library = machine{}, newLibrary
	}
	return m, nil
}

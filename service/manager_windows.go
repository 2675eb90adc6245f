package service

// hooks replace the machine in tests.
type hooks struct {
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

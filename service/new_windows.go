package service

// seams is what tests put in place of the machine.
type seams struct{ scm scm }

// New gives the service control manager.
func New(o Options) (Manager, error) {
	m := &scmManager{scm: o.scm, log: o.Log}
	if m.scm == nil {
		m.scm = machine{}
	}
	return m, nil
}

package service

import (
	"errors"
	"fmt"
	"time"

	kardianos "github.com/kardianos/service"
)

// forEver is how long an order of the library waits that has no time limit.
const forEver = 100 * time.Hour

// fakeSCMLibrary behaves like version 1.3.0 of the library on a fakeSCM.
type fakeSCMLibrary struct {
	kardianos.Service // for methods that are not called
	f                 *fakeSCM
	c                 *kardianos.Config
}

func (f *fakeSCM) library(c *kardianos.Config) (kardianos.Service, error) {
	return &fakeSCMLibrary{f: f, c: c}, nil
}

// Install refuses to replace a service, and removes the service again if the event source
// cannot be added.
func (l *fakeSCMLibrary) Install() error {
	f := l.f
	if f.there() == nil {
		return errors.New("service balansd already exists")
	}
	want := scmConfig{command: append([]string{l.c.Executable}, l.c.Arguments...), account: l.c.UserName,
		displayName: l.c.DisplayName, description: l.c.Description, dependencies: l.c.Dependencies, auto: true}
	if err := f.changing("create %q as %q after %q", want.command, want.account, want.dependencies); err != nil {
		return err
	}
	if err := f.there(); !errors.Is(err, errServiceDoesNotExist) {
		return err
	}
	f.service = &fakeService{config: want, options: map[string]scmOption{}, st: scmStatus{state: scmStopped, exit: exitNeverStarted}}
	if err := f.addEventSource(); err != nil {
		f.service = nil
		return fmt.Errorf("SetupEventLogSource() failed: %s", err)
	}
	return nil
}

func (l *fakeSCMLibrary) Uninstall() error {
	f := l.f
	if f.there() != nil && !f.doomed {
		return errors.New("service balansd is not installed")
	}
	if f.service == nil {
		return errMarkedForDelete
	}
	if err := f.changing("remove"); err != nil {
		return err
	}
	f.service, f.doomed = nil, true
	if had := f.source; !had {
		return errors.New("RemoveEventLogSource() failed: The system cannot find the file specified.")
	}
	return f.removeEventSource()
}

func (l *fakeSCMLibrary) Status() (kardianos.Status, error) {
	switch err := l.f.there(); {
	case errors.Is(err, errServiceDoesNotExist):
		return kardianos.StatusUnknown, kardianos.ErrNotInstalled
	case errors.Is(err, errMarkedForDelete), l.f.service.st.state != scmRunning:
		return kardianos.StatusStopped, nil
	}
	return kardianos.StatusRunning, nil
}

func (l *fakeSCMLibrary) Start() error {
	f := l.f
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.there(); err != nil {
		return err
	}
	if err := f.changing("start"); err != nil {
		return err
	}
	s := f.service
	if s.process {
		return errAlreadyRunning
	}
	s.st, s.process = scmStatus{state: scmStartPending, pid: 4711}, true
	s.until = time.Now().Add(s.startTakes)
	return nil
}

// Stop waits without a time limit until the service has stopped.
func (l *fakeSCMLibrary) Stop() error {
	wait, err := l.f.askToStop()
	time.Sleep(wait)
	return err
}

func (f *fakeSCM) askToStop() (wait time.Duration, _ error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.there(); err != nil {
		return 0, err
	}
	s := f.service
	if s.st.state == scmStopped {
		return 0, errServiceNotActive
	}
	if s.st.state != scmRunning && s.busy {
		return 0, errCannotAcceptControl
	}
	if err := f.changing("stop"); err != nil {
		return 0, err
	}
	s.st.state, s.until = scmStopPending, time.Now().Add(s.stopTakes)
	switch {
	case s.deaf:
		return forEver, nil
	case s.answerLost:
		s.answerLost = false
		return 0, errInvalidHandle
	}
	return s.stopTakes, nil
}

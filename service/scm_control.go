package service

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"balansd/internal/sleep"
	"balansd/problem"
)

// query asks for the state of the service. A process that is gone counts more than
// the manager, which may not have noticed.
func (m *scmManager) query() (scmStatus, error) {
	s, err := m.scm.status()
	if err == nil && s.state != scmStopped && m.gone(s.pid) {
		s = scmStatus{state: scmStopped, exit: exitTerminated}
	}
	return s, err
}

// processExists reports whether a process is known to be there.
func (m *scmManager) processExists(pid uint32) bool {
	there, err := m.scm.running(pid)
	return err == nil && there
}

// gone reports whether a process is known to have ended.
func (m *scmManager) gone(pid uint32) bool {
	there, err := m.scm.running(pid)
	return pid != 0 && err == nil && !there
}

// Start starts the service and waits until it runs. A service that runs stays
// as it is.
func (m *scmManager) Start(ctx context.Context) error {
	wait, cancel := context.WithTimeout(ctx, scmStartWait)
	defer cancel()
	lib, err := m.library(libraryConfig(Spec{}))
	if err != nil {
		return err
	}
	asked := false
	for {
		s, err := m.query()
		if err != nil {
			return explain("start the service", err)
		}
		switch {
		case s.state == scmRunning:
			return nil
		case s.state == scmStopped && asked:
			return problem.New(problem.NotAllowed, "the service ended as soon as it was started: "+ended(s),
				"See why in its log, or in the event log under Application, source "+Name+".")
		case s.state == scmStopped:
			err := lib.Start()
			if asked = true; err != nil && !errors.Is(err, errAlreadyRunning) {
				return explain("start the service", err)
			}
			continue
		}
		if sleep.For(wait, scmPoll) != nil {
			if err := interrupted(ctx); err != nil {
				return err
			}
			return problem.New(problem.NotAllowed,
				fmt.Sprintf("the service does not come up: after %s it is %s", scmStartWait, m.state(s)),
				"See why in its log, or in the event log under System and Application.")
		}
	}
}

// Stop stops the service and waits until its process is gone too, so that its
// files can be replaced. The library waits for ever on one that does not stop.
func (m *scmManager) Stop(ctx context.Context) error {
	wait, cancel := context.WithTimeout(ctx, scmStopWait)
	defer cancel()
	lib, err := m.library(libraryConfig(Spec{}))
	if err != nil {
		return err
	}
	var answer chan error // of the library, while it is asked to stop the service
	var pid uint32
	for {
		s, err := m.query()
		if err != nil {
			return explain("stop the service", err)
		}
		if s.pid != 0 {
			pid = s.pid
		}
		if s.state == scmStopped && (pid == 0 || !m.processExists(pid)) {
			return nil
		}
		if s.state != scmStopped && answer == nil {
			answer = make(chan error, 1)
			go func(answer chan<- error) { answer <- lib.Stop() }(answer)
		}
		going := sleep.For(wait, scmPoll) == nil
		select {
		case err := <-answer:
			if again, err := m.asked(err); err != nil {
				return explain("stop the service", err)
			} else if again {
				answer = nil
			}
		default:
		}
		if !going {
			if err := interrupted(ctx); err != nil {
				return err
			}
			return problem.New(problem.NotAllowed,
				fmt.Sprintf("the service does not stop: after %s its process %d is still there", scmStopWait, pid),
				fmt.Sprintf("End it with: taskkill /F /PID %d. What held it up is in its log.", pid))
		}
	}
}

// asked reports whether a service has to be asked to stop again. One that is just
// starting takes it later. One that does not answer is waited for, since it may be
// on its way out. One whose process ends before its answer has arrived is asked
// again, which tells whether it has stopped.
func (m *scmManager) asked(err error) (again bool, _ error) {
	switch {
	case err == nil, errors.Is(err, errServiceNotActive), errors.Is(err, errServiceTimeout):
		return false, nil
	case errors.Is(err, errCannotAcceptControl), errors.Is(err, errInvalidHandle):
		return true, nil
	default:
		return false, err
	}
}

// interrupted is the problem of a person, or the machine, that stops waiting.
func interrupted(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return problem.Wrap(ctx.Err(), problem.Stopped, "the wait for the service was broken off",
		"See how it stands with: balansd service status.")
}

// Restart stops the service if it runs, and starts it.
func (m *scmManager) Restart(ctx context.Context) error {
	if err := m.Stop(ctx); err != nil {
		return err
	}
	return m.Start(ctx)
}

// Status returns the status of the service. It needs no rights.
func (m *scmManager) Status(context.Context) (Status, error) {
	out := Status{Manager: "Windows " + m.scm.version(), State: NotInstalled}
	c, err := m.scm.config()
	if errors.Is(err, errServiceDoesNotExist) {
		return out, nil
	}
	if err != nil {
		return out, explain("look at the service", err)
	}
	s, err := m.query()
	if err != nil {
		return out, explain("look at the service", err)
	}
	out.State, out.Enabled, out.PID, out.Since = m.state(s), c.auto, int(s.pid), s.since
	out.Account = c.account
	out.Executable, out.Config = readCommand(c.command)
	if s.state == scmStopped {
		out.Result = ended(s)
	}
	return out, nil
}

// state returns the State for a state of Windows. That it will be restarted after
// a failure, Windows does not say.
func (m *scmManager) state(s scmStatus) State {
	switch s.state {
	case scmStartPending, scmContinuePending:
		return Starting
	case scmRunning, scmPaused, scmPausePending:
		return On
	case scmStopPending:
		return Ending
	}
	if ended(s) != "" {
		return Failed
	}
	return Off
}

// ended describes how a service ended that failed; empty for one that did not,
// or was never started.
func ended(s scmStatus) string {
	switch s.exit {
	case 0, exitNeverStarted:
		return ""
	case exitSpecific:
		return fmt.Sprintf("it ended with exit code %d", s.specific)
	case exitTerminated:
		return "its process ended without a reason"
	}
	return fmt.Sprintf("error %d of Windows: %v", s.exit, syscall.Errno(s.exit))
}

// explain makes a problem of an error of Windows. It returns nil for nil.
func explain(to string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*problem.Problem](err); ok {
		return err
	}
	for _, e := range []struct {
		err  syscall.Errno
		code problem.Code
		what string
		next string
	}{
		{errAccessDenied, problem.NotAllowed, "this takes the rights of an Administrator",
			`Open a terminal with "Run as administrator", and try again there.`},
		{errServiceDoesNotExist, problem.NotFound, "the service is not installed",
			"Install it with: balansd service install."},
		{errMarkedForDelete, problem.NotAllowed, "the service is marked for deletion, and another program still holds it",
			"Close the window of services (services.msc) and the Task Manager for all who are signed in, then try again. A restart of the machine helps too."},
		{errServiceDisabled, problem.NotAllowed, "the service is disabled, or one that it depends on",
			"Put it in order with: balansd service install."},
		{errDependencyFailed, problem.NotAllowed, "a service that it depends on did not start",
			"See which in the event log under System, or leave it out with: balansd service install."},
		{errDependentsRunning, problem.NotAllowed, "other services that depend on it are running",
			"Stop those first; services.msc names them under Dependencies."},
		{errLogonFailed, problem.NotAllowed, "Windows does not let " + account + " log on as a service",
			`A group policy may name who may "Log on as a service": add ` + account + ` or NT SERVICE\ALL SERVICES to it.`},
		{errServiceTimeout, problem.NotAllowed, "the program did not answer Windows in time",
			"Try again; on a slow machine a virus scanner may hold the program up. See the event log under System."},
	} {
		if errors.Is(err, e.err) {
			return problem.Wrap(err, e.code, "cannot "+to+": "+e.what, e.next)
		}
	}
	return problem.Wrap(err, problem.NotAllowed, "cannot "+to+": Windows refuses",
		"See the event log under System, then try again.")
}

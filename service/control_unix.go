//go:build !windows

package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	kardianos "github.com/kardianos/service"

	"balansd/internal/sleep"
	"balansd/problem"
)

// How long a start and a stop may take. systemd itself ends a stop after 30
// seconds (TimeoutStopSec= of the unit), and aborts a start after 60.
const (
	startTime    = 75 * time.Second
	endTime      = 45 * time.Second
	pollInterval = 100 * time.Millisecond
	// steadyPolls is how often in a row the service must be seen running before it counts
	// as started, as one that fails does so within that time.
	steadyPolls = 4
)

// control is the part of a Manager that starts and stops the service. The library waits
// without a time limit until an order is carried out, and does not say why one failed.
type control struct {
	host
	self interface {
		Manager
		// lib returns the library's service.
		lib(s Spec) (kardianos.Service, error)
		// prepare does what is needed before a start.
		prepare(ctx context.Context, st Status) error
		// failed returns why the service did not start.
		failed(ctx context.Context, err error) error
	}
	see string // the command that shows what the service does
}

// Start starts the service and waits until it runs.
func (c control) Start(ctx context.Context) error {
	st, err := c.installed(ctx)
	if err != nil || st.State == On {
		return err
	}
	return c.start(ctx, st, "start", startTime, kardianos.Service.Start)
}

// Stop stops the service and waits until it is gone.
func (c control) Stop(ctx context.Context) error {
	if st, err := c.installed(ctx); err != nil || st.State == Off {
		return err
	}
	err := c.order(ctx, "stop", endTime, kardianos.Service.Stop)
	if _, explained := errors.AsType[*problem.Problem](err); err == nil || explained || ctx.Err() != nil {
		return err
	}
	return problem.Wrap(err, problem.DaemonDown, "the service balansd does not stop", "See what it does: "+c.see+".")
}

// Restart stops the service if it runs, and starts it.
func (c control) Restart(ctx context.Context) error {
	st, err := c.installed(ctx)
	switch {
	case err != nil:
		return err
	case st.State == Off, st.State == Failed: // the library may fail to stop it
		return c.start(ctx, st, "start", startTime, kardianos.Service.Start)
	}
	return c.start(ctx, st, "restart", endTime+startTime, kardianos.Service.Restart)
}

// installed returns the status of the service, or a problem if there is none or the
// caller lacks the rights to change it.
func (c control) installed(ctx context.Context) (Status, error) {
	if err := c.Rights(); err != nil {
		return Status{}, err
	}
	st, err := c.self.Status(ctx)
	if err == nil && st.State == NotInstalled {
		err = problem.New(problem.NotFound, "the service balansd is not installed", "Install it: sudo balansd service install")
		if st.Result == "masked" {
			err = masked()
		}
	}
	return st, err
}

// start executes an order that ends with a running service.
func (c control) start(ctx context.Context, st Status, verb string, limit time.Duration, order func(kardianos.Service) error) error {
	err := c.self.prepare(ctx, st)
	if err == nil {
		err = c.order(ctx, verb, limit, order)
	}
	for n := 0; err == nil && n < steadyPolls; n++ {
		if st, err = c.self.Status(ctx); err == nil && st.State != On {
			err = errors.New("it is " + string(st.State))
		} else if err == nil && sleep.For(ctx, pollInterval) != nil {
			err = ctx.Err()
		}
	}
	if _, explained := errors.AsType[*problem.Problem](err); err == nil || explained || ctx.Err() != nil {
		return err
	}
	return c.self.failed(ctx, err)
}

// order executes an order of the library, and waits for it no longer than limit. If it
// fails, the error is the library's.
func (c control) order(ctx context.Context, verb string, limit time.Duration, order func(kardianos.Service) error) error {
	lib, err := c.self.lib(Spec{})
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err = bounded(limited, func() error { return order(lib) })
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		st, _ := c.self.Status(ctx)
		return problem.New(problem.DaemonDown, fmt.Sprintf("the service did not %s within %s; it is %s", verb, limit, st.State), "See what it does: "+c.see+".")
	}
	return err
}

// removal plans to stop the service, do some steps, and purge.
func (c control) removal(r Removal, steps ...Step) []Step {
	all := append([]Step{{"stop the service", func(ctx context.Context) error {
		if err := c.Stop(ctx); !problem.Is(err, problem.NotFound) {
			return err
		}
		return nil
	}}}, steps...)
	for _, path := range r.Purge {
		all = append(all, Step{"delete for good " + path, func(context.Context) error { return os.RemoveAll(c.at(path)) }})
	}
	return c.asRoot(all)
}

//go:build !windows

package service

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"time"

	kardianos "github.com/kardianos/service"

	"balansd/problem"
)

// How long a start and a stop may take. systemd itself ends a stop after 30
// seconds (TimeoutStopSec= of the unit), and gives up a start after 60.
const (
	startTime = 75 * time.Second
	endTime   = 45 * time.Second
	lookEvery = 100 * time.Millisecond
	// steady is how often in a row the service must be seen running before it
	// counts as started: one that ends at once, ends before.
	steady = 4
)

// Start starts the service and waits until it runs.
func (s *systemd) Start(ctx context.Context) error {
	st, err := s.installed(ctx)
	if err != nil || st.State == On {
		return err
	}
	return s.start(ctx, st, "start", startTime, kardianos.Service.Start)
}

// installed gives how the service stands, or a problem when there is none or
// the caller lacks the rights to change it.
func (s *systemd) installed(ctx context.Context) (Status, error) {
	if err := s.Rights(); err != nil {
		return Status{}, err
	}
	st, err := s.Status(ctx)
	if err == nil && st.State == NotInstalled {
		err = notInstalled()
		if st.Result == "masked" {
			err = masked()
		}
	}
	return st, err
}

func notInstalled() error {
	return problem.New(problem.NotFound, "the service balansd is not installed", "Install it: sudo balansd service install")
}

func masked() error {
	return problem.New(problem.NotAllowed, "somebody has masked the service balansd, so that it cannot start",
		"Take the mask off: sudo systemctl unmask balansd")
}

// start gives an order that ends with a running service.
func (s *systemd) start(ctx context.Context, st Status, verb string, limit time.Duration, order func(kardianos.Service) error) error {
	if st.State == Waiting {
		// systemctl would wait as long as the restart does.
		if err := s.order(ctx, "stop", endTime, kardianos.Service.Stop); err != nil {
			return err
		}
	}
	if st.Config != "" {
		// Without the folder systemd does not start the unit, and its words for
		// that are "Protocol error".
		if err := s.makeSecrets(filepath.Join(filepath.Dir(st.Config), SecretsFolder)); err != nil {
			return err
		}
	}
	// Forgets earlier failures; there is nothing to forget of a unit that
	// systemd has not loaded.
	_ = s.systemctl(ctx, "reset-failed", unitName)
	if err := s.order(ctx, verb, limit, order); err != nil {
		if _, told := errors.AsType[*problem.Problem](err); told || ctx.Err() != nil {
			return err
		}
		return s.failed(ctx)
	}
	for range steady {
		if st, err := s.Status(ctx); err != nil || st.State != On {
			return s.failed(ctx)
		}
		if !pause(ctx, lookEvery) {
			return ctx.Err()
		}
	}
	return nil
}

// order gives an order, and waits for it no longer than limit. The error of an
// order that failed is the library's, which does not say why.
func (s *systemd) order(ctx context.Context, verb string, limit time.Duration, order func(kardianos.Service) error) error {
	lib, err := s.library(libraryConfig(Spec{}))
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err = bounded(limited, func() error { return order(lib) })
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		st, _ := s.Status(ctx)
		return overdue(verb, limit, st.State, "See what it does: systemctl status balansd, and journalctl -u balansd.")
	}
	return err
}

// Stop stops the service and waits until it is gone.
func (s *systemd) Stop(ctx context.Context) error {
	if st, err := s.installed(ctx); err != nil || st.State == Off || st.State == Failed {
		return err
	}
	return s.order(ctx, "stop", endTime, kardianos.Service.Stop)
}

// Restart stops the service if it runs, and starts it.
func (s *systemd) Restart(ctx context.Context) error {
	st, err := s.installed(ctx)
	if err != nil {
		return err
	}
	return s.start(ctx, st, "restart", endTime+startTime, kardianos.Service.Restart)
}

// failed says why the service did not start, in its own last words.
func (s *systemd) failed(ctx context.Context) error {
	var cause error
	// What it wrote last may be on its way to the journal still.
	_, _ = s.run(ctx, "journalctl", "--sync")
	// What it wrote itself, or else what systemd has to say of it.
	for _, of := range []string{"_SYSTEMD_UNIT=" + unitName, "--unit=" + unitName} {
		lines, err := s.run(ctx, "journalctl", of, "--boot", "--lines=4", "--output=cat", "--no-pager", "--quiet")
		if lines = strings.TrimSpace(lines); err == nil && lines != "" {
			cause = errors.New("its last words: " + lines)
			break
		}
	}
	what := "the service balansd does not start"
	if st, err := s.Status(ctx); err == nil && st.Result != "" {
		what += " (" + st.Result + ")"
	}
	return problem.Wrap(cause, problem.DaemonDown, what,
		"Mend what it says, and start it again: sudo balansd service start. More is in: journalctl -u balansd.")
}

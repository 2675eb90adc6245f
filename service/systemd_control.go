//go:build !windows

package service

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

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
	return s.start(ctx, st)
}

// installed gives how the service stands, or a problem when there is none or
// the caller lacks the rights to change it.
func (s *systemd) installed(ctx context.Context) (Status, error) {
	if err := s.Rights(); err != nil {
		return Status{}, err
	}
	st, err := s.Status(ctx)
	if err == nil && st.State == NotInstalled {
		err = problem.New(problem.NotFound, "the service balansd is not installed", "Install it: sudo balansd service install")
		if st.Result == "masked" {
			err = masked()
		}
	}
	return st, err
}

func masked() error {
	return problem.New(problem.NotAllowed, "somebody has masked the service balansd, so that it cannot start",
		"Take the mask off: sudo systemctl unmask balansd")
}

func (s *systemd) start(ctx context.Context, st Status) error {
	if st.State == Waiting {
		// A start would wait as long as the restart does.
		if err := s.stop(ctx); err != nil {
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
	if err := s.systemctl(ctx, "start", "--no-block", unitName); err != nil {
		return err
	}
	return s.await(ctx, startTime, func(st Status, seen int) (bool, error) {
		switch st.State {
		case On:
			return seen >= steady, nil
		case Failed, Waiting:
			return false, s.failed(ctx, st)
		case Off:
			// It ended well at once, or the order is not carried out yet.
			if seen >= 10*steady {
				return false, s.failed(ctx, st)
			}
		}
		return false, nil
	}, "start")
}

// Stop stops the service and waits until it is gone.
func (s *systemd) Stop(ctx context.Context) error {
	if st, err := s.installed(ctx); err != nil || st.State == Off || st.State == Failed {
		return err
	}
	return s.stop(ctx)
}

func (s *systemd) stop(ctx context.Context) error {
	if err := s.systemctl(ctx, "stop", "--no-block", unitName); err != nil {
		return err
	}
	return s.await(ctx, endTime, func(st Status, _ int) (bool, error) {
		return st.State == Off || st.State == Failed || st.State == NotInstalled, nil
	}, "stop")
}

// Restart stops the service if it runs, and starts it.
func (s *systemd) Restart(ctx context.Context) error {
	st, err := s.installed(ctx)
	if err != nil {
		return err
	}
	if st.State != Off && st.State != Failed {
		if err := s.stop(ctx); err != nil {
			return err
		}
		st.State = Off
	}
	return s.start(ctx, st)
}

// await looks at the service until done says so. It tells done how often in a
// row the state was the same.
func (s *systemd) await(ctx context.Context, limit time.Duration, done func(st Status, seen int) (bool, error), verb string) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var last Status
	for seen := 1; ; seen++ {
		st, err := s.Status(ctx)
		if err == nil {
			if st.State != last.State || st.PID != last.PID {
				seen = 1
			}
			last = st
			var well bool
			if well, err = done(st, seen); well || err != nil {
				return err
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return ctx.Err()
			}
			return problem.Wrap(err, problem.DaemonDown, fmt.Sprintf("the service did not %s within %s; it is %s", verb, limit, last.State),
				"See what it does: systemctl status balansd, and journalctl -u balansd.")
		}
	}
}

// failed says why the service did not start, in its own last words.
func (s *systemd) failed(ctx context.Context, st Status) error {
	var cause error
	// What it wrote itself, or else what systemd has to say of it.
	for _, of := range []string{"_SYSTEMD_UNIT=" + unitName, "--unit=" + unitName} {
		lines, err := s.run(ctx, "journalctl", of, "--boot", "--lines=4", "--output=cat", "--no-pager", "--quiet")
		if lines = strings.TrimSpace(lines); err == nil && lines != "" {
			cause = errors.New("its last words: " + lines)
			break
		}
	}
	what := "the service balansd does not start"
	if st.Result != "" {
		what += " (" + st.Result + ")"
	}
	return problem.Wrap(cause, problem.DaemonDown, what,
		"Mend what it says, and start it again: sudo balansd service start. More is in: journalctl -u balansd.")
}

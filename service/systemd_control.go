//go:build !windows

package service

import (
	"context"
	"errors"
	"path/filepath"
	"strings"

	kardianos "github.com/kardianos/service"

	"balansd/problem"
)

func masked() error {
	return problem.New(problem.NotAllowed, "somebody has masked the service balansd, so that it cannot start",
		"Take the mask off: sudo systemctl unmask balansd")
}

// lib returns the library's service.
func (s *systemd) lib(spec Spec) (kardianos.Service, error) { return s.library(libraryConfig(spec)) }

// prepare makes ready for a start.
func (s *systemd) prepare(ctx context.Context, st Status) error {
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
	return nil
}

// failed says why the service did not start, in its own last words.
func (s *systemd) failed(ctx context.Context, _ error) error {
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

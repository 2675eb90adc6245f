//go:build !windows

package service

import (
	"errors"
)

// seams is what tests put in place of the machine.
type seams struct{}

// New gives systemd.
func New(Options) (Manager, error) { return nil, errors.New("systemd is not spoken to yet") }

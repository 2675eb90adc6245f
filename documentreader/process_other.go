//go:build !windows

package documentreader

import (
	"os"
	"os/exec"
)

// hide has nothing to do here.
func hide(*exec.Cmd) {}

// confine leaves a process to what it watches itself: a limit of the address
// space, the one that there is here, would be hit by what the Go runtime sets
// aside and never uses, and the service may not set any.
func confine(*os.Process, int64) (release func()) { return func() {} }

package localapi

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"balansd/problem"
)

// stateHeader is the header that names the state file which the client wants and the
// daemon has, so that a command with one configuration never changes the state of
// another.
const stateHeader = "Balansd-State-File"

// otherState returns the problem of a daemon that serves another state file than is
// wanted; nil if it is the same, or if one of them is not named.
func otherState(served, wanted string) error {
	if served == "" || wanted == "" || sameFile(served, wanted) {
		return nil
	}
	return problem.New(problem.NotAllowed, fmt.Sprintf("the daemon that answers works on %s, and not on %s", served, wanted),
		"Use its configuration with --config, or give this one a socket of its own.")
}

// sameFile reports whether two paths lead to the same file.
func sameFile(a, b string) bool {
	a, b = filepath.Clean(a), filepath.Clean(b)
	if a == b || runtime.GOOS == "windows" && strings.EqualFold(a, b) {
		return true
	}
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

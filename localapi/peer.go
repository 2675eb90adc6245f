package localapi

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"balansd/problem"
)

// serviceAccount is the account of the service.
const serviceAccount = "balansd"

// stranger is the problem of a socket or pipe that somebody else answers on:
// whoever believed it would take a stranger's links, and give away codes.
func stranger(path, who string) error {
	return problem.New(problem.NotAllowed, fmt.Sprintf("what answers on %s is no balansd of yours: it runs as %s", path, who),
		"Run the command as the account that the daemon runs as. If you started none, find out who put it there.")
}

// stateHeader names the state file that a client or the daemon means, so that a
// command with one configuration never acts on the daemon of another.
const stateHeader = "Balansd-State-File"

// otherState is the problem of a daemon that works on another state file than
// the caller means; nil when it is the same, or one of them does not say.
func otherState(daemons, meant string) error {
	if daemons == "" || meant == "" || sameFile(daemons, meant) {
		return nil
	}
	return problem.New(problem.NotAllowed, fmt.Sprintf("the daemon that answers works on %s, and not on %s", daemons, meant),
		"Use its configuration with --config, or give this one a socket of its own.")
}

// sameFile tells whether two paths lead to one file.
func sameFile(a, b string) bool {
	a, b = filepath.Clean(a), filepath.Clean(b)
	if a == b || runtime.GOOS == "windows" && strings.EqualFold(a, b) {
		return true
	}
	one, err1 := os.Stat(a)
	other, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(one, other)
}

//go:build !windows

package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	kardianos "github.com/kardianos/service"

	"balansd/problem"
)

// hooks replace the machine in tests.
type hooks struct {
	// run runs a program of the system and returns its standard output; an error
	// holds what it wrote on standard error.
	run      func(ctx context.Context, name string, args ...string) (string, error)
	library  library
	platform string                                // what the library takes the machine for
	root     string                                // the root folder of the files; another one in tests
	uid      func() int                            // whom the process runs as
	admin    int                                   // who counts as root where files have owners
	account  func() (uid, gid int, err error)      // of the service
	chown    func(path string, uid, gid int) error // of the file itself, not of what a link names
}

// host is the machine as every Manager but that of Windows uses it.
type host struct{ Options }

// New returns the machine's service manager. Where none runs that balansd knows,
// it is a NotAllowed problem.
func New(o Options) (Manager, error) {
	h := host{o}
	if h.run == nil {
		h.hooks = hooks{run: runProgram, library: newLibrary, platform: kardianos.Platform(), root: "/", uid: os.Geteuid,
			account: lookUpAccount, chown: os.Lchown}
	}
	// The library takes a machine for one of systemd that only has a part of it.
	// sd_booted(3) tests the same folder.
	if _, err := os.Stat(h.at("/run/systemd/system")); err == nil {
		return newSystemd(h)
	}
	return newInitd(h)
}

// at returns where a file of the machine is.
func (h host) at(path string) string { return filepath.Join(h.root, path) }

// Rights returns which rights the caller lacks.
func (h host) Rights() error {
	if h.uid() == 0 {
		return nil
	}
	return problem.New(problem.NotAllowed, "this needs the rights of root, and you are not root",
		"Call the same command with sudo.")
}

// programTime bounds a program of the system that does not wait for anything.
const programTime = 30 * time.Second

// runProgram runs a program with a plain environment, so that its output is not
// translated, coloured or paged, and nobody is asked for a password.
func runProgram(ctx context.Context, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, programTime)
	defer cancel()
	c := exec.CommandContext(ctx, name, args...) //nolint:gosec // the names are ours
	c.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "TZ=UTC", "SYSTEMD_PAGER=", "SYSTEMD_COLORS=0"}
	c.WaitDelay = time.Second
	out, err := c.Output()
	if err == nil {
		return string(out), nil
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	} else if exit, ok := errors.AsType[*exec.ExitError](err); ok && len(exit.Stderr) > 0 {
		err = errors.New(strings.Join(strings.Fields(string(exit.Stderr)), " "))
	}
	return string(out), fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
}

func lookUpAccount() (uid, gid int, err error) {
	u, err := user.Lookup(Account)
	if err != nil {
		return 0, 0, err
	}
	uid, err = strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	return uid, gid, errors.Join(err, err2)
}

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

	"balansd/problem"
)

// unitName is what systemd calls the service.
const unitName = Name + ".service"

// The files that balansd writes into the system.
const (
	unitFile     = "/etc/systemd/system/" + unitName
	dropInFolder = unitFile + ".d"
	dropInFile   = dropInFolder + "/50-balansd.conf"
	sysusersFile = "/etc/sysusers.d/balansd.conf"
)

// packageUnits is where a package puts its unit.
func packageUnits() []string {
	return []string{"/usr/lib/systemd/system/" + unitName, "/lib/systemd/system/" + unitName}
}

// header begins every file that balansd wrote, so that it never replaces or
// removes one that a person wrote.
const header = "# Written by balansd service install, which replaces it. What you want otherwise\n# goes into a file of your own: systemctl edit balansd\n\n"

// seams is what tests put in place of the machine.
type seams struct {
	// run runs a program of the system and gives its standard output; an error
	// holds what it wrote on standard error.
	run     func(ctx context.Context, name string, args ...string) (string, error)
	root    string                                // the folder that stands for the root of the files
	uid     func() int                            // whom the process runs as
	account func() (uid, gid int, err error)      // of the service
	chown   func(path string, uid, gid int) error // of the file itself, not of what a link names
}

// systemd is the Manager of a Linux machine. It drives systemctl, never waits
// on a job without a time limit, and writes its own unit.
type systemd struct {
	Options
	version int
}

// New gives the machine's service manager. Where systemd does not run it is a
// NotAllowed problem.
func New(o Options) (Manager, error) {
	s := &systemd{Options: o}
	if s.run == nil {
		s.seams = seams{run: runProgram, root: "/", uid: os.Geteuid, account: lookUpAccount, chown: os.Lchown}
	}
	// sd_booted(3) looks at the same folder.
	if _, err := os.Stat(s.at("/run/systemd/system")); err != nil {
		return nil, problem.New(problem.NotAllowed, "systemd does not run on this machine, so that it cannot run balansd as a service",
			"Have whatever starts programs here start balansd run, as an account of its own, and restart it when it ends.")
	}
	ctx, cancel := context.WithTimeout(context.Background(), programTime)
	defer cancel()
	out, err := s.run(ctx, "systemctl", "--version")
	if err != nil {
		return nil, err
	}
	// The first line is "systemd 252 (252.39-1~deb12u2)".
	if f := strings.Fields(out); len(f) > 1 {
		s.version, _ = strconv.Atoi(f[1])
	}
	return s, nil
}

// at gives where a file of the machine is.
func (s *systemd) at(path string) string { return filepath.Join(s.root, path) }

// Rights tells which rights the caller lacks.
func (s *systemd) Rights() error {
	if s.uid() == 0 {
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

// systemctl gives an order to systemd.
func (s *systemd) systemctl(ctx context.Context, args ...string) error {
	_, err := s.run(ctx, "systemctl", append([]string{"--no-ask-password"}, args...)...)
	if err != nil {
		return problem.Wrap(err, problem.Unexpected, "systemd refused an order", "See what it says: systemctl status balansd.")
	}
	return nil
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

// properties are what Status asks of systemd, see org.freedesktop.systemd1(5).
const properties = "LoadState,ActiveState,SubState,UnitFileState,MainPID,ActiveEnterTimestamp,NRestarts,User,ExecStart,StatusText,Result"

// Status tells how the service stands. It needs no rights.
func (s *systemd) Status(ctx context.Context) (Status, error) {
	out, err := s.run(ctx, "systemctl", "show", unitName, "--timestamp=utc", "--property="+properties)
	if err != nil {
		return Status{}, problem.Wrap(err, problem.Unexpected, "systemd does not say how the service stands", "Try again in a minute.")
	}
	has := map[string]string{}
	for line := range strings.Lines(out) {
		name, value, _ := strings.Cut(strings.TrimRight(line, "\n"), "=")
		has[name] = value
	}
	st := Status{Manager: fmt.Sprintf("systemd %d", s.version), State: NotInstalled}
	if has["LoadState"] != "loaded" {
		if has["LoadState"] != "not-found" {
			st.Result = has["LoadState"] // such as masked, or bad-setting
		}
		return st, nil
	}
	st.State = activeState(has["ActiveState"], has["SubState"])
	st.Enabled = has["UnitFileState"] == "enabled"
	st.PID, _ = strconv.Atoi(has["MainPID"])
	st.Restarts, _ = strconv.Atoi(has["NRestarts"])
	if st.State == On {
		st.Since, _ = time.Parse("Mon 2006-01-02 15:04:05 MST", has["ActiveEnterTimestamp"])
	}
	st.Account, st.Says = has["User"], has["StatusText"]
	if has["Result"] != "success" {
		st.Result = has["Result"]
	}
	st.Executable, st.Config = command(has["ExecStart"])
	return st, nil
}

// activeState puts systemd's word for the state of a service into ours.
func activeState(active, sub string) State {
	switch active {
	case "active", "reloading":
		return On
	case "deactivating":
		return Ending
	case "failed":
		return Failed
	case "activating":
		if sub == "auto-restart" {
			return Waiting
		}
		return Starting
	}
	return Off
}

// command finds the program and its configuration in the property ExecStart,
// whose words stand beside one another without quotes:
// { path=… ; argv[]=… run --service --config … ; ignore_errors=no ; … }
func command(execStart string) (executable, config string) {
	_, argv, _ := strings.Cut(execStart, "argv[]=")
	argv, _, _ = strings.Cut(argv, " ; ignore_errors=")
	argv = strings.ReplaceAll(strings.TrimPrefix(argv, shell+" "), "$$", "$")
	executable, config, found := strings.Cut(argv, " run --service --config ")
	if !found {
		return "", ""
	}
	return executable, config
}

// shell is what stands before a program whose name needs the shell.
const shell = `/bin/sh -c exec "$$0" "$$@"`

//go:build !windows

package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	kardianos "github.com/kardianos/service"

	"balansd/problem"
)

// initSystem is a service manager that starts what a script says. The library
// knows where the script is and how it is registered; the script is our own,
// since the library's runs the service as root.
type initSystem struct {
	name   string // as Status returns it
	file   string // where the library puts the script
	option string // of the library, which takes the script
	mode   fs.FileMode
	links  []string // what has the script start with the machine; patterns of paths
	script func(Spec) string
	read   func(script string) (executable, config string)
}

// initd is the Manager of a machine with an initSystem.
type initd struct {
	control
	initSystem
}

func (h host) initd(kind initSystem) (Manager, error) {
	d := &initd{control: control{host: h, see: "its log, which balansd service status names"}, initSystem: kind}
	d.self = d
	return d, nil
}

// newInitd returns the Manager of a machine without systemd.
func newInitd(h host) (Manager, error) {
	has := func(path string) bool {
		_, err := os.Stat(h.at(path))
		return err == nil
	}
	switch h.platform {
	case "linux-openrc":
		if has("/run/openrc") { // OpenRC has started this machine, and is not merely installed
			return h.initd(openRC())
		}
	case "unix-systemv": // the library's name for all init systems that it does not know
		comm, _ := os.ReadFile(h.at("/proc/1/comm"))
		if strings.TrimSpace(string(comm)) == "init" && has("/etc/init.d") {
			return h.initd(sysV())
		}
	case "darwin-launchd":
		return h.initd(launchd())
	case "linux-upstart", "linux-procd", "linux-rcs":
		_, name, _ := strings.Cut(h.platform, "-")
		return nil, problem.New(problem.NotAllowed, "this machine starts its services with "+name+", for which balansd has no script", startYourself)
	}
	return nil, problem.New(problem.NotAllowed, "no service manager runs on this machine that could run balansd as a service: neither systemd nor OpenRC nor SysV init", startYourself)
}

const startYourself = "Have whatever starts programs here start balansd run, as an account of its own, and restart it when it ends."

// lib returns the library's service of a configuration.
func (d *initd) lib(s Spec) (kardianos.Service, error) {
	c := script(s, d.option, d.script(s))
	c.UserName = Account // which launchd heeds, and the others leave to the script
	return d.library(c)
}

// Install plans what installing takes.
func (d *initd) Install(s Spec) ([]Step, error) {
	if err := errors.Join(s.checkPaths(), checkFolders(s, isSharedFolderUnix, inside)); err != nil {
		return nil, err
	}
	if err := errors.Join(d.program(s), d.foreign(d.file, scriptHead(d.script(s)))); err != nil {
		return nil, err
	}
	steps := []Step{{"make the account " + Account + " unless it is there", func(ctx context.Context) error { return d.createAccount(ctx) }}}
	steps = append(steps, d.folderSteps(s, false)...)
	steps = append(steps,
		Step{"write " + d.file + ", and start the service with the machine", func(context.Context) error { return d.writeScript(s) }},
		Step{"see whether " + d.name + " has it so", func(ctx context.Context) error { return d.verify(ctx, s) }},
	)
	return d.asRoot(steps), nil
}

// scriptHead is how each script of ours begins, whatever the service.
func scriptHead(text string) string {
	head, _, _ := strings.Cut(text, mark)
	return head + mark
}

// writeScript writes and registers the script with the library. The library refuses if
// there is one, so another one is removed before.
func (d *initd) writeScript(s Spec) error {
	text := d.script(s)
	if old, err := os.ReadFile(d.at(d.file)); err == nil && string(old) == text && d.registered() {
		return d.write(d.file, text, d.mode)
	}
	if err := d.removeScript(); err != nil {
		return err
	}
	lib, err := d.lib(s)
	if err == nil {
		err = lib.Install()
	}
	if err != nil {
		return fileProblem("write", d.file, err)
	}
	return d.write(d.file, text, d.mode)
}

// removeScript has the library remove the script, if there is one, and removes
// what it leaves: of SysV the links of the runlevels.
func (d *initd) removeScript() error {
	if _, err := os.Lstat(d.at(d.file)); err == nil {
		lib, err := d.lib(Spec{})
		if err != nil {
			return err
		}
		// An error about a script that is gone is one about what led to it.
		if err := lib.Uninstall(); err != nil {
			if _, gone := os.Lstat(d.at(d.file)); !errors.Is(gone, fs.ErrNotExist) {
				return fileProblem("remove", d.file, err)
			}
		}
	}
	for _, link := range d.registrations() {
		if err := d.remove(link); err != nil {
			return err
		}
	}
	return nil
}

// registrations are the links that have the script start and stop with the
// machine.
func (d *initd) registrations() (links []string) {
	for _, pattern := range d.links {
		found, _ := filepath.Glob(d.at(pattern)) // the patterns are ours, and well formed
		for _, path := range found {
			if rel, err := filepath.Rel(d.root, path); err == nil {
				links = append(links, "/"+rel)
			}
		}
	}
	return links
}

// registered reports whether the script starts with the machine.
func (d *initd) registered() bool { return len(d.links) == 0 || len(d.registrations()) > 0 }

// verify asks what would be started.
func (d *initd) verify(ctx context.Context, s Spec) error {
	st, err := d.Status(ctx)
	if err == nil && (st.State == NotInstalled || !st.Enabled || st.Executable != s.Executable || st.Config != s.Config) {
		err = problem.New(problem.Conflict, fmt.Sprintf("%s does not have the service as it was installed", d.name), "See "+d.file+", and install again.")
	}
	return err
}

// Uninstall plans the removal.
func (d *initd) Uninstall(r Removal) ([]Step, error) {
	if err := errors.Join(d.foreign(d.file, scriptHead(d.script(Spec{}))), d.purgeable(r.Purge)); err != nil {
		return nil, err
	}
	return d.removal(r, Step{"remove " + d.file + ", and start it no more with the machine", func(context.Context) error { return d.removeScript() }}), nil
}

// prepare does nothing: the scripts do.
func (d *initd) prepare(context.Context, Status) error { return nil }

// failed explains a failed start as far as possible: the library drops the output of the script.
func (d *initd) failed(_ context.Context, err error) error {
	return problem.Wrap(err, problem.DaemonDown, "the service balansd does not start",
		"Mend what sudo balansd config check says, and start it again: sudo balansd service start. More is in its log, which balansd service status names.")
}

// Status returns the status of the service. The command is read from its script.
func (d *initd) Status(context.Context) (Status, error) {
	st := Status{Manager: d.name, State: NotInstalled}
	text, err := os.ReadFile(d.at(d.file))
	if errors.Is(err, fs.ErrNotExist) {
		return st, nil
	}
	if err != nil {
		return st, fileProblem("read", d.file, err)
	}
	st.Account, st.Enabled = Account, d.registered()
	st.Executable, st.Config = d.read(string(text))
	lib, err := d.lib(Spec{})
	if err != nil {
		return st, err
	}
	state, err := lib.Status()
	switch {
	case errors.Is(err, kardianos.ErrNotInstalled):
	case err != nil:
		st.State, st.Result = exitState(err)
	case state == kardianos.StatusRunning:
		st.State = On
	default:
		st.State = Off
	}
	return st, nil
}

// exitState is what the exit code of a script's status says, see "Init Script
// Actions" in the Linux Standard Base and openrc-run(8). The library returns it
// as an error.
func exitState(err error) (State, string) {
	code := -1
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else if words := strings.Fields(err.Error()); len(words) > 0 {
		code, _ = strconv.Atoi(words[len(words)-1]) // "exit status 32"
	}
	switch {
	case code == 3:
		return Off, ""
	case code == 4:
		return Ending, ""
	case code == 8:
		return Starting, ""
	case slices.Contains([]int{1, 2, 32}, code):
		return Failed, "its process ended without a reason"
	}
	return Failed, err.Error()
}

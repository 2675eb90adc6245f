//go:build !windows

package service

import (
	"context"
	"fmt"
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

// systemd is the Manager of a Linux machine with systemd. The library starts and
// stops the service; the unit is our own, and no order is waited for without a limit.
type systemd struct {
	control
	version int
}

// newSystemd asks systemd for its version.
func newSystemd(h host) (Manager, error) {
	ctx, cancel := context.WithTimeout(context.Background(), programTime)
	defer cancel()
	out, err := h.run(ctx, "systemctl", "--version")
	if err != nil {
		return nil, err
	}
	s := &systemd{control: control{host: h, see: "systemctl status balansd, and journalctl -u balansd"}}
	s.self = s
	// The first line is "systemd 252 (252.39-1~deb12u2)".
	if f := strings.Fields(out); len(f) > 1 {
		s.version, _ = strconv.Atoi(f[1])
	}
	return s, nil
}

// systemctl runs systemctl with args.
func (s *systemd) systemctl(ctx context.Context, args ...string) error {
	_, err := s.run(ctx, "systemctl", append([]string{"--no-ask-password"}, args...)...)
	if err != nil {
		return problem.Wrap(err, problem.Unexpected, "systemd refused an order", "See what it says: systemctl status balansd.")
	}
	return nil
}

// properties are what Status asks of systemd, see org.freedesktop.systemd1(5).
const properties = "LoadState,ActiveState,SubState,UnitFileState,MainPID,ActiveEnterTimestamp,NRestarts,User,ExecStart,StatusText,Result"

// Status returns the status of the service. It needs no rights.
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

// activeState returns the State for systemd's state of a service.
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

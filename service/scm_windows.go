package service

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"
	"unicode/utf16"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc/mgr"
)

// machine is the service control manager of this machine. Each of its methods
// opens what it needs with the least rights, and closes it again.
type machine struct{}

// with calls do with a handle of the service.
func (machine) with(access uint32, do func(s windows.Handle) error) error {
	return openService(Name, access, do)
}

// openService calls do with a handle of a service. Anybody may connect to the
// manager and ask about a service; the handle's rights say what more.
func openService(name string, access uint32, do func(s windows.Handle) error) error {
	return connect(windows.SC_MANAGER_CONNECT, func(m windows.Handle) error {
		text, err := windows.UTF16PtrFromString(name)
		if err != nil {
			return err
		}
		s, err := windows.OpenService(m, text, access)
		if err != nil {
			return err
		}
		defer func() { _ = windows.CloseServiceHandle(s) }()
		return do(s)
	})
}

// connect calls do with a handle of the service control manager.
func connect(access uint32, do func(m windows.Handle) error) error {
	m, err := windows.OpenSCManager(nil, nil, access)
	if err != nil {
		return err
	}
	defer func() { _ = windows.CloseServiceHandle(m) }()
	return do(m)
}

// version is the version of Windows.
func (machine) version() string {
	v := windows.RtlGetVersion()
	return fmt.Sprintf("%d.%d.%d", v.MajorVersion, v.MinorVersion, v.BuildNumber)
}

// mayInstall checks the right to create services.
func (machine) mayInstall() error {
	return connect(windows.SC_MANAGER_CONNECT|windows.SC_MANAGER_CREATE_SERVICE, func(windows.Handle) error { return nil })
}

// expand fills in variables; what cannot be expanded stays as it is.
func (machine) expand(text string) string {
	from, err := windows.UTF16PtrFromString(text)
	if err != nil {
		return text
	}
	to := make([]uint16, 1<<15) // the most that Windows takes
	n, err := windows.ExpandEnvironmentStrings(from, &to[0], uint32(len(to)))
	if err != nil || n == 0 {
		return text
	}
	return windows.UTF16ToString(to)
}

// startable reports whether a service is there and not disabled.
func (machine) startable(name string) (bool, error) {
	found := false
	err := openService(name, windows.SERVICE_QUERY_CONFIG, func(s windows.Handle) error {
		c, err := queryConfig(s)
		if err != nil {
			return err
		}
		found = c.StartType != windows.SERVICE_DISABLED
		return nil
	})
	if errors.Is(err, windows.ERROR_SERVICE_DOES_NOT_EXIST) {
		return false, nil
	}
	return found, err
}

// queryConfig returns the configuration of a service. Its pointers point into the
// same allocation.
func queryConfig(s windows.Handle) (*windows.QUERY_SERVICE_CONFIG, error) {
	size := uint32(8 << 10) // the maximum that Windows returns
	buffer := make([]uint64, size/8)
	c := (*windows.QUERY_SERVICE_CONFIG)(unsafe.Pointer(&buffer[0]))
	if err := windows.QueryServiceConfig(s, c, size, &size); err != nil {
		return nil, err
	}
	return c, nil
}

// config reads how the service is set up.
func (m machine) config() (c scmConfig, err error) {
	err = m.with(windows.SERVICE_QUERY_CONFIG, func(s windows.Handle) error {
		q, err := queryConfig(s)
		if err != nil {
			return err
		}
		line := windows.UTF16PtrToString(q.BinaryPathName)
		command, err := windows.DecomposeCommandLine(line)
		if err != nil {
			command = []string{line}
		}
		c = scmConfig{
			command: command,
			account: windows.UTF16PtrToString(q.ServiceStartName),
			auto:    q.StartType == windows.SERVICE_AUTO_START,
		}
		return nil
	})
	return c, err
}

// change changes the service. What comes after the first thing that this Windows
// does not know is left as it is.
func (m machine) change(c scmConfig) error {
	return m.with(windows.SERVICE_CHANGE_CONFIG, func(s windows.Handle) error {
		return (&mgr.Service{Name: Name, Handle: s}).UpdateConfig(mgr.Config{
			ServiceType: windows.SERVICE_WIN32_OWN_PROCESS, StartType: mgr.StartAutomatic, ErrorControl: mgr.ErrorNormal,
			BinaryPathName: windows.ComposeCommandLine(c.command), Dependencies: c.dependencies,
			ServiceStartName: c.account, DisplayName: c.displayName,
			Description: c.description, SidType: c.sid, DelayedAutoStart: c.delayed,
		})
	})
}

// set sets an option. Recovery needs the right to start the service as well.
func (m machine) set(o scmOption) error {
	return m.with(windows.SERVICE_CHANGE_CONFIG|windows.SERVICE_START, func(s windows.Handle) error {
		service := &mgr.Service{Name: Name, Handle: s}
		switch o := o.(type) {
		case recovery:
			var actions []mgr.RecoveryAction
			for _, d := range o.delays {
				actions = append(actions, mgr.RecoveryAction{Type: mgr.ServiceRestart, Delay: d})
			}
			return service.SetRecoveryActions(actions, uint32(o.reset/time.Second))
		case recoverAfterError:
			return service.SetRecoveryActionsOnNonCrashFailures(bool(o))
		case preShutdown:
			// SERVICE_PRESHUTDOWN_INFO holds the milliseconds alone.
			wait := uint32(time.Duration(o) / time.Millisecond)
			return change2(s, windows.SERVICE_CONFIG_PRESHUTDOWN_INFO, &wait)
		case privileges:
			list := utf16.Encode([]rune(strings.Join(o, "\x00") + "\x00\x00"))
			// SERVICE_REQUIRED_PRIVILEGES_INFO holds the list alone.
			info := &list[0]
			return change2(s, windows.SERVICE_CONFIG_REQUIRED_PRIVILEGES_INFO, &info)
		}
		return fmt.Errorf("no such option: %T", o)
	})
}

// change2 sets one level of a service's configuration.
func change2[T any](s windows.Handle, level uint32, info *T) error {
	err := windows.ChangeServiceConfig2(s, level, (*byte)(unsafe.Pointer(info)))
	runtime.KeepAlive(info)
	return err
}

func (m machine) status() (st scmStatus, err error) {
	err = m.with(windows.SERVICE_QUERY_STATUS, func(s windows.Handle) error {
		q, err := (&mgr.Service{Name: Name, Handle: s}).Query()
		if err != nil {
			return err
		}
		st = scmStatus{state: uint32(q.State), pid: q.ProcessId, exit: q.Win32ExitCode,
			specific: q.ServiceSpecificExitCode, since: startOf(q.ProcessId)}
		return nil
	})
	return st, err
}

// running reports whether a process is there: its handle is signalled at its end.
// An Administrator may query the process of any account with the privilege
// to debug alone.
func (machine) running(pid uint32) (there bool, err error) {
	err = privileged([]string{seDebug}, func() error {
		p, err := windows.OpenProcess(windows.SYNCHRONIZE, false, pid)
		if errors.Is(err, windows.ERROR_INVALID_PARAMETER) {
			return nil // there is none with that number
		}
		if err != nil {
			return err
		}
		defer func() { _ = windows.CloseHandle(p) }()
		event, err := windows.WaitForSingleObject(p, 0)
		there = event == uint32(windows.WAIT_TIMEOUT)
		return err
	})
	return there, err
}

// startOf is when a process began; zero where that may not be seen.
func startOf(pid uint32) time.Time {
	if pid == 0 {
		return time.Time{}
	}
	p, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, pid)
	if err != nil {
		return time.Time{}
	}
	defer func() { _ = windows.CloseHandle(p) }()
	var begin, end, kernel, user windows.Filetime
	if windows.GetProcessTimes(p, &begin, &end, &kernel, &user) != nil {
		return time.Time{}
	}
	return time.Unix(0, begin.Nanoseconds()).UTC()
}

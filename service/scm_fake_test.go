package service

import (
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// fakeSCM behaves like the service control manager of Windows, as far as the Manager uses
// it, and records the calls.
type fakeSCM struct {
	admin   bool
	failAt  int           // the number of the change that fails, counted from 1; 0 if none
	failure syscall.Errno // the error of that change
	unknown []string      // options, by their type, that this Windows does not support
	absent  []string      // services of Windows that are missing or disabled
	env     map[string]string

	service *fakeService
	doomed  bool // deleted, but an open handle keeps it
	holders bool // another program has a handle open
	source  bool
	dacl    map[string]string // by path
	granted map[string]uint32

	changes int
	calls   []string
	open    []string   // who can change the program
	mu      sync.Mutex // the library's stop waits concurrently with the Manager
}

// fakeService is an installed service.
type fakeService struct {
	config  scmConfig
	options map[string]scmOption
	st      scmStatus
	process bool // whether its process exists

	startTakes, stopTakes time.Duration // on the clock of synctest
	deaf, busy            bool          // it never stops; it accepts no orders while it starts
	answerLost            bool          // its process ends before it has answered the order to stop
	failing               uint32        // it ends at once with this exit code
	until                 time.Time     // when the pending state ends
}

func newFakeSCM() *fakeSCM {
	return &fakeSCM{admin: true, env: map[string]string{"TEMP": `C:\Temp`}, dacl: map[string]string{}, granted: map[string]uint32{}}
}

// changing begins each call that changes something.
func (f *fakeSCM) changing(format string, args ...any) error {
	f.changes++
	if f.changes == f.failAt {
		return f.failure
	}
	if !f.admin {
		return errAccessDenied
	}
	f.calls = append(f.calls, fmt.Sprintf(format, args...))
	return nil
}

func (f *fakeSCM) version() string { return "10.0.20348" }

func (f *fakeSCM) mayInstall() error {
	if !f.admin {
		return errAccessDenied
	}
	return nil
}

func (f *fakeSCM) expand(text string) string {
	for name, value := range f.env {
		text = strings.ReplaceAll(text, "%"+name+"%", value)
	}
	return text
}

func (f *fakeSCM) startable(name string) (bool, error) {
	for _, a := range f.absent {
		if a == name {
			return false, nil
		}
	}
	return true, nil
}

// tick moves a service out of a pending state.
func (f *fakeSCM) tick() {
	s := f.service
	if s == nil || s.until.IsZero() || time.Now().Before(s.until) {
		return
	}
	s.until = time.Time{}
	switch {
	case s.st.state == scmStartPending && s.failing != 0:
		s.st, s.process = scmStatus{state: scmStopped, exit: exitSpecific, specific: s.failing}, false
	case s.st.state == scmStartPending:
		s.st.state = scmRunning
	case s.st.state == scmStopPending && !s.deaf:
		s.st, s.process = scmStatus{state: scmStopped}, false
	}
}

func (f *fakeSCM) there() error {
	f.tick()
	if f.service == nil && (!f.doomed || !f.holders) {
		f.doomed = false
		return errServiceDoesNotExist
	}
	if f.service == nil {
		return errMarkedForDelete
	}
	return nil
}

func (f *fakeSCM) whoHasAccess(string) ([]string, error) { return f.open, nil }

func (f *fakeSCM) config() (scmConfig, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.there(); err != nil {
		return scmConfig{}, err
	}
	return f.service.config, nil
}

func (f *fakeSCM) change(c scmConfig) error {
	if err := f.changing("change to %q as %q after %q auto=%v", c.command, c.account, c.dependencies, c.auto); err != nil {
		return err
	}
	f.service.config = c
	if slices.Contains(f.unknown, "sid") {
		f.service.config.sid, f.service.config.delayed = 0, false
		return errInvalidLevel
	}
	return nil
}

func (f *fakeSCM) set(o scmOption) error {
	name := reflect.TypeOf(o).Name()
	if err := f.changing("set %s %v", name, o); err != nil {
		return err
	}
	for _, u := range f.unknown {
		if u == name {
			return errInvalidLevel
		}
	}
	if err := f.there(); err != nil {
		return err
	}
	f.service.options[name] = o
	return nil
}

func (f *fakeSCM) status() (scmStatus, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.there(); err != nil {
		return scmStatus{}, err
	}
	return f.service.st, nil
}

func (f *fakeSCM) running(uint32) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.service != nil && f.service.process, nil
}

func (f *fakeSCM) addEventSource() error {
	if err := f.changing("add event source"); err != nil {
		return err
	}
	f.source = true
	return nil
}

func (f *fakeSCM) removeEventSource() error {
	if err := f.changing("remove event source"); err != nil {
		return err
	}
	f.source = false
	return nil
}

func (f *fakeSCM) hasEventSource() bool { return f.source }

func (f *fakeSCM) own(path, sddl string) error {
	if err := f.changing("own %s", filepath.Base(path)); err != nil {
		return err
	}
	f.dacl[path] = sddl
	return nil
}

func (f *fakeSCM) grant(path string, mask uint32) error {
	if err := f.changing("grant %x on %s", mask, path); err != nil {
		return err
	}
	f.granted[path] = mask
	return nil
}

//go:build !windows

package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	kardianos "github.com/kardianos/service"
)

// fakeLibrary behaves like version 1.3.0 of the library on a fakeSystemd: it waits without
// a limit until an order is carried out.
type fakeLibrary struct {
	kardianos.Service // for methods that are not called
	f                 *fakeSystemd
	c                 *kardianos.Config
}

// render expands the templates in a script of ours.
func render(c *kardianos.Config, option string) string {
	return strings.ReplaceAll(c.Option[option].(string), "{{LogDirectory}}", c.Option["LogDirectory"].(string))
}

// systemctl calls the program as the library does, without a time limit.
func (l *fakeLibrary) systemctl(args ...string) error {
	_, err := l.f.run(context.Background(), "systemctl", args...)
	return err
}

// Install refuses to replace a unit, and writes the file itself.
func (l *fakeLibrary) Install() error {
	at := filepath.Join(l.f.root, unitFile)
	if _, err := os.Stat(at); err == nil {
		return fmt.Errorf("Init already exists: %s", unitFile)
	}
	text := render(l.c, "SystemdScript")
	if l.f.half {
		text = text[:len(text)/2]
	}
	l.f.put(unitFile, text)
	if err := l.systemctl("enable", unitName); err != nil {
		return err
	}
	return l.systemctl("daemon-reload")
}

func (l *fakeLibrary) Uninstall() error {
	if err := l.systemctl("disable", unitName); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(l.f.root, unitFile)); err != nil {
		return err
	}
	return l.systemctl("daemon-reload")
}

// Status returns one of two states, though systemd has more.
func (l *fakeLibrary) Status() (kardianos.Status, error) {
	switch f := l.f; {
	case f.active == "active", f.active == "activating":
		return kardianos.StatusRunning, nil
	case f.active == "failed":
		return kardianos.StatusUnknown, errors.New("service in failed state")
	case f.active == "inactive" && f.loaded != "":
		return kardianos.StatusStopped, nil
	}
	return kardianos.StatusUnknown, kardianos.ErrNotInstalled
}

func (l *fakeLibrary) Start() error { return l.order("start", l.start) }

func (l *fakeLibrary) Stop() error { return l.order("stop", l.stop) }

func (l *fakeLibrary) Restart() error {
	return l.order("restart", func() error { return errors.Join(l.stop(), l.start()) })
}

// order is a call of systemctl that waits.
func (l *fakeLibrary) order(verb string, do func() error) error {
	f := l.f
	if f.recordCall("systemctl " + verb) {
		return errFake
	}
	if f.stuck || verb == "start" && f.sub == "auto-restart" {
		time.Sleep(forEver)
		return nil
	}
	return do()
}

func (l *fakeLibrary) stop() error {
	f := l.f
	f.active, f.sub, f.pid = "inactive", "dead", 0
	return nil
}

func (l *fakeLibrary) start() error {
	f := l.f
	f.active, f.sub, f.result, f.pid = "active", "running", "success", 4711
	if f.refuse != "" {
		f.active, f.sub, f.result, f.pid = "failed", "failed", f.refuse, 0
		return errors.New("exit status 1")
	}
	return nil
}

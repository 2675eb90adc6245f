//go:build !windows

package service

import (
	"errors"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// notifyTimeout is how long one notification may hold the caller up.
const notifyTimeout = time.Second

var errNotifyTimeout = errors.New("systemd did not read the notification in time")

// notifier sends notifications to systemd as sd_notify(3) defines them, one at a
// time. It is safe for concurrent use. SdNotify has no timeout: a notification
// that systemd does not read stays in a goroutine of its own, and further ones
// fail until it is read.
type notifier struct{ sending chan struct{} }

func newNotifier() notifier { return notifier{make(chan struct{}, 1)} }

// notify sends assignments such as READY=1. It does nothing where the
// environment names no socket.
func (n notifier) notify(assignments ...string) error {
	timeout := time.After(notifyTimeout)
	select {
	case n.sending <- struct{}{}:
	case <-timeout:
		return errNotifyTimeout
	}
	result := make(chan error, 1)
	go func() {
		_, err := daemon.SdNotify(false, strings.Join(assignments, "\n"))
		<-n.sending
		result <- err
	}()
	select {
	case err := <-result:
		return err
	case <-timeout:
		return errNotifyTimeout
	}
}

// status returns the assignment of the text that systemctl status shows. A line
// break would begin another assignment.
func status(text string) string {
	return "STATUS=" + strings.Join(strings.Fields(text), " ")
}

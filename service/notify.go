//go:build !windows

package service

import (
	"net"
	"strconv"
	"strings"
	"time"
)

// notifier speaks to systemd as sd_notify(3) says: one datagram of lines to the
// socket that the variable NOTIFY_SOCKET names. It is our own since it takes
// the environment that it is given, and never waits for a manager that does not
// read. The zero notifier speaks to nobody.
type notifier struct{ address string }

// notifyTime is how long one word to the manager may take.
const notifyTime = time.Second

// newNotifier reads the environment.
func newNotifier(environ []string) notifier {
	return notifier{variable(environ, "NOTIFY_SOCKET")}
}

// tell sends lines. What gets lost does no harm: the watchdog's word is said
// again, and a status is a courtesy.
func (n notifier) tell(lines ...string) error {
	if n.address == "" {
		return nil
	}
	// A leading @ is the abstract namespace, for Go as for systemd.
	conn, err := net.DialTimeout("unixgram", n.address, notifyTime)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(notifyTime)); err != nil {
		return err
	}
	_, err = conn.Write([]byte(strings.Join(lines, "\n")))
	return err
}

// status is the line that shows in systemctl status; a line break would begin
// another order to the manager.
func status(text string) string {
	return "STATUS=" + strings.Join(strings.Fields(text), " ")
}

// watchdogTime gives how often the manager wants to hear that process pid is
// alive; 0 for never. sd_watchdog_enabled(3) has the rules.
func watchdogTime(environ []string, pid int) time.Duration {
	if of := variable(environ, "WATCHDOG_PID"); of != "" && of != strconv.Itoa(pid) {
		return 0
	}
	usec, err := strconv.ParseInt(variable(environ, "WATCHDOG_USEC"), 10, 64)
	if err != nil || usec <= 0 || usec > int64(time.Hour/time.Microsecond) {
		return 0
	}
	return time.Duration(usec) * time.Microsecond
}

// variable finds a variable in an environment.
func variable(environ []string, name string) string {
	for _, pair := range environ {
		if n, value, _ := strings.Cut(pair, "="); n == name {
			return value
		}
	}
	return ""
}

//go:build linux

package testenv

import "testing"

// sysvInit does what SysV init does with the links of the runlevels, which are
// those of balansd here: it starts the services of runlevel 2, and stops those
// of runlevel 0 before it ends.
const sysvInit = `#!/bin/sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
trap 'for s in /etc/rc0.d/K*balansd; do [ -x "$s" ] && "$s" stop; done; exit 0' 38
for s in /etc/rc2.d/S*balansd; do
	[ -x "$s" ] && "$s" start
done
while :; do
	sleep 3600 &
	wait
done
`

// NewSysVContainer boots a Container without systemd, as Debian with SysV init
// is one: with its commands service and start-stop-daemon. The test needs
// Systemd, which makes the container.
func NewSysVContainer(t testing.TB) *Container {
	t.Helper()
	Need(t, Systemd, "service", "start-stop-daemon")
	return newContainer(t, "/usr/local/sbin/init", sysvInit)
}

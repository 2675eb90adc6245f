//go:build !windows

package service

import (
	"encoding/xml"
	"strings"
)

// mark is in the head of every file that balansd wrote.
const mark = "Written by balansd service install, which replaces it."

// shellWord quotes a word for a shell.
func shellWord(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// readScript finds the program and its configuration in a script that balansd
// wrote.
func readScript(text string) (executable, config string) {
	for line := range strings.Lines(text) {
		name, word, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		word = strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(word, "'"), "'"), `'\''`, "'")
		switch name {
		case "program":
			executable = word
		case "config":
			config = word
		}
	}
	return executable, config
}

// programVariables returns the lines of a script that assign the program and its
// configuration, which readScript reads back.
func (s Spec) programVariables() string {
	return "program=" + shellWord(s.Executable) + "\nconfig=" + shellWord(s.Config) + "\n"
}

// sysV returns the initSystem of SysV init. Its script uses start-stop-daemon as
// Debian has it.
func sysV() initSystem {
	return initSystem{name: "SysV init", file: "/etc/init.d/" + Name, option: "SysvScript", mode: 0o755, script: sysVScript, read: readScript,
		links: []string{"/etc/rc[0-6].d/[SK][0-9][0-9]" + Name}}
}

// sysVScript returns an init script with the header of the Linux Standard Base.
// SysV init restarts nothing, so the script starts a shell that restarts balansd;
// both run as the account of the service.
func sysVScript(s Spec) string {
	return "#!/bin/sh\n# " + mark + `

### BEGIN INIT INFO
# Provides:          balansd
# Required-Start:    $remote_fs $network $named $time
# Required-Stop:     $remote_fs $network
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: balansd, social balances from Finbox to Silverfin
### END INIT INFO

` + s.programVariables() + `pidfile=/run/balansd.pid
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# This loop restarts balansd after a crash or an error. Exit code 2 is a mistake
# in the configuration, which a person has to correct first.
loop='
umask 077
stop=
trap "stop=1; kill -TERM \$child" TERM
trap "kill -HUP \$child" HUP
while :; do
	"$0" run --service --config "$1" &
	child=$!
	wait "$child"
	code=$?
	while kill -0 "$child" 2>/dev/null; do # a signal has ended the wait
		wait "$child"
		code=$?
	done
	[ "$stop" ] && exit 0
	case "$code" in 0|2) exit "$code" ;; esac
	sleep 30 &
	child=$!
	wait "$child"
	[ "$stop" ] && exit 0
done'

# as_account runs what follows as the account of the service.
as_account() {
	start-stop-daemon --start --quiet --chuid balansd:balansd --chdir / --pidfile "$pidfile" "$@"
}

status() {
	start-stop-daemon --status --pidfile "$pidfile" --user balansd
}

# stop_orphan stops a balansd whose loop was killed.
stop_orphan() {
	start-stop-daemon --stop --quiet --oknodo --retry TERM/40 --user balansd --exec "$program"
}

case "$1" in
start)
	status && exit 0
	stop_orphan
	as_account --exec "$program" -- config check --config "$config" >/dev/null || exit 6
	as_account --background --make-pidfile --startas /bin/sh -- -c "$loop" "$program" "$config" || exit 1
	# The process changes to the account a moment after its start.
	for try in 1 2 3 4 5 6 7 8 9 10; do
		status && exit 0
		sleep 1
	done
	exit 1
	;;
stop)
	# balansd exits by itself after 25 seconds and records what hung.
	start-stop-daemon --stop --quiet --oknodo --retry TERM/40 --pidfile "$pidfile" --user balansd --remove-pidfile &&
		stop_orphan
	;;
restart|force-reload)
	"$0" stop && "$0" start
	;;
reload)
	start-stop-daemon --stop --quiet --signal HUP --pidfile "$pidfile" --user balansd
	;;
status)
	status
	code=$?
	case $code in
	0) echo Running ;;
	*) echo Stopped ;;
	esac
	exit $code
	;;
*)
	echo "Usage: $0 {start|stop|restart|force-reload|reload|status}" >&2
	exit 2
	;;
esac
`
}

// openRC returns the initSystem of OpenRC, whose supervise-daemon restarts the
// service.
func openRC() initSystem {
	return initSystem{name: "OpenRC", file: "/etc/init.d/" + Name, option: "OpenRCScript", mode: 0o755, script: openRCScript, read: readScript,
		links: []string{"/etc/runlevels/*/" + Name}}
}

// openRCScript returns a script for openrc-run(8). OpenRC expands the command and
// its arguments a second time in its shell, so they refer to variables.
func openRCScript(s Spec) string {
	return "#!/sbin/openrc-run\n# " + mark + `

description="balansd, social balances from Finbox to Silverfin"
` + s.programVariables() + `
supervisor=supervise-daemon
command='"$program"'
command_args='run --service --config "$config"'
command_user=balansd:balansd
directory=/
umask=0077
# Restart after a crash or an error, without a limit.
respawn_delay=30
respawn_max=0
# balansd exits by itself after 25 seconds and records what hung.
retry=TERM/40
extra_started_commands=reload

depend() {
	need localmount
	use net dns logger
	after firewall ntpd chronyd
}

start_pre() {
	# Fail the start on a mistake in the configuration.
	"$program" config check --config "$config" >/dev/null
}

reload() {
	supervise-daemon "$RC_SVCNAME" --signal HUP
}
`
}

// launchd returns the initSystem of macOS, on which balansd was never tested.
func launchd() initSystem {
	return initSystem{name: "launchd (untried)", file: "/Library/LaunchDaemons/" + Name + ".plist", option: "LaunchdConfig", mode: 0o644,
		script: launchdPlist, read: readPlist}
}

// readPlist finds the program and its configuration in a property list of
// launchdPlist.
func readPlist(text string) (executable, config string) {
	var list struct {
		Command []string `xml:"dict>array>string"`
	}
	if xml.Unmarshal([]byte(text), &list) != nil {
		return "", ""
	}
	return readCommand(list.Command)
}

// launchdPlist returns a property list in the form of launchd.plist(5).
func launchdPlist(s Spec) string {
	text := func(s string) string {
		var b strings.Builder
		_ = xml.EscapeText(&b, []byte(s)) // a Builder takes everything
		return strings.ReplaceAll(b.String(), "{", "&#123;")
	}
	var args strings.Builder
	for _, a := range append([]string{s.Executable}, arguments(s)...) {
		args.WriteString("\t\t<string>" + text(a) + "</string>\n")
	}
	return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- ` + mark + ` -->
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>` + Name + `</string>
	<key>ProgramArguments</key>
	<array>
` + args.String() + `	</array>
	<key>UserName</key>
	<string>` + Account + `</string>
	<key>GroupName</key>
	<string>` + Account + `</string>
	<key>RunAtLoad</key>
	<true/>
	<key>KeepAlive</key>
	<dict>
		<key>SuccessfulExit</key>
		<false/>
	</dict>
	<key>ThrottleInterval</key>
	<integer>30</integer>
	<key>ExitTimeOut</key>
	<integer>30</integer>
	<key>Umask</key>
	<integer>63</integer>
</dict>
</plist>
`
}

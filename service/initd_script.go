//go:build !windows

package service

import (
	"encoding/xml"
	"strings"
)

// mark is in the head of every file that balansd wrote.
const mark = "Written by balansd service install, which replaces it."

// shellWord writes a word so that a shell takes it as it is.
func shellWord(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// readScript finds the program and its configuration in a script of ours.
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

// words are the lines of a script that name what is run.
func (s Spec) words() string {
	return "program=" + shellWord(s.Executable) + "\nconfig=" + shellWord(s.Config) + "\n"
}

// sysV is SysV init, with the tools that Debian has for its scripts.
func sysV() initSystem {
	return initSystem{name: "SysV init", file: "/etc/init.d/" + Name, option: "SysvScript", mode: 0o755, script: sysVScript, read: readScript,
		links: []string{"/etc/rc[0-6].d/[SK][0-9][0-9]" + Name}}
}

// sysVScript is a script in the form of the Linux Standard Base. What it starts
// runs as the account of the service, the shell that starts it again too.
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

` + s.words() + `pidfile=/run/balansd.pid
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# It comes back after a crash and an error. Exit code 2 is a mistake in the
# configuration, which stays until a person has mended it.
keep='
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

# end_left ends what a shell that was killed has left running.
end_left() {
	start-stop-daemon --stop --quiet --oknodo --retry TERM/40 --user balansd --exec "$program"
}

case "$1" in
start)
	status && exit 0
	end_left
	as_account --exec "$program" -- config check --config "$config" >/dev/null || exit 6
	as_account --background --make-pidfile --startas /bin/sh -- -c "$keep" "$program" "$config" || exit 1
	# It is another process by now, which is not at once that of the account.
	for try in 1 2 3 4 5 6 7 8 9 10; do
		status && exit 0
		sleep 1
	done
	exit 1
	;;
stop)
	# balansd ends itself after 25 seconds, and says what hung.
	start-stop-daemon --stop --quiet --oknodo --retry TERM/40 --pidfile "$pidfile" --user balansd --remove-pidfile &&
		end_left
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

// openRC is OpenRC, which watches the service itself.
func openRC() initSystem {
	return initSystem{name: "OpenRC", file: "/etc/init.d/" + Name, option: "OpenRCScript", mode: 0o755, script: openRCScript, read: readScript,
		links: []string{"/etc/runlevels/*/" + Name}}
}

// openRCScript is a script for openrc-run(8). OpenRC has its shell read the
// command and its arguments a second time, for which they stand as variables.
func openRCScript(s Spec) string {
	return "#!/sbin/openrc-run\n# " + mark + `

description="balansd, social balances from Finbox to Silverfin"
` + s.words() + `
supervisor=supervise-daemon
command='"$program"'
command_args='run --service --config "$config"'
command_user=balansd:balansd
directory=/
umask=0077
# It comes back after a crash and an error, however often.
respawn_delay=30
respawn_max=0
# balansd ends itself after 25 seconds, and says what hung.
retry=TERM/40
extra_started_commands=reload

depend() {
	need localmount
	use net dns logger
	after firewall ntpd chronyd
}

start_pre() {
	# A mistake in the configuration stays until a person has mended it.
	"$program" config check --config "$config" >/dev/null
}

reload() {
	supervise-daemon "$RC_SVCNAME" --signal HUP
}
`
}

// launchd is that of macOS, on which balansd has never been tried.
func launchd() initSystem {
	return initSystem{name: "launchd (untried)", file: "/Library/LaunchDaemons/" + Name + ".plist", option: "LaunchdConfig", mode: 0o644,
		script: launchdList, read: readList}
}

// readList finds the program and its configuration in a list of ours.
func readList(text string) (executable, config string) {
	var list struct {
		Command []string `xml:"dict>array>string"`
	}
	if xml.Unmarshal([]byte(text), &list) != nil {
		return "", ""
	}
	return readCommand(list.Command)
}

// launchdList is a list in the form of launchd.plist(5).
func launchdList(s Spec) string {
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

package service

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"balansd/problem"
)

// Account is whom the service runs as on Linux: an account of the system
// without a password, a home or any right but on what belongs to balansd.
const Account = "balansd"

// Where a Linux machine has what belongs to balansd, unless the configuration
// says otherwise.
const (
	stateFolder  = "/var/lib/balansd"
	configFolder = "/etc/balansd"
	logFolder    = "/var/log/balansd"
	backupFolder = stateFolder + "/backups"
)

// socketUnit is what systemd calls the port of the web pages.
const socketUnit = Name + ".socket"

// SecretsFolder is the folder beside the configuration file whose files systemd
// hands to the service as credentials. It belongs to root alone.
const SecretsFolder = "secrets"

// stepsSystemd is the oldest systemd that waits longer and longer before it
// starts a service again (RestartSteps= in the NEWS of version 254).
const stepsSystemd = 254

// UnitSpec is what a unit is for.
type UnitSpec struct {
	Spec
	// Systemd is the version of the systemd that reads the unit; 0 when it is
	// not known, as for a package. An older one must read it without a warning.
	Systemd int
}

// PackageSpec is the service as packages install it, with no folder elsewhere.
// Packages render their unit with Unit(UnitSpec{Spec: PackageSpec()}), put it
// into /usr/lib/systemd/system, and Sysusers() into
// /usr/lib/sysusers.d/balansd.conf. They make the folder of the configuration
// with mode 0750, owned by root and the group of the account, and in it the
// folder SecretsFolder with mode 0700, owned by root, without which the unit
// does not start.
func PackageSpec() Spec {
	return Spec{Executable: "/usr/bin/balansd", Config: configFolder + "/balansd.yaml", DataDir: stateFolder}
}

// Sysusers returns the account of the service in the form of sysusers.d(5).
func Sysusers() string {
	return fmt.Sprintf("# The account of the service balansd.\nu %s - \"balansd\" %s\n", Account, stateFolder)
}

// Unit returns the text of balansd.service, in the form of systemd.unit(5). It is
// a Usage problem when a path cannot be written in a unit.
//
// The service may do nothing but its work: read its configuration and sources,
// write its data, and speak to the network as an account without rights.
func Unit(u UnitSpec) (string, error) {
	if err := u.check(); err != nil {
		return "", err
	}
	sections := []string{
		"[Unit]\n" + `Description=balansd, social balances from Finbox to Silverfin
# At boot the network, names and the clock come first. They need not be right:
# balansd waits for them.
Wants=network-online.target nss-lookup.target time-sync.target
After=network-online.target nss-lookup.target time-sync.target
# Restart without a limit.
StartLimitIntervalSec=0
` + u.mounts() + u.wantsSocket(),
		"[Service]\n" + `Type=notify
NotifyAccess=main
` + u.execStart() + `# As root, since a reload hands over the secrets as they are now.
` + u.execReload() + `User=` + Account + `
Group=` + Account + `

# Restart after a crash, a hang or an error. Exit code 2 is a mistake in the
# configuration, or a state of a newer version: a person has to act first. A panic ends with a signal,
# since its exit code would be 2, too.
Restart=on-failure
RestartPreventExitStatus=2
` + u.restarts() + `Environment=GOTRACEBACK=crash
LimitCORE=0
WatchdogSec=120
TimeoutStartSec=60
# balansd exits by itself after 25 seconds and records what hung.
TimeoutStopSec=30
TimeoutAbortSec=10

` + u.folders() + sandbox + u.extras(),
		"[Install]\nWantedBy=multi-user.target\n",
	}
	return strings.Join(sections, "\n"), nil
}

// sandbox is what the service may not do, see systemd.exec(5).
const sandbox = `
UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
DevicePolicy=closed
PrivateUsers=yes
PrivateMounts=yes
PrivateIPC=yes
ProtectHostname=yes
ProtectClock=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectProc=invisible
ProcSubset=pid
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
`

// mounts has the disk of the data there before the service starts.
func (u UnitSpec) mounts() string {
	if inside(u.DataDir, stateFolder) {
		return "" // StateDirectory= creates it
	}
	return "RequiresMountsFor=" + unitPath(u.DataDir) + "\n"
}

// wantsSocket has the service start with its socket, and without it where the port is
// taken: the nights go on without pages.
func (u UnitSpec) wantsSocket() string {
	if u.Socket == "" {
		return ""
	}
	return "Wants=" + socketUnit + "\n"
}

// restarts says how long to wait before the service is started again: longer
// and longer where systemd can, else always half a minute.
func (u UnitSpec) restarts() string {
	if u.Systemd >= stepsSystemd {
		return "RestartSec=5\nRestartSteps=8\nRestartMaxDelaySec=600\n"
	}
	return "RestartSec=30\n"
}

// folders returns the settings for the folders that systemd creates for the account,
// and for the secrets that it passes.
func (u UnitSpec) folders() string {
	b := "StateDirectory=balansd\nStateDirectoryMode=0700\n" +
		"RuntimeDirectory=balansd\nRuntimeDirectoryMode=0700\n" +
		"LogsDirectory=balansd\nLogsDirectoryMode=0750\n"
	if path.Dir(u.Config) == configFolder {
		b += "ConfigurationDirectory=balansd\nConfigurationDirectoryMode=0750\n"
	}
	return b + u.credentials()
}

// credentials hands over the secrets, each as secrets_NAME.
func (u UnitSpec) credentials() string {
	folder := path.Join(path.Dir(u.Config), SecretsFolder)
	// This setting does not support quotes around the path.
	return "LoadCredential=" + SecretsFolder + ":" + strings.ReplaceAll(folder, "%", "%%") + "\n"
}

// extras lets the service use paths of the configuration outside its own folders. It
// starts even if a folder does not exist, as on a disk that is not mounted.
func (u UnitSpec) extras() string {
	var b strings.Builder
	for i, p := range append([]string{u.DataDir}, u.Writable...) {
		switch {
		case inside(p, stateFolder), inside(p, logFolder), i > 0 && inside(p, u.DataDir):
		case HidesFromUnit(p):
			b.WriteString("BindPaths=-" + unitPath(p) + "\n")
		default:
			b.WriteString("ReadWritePaths=-" + unitPath(p) + "\n")
		}
	}
	for _, p := range append([]string{u.Executable}, u.Readable...) {
		if HidesFromUnit(p) {
			b.WriteString("BindReadOnlyPaths=-" + unitPath(p) + "\n")
		}
	}
	if strings.Contains(b.String(), "Bind") {
		// Nothing can be put into home folders that are locked as a whole.
		b.WriteString("ProtectHome=tmpfs\n")
	}
	return b.String()
}

// HidesFromUnit reports whether the sandbox hides the path from the service, so that it
// has to be let through.
func HidesFromUnit(path string) bool {
	return slices.ContainsFunc([]string{"/home", "/root", "/run/user", "/tmp", "/var/tmp"},
		func(dir string) bool { return inside(path, dir) })
}

// inside reports whether path is dir or in it.
func inside(path, dir string) bool {
	rest, found := strings.CutPrefix(path, dir)
	return found && (rest == "" || rest[0] == '/')
}

// execStart is the command of the service.
func (u UnitSpec) execStart() string {
	return "ExecStart=" + u.command("run", "--service", "--config", u.Config) + "\n"
}

// execReload is the command that has the service read its configuration again. It refuses
// one with mistakes, and systemctl reload fails then.
func (u UnitSpec) execReload() string {
	return "ExecReload=+" + u.command("config", "reload", "--config", u.Config) + "\n"
}

// command is the program with arguments as a unit has it.
func (u UnitSpec) command(args ...string) string {
	args = append([]string{u.Executable}, args...)
	// systemd takes no quote and no backslash in the name of the program, and
	// reads a dollar there otherwise than in its arguments. As an argument of
	// the shell, which it then replaces, any name will do.
	if strings.ContainsAny(u.Executable, `"'\$`) {
		args = append([]string{"/bin/sh", "-c", `exec "$0" "$@"`}, args...)
	}
	for i, a := range args {
		args[i] = unitArg(a)
	}
	return strings.Join(args, " ")
}

// check returns which path cannot be in a unit. Everything else can be escaped.
func (u UnitSpec) check() error {
	if err := u.checkPaths(); err != nil {
		return err
	}
	if HidesFromUnit(u.Config) {
		// Let through by itself, the file would stay the old one when an editor
		// replaces it.
		return problem.New(problem.Usage, fmt.Sprintf("the configuration %s is in a folder that services do not see", u.Config),
			"Move it to "+PackageSpec().Config+", and install again.")
	}
	return nil
}

// checkPaths returns an error for a path that is not absolute, or that cannot be
// written in a unit or a script.
func (s Spec) checkPaths() error {
	for _, p := range slices.Concat([]string{s.Executable, s.Config, s.DataDir}, s.Writable, s.Readable) {
		if !strings.HasPrefix(p, "/") || p != path.Clean(p) {
			return problem.New(problem.Usage, fmt.Sprintf("%q is no full path", p), "Give the path from the root on.")
		}
		if err := writable(p); err != nil {
			return err
		}
	}
	return nil
}

//go:build linux

package testenv

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Container is a machine of its own: systemd, or what stands for SysV init, as
// the first process, over a
// throw-away copy of this machine's files, with a private network that has only
// loopback. What is written in it is gone when the test ends. It is for one
// goroutine at a time.
type Container struct {
	t      testing.TB
	init   string // the first process; systemd where it is empty
	dir    string // a tmpfs: the copy's own files, and where it is mounted
	cgroup string
	leader int // the process id here of the systemd inside
	nspawn *exec.Cmd
	ended  chan struct{}
}

// NewContainer boots a Container; the test needs Systemd.
func NewContainer(t testing.TB) *Container {
	t.Helper()
	return newContainer(t, "", "")
}

// newContainer boots a Container whose first process is the program init, with
// that text; systemd where they are empty.
func newContainer(t testing.TB, init, text string) *Container {
	t.Helper()
	Need(t, Systemd, "systemd-nspawn", "nsenter")
	if os.Geteuid() != 0 {
		t.Fatal("a container with systemd needs root")
	}
	if unified() == "" {
		t.Fatal("a container with systemd needs the unified hierarchy of cgroups")
	}
	c := &Container{t: t, init: init, dir: t.TempDir()}
	t.Cleanup(c.close)
	if err := c.mountRoot(); err != nil {
		t.Fatal(err)
	}
	if init != "" {
		c.Write(init, text, 0o755)
	}
	c.boot()
	return c
}

// unified is where the unified hierarchy of cgroups is mounted: alone, or
// beside the old ones.
func unified() string {
	for _, dir := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		if _, err := os.Stat(filepath.Join(dir, "cgroup.procs")); err == nil {
			if _, err := os.Stat(filepath.Join(dir, "cgroup.subtree_control")); err == nil {
				return dir
			}
		}
	}
	return ""
}

// mountRoot makes the copy of this machine's files: an overlay whose lower layer is
// the root folder. What differs is put into the upper layer before it is
// mounted, which takes no time however much there is to hide.
func (c *Container) mountRoot() error {
	if err := unix.Mount("balansd-container", c.dir, "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mount a tmpfs: %w", err)
	}
	up := func(path string) string { return filepath.Join(c.dir, "up", path) }
	for _, dir := range []string{"root", "work", "up/etc/systemd/system"} {
		if err := os.MkdirAll(filepath.Join(c.dir, dir), 0o755); err != nil { //nolint:gosec // as most folders of a machine
			return err
		}
	}
	// Of the machine's own services none is to start.
	hide := []string{"dev", "run", "tmp", "proc", "sys", "var/log/journal", "etc/sysusers.d"}
	for _, target := range []string{"multi-user", "timers", "sysinit", "getty", "sockets"} {
		hide = append(hide, "etc/systemd/system/"+target+".target.wants")
	}
	for _, dir := range hide {
		if err := os.MkdirAll(up(dir), 0o755); err != nil { //nolint:gosec // likewise
			return err
		}
		if err := unix.Setxattr(up(dir), "trusted.overlay.opaque", []byte("y"), 0); err != nil {
			return fmt.Errorf("hide %s: %w", dir, err)
		}
	}
	if err := os.Chmod(up("tmp"), 0o777|os.ModeSticky); err != nil {
		return err
	}
	// This file would have programs think that they are in a container.
	if err := unix.Mknod(up(".dockerenv"), unix.S_IFCHR, 0); err != nil {
		return fmt.Errorf("hide .dockerenv: %w", err)
	}
	for name, text := range map[string]string{
		"etc/machine-id": "0123456789abcdef0123456789abcdef\n", // not a first boot, which asks questions
		"etc/hostname":   "container\n", "etc/fstab": "",
	} {
		if err := os.WriteFile(up(name), []byte(text), 0o644); err != nil { //nolint:gosec // everybody on a machine reads these
			return err
		}
	}
	for _, unit := range []string{"apt-daily.timer", "apt-daily-upgrade.timer", "systemd-networkd.service",
		"systemd-firstboot.service", "console-getty.service", "systemd-resolved.service"} {
		if err := os.Symlink("/dev/null", up("etc/systemd/system/"+unit)); err != nil {
			return err
		}
	}
	layers := fmt.Sprintf("lowerdir=/,upperdir=%[1]s/up,workdir=%[1]s/work", c.dir)
	if err := unix.Mount("overlay", c.Path("/"), "overlay", 0, layers); err != nil {
		return fmt.Errorf("mount an overlay: %w", err)
	}
	return nil
}

// boot starts systemd and waits until it is up.
func (c *Container) boot() {
	c.t.Helper()
	// In a cgroup of its own a container does not meet another one.
	c.cgroup = filepath.Join(unified(), fmt.Sprintf("balansd-test-%d-%d", os.Getpid(), time.Now().UnixNano()))
	if err := os.Mkdir(c.cgroup, 0o755); err != nil { //nolint:gosec // as every cgroup
		c.t.Fatal(err)
	}
	// It says over this socket when the systemd inside is up, and who that is.
	address := filepath.Join(c.dir, "notify")
	_ = os.Remove(address)
	notices, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = notices.Close() }()

	log, err := os.OpenFile(filepath.Join(c.dir, "console.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	first := []string{"--boot", "--notify-ready=yes"}
	if c.init != "" {
		first = []string{c.init} // after the options
	}
	c.nspawn = exec.Command("/bin/sh", "-c", `echo $$ >"$1/cgroup.procs" && shift && exec systemd-nspawn "$@"`, "sh", //nolint:gosec // a test tool
		c.cgroup, "--quiet", "--machine="+filepath.Base(c.cgroup), "--directory="+c.Path("/"), "--settings=no",
		"--register=no", "--keep-unit", "--private-network", "--console=read-only",
		"--resolv-conf=off", "--timezone=off", "--link-journal=no")
	c.nspawn.Args = append(c.nspawn.Args, first...)
	c.nspawn.Env = []string{"PATH=" + os.Getenv("PATH"), "NOTIFY_SOCKET=" + address}
	c.nspawn.Stdout, c.nspawn.Stderr = log, log
	c.nspawn.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := c.nspawn.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.ended = make(chan struct{})
	go func() {
		_ = c.nspawn.Wait()
		close(c.ended)
		_ = notices.SetReadDeadline(time.Now()) // there is nothing to wait for any more
	}()
	if err := c.awaitReady(notices); err != nil {
		c.t.Fatalf("the container does not boot: %v\n%s", err, c.console())
	}
	if c.init != "" {
		c.Until("the first process is "+c.init, func() bool {
			name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", c.leader))
			return strings.TrimSpace(string(name)) == filepath.Base(c.init)
		})
		return
	}
	// "degraded" is well: a unit of the machine's may not work in a container.
	if r := c.Run("systemctl", "is-system-running", "--wait"); r.Stdout != "running\n" && r.Stdout != "degraded\n" {
		c.t.Fatalf("the container does not come up: %s%s", r.Stdout, c.console())
	}
}

// awaitReady reads what systemd-nspawn says until the container is ready.
func (c *Container) awaitReady(notices *net.UnixConn) error {
	ctx, cancel := withTestDeadline(c.t)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = notices.SetReadDeadline(time.Now()) })
	defer stop()
	buf := make([]byte, 4096)
	for ready := false; !ready || c.leader == 0; {
		n, err := notices.Read(buf)
		if err != nil {
			return err
		}
		for line := range strings.SplitSeq(string(buf[:n]), "\n") {
			name, value, _ := strings.Cut(line, "=")
			switch name {
			case "READY":
				ready = true
			case "X_NSPAWN_LEADER_PID":
				if c.leader, err = strconv.Atoi(value); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// halt shuts the container down in good order, as a person does.
func (c *Container) halt() {
	if c.leader == 0 {
		return
	}
	// SIGRTMIN+4 is poweroff.target, see systemd(1). The C library keeps two
	// of the kernel's real-time signals, so that its SIGRTMIN is 34.
	_ = syscall.Kill(c.leader, syscall.Signal(34+4))
	ctx, cancel := withTestDeadline(c.t)
	defer cancel()
	select {
	case <-c.ended:
	case <-ctx.Done():
		c.t.Errorf("the container does not halt\n%s", c.console())
	}
	c.leader = 0
}

// Reboot shuts the container down and boots it again.
func (c *Container) Reboot() {
	c.t.Helper()
	c.halt()
	c.clear()
	c.boot()
}

// clear ends what is left of the container's processes and removes its cgroup.
func (c *Container) clear() {
	if c.cgroup == "" {
		return
	}
	if c.nspawn.Process != nil {
		_ = c.nspawn.Process.Kill()
		<-c.ended
	}
	c.leader = 0
	var left []string
	_ = filepath.WalkDir(c.cgroup, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			left = append(left, path)
		}
		return nil
	})
	for i := len(left) - 1; i >= 0; i-- {
		_ = os.Remove(left[i])
	}
	c.cgroup = ""
}

// close throws the container away.
func (c *Container) close() {
	if c.t.Failed() {
		c.t.Logf("the end of the container's console:\n%s", c.console())
	}
	c.halt()
	c.clear()
	for _, at := range []string{c.Path("/"), c.dir} {
		if err := unix.Unmount(at, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) {
			c.t.Errorf("unmount %s: %v", at, err)
		}
	}
}

// console returns the end of what the container wrote on its console.
func (c *Container) console() []byte {
	text, _ := os.ReadFile(filepath.Join(c.dir, "console.log"))
	return text[max(0, len(text)-2000):]
}

// Path returns where a file of the container is on this machine. Files in /tmp and /run
// cannot be reached that way.
func (c *Container) Path(inside string) string { return filepath.Join(c.dir, "root", inside) }

// Run runs a command in the container, as root, with little in its environment.
func (c *Container) Run(args ...string) Result {
	c.t.Helper()
	return c.RunAs("", args...)
}

// RunAs is Run as another account.
func (c *Container) RunAs(account string, args ...string) Result {
	c.t.Helper()
	if account != "" {
		group := strings.TrimSpace(c.Must("id", "--group", account))
		args = append([]string{"setpriv", "--reuid=" + account, "--regid=" + group, "--init-groups", "--"}, args...)
	}
	ctx, cancel := withTestDeadline(c.t)
	defer cancel()
	cmd := exec.CommandContext(ctx, "nsenter", append([]string{"--target=" + strconv.Itoa(c.leader), //nolint:gosec // a test tool
		"--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd", "--"}, args...)...)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8"}
	r, err := run(cmd)
	if _, exit := errors.AsType[*exec.ExitError](err); err != nil && !exit || ctx.Err() != nil {
		c.t.Fatalf("%q: %v %v", args, err, ctx.Err())
	}
	return r
}

// Must is Run of a command that has to end with exit code 0; it returns stdout.
func (c *Container) Must(args ...string) string {
	c.t.Helper()
	r := c.Run(args...)
	if r.Code != 0 {
		c.t.Fatalf("%q ends with %d:\n%s%s", args, r.Code, r.Stdout, r.Stderr)
	}
	return r.Stdout
}

// InNetwork calls do in the container's network: a listener that do opens is
// reached from within. It ends with the container, also at a reboot.
func (c *Container) InNetwork(do func() error) {
	c.t.Helper()
	errs := make(chan error, 1)
	go func() {
		// The thread is of no more use to others, and ends with the goroutine.
		runtime.LockOSThread()
		ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", c.leader))
		if err == nil {
			err = unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET)
			_ = ns.Close()
		}
		if err == nil {
			err = do()
		}
		errs <- err
	}()
	if err := <-errs; err != nil {
		c.t.Fatal(err)
	}
}

// Write writes a file of the container, and the folders around it.
func (c *Container) Write(path, text string, mode os.FileMode) {
	c.t.Helper()
	err := os.MkdirAll(filepath.Dir(c.Path(path)), 0o755) //nolint:gosec // as most folders of a machine
	if err == nil {
		err = os.WriteFile(c.Path(path), []byte(text), mode)
	}
	if err == nil {
		err = os.Chmod(c.Path(path), mode)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// Copy copies a file of this machine into the container.
func (c *Container) Copy(from, to string, mode os.FileMode) {
	c.t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		c.t.Fatal(err)
	}
	c.Write(to, string(text), mode)
}

// Until waits until a condition is met in the container. It sets no limit of
// its own.
func (c *Container) Until(what string, met func() bool) {
	c.t.Helper()
	waitUntil(c.t, what, met)
}

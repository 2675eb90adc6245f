//go:build linux

package lab

import (
	"bytes"
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

// boxTime bounds a boot, a halt, and any command inside: a box that hangs shall
// not take the whole test run with it.
const boxTime = 90 * time.Second

// Box is a machine of its own: systemd as the first process, over a throw-away
// copy of this machine's files, with a private network that has loopback alone.
// What is written in it is gone when the test ends. It is for one goroutine at
// a time.
type Box struct {
	t      testing.TB
	dir    string // a tmpfs: the copy's own files, and where it is mounted
	cgroup string
	leader int // the process id here of the systemd inside
	nspawn *exec.Cmd
	ended  chan struct{}
}

// NewBox boots a Box. Where the machine cannot have one the test is left out,
// with the reason; with BALANSD_TEST_REQUIRE=all it fails instead.
func NewBox(t testing.TB) *Box {
	t.Helper()
	if err := boxable(); err != nil {
		if os.Getenv("BALANSD_TEST_REQUIRE") == "all" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	b := &Box{t: t, dir: t.TempDir()}
	t.Cleanup(b.close)
	if err := b.lay(); err != nil {
		t.Fatal(err)
	}
	b.boot()
	return b
}

// boxable tells what a box lacks here.
func boxable() error {
	if os.Geteuid() != 0 {
		return errors.New("a systemd in a box needs root")
	}
	for _, tool := range []string{"systemd-nspawn", "nsenter"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("a systemd in a box needs %s (packages systemd-container and util-linux)", tool)
		}
	}
	if unified() == "" {
		return errors.New("a systemd in a box needs the unified hierarchy of cgroups")
	}
	return nil
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

// lay makes the copy of this machine's files: an overlay whose lower layer is
// the root folder. What differs is put into the upper layer before it is
// mounted, which takes no time however much there is to hide.
func (b *Box) lay() error {
	if err := unix.Mount("box", b.dir, "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mount a tmpfs: %w", err)
	}
	up := func(path string) string { return filepath.Join(b.dir, "up", path) }
	for _, dir := range []string{"root", "work", "up/etc/systemd/system"} {
		if err := os.MkdirAll(filepath.Join(b.dir, dir), 0o755); err != nil { //nolint:gosec // as most folders of a machine
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
		"etc/hostname":   "box\n", "etc/fstab": "",
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
	layers := fmt.Sprintf("lowerdir=/,upperdir=%[1]s/up,workdir=%[1]s/work", b.dir)
	if err := unix.Mount("overlay", b.Path("/"), "overlay", 0, layers); err != nil {
		return fmt.Errorf("mount an overlay: %w", err)
	}
	return nil
}

// boot starts systemd and waits until it is up.
func (b *Box) boot() {
	b.t.Helper()
	// In a cgroup of its own a box does not meet another one.
	b.cgroup = filepath.Join(unified(), fmt.Sprintf("balansd-box-%d-%d", os.Getpid(), time.Now().UnixNano()))
	if err := os.Mkdir(b.cgroup, 0o755); err != nil { //nolint:gosec // as every cgroup
		b.t.Fatal(err)
	}
	// It says over this socket when the systemd inside is up, and who that is.
	address := filepath.Join(b.dir, "notify")
	_ = os.Remove(address)
	words, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = words.Close() }()

	log, err := os.OpenFile(filepath.Join(b.dir, "console.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	b.nspawn = exec.Command("/bin/sh", "-c", `echo $$ >"$1/cgroup.procs" && shift && exec systemd-nspawn "$@"`, "box", //nolint:gosec // a test tool
		b.cgroup, "--quiet", "--machine="+filepath.Base(b.cgroup), "--directory="+b.Path("/"), "--boot", "--settings=no",
		"--register=no", "--keep-unit", "--private-network", "--notify-ready=yes", "--console=read-only",
		"--resolv-conf=off", "--timezone=off", "--link-journal=no")
	b.nspawn.Env = []string{"PATH=" + os.Getenv("PATH"), "NOTIFY_SOCKET=" + address}
	b.nspawn.Stdout, b.nspawn.Stderr = log, log
	b.nspawn.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := b.nspawn.Start(); err != nil {
		b.t.Fatal(err)
	}
	b.ended = make(chan struct{})
	go func() {
		_ = b.nspawn.Wait()
		close(b.ended)
		_ = words.SetReadDeadline(time.Now()) // there is nothing to wait for any more
	}()
	if err := b.awaitReady(words); err != nil {
		b.t.Fatalf("the box does not boot: %v\n%s", err, b.console())
	}
	// "degraded" is well: a unit of the machine's may not work in a box.
	if r := b.Run("systemctl", "is-system-running", "--wait"); r.Stdout != "running\n" && r.Stdout != "degraded\n" {
		b.t.Fatalf("the box does not come up: %s%s", r.Stdout, b.console())
	}
}

// awaitReady reads what systemd-nspawn says until the box is ready.
func (b *Box) awaitReady(words *net.UnixConn) error {
	_ = words.SetReadDeadline(time.Now().Add(boxTime))
	buf := make([]byte, 4096)
	for ready := false; !ready || b.leader == 0; {
		n, err := words.Read(buf)
		if err != nil {
			return err
		}
		for line := range strings.SplitSeq(string(buf[:n]), "\n") {
			name, value, _ := strings.Cut(line, "=")
			switch name {
			case "READY":
				ready = true
			case "X_NSPAWN_LEADER_PID":
				if b.leader, err = strconv.Atoi(value); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// halt shuts the box down in good order, as a person does.
func (b *Box) halt() {
	if b.leader == 0 {
		return
	}
	// SIGRTMIN+4 is poweroff.target, see systemd(1). The C library keeps two
	// of the kernel's real-time signals, so that its SIGRTMIN is 34.
	_ = syscall.Kill(b.leader, syscall.Signal(34+4))
	select {
	case <-b.ended:
	case <-time.After(boxTime):
		b.t.Errorf("the box does not halt\n%s", b.console())
	}
	b.leader = 0
}

// Reboot shuts the box down and boots it again.
func (b *Box) Reboot() {
	b.t.Helper()
	b.halt()
	b.clear()
	b.boot()
}

// clear ends what is left of the box's processes and removes its cgroup.
func (b *Box) clear() {
	if b.cgroup == "" {
		return
	}
	if b.nspawn.Process != nil {
		_ = b.nspawn.Process.Kill()
		<-b.ended
	}
	b.leader = 0
	var left []string
	_ = filepath.WalkDir(b.cgroup, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			left = append(left, path)
		}
		return nil
	})
	for i := len(left) - 1; i >= 0; i-- {
		_ = os.Remove(left[i])
	}
	b.cgroup = ""
}

// close throws the box away.
func (b *Box) close() {
	if b.t.Failed() {
		b.t.Logf("the end of the box's console:\n%s", b.console())
	}
	b.halt()
	b.clear()
	for _, at := range []string{b.Path("/"), b.dir} {
		if err := unix.Unmount(at, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) {
			b.t.Errorf("unmount %s: %v", at, err)
		}
	}
}

// console gives the end of what the box wrote on its console.
func (b *Box) console() []byte {
	text, _ := os.ReadFile(filepath.Join(b.dir, "console.log"))
	return text[max(0, len(text)-2000):]
}

// Path is where a file of the box is, seen from here. Files in /tmp and /run
// cannot be reached that way.
func (b *Box) Path(inside string) string { return filepath.Join(b.dir, "root", inside) }

// Result is how a command ended.
type Result struct {
	Stdout, Stderr string
	Code           int
}

// Run runs a command in the box, as root, with little in its environment.
func (b *Box) Run(args ...string) Result {
	b.t.Helper()
	return b.RunAs("", args...)
}

// RunAs is Run as another account.
func (b *Box) RunAs(account string, args ...string) Result {
	b.t.Helper()
	if account != "" {
		group := strings.TrimSpace(b.Must("id", "--group", account))
		args = append([]string{"setpriv", "--reuid=" + account, "--regid=" + group, "--init-groups", "--"}, args...)
	}
	ctx, cancel := context.WithTimeout(context.Background(), boxTime)
	defer cancel()
	c := exec.CommandContext(ctx, "nsenter", append([]string{"--target=" + strconv.Itoa(b.leader), //nolint:gosec // a test tool
		"--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd", "--"}, args...)...)
	c.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8"}
	c.WaitDelay = time.Second
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	r := Result{Stdout: stdout.String(), Stderr: stderr.String(), Code: c.ProcessState.ExitCode()}
	if _, exit := errors.AsType[*exec.ExitError](err); err != nil && !exit || ctx.Err() != nil {
		b.t.Fatalf("%q: %v %v", args, err, ctx.Err())
	}
	return r
}

// Must is Run of a command that has to end with exit code 0; it gives stdout.
func (b *Box) Must(args ...string) string {
	b.t.Helper()
	r := b.Run(args...)
	if r.Code != 0 {
		b.t.Fatalf("%q ends with %d:\n%s%s", args, r.Code, r.Stdout, r.Stderr)
	}
	return r.Stdout
}

// InNetwork does something in the box's network: a listener that do opens is
// reached from within. It ends with the box, also at a reboot.
func (b *Box) InNetwork(do func() error) {
	b.t.Helper()
	errs := make(chan error, 1)
	go func() {
		// The thread is of no more use to others, and ends with the goroutine.
		runtime.LockOSThread()
		ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", b.leader))
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
		b.t.Fatal(err)
	}
}

// Write writes a file of the box, and the folders around it.
func (b *Box) Write(path, text string, mode os.FileMode) {
	b.t.Helper()
	err := os.MkdirAll(filepath.Dir(b.Path(path)), 0o755) //nolint:gosec // as most folders of a machine
	if err == nil {
		err = os.WriteFile(b.Path(path), []byte(text), mode) //nolint:gosec // a test says where
	}
	if err == nil {
		err = os.Chmod(b.Path(path), mode)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// Copy copies a file of this machine into the box.
func (b *Box) Copy(from, to string, mode os.FileMode) {
	b.t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		b.t.Fatal(err)
	}
	b.Write(to, string(text), mode)
}

// Until waits until something is so in the box. It is no measure of speed.
func (b *Box) Until(what string, so func() bool) {
	b.t.Helper()
	limit := time.After(boxTime)
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for !so() {
		select {
		case <-look.C:
		case <-limit:
			b.t.Fatalf("never: %s", what)
		}
	}
}

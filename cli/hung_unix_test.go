//go:build unix

package cli

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"balansd/service"
)

// TestHungDaemon suspends the process of the daemon, so that it accepts connections and
// answers none. Each command still ends, and reports it.
func TestHungDaemon(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	f.link()
	d := f.daemon()
	if err := d.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	// Its last thread stops a moment later; until then it may answer once more.
	var stopped syscall.WaitStatus
	if _, err := syscall.Wait4(d.cmd.Process.Pid, &stopped, syscall.WUNTRACED, nil); err != nil || !stopped.Stopped() {
		t.Fatalf("the daemon is not stopped: %v %v", stopped, err)
	}
	// A suspended process never answers, however short the timeout.
	f.daemonTimeout = 100 * time.Millisecond
	m := &fakeManager{status: service.Status{State: service.On, Config: f.config}}
	for _, args := range [][]string{{"status"}, {"check"}, {"config", "reload"}, {"sync"}, {"service", "status"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			var r result
			if args[0] == "service" {
				r = f.service(m, args[1:]...)
			} else {
				r = f.run(args...)
			}
			r.want(t, 1, "did not answer", args...)
			if !strings.Contains(r.stdout+r.stderr, "balansd service restart") {
				t.Errorf("nothing is said of what to do:\n%s%s", r.stdout, r.stderr)
			}
		})
	}
}

// TestStatusWhileStarting checks the advice for a service whose daemon has no socket yet
// because it waits for the state: not to start a second daemon.
func TestStatusWhileStarting(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	m := &fakeManager{status: service.Status{State: service.On, Config: f.config, Says: "waiting"}}
	r := f.service(m, "status")
	r.want(t, 0, "does not answer yet")
	if strings.Contains(r.stdout, "balansd run") {
		t.Errorf("a second daemon is the advice:\n%s", r.stdout)
	}
}

// TestReloadSocketChanged changes the address of the local API in the configuration, while
// the running daemon uses the old one. A second daemon must not start.
func TestReloadSocketChanged(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	f.link()
	d := f.daemon()
	f.rewrite("socket: ", "socket: "+socketPath(t)+" #")
	r := f.run("config", "reload")
	r.want(t, 1, "socket or data_dir", "config", "reload")
	if !strings.Contains(r.stderr, "balansd service restart") {
		t.Errorf("nothing is said of what to do:\n%s", r.stderr)
	}
	d.stop(t)
}

// TestReloadWhileStarting sends SIGHUP as soon as the service manager knows the service.
// It must not end the process, which systemd would take for a normal exit.
func TestReloadWhileStarting(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	dir, err := os.MkdirTemp("", "bd") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	address := &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"}
	manager, err := net.ListenUnixgram("unixgram", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = manager.Close() })
	// The pipe is full, so that the process blocks on its first log line until somebody
	// reads.
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = read.Close() })
	for size := 4096; size > 0; {
		_ = write.SetWriteDeadline(time.Now().Add(time.Millisecond))
		if _, err := write.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
	p := f.startInto(write, []string{"NOTIFY_SOCKET=" + address.Name}, "run", "--service")
	_ = write.Close()
	word := make([]byte, 100)
	if n, err := manager.Read(word); err != nil || string(word[:n]) != "READY=1" {
		t.Fatalf("%v: %q", err, word[:n])
	}
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(p.stderr, read) }()
	p.stderr.waitFor(t, "the configuration was read again", p.ended)
	p.stop(t)
}

//go:build !windows

package service

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"balansd/problem"
)

// listenAsSystemd opens the socket on which systemd receives notifications, and sets the
// environment variable for it.
func listenAsSystemd(t *testing.T) *net.UnixConn {
	t.Helper()
	dir, err := os.MkdirTemp("", "bd") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	address := filepath.Join(dir, "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	t.Setenv("NOTIFY_SOCKET", address)
	return socket
}

// receive reads one notification.
func receive(t *testing.T, socket *net.UnixConn) string {
	t.Helper()
	buf := make([]byte, 4096)
	n, err := socket.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

// TestManagedNotifiesSystemd checks the notifications and their order.
func TestManagedNotifiesSystemd(t *testing.T) {
	socket := listenAsSystemd(t)
	var got []string
	ctx, cancel := context.WithCancel(t.Context())
	err := Run(ctx, RunOptions{Managed: true, Log: zerolog.Nop()}, func(ctx context.Context, say func(string)) error {
		got = append(got, receive(t, socket)) // before the work begins
		say("next night\nREADY=0")
		got = append(got, receive(t, socket))
		cancel()
		got = append(got, receive(t, socket))
		<-ctx.Done()
		return nil
	})
	if diff := cmp.Diff([]string{"READY=1", "STATUS=next night READY=0", "STOPPING=1\nSTATUS=stopping"}, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	err = Run(t.Context(), RunOptions{Managed: true, Log: zerolog.Nop()}, func(context.Context, func(string)) error {
		return problem.New(problem.StateNewer, "the state is newer", "Update balansd.")
	})
	receive(t, socket)
	if got := receive(t, socket); got != "STATUS=the state is newer. Update balansd." || !problem.Is(err, problem.StateNewer) {
		t.Errorf("%q %v", got, err)
	}
}

// TestManagerDoesNotListen checks that the work is done without a manager.
func TestManagerDoesNotListen(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "/nowhere/at/all")
	worked := false
	err := Run(t.Context(), RunOptions{Managed: true, Log: zerolog.Nop()},
		func(_ context.Context, say func(string)) error {
			say("x")
			worked = true
			return nil
		})
	if err != nil || !worked {
		t.Error(err, worked)
	}
}

// TestManagerDoesNotRead fills the queue of a manager that hangs. The work must be done
// all the same.
func TestManagerDoesNotRead(t *testing.T) {
	socket := listenAsSystemd(t)
	conn, err := net.DialUnix("unixgram", nil, socket.LocalAddr().(*net.UnixAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	for full := false; !full; {
		_ = conn.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
		_, err := conn.Write([]byte("X=1"))
		full = err != nil
	}
	worked := false
	err = Run(t.Context(), RunOptions{Managed: true, Log: zerolog.Nop()}, func(context.Context, func(string)) error {
		worked = true
		return nil
	})
	if err != nil || !worked {
		t.Error(err, worked)
	}
}

// TestWatchdog counts the watchdog notifications while the process works and while it
// hangs.
func TestWatchdog(t *testing.T) {
	for name, c := range map[string]struct {
		alive func(context.Context) error
		pings int
	}{
		"alive":       {nil, 10},
		"says so":     {func(context.Context) error { return nil }, 10},
		"trouble":     {func(context.Context) error { return errors.New("a lock") }, 0},
		"hangs":       {func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, 0},
		"hangs badly": {func(context.Context) error { time.Sleep(time.Hour); return nil }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				pings := 0
				go RunOptions{Log: zerolog.Nop(), Alive: c.alive}.watchdog(ctx, 30*time.Second, func() { pings++ })
				time.Sleep(95 * time.Second)
				synctest.Wait()
				cancel()
				if pings != c.pings {
					t.Errorf("%d pings in 95 s, want %d", pings, c.pings)
				}
				time.Sleep(2 * time.Hour) // lets the hanging goroutine end
			})
		})
	}
}

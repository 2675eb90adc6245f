//go:build !windows

package service

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"balansd/problem"
)

// manager is the socket on which systemd listens.
func manager(t *testing.T) (words *net.UnixConn, environ []string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "bd") // the path of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	address := filepath.Join(dir, "notify")
	words, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = words.Close() })
	return words, []string{"NOTIFY_SOCKET=" + address}
}

// hear reads one word.
func hear(t *testing.T, words *net.UnixConn) string {
	t.Helper()
	buf := make([]byte, 4096)
	n, err := words.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

// TestManagedTellsSystemd checks what systemd hears, and when.
func TestManagedTellsSystemd(t *testing.T) {
	words, environ := manager(t)
	var said []string
	ctx, cancel := context.WithCancel(t.Context())
	err := Run(ctx, RunOptions{Managed: true, Environ: environ, Log: zerolog.Nop()}, func(ctx context.Context, say func(string)) error {
		said = append(said, hear(t, words)) // before the work begins
		say("next night\nREADY=0")
		said = append(said, hear(t, words))
		cancel()
		said = append(said, hear(t, words))
		<-ctx.Done()
		return nil
	})
	if diff := cmp.Diff([]string{"READY=1", "STATUS=next night READY=0", "STOPPING=1\nSTATUS=stopping"}, said); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	err = Run(t.Context(), RunOptions{Managed: true, Environ: environ, Log: zerolog.Nop()}, func(context.Context, func(string)) error {
		return problem.New(problem.StateNewer, "the state is newer", "Update balansd.")
	})
	hear(t, words)
	if got := hear(t, words); got != "STATUS=the state is newer. Update balansd." || !problem.Is(err, problem.StateNewer) {
		t.Errorf("%q %v", got, err)
	}
}

// TestNoManagerListens checks that a manager that is away does not disturb the
// work.
func TestNoManagerListens(t *testing.T) {
	worked := false
	err := Run(t.Context(), RunOptions{Managed: true, Environ: []string{"NOTIFY_SOCKET=/nowhere/at/all"}, Log: zerolog.Nop()},
		func(_ context.Context, say func(string)) error {
			say("x")
			worked = true
			return nil
		})
	if err != nil || !worked {
		t.Error(err, worked)
	}
}

// TestWatchdog counts what systemd hears while the process lives and while it
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
				time.Sleep(2 * time.Hour) // what hangs ends, too
			})
		})
	}
}

func TestWatchdogTime(t *testing.T) {
	us := strconv.Itoa(os.Getpid())
	for _, c := range []struct {
		environ []string
		want    time.Duration
	}{
		{nil, 0},
		{[]string{"WATCHDOG_USEC=120000000"}, 2 * time.Minute},
		{[]string{"WATCHDOG_USEC=120000000", "WATCHDOG_PID=" + us}, 2 * time.Minute},
		{[]string{"WATCHDOG_USEC=120000000", "WATCHDOG_PID=1"}, 0},
		{[]string{"WATCHDOG_USEC=soon"}, 0},
		{[]string{"WATCHDOG_USEC=-5"}, 0},
		{[]string{"WATCHDOG_USEC=99999999999999999999"}, 0},
	} {
		if got := watchdogTime(c.environ, os.Getpid()); got != c.want {
			t.Errorf("%q: %s, want %s", c.environ, got, c.want)
		}
	}
}

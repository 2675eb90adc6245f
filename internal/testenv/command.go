//go:build linux

package testenv

import (
	"context"
	"io"
	"math"
	"os"
	"os/exec"
	"testing"
	"time"
)

// withTestDeadline returns a context that is done one minute before the test binary ends a
// test that hangs: what the test started is then removed like after any other
// failure. It sets no limit of its own.
func withTestDeadline(t testing.TB) (context.Context, context.CancelFunc) {
	if d, ok := t.(interface{ Deadline() (time.Time, bool) }); ok {
		if end, limited := d.Deadline(); limited {
			return context.WithDeadline(context.Background(), end.Add(-time.Minute))
		}
	}
	return context.WithCancel(context.Background())
}

// waitUntil returns when met does, and fails the test when that deadline comes first.
func waitUntil(t testing.TB, what string, met func() bool) {
	t.Helper()
	ctx, cancel := withTestDeadline(t)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !met() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("still waiting until %s", what)
		}
	}
}

// Result is how a command ended.
type Result struct {
	Stdout, Stderr string
	Code           int
}

// run runs a command to its end. Its output goes through files that have no
// name any more: what the command leaves running may hold on to them.
func run(c *exec.Cmd) (Result, error) {
	var files [2]*os.File
	for i := range files {
		f, err := os.CreateTemp("", "balansd-output-")
		if err != nil {
			return Result{}, err
		}
		defer func() { _ = f.Close() }()
		if err := os.Remove(f.Name()); err != nil {
			return Result{}, err
		}
		files[i] = f
	}
	c.Stdout, c.Stderr = files[0], files[1]
	err := c.Run()
	r := Result{Code: c.ProcessState.ExitCode()}
	for i, text := range []*string{&r.Stdout, &r.Stderr} {
		b, readErr := io.ReadAll(io.NewSectionReader(files[i], 0, math.MaxInt64))
		if readErr != nil {
			return Result{}, readErr
		}
		*text = string(b)
	}
	return r, err
}

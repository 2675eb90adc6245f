//go:build !windows

package localapi

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"balansd/problem"
)

// address returns a path for a socket, in a folder that does not exist yet. It is short,
// since Linux allows 107 bytes: t.TempDir has the name of the test.
func address(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "balansd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "run", "s")
}

func TestSocketMode(t *testing.T) {
	path := address(t)
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{path: 0o600 | os.ModeSocket, filepath.Dir(path): 0o700 | os.ModeDir} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", name, info.Mode(), want)
		}
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
}

// leaveStaleSocket leaves a socket behind as a killed daemon does.
func leaveStaleSocket(t *testing.T, path string) {
	t.Helper()
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestListenReplacesStaleSocket(t *testing.T) {
	path := address(t)
	leaveStaleSocket(t, path)
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := Dial(t.Context(), path, ""); err != nil {
		t.Error(err)
	}
}

func TestDialStaleSocket(t *testing.T) {
	path := address(t)
	leaveStaleSocket(t, path)
	_, err := Dial(t.Context(), path, "")
	if !errors.Is(err, ErrNoDaemon) || !problem.Is(err, problem.DaemonDown) {
		t.Errorf("Dial returns %v", err)
	}
}

func TestListenKeepsOtherFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(path); !problem.Is(err, problem.ConfigInvalid) {
		t.Errorf("Listen returns %v", err)
	}
	if b, _ := os.ReadFile(path); string(b) != "precious" {
		t.Errorf("the file now holds %q", b)
	}
}

func TestListenRefusesOpenFolder(t *testing.T) {
	dir := filepath.Dir(address(t))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(filepath.Join(dir, "s")); !problem.Is(err, problem.ConfigInvalid) {
		t.Errorf("Listen returns %v", err)
	}
}

func TestListenRefusesLongPath(t *testing.T) {
	_, err := Listen(filepath.Join(t.TempDir(), strings.Repeat("x", 120)))
	if !problem.Is(err, problem.ConfigInvalid) {
		t.Errorf("Listen returns %v", err)
	}
}

// TestDaemonThatHangsUp has a daemon that accepts connections and closes each.
func TestDaemonThatHangsUp(t *testing.T) {
	path := address(t)
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			_ = c.Close()
		}
	}()
	c, err := Dial(t.Context(), path, "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Status(context.Background())
	if !problem.Is(err, problem.DaemonDown) || errors.Is(err, ErrNoDaemon) {
		t.Errorf("Status returns %v", err)
	}
}

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

// address gives a path for a socket, in a folder that does not exist yet. It is
// short: Linux takes 107 bytes, and test names are long.
func address(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "balansd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "run", "s")
}

func TestSocketIsForItsOwnerAlone(t *testing.T) {
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

// die leaves a socket behind as a killed daemon does.
func die(t *testing.T, path string) {
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

func TestDeadSocketIsReplaced(t *testing.T) {
	path := address(t)
	die(t, path)
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := Dial(t.Context(), path); err != nil {
		t.Error(err)
	}
}

func TestDeadSocketIsNoDaemon(t *testing.T) {
	path := address(t)
	die(t, path)
	_, err := Dial(t.Context(), path)
	if !errors.Is(err, ErrNoDaemon) || !problem.Is(err, problem.DaemonDown) {
		t.Errorf("Dial gives %v", err)
	}
}

func TestListenLeavesOtherFilesAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(path); !problem.Is(err, problem.ConfigInvalid) {
		t.Errorf("Listen gives %v", err)
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
		t.Errorf("Listen gives %v", err)
	}
}

func TestListenRefusesLongPath(t *testing.T) {
	_, err := Listen(filepath.Join(t.TempDir(), strings.Repeat("x", 120)))
	if !problem.Is(err, problem.ConfigInvalid) {
		t.Errorf("Listen gives %v", err)
	}
}

// TestDeafDaemon has a daemon that takes connections and then ends each.
func TestDeafDaemon(t *testing.T) {
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
	c, err := Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Status(context.Background())
	if !problem.Is(err, problem.DaemonDown) || errors.Is(err, ErrNoDaemon) {
		t.Errorf("Status gives %v", err)
	}
}

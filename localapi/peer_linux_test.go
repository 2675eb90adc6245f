package localapi

import (
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"balansd/daemon/daemontest"
	"balansd/problem"

	"github.com/rs/zerolog"
)

// TestMayAnswer: a command trusts root, its own account and that of the service.
func TestMayAnswer(t *testing.T) {
	for _, tt := range []struct {
		uid, own, service string
		want              bool
	}{
		{"0", "1000", "", true}, {"1000", "1000", "", true}, {"998", "0", "998", true}, {"998", "1000", "998", true},
		{"65534", "0", "998", false}, {"65534", "0", "", false}, {"1001", "1000", "998", false}, {"", "0", "", false},
	} {
		if got := mayAnswer(tt.uid, tt.own, tt.service); got != tt.want {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}

// TestCheckPeer reads the account of the process on the other side.
func TestCheckPeer(t *testing.T) {
	path, _ := serve(t, Config{API: fakeAPI{&daemontest.API{}}, Log: zerolog.Nop()})
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := checkPeer(c, path); err != nil {
		t.Errorf("our own daemon: %v", err)
	}
}

// TestSocketInOpenFolder: while the daemon is off, somebody else creates a socket in a
// folder that everybody may write to, such as /tmp. No command uses it.
func TestSocketInOpenFolder(t *testing.T) {
	dir := filepath.Dir(address(t))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, mode := range []os.FileMode{0o777, 0o777 | os.ModeSticky} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := Dial(t.Context(), path, ""); !problem.Is(err, problem.NotAllowed) {
			t.Errorf("in a folder of mode %v a command gets %v", mode, err)
		}
		if _, err := Listen(filepath.Join(dir, "other")); !problem.Is(err, problem.ConfigInvalid) {
			t.Errorf("in a folder of mode %v Listen returns %v", mode, err)
		}
	}
}

// TestListenErrorCode: a full disk is no mistake in the configuration. The service is
// restarted after the former, and not after the latter.
func TestListenErrorCode(t *testing.T) {
	for errno, want := range map[syscall.Errno]problem.Code{
		syscall.ENOSPC: problem.StateUnwritable, syscall.EDQUOT: problem.StateUnwritable, syscall.EROFS: problem.StateUnwritable,
		syscall.EIO: problem.StateUnwritable, syscall.EMFILE: problem.StateUnwritable,
		syscall.EACCES: problem.ConfigInvalid, syscall.ENOTDIR: problem.ConfigInvalid,
	} {
		failed := &net.OpError{Op: "listen", Net: "unix", Err: os.NewSyscallError("bind", errno)}
		if got := problem.Of(cannotListen(failed, "/x/s")).Code; got != want {
			t.Errorf("%v has code %s, want %s", errno, got, want)
		}
	}
}

//go:build !windows

package localapi

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"balansd/problem"
)

// Listen opens the Unix socket at path, for its owner alone: the socket has mode 0600
// from the start, and a missing directory is created with 0700. A stale socket is
// replaced; one on which a process answers gives a StateLocked problem. Closing the
// listener removes the socket.
//
// If two processes replace the same stale socket at once, the later one wins. This
// does not happen, since the daemon locks the state file before it listens.
func Listen(path string) (net.Listener, error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, cannotListen(err, path)
	}
	if err := checkFolder(dir); err != nil {
		return nil, cannotListen(err, path)
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	// Linux gives the socket file the mode of the socket itself, less the
	// umask. Elsewhere the chmod below comes a moment later.
	private := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = syscall.Fchmod(int(fd), 0o600) })
	}}
	l, err := private.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, cannotListen(err, path)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		_ = l.Close()
		return nil, cannotListen(err, path)
	}
	return l, nil
}

// checkFolder returns an error for a directory that everybody may write to: commands
// would take whoever creates the socket there for the daemon. The sticky bit, as on /tmp,
// does not help against who comes first.
func checkFolder(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o002 != 0 {
		return fmt.Errorf("everybody may write in %s", dir)
	}
	return nil
}

// removeStale removes the socket at path if no process answers on it. It never removes
// another kind of file.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return cannotListen(err, path)
	}
	if info.Mode()&fs.ModeSocket == 0 {
		return cannotListen(errors.New("there is a file that is no socket"), path)
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		_ = c.Close()
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return problem.Wrap(err, problem.StateLocked, fmt.Sprintf("another balansd answers on %s", path),
			"Stop it first, or use it: balansd status.")
	}
	if err := os.Remove(path); err != nil {
		return cannotListen(err, path)
	}
	return nil
}

// temporaryErrors are errors of the disk and the machine, which a change of the
// configuration does not solve.
var temporaryErrors = []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EIO, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM}

func cannotListen(err error, path string) error {
	if slices.ContainsFunc(temporaryErrors, func(f error) bool { return errors.Is(err, f) }) {
		return problem.Wrap(err, problem.StateUnwritable, fmt.Sprintf("the local API cannot listen on %s", path),
			"Make room on the disk, or see why it refuses; then start balansd again. As a service it tries again by itself.")
	}
	return problem.Wrap(err, problem.ConfigInvalid, fmt.Sprintf("the local API cannot listen on %s", path),
		"Give the socket another place in the configuration, in a folder that only balansd's account may write.")
}

// dial connects to the daemon.
func dial(ctx context.Context, path string) (net.Conn, error) {
	if err := checkFolder(filepath.Dir(path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, problem.Wrap(err, problem.NotAllowed, fmt.Sprintf("anybody may answer on %s", path),
			"Give the socket another place in the configuration, in a folder that only balansd's account may write.")
	}
	var d net.Dialer
	return d.DialContext(ctx, "unix", path)
}

// noDaemon reports whether an error of connecting means that no daemon runs: there is no
// socket, or one that a killed daemon left.
func noDaemon(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}

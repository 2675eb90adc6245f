package localapi

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"

	"balansd/problem"

	"github.com/Microsoft/go-winio"
	"golang.org/x/sys/windows"
)

// pipes is the prefix of the named pipes of this machine.
const pipes = `\\.\pipe\`

// bufferSize is the size in bytes of each buffer of a pipe. Without one each write would
// wait until the other side reads, and a run for the terminal that shows it.
const bufferSize = 64 << 10

// Listen opens the named pipe at path, such as \\.\pipe\balansd, for the local
// system, the Administrators and the account that the daemon runs as, on this machine
// alone. A pipe that exists gives a StateLocked problem. Windows removes the pipe when
// the process ends.
func Listen(path string) (net.Listener, error) {
	if !strings.HasPrefix(path, pipes) {
		return nil, cannotListen(errors.New("it is no named pipe"), path)
	}
	access, err := pipeAccess()
	if err != nil {
		return nil, cannotListen(err, path)
	}
	l, err := winio.ListenPipe(path, &winio.PipeConfig{
		SecurityDescriptor: access, InputBufferSize: bufferSize, OutputBufferSize: bufferSize,
	})
	switch {
	// winio asks for the first instance of the pipe; Windows denies access if there
	// is one already.
	case errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrExist):
		return nil, problem.Wrap(err, problem.StateLocked, fmt.Sprintf("another balansd answers on %s", path),
			"Stop it first, or use it: balansd status.")
	case err != nil:
		return nil, cannotListen(err, path)
	}
	return l, nil
}

// pipeAccess returns the access list in the security descriptor definition language:
// protected (P), with full access (GA) for the local system (SY), the Administrators
// (BA) and the account of this process, which is the owner (O). checkPeer reads the
// owner, which nobody can set to another account than their own.
func pipeAccess() (string, error) {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("O:%[1]sD:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;GA;;;%[1]s)", user.User.Sid), nil
}

func cannotListen(err error, path string) error {
	return problem.Wrap(err, problem.ConfigInvalid, fmt.Sprintf("the local API cannot listen on %s", path),
		`Give the pipe another name in the configuration, such as \\.\pipe\balansd.`)
}

// dial connects to the daemon.
func dial(ctx context.Context, path string) (net.Conn, error) {
	return winio.DialPipeContext(ctx, path)
}

// noDaemon reports whether an error of connecting means that no daemon runs: a pipe
// exists only as long as its process.
func noDaemon(err error) bool { return errors.Is(err, fs.ErrNotExist) }

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

// pipes is where Windows keeps the named pipes of this machine.
const pipes = `\\.\pipe\`

// bufferSize is how many bytes wait in a pipe, each way, for who reads them. A
// pipe has no room of its own as a socket has: each write would wait for the
// other side to read, and a pass for the terminal that shows it.
const bufferSize = 64 << 10

// Listen opens the named pipe at path, such as \\.\pipe\balansd, for the local
// system, the Administrators and the account that the daemon runs as, and for
// nobody on another machine. A pipe that exists already gives a StateLocked
// problem. Windows removes the pipe with the process.
func Listen(path string) (net.Listener, error) {
	if !strings.HasPrefix(path, pipes) {
		return nil, cannotListen(errors.New("it is no named pipe"), path)
	}
	access, err := onlyUs()
	if err != nil {
		return nil, cannotListen(err, path)
	}
	l, err := winio.ListenPipe(path, &winio.PipeConfig{
		SecurityDescriptor: access, InputBufferSize: bufferSize, OutputBufferSize: bufferSize,
	})
	switch {
	// The first instance of a pipe is asked for exclusively; Windows refuses
	// access when there is one.
	case errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrExist):
		return nil, problem.Wrap(err, problem.StateLocked, fmt.Sprintf("another balansd answers on %s", path),
			"Stop it first, or use it: balansd status.")
	case err != nil:
		return nil, cannotListen(err, path)
	}
	return l, nil
}

// onlyUs is the access list in the security descriptor definition language:
// protected (P), all access (GA) for the local system (SY), the Administrators
// (BA) and our own account, which is the owner (O): by it a command knows whose
// pipe it is, and nobody can name another than themselves there.
func onlyUs() (string, error) {
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

// absent tells whether a failure to connect means that there is no daemon: a
// pipe exists only as long as its process.
func absent(err error) bool { return errors.Is(err, fs.ErrNotExist) }

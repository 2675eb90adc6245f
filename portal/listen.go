package portal

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"syscall"
	"time"

	"balansd/internal/loopback"
	"balansd/problem"
)

// The errors of Windows sockets, as syscall has no names for them.
const (
	wsaAccess    = syscall.Errno(10013)
	wsaInUse     = syscall.Errno(10048)
	wsaNoAddress = syscall.Errno(10049)
)

// listen returns the listener of the pages: the socket that systemd handed over, or one at
// the address of the configuration.
func (cfg ServeConfig) listen(ctx context.Context) (net.Listener, error) {
	if cfg.Socket != nil {
		return cfg.passedListener()
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		if is(err, syscall.EACCES) && answers(ctx, cfg.Listen) {
			err = syscall.EADDRINUSE // the system looks at the right first
		}
		return nil, listenProblem(cfg.Listen, err)
	}
	return l, nil
}

// answers reports whether a program listens at an address already.
func answers(ctx context.Context, address string) bool {
	d := net.Dialer{Timeout: time.Second}
	conn, err := d.DialContext(ctx, "tcp", address)
	if err == nil {
		_ = conn.Close()
	}
	return err == nil
}

// passedListener returns the listener of the socket that systemd handed over. It must be
// that of the configuration: hosts are compared with its port, and without a certificate
// the pages are for this machine alone.
func (cfg ServeConfig) passedListener() (net.Listener, error) {
	l, err := net.FileListener(cfg.Socket)
	if err != nil {
		return nil, problem.Wrap(err, problem.ConfigInvalid, "the socket that systemd handed over is of no use", "See what it has: systemctl cat balansd.socket")
	}
	host, port, _ := net.SplitHostPort(l.Addr().String())
	_, want, _ := net.SplitHostPort(cfg.Listen)
	if port != want || cfg.CertificateFile == "" && !loopback.IsHost(host) {
		_ = l.Close()
		return nil, problem.New(problem.ConfigInvalid, fmt.Sprintf("systemd listens on %s for the pages, and portal.listen is %s", l.Addr(), cfg.Listen),
			"Call \"sudo balansd service install\" once more: it writes balansd.socket anew.")
	}
	return l, nil
}

// listenProblem says why nothing can listen at an address.
func listenProblem(address string, err error) error {
	_, port, _ := net.SplitHostPort(address)
	var what, next string
	switch {
	case is(err, syscall.EADDRINUSE, wsaInUse):
		what = "another program has the port"
		next = "See which: sudo ss -ltnp 'sport = :" + port + "'. Stop that one and call \"sudo balansd service restart\", or give portal.listen another port."
		if runtime.GOOS == "windows" {
			next = "See which: Get-NetTCPConnection -State Listen -LocalPort " + port + ". Stop that one, or give portal.listen another port."
		}
	case is(err, syscall.EACCES, syscall.EPERM, wsaAccess):
		what = "the service has no right to that port"
		next = "A port below 1024 is systemd's to give: call \"sudo balansd service install\" once more, and see systemctl status balansd.socket. Or choose one from 1024 on."
		if runtime.GOOS == "windows" {
			next = "Windows keeps it for another program: netsh int ipv4 show excludedportrange tcp. Give portal.listen another port."
		}
	case is(err, syscall.EADDRNOTAVAIL, wsaNoAddress):
		what, next = "this server has no such address", "Give portal.listen an address of this server, or 0.0.0.0 for all of them."
	default:
		what, next = err.Error(), "Give portal.listen another address or port."
	}
	return problem.Wrap(err, problem.ConfigInvalid, fmt.Sprintf("the pages cannot listen on %s: %s", address, what), next)
}

// is reports whether an error is one of those of the system.
func is(err error, numbers ...syscall.Errno) bool {
	got, ok := errors.AsType[syscall.Errno](err)
	for _, n := range numbers {
		if ok && got == n {
			return true
		}
	}
	return false
}

package portal

import (
	"context"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"balansd/internal/testenv"
	"balansd/problem"

	"github.com/rs/zerolog"
)

// TestWhyThePagesCannotListen: the reason is the right one, and so is what to do.
func TestWhyThePagesCannotListen(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	err = Serve(t.Context(), ServeConfig{Listen: taken.Addr().String(), Log: zerolog.Nop()}, nil)
	if p := problem.Of(err); !strings.Contains(p.What, "another program has the port") || !strings.Contains(p.Next, "another port") {
		t.Errorf("a port that is taken: %s. %s", p.What, p.Next)
	}
	for number, want := range map[syscall.Errno]string{
		syscall.EADDRINUSE: "another program has the port", wsaInUse: "another program has the port",
		syscall.EACCES: "no right to that port", wsaAccess: "no right to that port", syscall.EADDRNOTAVAIL: "no such address",
		syscall.EMFILE: "too many open files",
	} {
		p := problem.Of(listenProblem("10.0.0.1:443", &net.OpError{Op: "listen", Net: "tcp", Err: os.NewSyscallError("bind", number)}))
		if !strings.Contains(strings.ToLower(p.What), want) || !strings.Contains(p.What, "10.0.0.1:443") || p.Next == "" {
			t.Errorf("%v: %s. %s, want %q", number, p.What, p.Next, want)
		}
		if strings.Contains(p.What, "no right") && strings.Contains(p.Next, "ss -ltnp") {
			t.Errorf("a missing right is taken for a port in use: %s", p.Next)
		}
	}
}

// TestPassedSocket: the pages are served at the socket that systemd handed over, if it is
// that of the configuration.
func TestPassedSocket(t *testing.T) {
	l, err := net.Listen("tcp", testenv.UnusedAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no file of a socket, and no systemd")
	}
	socket, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = socket.Close() }()
	f := newFixture(t)
	for range 2 { // it is there again after an error
		ctx, stop := context.WithCancel(t.Context())
		served := make(chan net.Addr, 1)
		ended := make(chan error, 1)
		go func() {
			ended <- Serve(ctx, ServeConfig{Listen: l.Addr().String(), Socket: socket, Log: zerolog.Nop(), Ready: func(a net.Addr) { served <- a }}, f.web)
		}()
		if at := <-served; at.String() != l.Addr().String() {
			t.Errorf("the pages are at %s, want %s", at, l.Addr())
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	err = Serve(t.Context(), ServeConfig{Listen: "127.0.0.1:1", Socket: socket, Log: zerolog.Nop()}, f.web)
	if p := problem.Of(err); p.Code != problem.ConfigInvalid || !strings.Contains(p.What, "portal.listen is 127.0.0.1:1") || !strings.Contains(p.Next, "service install") {
		t.Errorf("another port gives %v", err)
	}
	open, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = open.Close() }()
	reached, err := open.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reached.Close() }()
	_, port, _ := net.SplitHostPort(open.Addr().String())
	if err := Serve(t.Context(), ServeConfig{Listen: "127.0.0.1:" + port, Socket: reached, Log: zerolog.Nop()}, f.web); problem.Of(err).Code != problem.ConfigInvalid {
		t.Errorf("without a certificate the network is served: %v", err)
	}
}

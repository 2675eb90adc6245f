//go:build !windows

package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"

	"balansd/problem"
)

// socketFile is where balansd writes the unit of the port of the web pages.
const socketFile = "/etc/systemd/system/" + socketUnit

// socketText returns the text of balansd.socket, see systemd.socket(5). It starts and ends
// with the service. At boot the service wants it, so that no connection starts a service
// that was stopped.
func socketText(address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	listen := address
	switch {
	case err == nil && host == "":
		listen = port
	case err == nil && host == "localhost":
		listen = net.JoinHostPort("127.0.0.1", port)
	case err == nil:
		_, err = netip.ParseAddr(host)
	}
	if err != nil {
		return "", problem.Wrap(err, problem.Usage, fmt.Sprintf("systemd cannot listen on %s for the pages", address),
			"Give portal.listen an IP address of this server and a port, as 0.0.0.0:443.")
	}
	return "[Unit]\nDescription=the port of the web pages of balansd\nPartOf=" + unitName + "\n\n[Socket]\nListenStream=" + listen + "\n", nil
}

// socketSteps write the unit of the socket, or remove it where none is needed.
func (s *systemd) socketSteps(u UnitSpec) ([]Step, error) {
	if err := s.foreign(socketFile, header); err != nil {
		return nil, err
	}
	if u.Socket == "" {
		if _, err := os.Lstat(s.at(socketFile)); errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return []Step{{"remove " + socketFile + ", since the port needs no right", func(ctx context.Context) error {
			_ = s.systemctl(ctx, "stop", socketUnit) // it may not run
			return s.remove(socketFile)
		}}}, nil
	}
	text, err := socketText(u.Socket)
	if err != nil {
		return nil, err
	}
	return []Step{{"have systemd listen on " + u.Socket + " for the pages, with " + socketFile, func(context.Context) error {
		return s.write(socketFile, header+text, 0o644)
	}}}, nil
}

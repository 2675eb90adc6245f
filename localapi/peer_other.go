//go:build !linux && !windows

package localapi

import "net"

// checkPeer believes whoever may listen in the socket's folder: the service
// itself runs on Linux and Windows.
func checkPeer(net.Conn, string) error { return nil }

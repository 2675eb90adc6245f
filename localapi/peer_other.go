//go:build !linux && !windows

package localapi

import "net"

// checkPeer trusts whoever may listen in the folder of the socket: the service runs on
// Linux and Windows alone.
func checkPeer(net.Conn, string) error { return nil }

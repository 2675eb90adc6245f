package loopback

import (
	"net/netip"
	"strings"
)

// IsHost reports whether host, a name or an address without a port and without
// brackets, means this machine: localhost or a loopback address. It resolves no
// names.
func IsHost(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.IsLoopback()
}

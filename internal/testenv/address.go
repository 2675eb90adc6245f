package testenv

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// UnusedAddress returns a loopback address that nothing listens at. It is one of
// 127.0.0.0/8 where the system has all of them, so that no other program, which
// would take any free port of 127.0.0.1, gets it before the caller does.
func UnusedAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", fmt.Sprintf("127.%d.%d.%d:0", 1+rand.N(254), rand.N(255), 1+rand.N(254)))
	if err != nil {
		l, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return l.Addr().String()
}

//go:build !windows

package service

import "testing"

func TestModeOpenTo(t *testing.T) {
	for _, c := range []struct {
		owner, us int
		want      int
	}{{0, 1000, 0}, {1000, 1000, 0}, {0, 0, 0}, {1001, 1000, 1}, {1001, 0, 1}, {-1, 0, 0}} {
		if got := modeOpenTo(0o600, c.owner, c.us); len(got) != c.want {
			t.Errorf("a file of user %d, seen by %d: %v", c.owner, c.us, got)
		}
	}
}

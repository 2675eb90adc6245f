//go:build !windows

package service

import (
	"io/fs"
	"testing"
)

func TestModeOpenTo(t *testing.T) {
	for _, c := range []struct {
		owner int
		ours  []int
		want  int
	}{
		{0, []int{0, 1000}, 0}, {1000, []int{0, 1000}, 0}, {1001, []int{0, 1000}, 1}, {1001, []int{0}, 1},
		{998, []int{0, 998}, 0}, // the service's account, seen by root
		{-1, []int{0}, 0},
	} {
		if got := modeOpenTo(0o600, c.owner, c.ours); len(got) != c.want {
			t.Errorf("a file of user %d, where %v are ours: %v", c.owner, c.ours, got)
		}
	}
	for mode, may := range map[fs.FileMode]string{0o640: "", 0o644: "read", 0o602: "change", 0o777: "change"} {
		got := modeOpenTo(mode, 0, []int{0})
		if may == "" && len(got) != 0 || may != "" && (len(got) != 1 || got[0].may != may) {
			t.Errorf("mode %v lets others %v, want %q", mode, got, may)
		}
	}
}

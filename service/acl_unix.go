//go:build !windows

package service

import (
	"io/fs"
	"os"
	"slices"
	"strconv"
	"syscall"
)

// mendAccess is what a person does about it.
func mendAccess(path string) string {
	return "give it to the user that balansd runs as, and take the rights of others away with: chmod o-rw " + strconv.Quote(path)
}

// openTo tells who besides us may use the file or folder at path.
func openTo(path string) ([]opening, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	owner := -1
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		owner = int(s.Uid)
	}
	ours := []int{0, os.Geteuid()}
	if uid, _, err := lookUpAccount(); err == nil {
		ours = append(ours, uid) // an administrator looks at what is the service's
	}
	return modeOpenTo(info.Mode(), owner, ours), nil
}

// modeOpenTo tells who may use a file or folder with that mode and owner,
// besides those that are ours. The group is the admin's own choice. An owner
// below 0 is not known.
func modeOpenTo(mode fs.FileMode, owner int, ours []int) (found []opening) {
	if owner >= 0 && !slices.Contains(ours, owner) {
		found = append(found, opening{"user " + strconv.Itoa(owner), "own"})
	}
	switch {
	case mode.Perm()&0o002 != 0:
		found = append(found, opening{"everybody", "change"})
	case mode.Perm()&0o004 != 0:
		found = append(found, opening{"everybody", "read"})
	}
	return found
}

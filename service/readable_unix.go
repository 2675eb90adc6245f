//go:build !windows

package service

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// ReadableByService reports whether the account of the service may read a file, by the
// owners and modes of the file and the folders above it. It is true where there is no such
// account.
func ReadableByService(path string) bool {
	uid, gid, err := lookUpAccount()
	return err != nil || readableBy(path, uid, gid)
}

func readableBy(path string, uid, gid int) bool {
	const read, search = 4, 1
	for need := fs.FileMode(read); ; need = search {
		info, err := os.Stat(path)
		if err != nil {
			return false
		}
		shift := 0
		if has, known := info.Sys().(*syscall.Stat_t); known {
			switch {
			case int(has.Uid) == uid:
				shift = 6
			case int(has.Gid) == gid:
				shift = 3
			}
		}
		if info.Mode().Perm()>>shift&need == 0 {
			return false
		}
		if above := filepath.Dir(path); above != path {
			path = above
			continue
		}
		return true
	}
}

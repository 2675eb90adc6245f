package store

import "golang.org/x/sys/unix"

// space gives the free bytes of the disk that a folder is on, for this
// account; false when the system does not tell.
func space(folder string) (free int64, known bool) {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		return 0, false
	}
	return int64(s.Bavail) * s.Bsize, true
}

package store

import "golang.org/x/sys/unix"

// Space returns the free bytes for this account on the disk of a folder; known is
// false if the system does not report it.
func Space(folder string) (free int64, known bool) {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		return 0, false
	}
	return int64(s.Bavail) * s.Bsize, true
}

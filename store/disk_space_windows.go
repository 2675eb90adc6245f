package store

import "golang.org/x/sys/windows"

// space returns the free bytes for this account on the disk of a folder; known is
// false if the system does not report it.
func space(folder string) (free int64, known bool) {
	name, err := windows.UTF16PtrFromString(folder)
	if err != nil {
		return 0, false
	}
	var bytes uint64
	if err := windows.GetDiskFreeSpaceEx(name, &bytes, nil, nil); err != nil {
		return 0, false
	}
	return int64(bytes), true
}

package store

import "golang.org/x/sys/windows"

// Space returns the free bytes for this account on the disk of a folder; known is
// false if the system does not report it.
func Space(folder string) (free int64, known bool) {
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

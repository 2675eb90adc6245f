package store

import "golang.org/x/sys/windows"

// space gives the free bytes of the disk that a folder is on, for this
// account; false when the system does not tell.
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

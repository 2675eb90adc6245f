package folder

import (
	"io/fs"
	"syscall"
)

func identify(info fs.FileInfo) identity {
	data, ok := info.Sys().(*syscall.Win32FileAttributeData)
	if !ok {
		return identity{}
	}
	return identity{changed: data.CreationTime.Nanoseconds()}
}

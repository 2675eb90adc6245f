package folder

import (
	"io/fs"
	"syscall"
)

func identify(info fs.FileInfo) identity {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return identity{}
	}
	return identity{changed: st.Ctim.Nano(), inode: st.Ino, device: st.Dev}
}

package store

import "golang.org/x/sys/unix"

// forget takes size bytes of a file, mapped at addr, out of this process's
// memory. The system keeps them in its cache as long as it has room, and maps
// them again where they are read: nothing is lost, also under a reader.
func forget(addr uintptr, size int64) {
	_, _, _ = unix.Syscall(unix.SYS_MADVISE, addr, uintptr(size), unix.MADV_DONTNEED)
}

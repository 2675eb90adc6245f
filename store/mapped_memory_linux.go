package store

import "golang.org/x/sys/unix"

// releaseMemory releases size bytes of a mapped file at addr from the memory of this
// process. They stay in the system's cache and are mapped again when they are read,
// also under a reader.
func releaseMemory(addr uintptr, size int64) {
	_, _, _ = unix.Syscall(unix.SYS_MADVISE, addr, uintptr(size), unix.MADV_DONTNEED)
}

//go:build !linux

package store

// forget does nothing: only Linux counts mapped files as a process's memory
// until it is told otherwise.
func forget(uintptr, int64) {}

//go:build !linux && !windows

package store

// space is not known on the systems that balansd is only built on.
func space(string) (free int64, known bool) { return 0, false }

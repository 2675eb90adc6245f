//go:build !linux && !windows

package store

// Space is not known on the systems that balansd is only built on.
func Space(string) (free int64, known bool) { return 0, false }

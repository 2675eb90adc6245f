//go:build !linux && !windows

package cli

// machineID returns the id of this machine; empty if it has none.
func machineID() string { return "" }

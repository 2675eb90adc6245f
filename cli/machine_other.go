//go:build !linux && !windows

package cli

// machineID tells this computer from others; empty where it has no id.
func machineID() string { return "" }

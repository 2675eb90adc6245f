//go:build !windows

package logs

// openEventLog returns nil: only Windows has an event log.
func openEventLog(string) (eventLog, error) { return nil, nil }

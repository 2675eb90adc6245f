package service

import (
	"errors"

	"golang.org/x/sys/windows/registry"
	"golang.org/x/sys/windows/svc/eventlog"
)

// eventSources is the registry key of the sources of the Application log.
const eventSources = `SYSTEM\CurrentControlSet\Services\EventLog\Application`

// addEventSource registers the source of our events, or repairs it. The library does so
// only when it creates the service. Its message file has a text for each id from 1 to
// 1000, which is the event's own; without it the event log says that the description is
// missing.
func (m machine) addEventSource() error {
	return errors.Join(m.removeEventSource(), eventlog.InstallAsEventCreate(Name, eventlog.Error|eventlog.Warning|eventlog.Info))
}

// removeEventSource removes the source. Its events stay in the log.
func (machine) removeEventSource() error {
	err := eventlog.Remove(Name)
	if errors.Is(err, registry.ErrNotExist) {
		return nil
	}
	return err
}

// hasEventSource reports whether the source is registered.
func (machine) hasEventSource() bool {
	key, err := registry.OpenKey(registry.LOCAL_MACHINE, eventSources+`\`+Name, registry.QUERY_VALUE)
	if err != nil {
		return false
	}
	_ = key.Close()
	return true
}

package service

import (
	"errors"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// eventSources is where Windows keeps the sources of the log Application.
const eventSources = `SYSTEM\CurrentControlSet\Services\EventLog\Application`

// eventText is a file of Windows that holds a text for each id from 1 to 1000:
// the event's own. Without a file of texts the event log shows each event with
// a complaint that its description is missing.
const eventText = `%SystemRoot%\System32\EventCreate.exe`

// addEventSource registers the source of our events, or sets it right.
func (machine) addEventSource() error {
	key, _, err := registry.CreateKey(registry.LOCAL_MACHINE, eventSources+`\`+Name, registry.SET_VALUE)
	if err != nil {
		return err
	}
	kinds := uint32(windows.EVENTLOG_ERROR_TYPE | windows.EVENTLOG_WARNING_TYPE | windows.EVENTLOG_INFORMATION_TYPE)
	return errors.Join(
		key.SetExpandStringValue("EventMessageFile", eventText),
		key.SetDWordValue("TypesSupported", kinds),
		key.SetDWordValue("CustomSource", 1),
		key.Close())
}

// removeEventSource takes the source away. Its events stay in the log.
func (machine) removeEventSource() error {
	err := registry.DeleteKey(registry.LOCAL_MACHINE, eventSources+`\`+Name)
	if errors.Is(err, registry.ErrNotExist) {
		return nil
	}
	return err
}

// hasEventSource tells whether the source is registered.
func (machine) hasEventSource() bool {
	key, err := registry.OpenKey(registry.LOCAL_MACHINE, eventSources+`\`+Name, registry.QUERY_VALUE)
	if err != nil {
		return false
	}
	_ = key.Close()
	return true
}

package logs

import (
	"fmt"

	"github.com/rs/zerolog"
	"golang.org/x/sys/windows/registry"
	"golang.org/x/sys/windows/svc/eventlog"
)

// eventSources is the registry key of the sources of the Application log.
const eventSources = `SYSTEM\CurrentControlSet\Services\EventLog\Application\`

// openEventLog opens the event log for a source. For a source that is not registered
// it returns the log and an error: Windows stores the events and shows their text
// below a remark.
func openEventLog(source string) (eventLog, error) {
	log, err := eventlog.Open(source)
	if err != nil {
		return nil, fmt.Errorf("event source %s: %w", source, err)
	}
	key, err := registry.OpenKey(registry.LOCAL_MACHINE, eventSources+source, registry.QUERY_VALUE)
	if err != nil {
		return windowsEvents{log}, fmt.Errorf("event source %s is not registered, which installing the service does: %w", source, err)
	}
	return windowsEvents{log}, key.Close()
}

type windowsEvents struct{ log *eventlog.Log }

func (w windowsEvents) report(level zerolog.Level, id uint32, text string) error {
	switch {
	case level >= zerolog.ErrorLevel && level < zerolog.NoLevel:
		return w.log.Error(id, text)
	case level == zerolog.WarnLevel:
		return w.log.Warning(id, text)
	}
	return w.log.Info(id, text)
}

func (w windowsEvents) close() error { return w.log.Close() }

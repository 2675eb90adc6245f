package logs

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/rs/zerolog"
)

// messageID is the first part of a MESSAGE_ID; the event id, as four decimal
// digits, is the rest, so that an admin who knows one knows the other.
const messageID = "08d68feb26a94f60a42ac9e0e2dc"

// fieldPrefix parts our fields from those that the journal knows.
const fieldPrefix = "BALANSD_"

// maxFieldName is how long the journal lets the name of a field be.
const maxFieldName = 64

// journalEntry returns a line in the journal's own form (systemd, "Native Journal
// Protocol"). MESSAGE has the fields too,
// since journalctl shows nothing else unless asked; each is a field of its own
// besides, for who asks. The journal has its own time.
func journalEntry(l line) []byte {
	var b []byte
	b = appendField(b, "MESSAGE", l.text(" "))
	b = appendField(b, "PRIORITY", fmt.Sprint(priority(l.get(zerolog.LevelFieldName))))
	b = appendField(b, "SYSLOG_IDENTIFIER", "balansd")
	if id := l.eventID(); id > 0 {
		b = appendField(b, "MESSAGE_ID", fmt.Sprintf("%s%04d", messageID, id))
	}
	for _, f := range l {
		if f.key != zerolog.TimestampFieldName {
			b = appendField(b, fieldName(f.key), f.value)
		}
	}
	return b
}

// appendField adds a field: NAME=value, or, where the value has more than one
// line, the name, its length in eight bytes and the value.
func appendField(b []byte, name, value string) []byte {
	b = append(b, name...)
	if strings.Contains(value, "\n") {
		b = append(b, '\n')
		b = binary.LittleEndian.AppendUint64(b, uint64(len(value)))
	} else {
		b = append(b, '=')
	}
	b = append(b, value...)
	return append(b, '\n')
}

// fieldName makes the name of a field: capital letters, digits and underscores.
func fieldName(key string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z' || r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, fieldPrefix+key)
	return name[:min(len(name), maxFieldName)]
}

// priority returns the level as syslog(3) counts. A panic is an alert and no
// emergency, which would be shown on every terminal of the server.
func priority(name string) int {
	level, err := zerolog.ParseLevel(name)
	if err != nil {
		level = zerolog.NoLevel
	}
	switch level {
	case zerolog.TraceLevel, zerolog.DebugLevel:
		return 7
	case zerolog.InfoLevel:
		return 6
	case zerolog.WarnLevel:
		return 4
	case zerolog.ErrorLevel:
		return 3
	case zerolog.FatalLevel:
		return 2
	case zerolog.PanicLevel:
		return 1
	}
	return 5
}

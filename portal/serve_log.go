package portal

import (
	"log"
	"strings"
	"time"

	"github.com/rs/zerolog"
)

// serverLog takes what net/http says of its connections. Anybody on the network
// causes that as often as they like, with a broken handshake: each is logged at
// level debug, and one warning a minute says how many there were.
type serverLog struct {
	log  zerolog.Logger
	told seldom
}

// errorLog gives the log of an http.Server.
func errorLog(l zerolog.Logger) *log.Logger { return log.New(&serverLog{log: l}, "", 0) }

// maxServerText bounds what is logged of one message, in bytes.
const maxServerText = 300

// Write is io.Writer's: one message.
func (l *serverLog) Write(text []byte) (int, error) {
	said := strings.ToValidUTF8(strings.TrimSpace(string(text[:min(len(text), maxServerText)])), "")
	l.log.Debug().Str("text", said).Msg("the web server reports")
	if n, ok := l.told.allow(time.Now()); ok {
		l.log.Warn().Int("count", n).Str("newest", said).Msg("connections failed")
	}
	return len(text), nil
}

package httpserver

import (
	"log"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// serverLog receives what net/http logs about its connections. Anybody on the
// network causes that as often as they like, with a broken handshake: each is
// logged at level debug, and one warning a minute says how many there were.
type serverLog struct {
	log   zerolog.Logger
	limit LogLimit
}

// errorLog returns the log of an http.Server.
func errorLog(l zerolog.Logger) *log.Logger { return log.New(&serverLog{log: l}, "", 0) }

// maxServerText bounds what is logged of one message, in bytes.
const maxServerText = 300

// Write implements io.Writer for one message.
func (l *serverLog) Write(text []byte) (int, error) {
	message := strings.ToValidUTF8(strings.TrimSpace(string(text[:min(len(text), maxServerText)])), "")
	l.log.Debug().Str("text", message).Msg("the web server reports")
	if n, ok := l.limit.Allow(time.Now()); ok {
		l.log.Warn().Int("count", n).Str("newest", message).Msg("connections failed")
	}
	return len(text), nil
}

// LogLimit allows one log line a minute, and counts the others. The zero
// LogLimit is ready to use, and safe for concurrent use.
type LogLimit struct {
	mu    sync.Mutex
	count int
	next  time.Time
}

// Allow counts an event. When it may be logged, count is the number of events
// since the last that was.
func (s *LogLimit) Allow(now time.Time) (count int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	if now.Before(s.next) {
		return 0, false
	}
	count, s.count, s.next = s.count, 0, now.Add(time.Minute)
	return count, true
}

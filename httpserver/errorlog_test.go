package httpserver

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

// TestFailedConnectionsAreCounted checks that one warning a minute has their number and
// the newest message, and that each is logged at level debug.
func TestFailedConnectionsAreCounted(t *testing.T) {
	for level, want := range map[zerolog.Level]int{zerolog.DebugLevel: 2000 + 2, zerolog.InfoLevel: 2, zerolog.ErrorLevel: 0} {
		synctest.Test(t, func(t *testing.T) {
			var log strings.Builder
			l := errorLog(zerolog.New(&log).Level(level))
			for i := range 2000 {
				if i == 1999 {
					time.Sleep(time.Minute)
				}
				l.Printf("http: TLS handshake error from 192.0.2.7:%d: EOF", i)
			}
			lines := strings.SplitAfter(log.String(), "\n")
			lines = lines[:len(lines)-1]
			if len(lines) != want {
				t.Errorf("at level %s %d lines are logged", level, len(lines))
			}
			if last := lines; level == zerolog.InfoLevel && (!strings.Contains(last[1], `"count":1999`) || !strings.Contains(last[1], "192.0.2.7")) {
				t.Errorf("the warning is %s", last[1])
			}
		})
	}
}

// TestLogLimit allows one line a minute, and counts the others.
func TestLogLimit(t *testing.T) {
	var s LogLimit
	at := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
	for i, want := range []int{1, 0, 0} {
		if n, ok := s.Allow(at); n != want || ok != (want > 0) {
			t.Errorf("%d: %d, %v", i, n, ok)
		}
	}
	if n, ok := s.Allow(at.Add(time.Minute)); n != 3 || !ok {
		t.Errorf("a minute later: %d, %v", n, ok)
	}
}

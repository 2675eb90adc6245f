package logs

import (
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/rs/zerolog"

	"balansd/problem"
)

const (
	// eventQueue is how many events may wait for an event log that is slow.
	eventQueue = 256
	// eventTimeout is how long a process that ends waits for them.
	eventTimeout = 3 * time.Second
	// maxEvent is how long the text of an event may be, in bytes. Windows takes
	// 31,839 characters (ReportEvent); none takes less than a byte.
	maxEvent = 31000
)

// eventLog is the event log of Windows.
type eventLog interface {
	// report writes an event; level says how severe it is.
	report(level zerolog.Level, id uint32, text string) error
	close() error
}

// events hands lines to the event log from a goroutine of its own, so that
// nobody waits for it. offer and close are not for several goroutines at a
// time.
type events struct {
	log    eventLog
	queue  chan event
	lost   atomic.Int64                // since the last report
	onLost func(err error, lost int64) // called from the goroutine
	done   chan struct{}
}

type event struct {
	level zerolog.Level
	id    uint32
	text  string
}

func newEvents(log eventLog, onLost func(error, int64)) *events {
	e := &events{log: log, queue: make(chan event, eventQueue), onLost: onLost, done: make(chan struct{})}
	go e.run()
	return e
}

// enqueue queues a line if it belongs in the event log: one with a notice, or at
// level error and above. It never waits; lines that do not fit are counted.
func (e *events) enqueue(level zerolog.Level, text []byte) {
	severe := level >= zerolog.ErrorLevel && level < zerolog.NoLevel
	if !severe && !strings.Contains(string(text), `"`+problem.NoticeKey+`"`) {
		return
	}
	l, err := parse(text)
	if err != nil {
		l = line{{zerolog.MessageFieldName, string(text)}}
	}
	if !severe && l.get(problem.NoticeKey) == "" {
		return // the key stood in a value
	}
	id := l.eventID()
	if id == 0 {
		id = problem.Unexpected.EventID()
	}
	select {
	case e.queue <- event{level, id, eventText(l)}:
	default:
		e.lost.Add(1)
	}
}

// run reports until the queue is closed.
func (e *events) run() {
	defer close(e.done)
	failing := false
	for next := range e.queue {
		err := e.log.report(next.level, next.id, next.text)
		if err != nil {
			e.lost.Add(1)
		}
		if err != nil && failing {
			continue // it was reported
		}
		failing = err != nil
		if lost := e.lost.Swap(0); lost > 0 {
			e.onLost(err, lost)
		}
	}
}

// close waits until the queue is empty, at most eventTimeout.
func (e *events) close() {
	close(e.queue)
	timeout := time.NewTimer(eventTimeout)
	defer timeout.Stop()
	select {
	case <-e.done:
		_ = e.log.close()
	case <-timeout.C: // the goroutine holds the event log still
	}
}

// eventText returns the text of an event: the message, and below it each field.
// ReportEvent accepts no NUL, and reads a percent sign with a digit as a
// placeholder.
func eventText(l line) string {
	var b strings.Builder
	after := rune(0)
	for _, r := range strings.ReplaceAll(l.text("\n"), "\n", "\r\n") {
		if after == '%' && r >= '0' && r <= '9' {
			b.WriteByte(' ')
		}
		if r == 0 {
			r = utf8.RuneError
		}
		if b.Len() > maxEvent {
			b.WriteString(" ... (the log has the rest)")
			break
		}
		b.WriteRune(r)
		after = r
	}
	return b.String()
}

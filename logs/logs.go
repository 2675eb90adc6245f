package logs

import (
	"errors"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"balansd/problem"
)

// Config says what is logged, and where to.
type Config struct {
	Level  string // trace, debug, info, warn or error
	Format string // auto, journald, json or console; empty is auto

	File     string // in place of standard error; empty: no file
	FileSize int64  // a file that would grow beyond so many bytes, rounded up to MiB, is rotated; 0: never
	Files    int    // how many rotated files are kept; 0: all

	Stderr  io.Writer // for lines that no other destination takes; never nil
	Environ []string  // as os.Environ gives it: JOURNAL_STREAM, NO_COLOR, TERM, WT_SESSION

	// EventSource names the source in the event log of Windows. Lines with a
	// notice (problem.NoticeKey) and lines at level error then go there too.
	// Empty for none; other systems have no event log.
	EventSource string
}

// Log is the log of a process. It is safe for concurrent use.
type Log struct {
	threshold    threshold
	writer       *writer
	closeTimeout time.Duration // of Close
}

// Open opens the log. It fails only where the Config itself is wrong; a
// destination that cannot be opened is reported in a line, and standard error
// takes its lines until it can. The caller closes the log.
func Open(c Config) (*Log, error) {
	return open(c, system{journal: journalSocket, events: openEventLog})
}

// system is what tests replace: the journal and the event log.
type system struct {
	journal string                                // the path of the journal's socket
	events  func(source string) (eventLog, error) // may return an error beside a usable log
}

func open(c Config, sys system) (*Log, error) {
	l := &Log{writer: &writer{stderr: c.Stderr}, closeTimeout: closeTimeout}
	if err := l.SetLevel(c.Level); err != nil {
		return nil, err
	}
	if c.Format != "" && !slices.Contains(formats, c.Format) {
		return nil, problem.New(problem.ConfigInvalid, "log format "+c.Format+" is not known",
			"It is auto, journald, json or console.")
	}
	l.writer.destinations = c.destinations(sys, l.writer)
	var noEvents error
	if c.EventSource != "" {
		var log eventLog
		if log, noEvents = sys.events(c.EventSource); log != nil {
			l.writer.events = newEvents(log, l.writer.eventsLost)
		}
	}
	l.writer.check(noEvents)
	return l, nil
}

// Logger returns the logger. It, and every logger that is derived from it,
// follows SetLevel; Logger.Level on one of them can only make it quieter, and
// Logger.Sample would cut it off from SetLevel.
func (l *Log) Logger() zerolog.Logger {
	return zerolog.New(l.writer).Sample(&l.threshold).With().Timestamp().Logger()
}

// SetLevel omits lines below a level from now on, in all loggers. It
// returns a ConfigInvalid problem for an unknown level.
func (l *Log) SetLevel(level string) error {
	parsed, err := zerolog.ParseLevel(level)
	if err != nil || parsed < zerolog.TraceLevel || parsed > zerolog.ErrorLevel {
		return problem.New(problem.ConfigInvalid, "log level "+level+" is not known",
			"It is trace, debug, info, warn or error.")
	}
	l.threshold.Store(int32(parsed))
	return nil
}

// closeTimeout is how long closing the log may take: longer than waiting for
// the event log.
const closeTimeout = eventTimeout + 2*time.Second

// Close hands over what waits for the event log and closes the file. Lines that
// come later go to standard error. It takes a few seconds at most, whatever
// hangs, so that a process which must end at once can call it, too.
func (l *Log) Close() error {
	closed := make(chan error, 1)
	go func() { closed <- l.writer.close() }()
	timeout := time.NewTimer(l.closeTimeout)
	defer timeout.Stop()
	select {
	case err := <-closed:
		return err
	case <-timeout.C:
		return errors.New("a destination of the log hangs, and may lack the last lines")
	}
}

// threshold leaves out lines below a level that can be changed. As a
// zerolog.Sampler it is asked before a line is built, so that a line that is
// left out costs a few nanoseconds.
type threshold struct{ atomic.Int32 }

// Sample reports whether a line of the level is wanted.
func (t *threshold) Sample(level zerolog.Level) bool { return level >= zerolog.Level(t.Load()) }

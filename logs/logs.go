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

	File     string // takes the place of standard error; empty: no file
	FileSize int64  // a file that would grow beyond so many bytes, rounded up to MiB, is rotated; 0: never
	Files    int    // how many rotated files are kept; 0: all

	Stderr  io.Writer // for lines that no other place takes; never nil
	Environ []string  // as os.Environ gives it: JOURNAL_STREAM, NO_COLOR, TERM, WT_SESSION

	// EventSource names the source in the event log of Windows. Lines with a
	// notice (problem.NoticeKey) and lines at level error then go there too.
	// Empty for none; other systems have no event log.
	EventSource string
}

// Log is the log of a process. It may be used by several goroutines.
type Log struct {
	threshold threshold
	sink      *sink
	patience  time.Duration // of Close
}

// Open opens the log. It fails only where the Config itself is wrong; a place
// that cannot be had is told in a line, and standard error takes its lines
// until it can. The caller closes the log.
func Open(c Config) (*Log, error) {
	return open(c, system{journal: journalSocket, events: openEventLog})
}

// system is what there is outside, for tests to put something in its place.
type system struct {
	journal string                                // the path of the journal's socket
	events  func(source string) (eventLog, error) // may give an error beside a log that can be used
}

func open(c Config, sys system) (*Log, error) {
	l := &Log{sink: &sink{stderr: c.Stderr}, patience: closePatience}
	if err := l.SetLevel(c.Level); err != nil {
		return nil, err
	}
	if c.Format != "" && !slices.Contains(formats, c.Format) {
		return nil, problem.New(problem.ConfigInvalid, "log format "+c.Format+" is not known",
			"It is auto, journald, json or console.")
	}
	l.sink.aims = c.aims(sys, l.sink)
	var noEvents error
	if c.EventSource != "" {
		var log eventLog
		if log, noEvents = sys.events(c.EventSource); log != nil {
			l.sink.events = newEvents(log, l.sink.eventTrouble)
		}
	}
	l.sink.begin(noEvents)
	return l, nil
}

// Logger gives the logger. It, and every logger that is derived from it,
// follows SetLevel; Logger.Level on one of them can only make it quieter, and
// Logger.Sample would cut it off from SetLevel.
func (l *Log) Logger() zerolog.Logger {
	return zerolog.New(l.sink).Sample(&l.threshold).With().Timestamp().Logger()
}

// SetLevel has lines below a level left out from now on, by all loggers. It
// gives a ConfigInvalid problem for a level that there is not.
func (l *Log) SetLevel(level string) error {
	parsed, err := zerolog.ParseLevel(level)
	if err != nil || parsed < zerolog.TraceLevel || parsed > zerolog.ErrorLevel {
		return problem.New(problem.ConfigInvalid, "log level "+level+" is not known",
			"It is trace, debug, info, warn or error.")
	}
	l.threshold.Store(int32(parsed))
	return nil
}

// Level tells which level is set.
func (l *Log) Level() string { return zerolog.Level(l.threshold.Load()).String() }

// closePatience is how long closing the log may take: longer than waiting for
// the event log.
const closePatience = eventPatience + 2*time.Second

// Close hands over what waits for the event log and closes the file. Lines that
// come later go to standard error. It takes a few seconds at most, whatever
// hangs, so that a process which must end at once can call it, too.
func (l *Log) Close() error {
	closed := make(chan error, 1)
	go func() { closed <- l.sink.close() }()
	patience := time.NewTimer(l.patience)
	defer patience.Stop()
	select {
	case err := <-closed:
		return err
	case <-patience.C:
		return errors.New("a place of the log hangs, and may lack the last lines")
	}
}

// threshold leaves out lines below a level that can be changed. As a
// zerolog.Sampler it is asked before a line is built, so that a line that is
// left out costs a few nanoseconds.
type threshold struct{ atomic.Int32 }

// Sample tells whether a line of the level is wanted.
func (t *threshold) Sample(level zerolog.Level) bool { return level >= zerolog.Level(t.Load()) }

package logs

import (
	"bytes"
	"errors"
	"io"
	"sync"

	"github.com/rs/zerolog"

	"balansd/problem"
)

// writer sends every line to every destination, and what a destination refuses
// to standard error. It is a zerolog.LevelWriter.
type writer struct {
	mu           sync.Mutex
	destinations []*destination
	stderr       io.Writer
	events       *events // nil where there is no event log
}

// destination is where lines go: the journal, the log file or standard error.
type destination struct {
	name     string
	w        io.Writer
	ready    func() error // checks whether it accepts lines; nil if only a line can show it
	close    func() error // nil for standard error, which is not ours
	isStderr bool         // it is standard error itself: nothing comes after it
	failed   bool
	diverted int // lines that standard error took since the destination worked last
	lost     int // lines that nothing took since then
}

// Write takes a line without a level.
func (w *writer) Write(text []byte) (int, error) { return w.WriteLevel(zerolog.NoLevel, text) }

// WriteLevel takes a line. It never fails: zerolog would only complain on
// standard error, which was tried already.
func (w *writer) WriteLevel(level zerolog.Level, text []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writeAll(level, redact(text))
	return len(text), nil
}

// writeAll sends a line to every destination. The caller holds the lock.
func (w *writer) writeAll(level zerolog.Level, text []byte) {
	diverted, saved := false, false
	for _, d := range w.destinations {
		_, err := d.w.Write(text)
		if err == nil {
			w.recovered(d)
			continue
		}
		if !diverted && !d.isStderr {
			diverted = true
			_, worse := w.stderr.Write(text)
			saved = worse == nil
		}
		w.failed(d, err, saved)
	}
	if len(w.destinations) == 0 { // closed
		_, _ = w.stderr.Write(text)
	}
	if w.events != nil {
		w.events.enqueue(level, text)
	}
}

// failed records that a destination refused a line, and reports the first one.
func (w *writer) failed(d *destination, err error, saved bool) {
	if saved {
		d.diverted++
	} else {
		d.lost++
	}
	if d.failed {
		return
	}
	d.failed = true
	w.report(func(log *zerolog.Logger) {
		log.Error().Str("code", string(problem.StateUnwritable)).Str("place", d.name).Err(err).Msg("a log destination accepts no lines")
	})
}

// recovered records that a destination takes lines, and reports it when it did
// not before.
func (w *writer) recovered(d *destination) {
	if !d.failed {
		return
	}
	diverted, lost := d.diverted, d.lost
	d.failed, d.diverted, d.lost = false, 0, 0
	w.report(func(log *zerolog.Logger) {
		log.Warn().Str("place", d.name).Int("lines_aside", diverted).Int("lines_lost", lost).Msg("a log destination accepts lines again")
	})
}

// report writes a line about the log itself to every destination that works, to
// standard error where one does not, and to the event log. The caller holds
// the lock.
func (w *writer) report(write func(*zerolog.Logger)) {
	var line reportLine
	own := zerolog.New(&line).With().Timestamp().Logger()
	write(&own)
	text := redact(line.Bytes())
	toStderr := len(w.destinations) == 0 // closed
	for _, d := range w.destinations {
		if !d.failed {
			_, err := d.w.Write(text)
			toStderr = toStderr || err != nil
		} else {
			toStderr = toStderr || !d.isStderr
		}
	}
	if toStderr {
		_, _ = w.stderr.Write(text)
	}
	if w.events != nil {
		w.events.enqueue(line.level, text)
	}
}

// reportLine is a line about the log itself.
type reportLine struct {
	bytes.Buffer
	level zerolog.Level
}

func (l *reportLine) WriteLevel(level zerolog.Level, text []byte) (int, error) {
	l.level = level
	return l.Write(text)
}

// rotationFailed reports that the file cannot be rotated. The file calls it within
// a line.
func (w *writer) rotationFailed(err error) {
	w.report(func(log *zerolog.Logger) {
		log.Warn().Str("code", string(problem.StateUnwritable)).Err(err).Msg("the log file cannot be rotated, and grows on")
	})
}

// eventsLost reports events that did not reach the event log.
func (w *writer) eventsLost(err error, lost int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.report(func(log *zerolog.Logger) {
		log.Warn().Str("place", nameEventLog).Int64("lines_lost", lost).Err(err).Msg("events did not reach the event log")
	})
}

// check tries every destination, so that a wrong path is reported at once, and
// reports noEvents, the error of opening the event log.
func (w *writer) check(noEvents error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range w.destinations {
		if d.ready == nil {
			continue
		}
		if err := d.ready(); err != nil {
			w.failed(d, err, true)
			d.diverted = 0 // there was no line yet
		}
	}
	if noEvents != nil {
		w.report(func(log *zerolog.Logger) {
			log.Warn().Str("place", nameEventLog).Err(noEvents).Msg("the event log cannot be used as it should")
		})
	}
}

// close closes every destination; later lines go to standard error.
func (w *writer) close() error {
	w.mu.Lock()
	events := w.events
	w.events = nil
	w.mu.Unlock()
	if events != nil {
		events.close() // it may call eventsLost, which takes the lock
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var err error
	for _, d := range w.destinations {
		if d.close != nil {
			err = errors.Join(err, d.close())
		}
	}
	w.destinations = nil
	return err
}

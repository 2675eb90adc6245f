package logs

import (
	"bytes"
	"errors"
	"io"
	"sync"

	"github.com/rs/zerolog"

	"balansd/problem"
)

// sink is where zerolog writes to. It sends every line to every aim, and what
// an aim refuses to standard error. It is a zerolog.LevelWriter.
type sink struct {
	mu     sync.Mutex
	aims   []*aim
	stderr io.Writer
	events *events // nil where there is no event log
}

// aim is one place where lines go.
type aim struct {
	name   string
	w      io.Writer
	ready  func() error // tries whether it takes lines; nil where only a line can tell
	close  func() error // nil for standard error, which is not ours
	last   bool         // it is standard error itself: nothing comes after it
	failed bool
	aside  int // lines that standard error took since the place worked last
	lost   int // lines that nothing took since then
}

// Write takes a line without a level.
func (s *sink) Write(text []byte) (int, error) { return s.WriteLevel(zerolog.NoLevel, text) }

// WriteLevel takes a line. It never fails: zerolog would only complain on
// standard error, which was tried already.
func (s *sink) WriteLevel(level zerolog.Level, text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(level, redact(text))
	return len(text), nil
}

// put sends a line to every place. The caller holds the lock.
func (s *sink) put(level zerolog.Level, text []byte) {
	aside, saved := false, false
	for _, a := range s.aims {
		_, err := a.w.Write(text)
		if err == nil {
			s.well(a)
			continue
		}
		if !aside && !a.last {
			aside = true
			_, worse := s.stderr.Write(text)
			saved = worse == nil
		}
		s.ill(a, err, saved)
	}
	if len(s.aims) == 0 { // closed
		_, _ = s.stderr.Write(text)
	}
	if s.events != nil {
		s.events.offer(level, text)
	}
}

// ill notes that a place did not take a line, and tells it at the first one.
func (s *sink) ill(a *aim, err error, saved bool) {
	if saved {
		a.aside++
	} else {
		a.lost++
	}
	if a.failed {
		return
	}
	a.failed = true
	s.tell(func(log *zerolog.Logger) {
		log.Error().Str("code", string(problem.StateUnwritable)).Str("place", a.name).Err(err).Msg("a place of the log takes no lines")
	})
}

// well notes that a place takes lines, and tells it when it did not before.
func (s *sink) well(a *aim) {
	if !a.failed {
		return
	}
	aside, lost := a.aside, a.lost
	a.failed, a.aside, a.lost = false, 0, 0
	s.tell(func(log *zerolog.Logger) {
		log.Warn().Str("place", a.name).Int("lines_aside", aside).Int("lines_lost", lost).Msg("a place of the log takes lines again")
	})
}

// tell writes a line about the log itself to every place that works, to
// standard error where one does not, and to the event log. The caller holds
// the lock.
func (s *sink) tell(write func(*zerolog.Logger)) {
	var line told
	own := zerolog.New(&line).With().Timestamp().Logger()
	write(&own)
	text := redact(line.Bytes())
	aside := len(s.aims) == 0 // closed
	for _, a := range s.aims {
		if !a.failed {
			_, err := a.w.Write(text)
			aside = aside || err != nil
		} else {
			aside = aside || !a.last
		}
	}
	if aside {
		_, _ = s.stderr.Write(text)
	}
	if s.events != nil {
		s.events.offer(line.level, text)
	}
}

// told is a line about the log itself.
type told struct {
	bytes.Buffer
	level zerolog.Level
}

func (t *told) WriteLevel(level zerolog.Level, text []byte) (int, error) {
	t.level = level
	return t.Write(text)
}

// fileTrouble reports that the file cannot be rotated. The file calls it within
// a line.
func (s *sink) fileTrouble(err error) {
	s.tell(func(log *zerolog.Logger) {
		log.Warn().Str("code", string(problem.StateUnwritable)).Err(err).Msg("the log file cannot be rotated, and grows on")
	})
}

// eventTrouble tells that events did not reach the event log.
func (s *sink) eventTrouble(err error, lost int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tell(func(log *zerolog.Logger) {
		log.Warn().Str("place", theEvents).Int64("lines_lost", lost).Err(err).Msg("events did not reach the event log")
	})
}

// begin tries the places, so that a path that is wrong is heard of at once. It
// tells too what went wrong with the event log.
func (s *sink) begin(noEvents error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.aims {
		if a.ready == nil {
			continue
		}
		if err := a.ready(); err != nil {
			s.ill(a, err, true)
			a.aside = 0 // there was no line yet
		}
	}
	if noEvents != nil {
		s.tell(func(log *zerolog.Logger) {
			log.Warn().Str("place", theEvents).Err(noEvents).Msg("the event log cannot be used as it should")
		})
	}
}

// close lets every place go; standard error takes what comes later.
func (s *sink) close() error {
	s.mu.Lock()
	events := s.events
	s.events = nil
	s.mu.Unlock()
	if events != nil {
		events.close() // may tell of trouble, so the lock is free
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	for _, a := range s.aims {
		if a.close != nil {
			err = errors.Join(err, a.close())
		}
	}
	s.aims = nil
	return err
}

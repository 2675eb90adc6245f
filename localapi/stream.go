package localapi

import (
	"encoding/json"
	"net/http"
	"reflect"
	"time"

	"balansd/ledger"
)

// stream writes the lines of an answer as they happen. It is for one goroutine at a
// time.
type stream struct {
	w       http.ResponseWriter
	conn    *http.ResponseController
	timeout time.Duration // for writing a line
	cancel  func()        // ends the work when the client is gone
	started bool          // the header is written
	gone    bool          // the client does not read any more
}

func newStream(w http.ResponseWriter, timeout time.Duration, cancel func()) *stream {
	return &stream{w: w, conn: http.NewResponseController(w), timeout: timeout, cancel: cancel}
}

// write writes one line and reports whether the client still reads. A client that does
// not read for the timeout counts as gone.
func (s *stream) write(l line) bool {
	if s.gone {
		return false
	}
	if !s.started {
		s.started = true
		s.w.Header().Set("Content-Type", streamType)
		s.w.Header().Set("Cache-Control", "no-store")
		s.w.WriteHeader(http.StatusOK)
	}
	// The error is ignored: a test's connection may have no deadlines.
	_ = s.conn.SetWriteDeadline(time.Now().Add(s.timeout))
	err := json.NewEncoder(s.w).Encode(l)
	if err == nil {
		err = s.conn.Flush()
	}
	if err != nil {
		s.gone = true
		s.cancel()
	}
	return !s.gone
}

// end writes the last line. A call that failed before its first line is answered with
// the status of the problem.
func (s *stream) end(run *ledger.Run, err error) {
	if run != nil && err != nil && reflect.ValueOf(*run).IsZero() {
		run = nil
	}
	if err != nil && run == nil && !s.started {
		writeProblem(s.w, err)
		return
	}
	l := line{Run: run, End: true}
	if err != nil {
		l.Problem = bodyOf(err)
	}
	s.write(l)
}

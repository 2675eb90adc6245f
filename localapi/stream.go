package localapi

import (
	"encoding/json"
	"net/http"
	"reflect"
	"time"

	"balansd/ledger"
)

// stream writes lines to a client as they happen. It is for one goroutine at a
// time.
type stream struct {
	w      http.ResponseWriter
	conn   *http.ResponseController
	wait   time.Duration
	cancel func() // ends the work that nobody listens to
	begun  bool
	gone   bool
}

func newStream(w http.ResponseWriter, wait time.Duration, cancel func()) *stream {
	return &stream{w: w, conn: http.NewResponseController(w), wait: wait, cancel: cancel}
}

// line writes one line and tells whether the client still listens. A client
// that reads nothing for the stream's wait is taken for gone.
func (s *stream) line(l line) bool {
	if s.gone {
		return false
	}
	if !s.begun {
		s.begun = true
		s.w.Header().Set("Content-Type", streamType)
		s.w.Header().Set("Cache-Control", "no-store")
		s.w.WriteHeader(http.StatusOK)
	}
	// A connection without deadlines, in a test, is only more patient.
	_ = s.conn.SetWriteDeadline(time.Now().Add(s.wait))
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

// end writes the last line. A call that came to nothing before its first line
// answers with the problem's own status.
func (s *stream) end(pass *ledger.Run, err error) {
	if pass != nil && err != nil && reflect.ValueOf(*pass).IsZero() {
		pass = nil
	}
	if err != nil && pass == nil && !s.begun {
		writeProblem(s.w, err)
		return
	}
	l := line{Run: pass, End: true}
	if err != nil {
		l.Problem = bodyOf(err)
	}
	s.line(l)
}

package portal

import (
	"net/http"
	"time"
)

// downloadWriter writes a file to a browser for as long as the browser reads: the time
// that a page may take begins anew with each piece.
type downloadWriter struct {
	w    http.ResponseWriter
	conn *http.ResponseController
}

// download gives a writer of the answer for files.
func (rq *request) download() downloadWriter {
	return downloadWriter{rq.w, http.NewResponseController(rq.w)}
}

// chunkSize is how much of a file a browser must take within writeTime.
const chunkSize = 16 << 10

// Write is io.Writer's.
func (s downloadWriter) Write(text []byte) (n int, err error) {
	for len(text) > 0 {
		piece := text[:min(len(text), chunkSize)]
		// A connection without deadlines, in a test, is only more patient.
		_ = s.conn.SetWriteDeadline(time.Now().Add(writeTime))
		wrote, err := s.w.Write(piece)
		n += wrote
		if err != nil {
			return n, err
		}
		text = text[len(piece):]
	}
	return n, nil
}

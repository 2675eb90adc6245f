package portal

import (
	"net/http"
	"time"
)

// downloadWriter writes a file to the browser. Each chunk renews the write deadline, so
// that a slow connection gets the whole file.
type downloadWriter struct {
	w    http.ResponseWriter
	conn *http.ResponseController
}

// download returns a downloadWriter for the answer.
func (rq *request) download() downloadWriter {
	return downloadWriter{rq.w, http.NewResponseController(rq.w)}
}

// chunkSize is how many bytes of a file a browser must read within writeTimeout.
const chunkSize = 16 << 10

// Write implements io.Writer.
func (s downloadWriter) Write(text []byte) (n int, err error) {
	for len(text) > 0 {
		piece := text[:min(len(text), chunkSize)]
		// The error is ignored: a connection of a test has no deadlines.
		_ = s.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
		wrote, err := s.w.Write(piece)
		n += wrote
		if err != nil {
			return n, err
		}
		text = text[len(piece):]
	}
	return n, nil
}

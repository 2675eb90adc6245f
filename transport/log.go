package transport

import (
	"net/http"
	"time"

	"github.com/rs/zerolog"
)

// logging writes one debug line for each attempt. It leaves out query strings,
// headers and bodies, which carry tokens, codes and the content of documents.
type logging struct {
	next http.RoundTripper
	log  zerolog.Logger
}

func (l *logging) RoundTrip(req *http.Request) (*http.Response, error) {
	start := time.Now()
	resp, err := l.next.RoundTrip(req)
	e := l.log.Debug().
		Str("method", req.Method).
		Str("host", req.URL.Host).
		Str("path", req.URL.EscapedPath()).
		Dur("took_ms", time.Since(start))
	if err != nil {
		e.Err(err).Msg("request failed")
		return nil, err
	}
	e.Int("status", resp.StatusCode).Msg("request answered")
	return resp, nil
}

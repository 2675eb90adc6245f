package faults

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"time"
)

const htmlError = "<!DOCTYPE html><html><head><title>We're sorry</title></head>" +
	"<body><h1>We're sorry, but something went wrong.</h1></body></html>"

// carryOut answers r in the way that the fault orders. next acts only where
// the kind says so.
func (f Fault) carryOut(w http.ResponseWriter, r *http.Request, next http.Handler) {
	switch f.Kind {
	case Unauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		reply(w, http.StatusUnauthorized, `{"error":"invalid_token","error_description":"The access token is not valid"}`)
	case Forbidden:
		reply(w, http.StatusForbidden, `{"error":"You are not allowed to do this"}`)
	case NotFound:
		reply(w, http.StatusNotFound, `{"error":"Not found"}`)
	case Conflict:
		reply(w, http.StatusConflict, `{"error":"The resource is being changed by another request"}`)
	case UnprocessableError:
		reply(w, http.StatusUnprocessableEntity, `{"error":"The request could not be processed"}`)
	case UnprocessableErrors:
		reply(w, http.StatusUnprocessableEntity, `{"errors":["The value is invalid","The key is invalid"]}`)
	case TooMany:
		reply(w, http.StatusTooManyRequests, `{"error":"Rate limit exceeded"}`)
	case TooManyRetryAfter:
		after := f.RetryAfter
		if after == "" {
			after = "1"
		}
		w.Header().Set("Retry-After", after)
		reply(w, http.StatusTooManyRequests, `{"error":"Rate limit exceeded"}`)
	case ServerError:
		replyHTML(w, http.StatusInternalServerError)
	case NotJSON:
		replyHTML(w, http.StatusOK)
	case LostBefore:
		panic(http.ErrAbortHandler)
	case LostAfter:
		next.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	case Slow:
		f.dribble(w, r, next)
	case Truncated:
		truncate(w, r, next)
	}
}

func reply(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

func replyHTML(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(htmlError))
}

// act lets next answer into memory, then copies its status and headers with
// the full length of the body, which is returned unsent.
func act(w http.ResponseWriter, r *http.Request, next http.Handler) []byte {
	rec := httptest.NewRecorder()
	next.ServeHTTP(rec, r)
	for key, values := range rec.Header() {
		w.Header()[key] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(rec.Body.Len()))
	w.WriteHeader(rec.Code)
	return rec.Body.Bytes()
}

// dribble sends the reply in sixteen pieces with a pause before each.
func (f Fault) dribble(w http.ResponseWriter, r *http.Request, next http.Handler) {
	delay := time.Duration(f.DelayMS) * time.Millisecond
	if delay == 0 {
		delay = 50 * time.Millisecond
	}
	body := act(w, r, next)
	flush := http.NewResponseController(w)
	_ = flush.Flush()
	piece := len(body)/16 + 1
	for len(body) > 0 {
		if !sleep(r.Context(), delay) {
			return
		}
		n := min(piece, len(body))
		if _, err := w.Write(body[:n]); err != nil {
			return
		}
		_ = flush.Flush()
		body = body[n:]
	}
}

// truncate promises the whole body, sends half of it and closes.
func truncate(w http.ResponseWriter, r *http.Request, next http.Handler) {
	body := act(w, r, next)
	_, _ = w.Write(body[:len(body)/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// sleep waits for d; false when the caller went away first.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// A statusWriter reports the status, once, before it is sent.
type statusWriter struct {
	http.ResponseWriter
	answering func(status int) // nil once it was reported
}

func (w *statusWriter) report(status int) {
	if report := w.answering; report != nil {
		w.answering = nil
		report(status)
	}
}

func (w *statusWriter) WriteHeader(status int) {
	w.report(status)
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	w.finish()
	return w.ResponseWriter.Write(p)
}

// finish reports the 200 that net/http sends for a handler that says nothing.
func (w *statusWriter) finish() { w.report(http.StatusOK) }

// reportNoReply reports that no reply was sent.
func (w *statusWriter) reportNoReply() { w.report(0) }

// Unwrap lets http.ResponseController reach the real writer.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

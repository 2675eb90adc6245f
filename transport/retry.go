package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/rs/zerolog"
)

const (
	// maxRetryAfter is the longest Retry-After that is waited for within one
	// request. For a longer one the caller gets the response and tries again
	// in the next sync run.
	maxRetryAfter = time.Minute
	// maxDrain is how much of a discarded response is read so that its
	// connection can be reused.
	maxDrain = 64 << 10
)

// retrying repeats GET and HEAD requests after a network error, a server error
// or a 429 (RFC 6585). Every other request is sent once, whatever the response:
// before it is repeated its caller must read what it changed.
type retrying struct {
	next    http.RoundTripper
	retries int
	log     zerolog.Logger
}

func (r *retrying) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, attempt := req.Context(), 0
	var last *http.Response
	send := func() (*http.Response, error) {
		attempt++
		resp, err := r.next.RoundTrip(req)
		last = resp
		if !retryable(req, resp, err) {
			return resp, backoff.Permanent(err)
		}
		if err != nil {
			return resp, err
		}
		wait, asked := RetryAfter(resp.Header, time.Now())
		switch {
		case wait > maxRetryAfter || !endsBeforeDeadline(ctx, wait):
			return resp, backoff.Permanent(errTryLater)
		case asked && wait > 0:
			return resp, &backoff.RetryAfterError{Duration: wait}
		}
		return resp, errTryLater
	}
	resp, err := backoff.Retry(ctx, send, backoff.WithBackOff(untilDeadline{newBackOff(), ctx}), backoff.WithMaxElapsedTime(0),
		backoff.WithMaxTries(uint(r.retries)+1),
		backoff.WithNotify(func(_ error, wait time.Duration) {
			discard(last)
			r.log.Debug().Str("method", req.Method).Str("host", req.URL.Host).
				Int("attempt", attempt).Dur("wait_ms", wait).Msg("request is retried")
		}))
	_, asked := errors.AsType[*backoff.RetryAfterError](err)
	switch {
	case err == nil:
		return resp, nil
	case ctx.Err() != nil: // while it waited
		discard(resp)
		return nil, ctx.Err()
	case asked || errors.Is(err, errTryLater): // the caller handles the status
		return resp, nil
	}
	return nil, err
}

// errTryLater stands for a response after which the request may be repeated.
var errTryLater = errors.New("the server asks to try again later")

// newBackOff returns waits of 0.5 s, growing by half each time, with a jitter of
// 50 %.
func newBackOff() *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.MaxInterval = maxRetryAfter
	return b
}

// untilDeadline stops a backoff whose next wait would end after the deadline of
// ctx.
type untilDeadline struct {
	backoff.BackOff
	ctx context.Context
}

func (u untilDeadline) NextBackOff() time.Duration {
	if wait := u.BackOff.NextBackOff(); endsBeforeDeadline(u.ctx, wait) {
		return wait
	}
	return backoff.Stop
}

func retryable(req *http.Request, resp *http.Response, err error) bool {
	read := (req.Method == http.MethodGet || req.Method == http.MethodHead) && (req.Body == nil || req.Body == http.NoBody)
	if !read || req.Context().Err() != nil {
		return false
	}
	if err != nil {
		// A certificate does not become trusted by waiting.
		_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
		return !untrusted
	}
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	default:
		return false
	}
}

// RetryAfter parses the header of that name, seconds or a date (RFC 9110,
// section 10.2.3). A number too large for a Duration is the longest Duration, and a
// date in the past is 0. ok is false if the header is absent or malformed.
func RetryAfter(h http.Header, now time.Time) (wait time.Duration, ok bool) {
	text := strings.TrimSpace(h.Get("Retry-After"))
	const most = math.MaxInt64 / int64(time.Second)
	n, err := strconv.ParseUint(text, 10, 63)
	switch {
	case errors.Is(err, strconv.ErrRange) || err == nil && n > uint64(most):
		return math.MaxInt64, true
	case err == nil:
		return time.Duration(n) * time.Second, true
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now)), true
	}
	return 0, false
}

// endsBeforeDeadline reports whether a wait that starts now ends before the
// deadline of ctx.
func endsBeforeDeadline(ctx context.Context, wait time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return !ok || time.Until(deadline) > wait
}

// discard closes a response so that its connection can be reused.
func discard(resp *http.Response) {
	if resp == nil {
		return
	}
	_, _ = io.CopyN(io.Discard, resp.Body, maxDrain)
	_ = resp.Body.Close()
}

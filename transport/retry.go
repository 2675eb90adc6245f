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
	// maxRetryAfter is the longest wait that a server may ask for and get
	// within one request. A longer one is handed to the caller, who comes
	// again at the next pass.
	maxRetryAfter = time.Minute
	// maxDrain is how much of a thrown-away answer is read so that its
	// connection can be used again.
	maxDrain = 64 << 10
)

// retrying sends a read (GET, HEAD) again: after trouble on the way or at the
// server, or when it was turned away with 429 (RFC 6585). All else is sent once,
// whatever the answer: what it changes must be looked at before it is repeated,
// which only its caller can do.
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
		if !worthRetry(req, resp, err) {
			return resp, backoff.Permanent(err)
		}
		if err != nil {
			return resp, err
		}
		wait, asked := RetryAfter(resp.Header, time.Now())
		switch {
		case wait > maxRetryAfter || !fits(ctx, wait):
			return resp, backoff.Permanent(errTurnedAway)
		case asked && wait > 0:
			return resp, &backoff.RetryAfterError{Duration: wait}
		}
		return resp, errTurnedAway
	}
	resp, err := backoff.Retry(ctx, send, backoff.WithBackOff(fitting{newCurve(), ctx}), backoff.WithMaxElapsedTime(0),
		backoff.WithMaxTries(uint(r.retries)+1), //nolint:gosec // it is not negative
		backoff.WithNotify(func(_ error, wait time.Duration) {
			discard(last)
			r.log.Debug().Str("method", req.Method).Str("host", req.URL.Host).
				Int("attempt", attempt).Dur("wait_ms", wait).Msg("request will be tried again")
		}))
	_, asked := errors.AsType[*backoff.RetryAfterError](err)
	switch {
	case err == nil:
		return resp, nil
	case ctx.Err() != nil: // while it waited
		discard(resp)
		return nil, ctx.Err()
	case asked || errors.Is(err, errTurnedAway): // an answer is an answer
		return resp, nil
	}
	return nil, err
}

// errTurnedAway stands for an answer after which a request may be sent again.
var errTurnedAway = errors.New("turned away")

// newCurve is 0.5 s, then 1.5 times as long each time, give or take a half.
func newCurve() *backoff.ExponentialBackOff {
	curve := backoff.NewExponentialBackOff()
	curve.MaxInterval = maxRetryAfter
	return curve
}

// fitting ends a backoff whose next wait would not end before the context.
type fitting struct {
	backoff.BackOff
	ctx context.Context
}

func (f fitting) NextBackOff() time.Duration {
	if wait := f.BackOff.NextBackOff(); fits(f.ctx, wait) {
		return wait
	}
	return backoff.Stop
}

func (r *retrying) CloseIdleConnections() { closeIdle(r.next) }

func worthRetry(req *http.Request, resp *http.Response, err error) bool {
	read := (req.Method == http.MethodGet || req.Method == http.MethodHead) && (req.Body == nil || req.Body == http.NoBody)
	if !read || req.Context().Err() != nil {
		return false
	}
	if err != nil {
		// A certificate that is not trusted now will not be in a second.
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

// RetryAfter reads the header of that name, in seconds or as a date (RFC 9110,
// section 10.2.3). A number of any size is a wait: one that is too large for a
// Duration is the longest one, and a date that is past is 0. ok is false when the
// header is absent or odd.
func RetryAfter(h http.Header, now time.Time) (wait time.Duration, ok bool) {
	text := strings.TrimSpace(h.Get("Retry-After"))
	const most = math.MaxInt64 / int64(time.Second)
	n, err := strconv.ParseUint(text, 10, 63)
	switch {
	case errors.Is(err, strconv.ErrRange) || err == nil && n > uint64(most):
		return math.MaxInt64, true
	case err == nil:
		return time.Duration(n) * time.Second, true //nolint:gosec // it is at most most
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now)), true
	}
	return 0, false
}

// fits tells whether a wait ends before the request must.
func fits(ctx context.Context, wait time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return !ok || time.Until(deadline) > wait
}

func discard(resp *http.Response) {
	if resp == nil {
		return
	}
	_, _ = io.CopyN(io.Discard, resp.Body, maxDrain)
	_ = resp.Body.Close()
}

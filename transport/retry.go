package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
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

// retrying sends a request again where that is safe: a read (GET, HEAD) after
// trouble on the way or at the server; any method when the request was surely
// not sent, or was turned away with 429 (RFC 6585) before anything was done.
type retrying struct {
	next    http.RoundTripper
	retries int
	log     zerolog.Logger
}

func (r *retrying) RoundTrip(req *http.Request) (*http.Response, error) {
	curve := backoff.NewExponentialBackOff() // 0.5 s, then 1.5 times as long each time, give or take a half
	curve.MaxInterval = maxRetryAfter
	for attempt := 0; ; attempt++ {
		resp, err := r.next.RoundTrip(req)
		if attempt >= r.retries || !worthRetry(req, resp, err) {
			return resp, err
		}
		wait := curve.NextBackOff()
		if resp != nil {
			wait = max(wait, retryAfter(resp, time.Now()))
		}
		if wait > maxRetryAfter || !fits(req.Context(), wait) {
			return resp, err
		}
		again, ok := replay(req)
		if !ok {
			return resp, err
		}
		discard(resp)
		r.log.Debug().Str("method", req.Method).Str("host", req.URL.Host).
			Int("attempt", attempt+1).Dur("wait_ms", wait).Msg("request will be tried again")
		if err := pause(req.Context(), wait); err != nil {
			if again.Body != nil {
				_ = again.Body.Close()
			}
			return nil, err
		}
		req = again
	}
}

func (r *retrying) CloseIdleConnections() { closeIdle(r.next) }

func worthRetry(req *http.Request, resp *http.Response, err error) bool {
	if req.Context().Err() != nil {
		return false
	}
	read := req.Method == http.MethodGet || req.Method == http.MethodHead
	if err != nil {
		// A certificate that is not trusted now will not be in a second.
		if _, untrusted := errors.AsType[*tls.CertificateVerificationError](err); untrusted {
			return false
		}
		return read || notSent(err)
	}
	switch resp.StatusCode {
	case http.StatusTooManyRequests:
		return true
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return read
	default:
		return false
	}
}

// notSent tells whether the connection was never made, so that the server
// cannot have seen the request.
func notSent(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// replay makes the request anew. A body that cannot be had a second time makes
// the request one that is sent once.
func replay(req *http.Request) (*http.Request, bool) {
	again := req.Clone(req.Context())
	if req.Body == nil || req.Body == http.NoBody {
		return again, true
	}
	if req.GetBody == nil {
		return nil, false
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, false
	}
	again.Body = body
	return again, true
}

// retryAfter reads the header of that name, in seconds or as a date (RFC 9110,
// section 10.2.3); 0 when it is absent, odd or past.
func retryAfter(resp *http.Response, now time.Time) time.Duration {
	h := strings.TrimSpace(resp.Header.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(h, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(h); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// fits tells whether a wait ends before the request must.
func fits(ctx context.Context, wait time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return !ok || time.Until(deadline) > wait
}

func pause(ctx context.Context, wait time.Duration) error {
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func discard(resp *http.Response) {
	if resp == nil {
		return
	}
	_, _ = io.CopyN(io.Discard, resp.Body, maxDrain)
	_ = resp.Body.Close()
}

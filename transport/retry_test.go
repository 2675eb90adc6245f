package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

// step is the outcome of one attempt.
type step struct {
	status     int
	retryAfter string
	err        error
}

// script is a server that carries out its steps one by one, then answers 200. It
// records the time of each request.
type script struct {
	steps []step
	at    []time.Time
}

func (s *script) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		_, _ = io.Copy(io.Discard, req.Body)
		_ = req.Body.Close()
	}
	st := step{status: http.StatusOK}
	if n := len(s.at); n < len(s.steps) {
		st = s.steps[n]
	}
	s.at = append(s.at, time.Now())
	if st.err != nil {
		return nil, st.err
	}
	resp := &http.Response{StatusCode: st.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("x"))}
	if st.retryAfter != "" {
		resp.Header.Set("Retry-After", st.retryAfter)
	}
	return resp, nil
}

func repeat(s step, n int) []step {
	var all []step
	for range n {
		all = append(all, s)
	}
	return all
}

func TestRetryOnlySafeRequests(t *testing.T) {
	reset := &net.OpError{Op: "read", Err: errors.New("connection reset")}
	refused := &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	tests := map[string]struct {
		method string
		step   step
		want   int // attempts, of a step that happens once
	}{
		"GET answered":        {http.MethodGet, step{status: 200}, 1},
		"GET not found":       {http.MethodGet, step{status: 404}, 1},
		"GET 500":             {http.MethodGet, step{status: 500}, 1},
		"GET 502":             {http.MethodGet, step{status: 502}, 2},
		"GET 503":             {http.MethodGet, step{status: 503}, 2},
		"HEAD 504":            {http.MethodHead, step{status: 504}, 2},
		"GET 429":             {http.MethodGet, step{status: 429}, 2},
		"GET connection lost": {http.MethodGet, step{err: reset}, 2},
		"GET not sent":        {http.MethodGet, step{err: refused}, 2},
		"POST 429":            {http.MethodPost, step{status: 429}, 1},
		"POST 503":            {http.MethodPost, step{status: 503}, 1},
		"POST lost":           {http.MethodPost, step{err: reset}, 1},
		"POST not sent":       {http.MethodPost, step{err: refused}, 1},
		"PATCH lost":          {http.MethodPatch, step{err: reset}, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				next := &script{steps: []step{tt.step}}
				_, _ = attempt(t, t.Context(), next, tt.method, "body")
				if len(next.at) != tt.want {
					t.Errorf("%d attempts, want %d", len(next.at), tt.want)
				}
			})
		})
	}
}

// attempt sends one request through the retries, three at most.
func attempt(t *testing.T, ctx context.Context, next http.RoundTripper, method, body string) (*http.Response, error) {
	t.Helper()
	var r io.Reader
	if method == http.MethodPost || method == http.MethodPatch {
		r = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://finbox.example/", r)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&retrying{next: next, retries: 3, log: zerolog.Nop()}).RoundTrip(req)
	if err == nil {
		_ = resp.Body.Close()
	}
	return resp, err
}

func TestRetriesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := &script{steps: repeat(step{status: 503}, 10)}
		resp, err := attempt(t, t.Context(), next, http.MethodGet, "")
		if err != nil || resp.StatusCode != 503 {
			t.Errorf("got %v, %v; want the last answer", resp, err)
		}
		if len(next.at) != 4 {
			t.Errorf("%d attempts, want 4", len(next.at))
		}
	})
}

func TestRetryAfter(t *testing.T) {
	// The bubble's clock starts at midnight UTC of 1 January 2000.
	tests := map[string]struct {
		header string
		min    time.Duration
		max    time.Duration
		tries  int
	}{
		"seconds":  {"7", 7 * time.Second, 7 * time.Second, 2},
		"date":     {"Sat, 01 Jan 2000 00:00:20 GMT", 20 * time.Second, 20 * time.Second, 2},
		"past":     {"Fri, 31 Dec 1999 00:00:00 GMT", time.Millisecond, time.Second, 2},
		"zero":     {"0", time.Millisecond, time.Second, 2},
		"odd":      {"soon", time.Millisecond, time.Second, 2},
		"negative": {"-5", time.Millisecond, time.Second, 2},
		"too long": {"3600", 0, 0, 1},
		"2^31":     {"2147483648", 0, 0, 1},
		"2^64":     {"18446744073709551616", 0, 0, 1},
		"overflow": {"18446744074", 0, 0, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				next := &script{steps: []step{{status: 429, retryAfter: tt.header}}}
				resp, err := attempt(t, t.Context(), next, http.MethodGet, "")
				if err != nil {
					t.Fatal(err)
				}
				if len(next.at) != tt.tries {
					t.Fatalf("%d attempts, want %d", len(next.at), tt.tries)
				}
				if tt.tries == 1 {
					if resp.StatusCode != 429 {
						t.Errorf("got %d, want the 429 handed back", resp.StatusCode)
					}
					return
				}
				if wait := next.at[1].Sub(next.at[0]); wait < tt.min || wait > tt.max {
					t.Errorf("waited %v, want %v to %v", wait, tt.min, tt.max)
				}
			})
		})
	}
}

func TestRetriesEndWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		next := &script{steps: repeat(step{status: 429, retryAfter: "30"}, 10)}
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		if _, err := attempt(t, ctx, next, http.MethodGet, ""); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
		if d := time.Since(start); d != time.Second {
			t.Errorf("stopped after %v, want 1s", d)
		}
	})
}

func TestNoWaitBeyondDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		next := &script{steps: repeat(step{status: 429, retryAfter: "30"}, 10)}
		start := time.Now()
		resp, err := attempt(t, ctx, next, http.MethodGet, "")
		if err != nil || resp.StatusCode != 429 {
			t.Errorf("got %v, %v; want the 429 at once", resp, err)
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("waited %v for nothing", d)
		}
	})
}

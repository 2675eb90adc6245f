package silverfin

import (
	"context"
	"net/http"
	"time"

	"golang.org/x/time/rate"

	"balansd/internal/sleep"
	"balansd/ledger"
	"balansd/transport"
)

// enter waits until a call may run: the company's turn, then a free slot of
// the firm. Company 0 is none.
func (f *Firm) enter(ctx context.Context, company int64) (func(), error) {
	leave := func() {}
	if company != 0 {
		var err error
		if leave, err = f.companies.Acquire(ctx, company); err != nil {
			return nil, err
		}
	}
	select {
	case f.slots <- struct{}{}:
		return func() { <-f.slots; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}

// pace waits until the firm's token bucket, and any rest that Silverfin asked
// for, let one request through. It fails only when ctx has ended.
func (f *Firm) pace(ctx context.Context) error {
	for {
		f.mu.Lock()
		rest := time.Until(f.restUntil)
		f.mu.Unlock()
		if rest <= 0 {
			began := time.Now()
			if f.bucket.Wait(ctx) == nil {
				f.count(time.Since(began), 0)
				return nil
			}
			// The bucket returns at once if the deadline is too early for it.
			// Callers check whether ctx has ended, so wait for that.
			<-ctx.Done()
			return ctx.Err()
		}
		if err := sleep.For(ctx, rest); err != nil {
			return err
		}
	}
}

// count adds to how long calls waited for the bucket, and Silverfin took to answer.
func (f *Firm) count(waited, answered time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.throttle.Waited += waited
	f.throttle.Answered += answered
}

// Throttle says how the calls were slowed down since the client was made.
func (f *Firm) Throttle() ledger.Throttle {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.throttle
	t.RestUntil = f.restUntil
	if limit := f.bucket.Limit(); limit != rate.Inf {
		t.PerSecond = float64(limit)
	}
	return t
}

// mayWriteNow reports whether a write may be sent at once: there is no Retry-After to
// wait for, and the bucket has a token, which is then used.
func (f *Firm) mayWriteNow() bool { return !f.resting() && f.bucket.Allow() }

// resting reports whether Silverfin asked for a rest that is not over.
func (f *Firm) resting() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return time.Now().Before(f.restUntil)
}

// rest delays every call of the firm by d.
func (f *Firm) rest(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if until := time.Now().Add(d); until.After(f.restUntil) {
		f.restUntil = until
	}
}

// Rests after a 429.
const (
	defaultRest = 5 * time.Second // when Silverfin does not say how long
	longestRest = 2 * time.Minute // a longer one is obeyed by giving up for now
)

// retryAfter is how long Silverfin asks to rest.
func retryAfter(h http.Header, now time.Time) time.Duration {
	if wait, ok := transport.RetryAfter(h, now); ok {
		return min(wait, 24*time.Hour)
	}
	return defaultRest
}

package silverfin

import (
	"context"
	"net/http"
	"sync"
	"time"

	"balansd/transport"
)

// turns lets one caller at a time through per company. Silverfin allows one
// call at a time per company on its synchronisation API, and two writers of
// one dossier would trip over one another in any case.
type turns struct {
	mu   sync.Mutex
	busy map[int64]*turn
}

// turn is one company's; it lives as long as somebody holds it or waits.
type turn struct {
	held  chan struct{}
	users int
}

func newTurns() *turns { return &turns{busy: map[int64]*turn{}} }

// take waits for the company's turn and gives the function that ends it.
func (t *turns) take(ctx context.Context, company int64) (func(), error) {
	t.mu.Lock()
	w, ok := t.busy[company]
	if !ok {
		w = &turn{held: make(chan struct{}, 1)}
		t.busy[company] = w
	}
	w.users++
	t.mu.Unlock()
	leave := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if w.users--; w.users == 0 {
			delete(t.busy, company)
		}
	}
	select {
	case w.held <- struct{}{}:
		return func() { <-w.held; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}

// enter waits until a call may run: the company's turn, then a free slot of
// the firm. Company 0 is none.
func (f *Firm) enter(ctx context.Context, company int64) (func(), error) {
	leave := func() {}
	if company != 0 {
		var err error
		if leave, err = f.companies.take(ctx, company); err != nil {
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
			if f.bucket.Wait(ctx) == nil {
				return nil
			}
			// The bucket gives up early when the deadline comes before it has
			// room. Callers ask ctx whether it ended, so its end is waited for.
			<-ctx.Done()
			return ctx.Err()
		}
		if err := sleep(ctx, rest); err != nil {
			return err
		}
	}
}

// mayWriteNow tells whether a write may go out at once: no rest is asked for,
// and the bucket has room, which is then taken.
func (f *Firm) mayWriteNow() bool { return !f.resting() && f.bucket.Allow() }

// resting tells whether Silverfin asked for a rest that is not over.
func (f *Firm) resting() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return time.Now().Before(f.restUntil)
}

// rest keeps every call of the firm back for a while.
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

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

package accounts

import (
	"net/netip"
	"sync"
	"time"
)

// How long to wait between attempts. The first ones need no wait; from then on
// each wait is twice the one before, up to a bound.
const (
	freeAttempts = 5
	firstWait    = 2 * time.Second
	// longestWait is for one address, or one known browser.
	longestWait = 15 * time.Minute
	// longestForName is for one name, tried from many addresses. It is short, so
	// that others cannot lock a person out. A browser in which the person signed
	// in before does not wait for others at all.
	longestForName = 30 * time.Second
	// forgiven is how long after the last attempt the count is reset.
	forgiven = time.Hour
	// throttleSize bounds the counters.
	throttleSize = 10_000
)

// tried is what an attempt is counted by.
type tried struct {
	kind  byte // 'a' address, 'n' name, 'd' known browser
	value string
}

func fromAddress(address string) tried {
	ip, err := netip.ParseAddr(address)
	if err == nil && ip.Is6() && !ip.Is4In6() {
		// Whoever has one address of IPv6 has the other 2^64 of its network.
		p, _ := ip.WithZone("").Prefix(64)
		address = p.String()
	}
	return tried{'a', address}
}

func (k tried) longest() time.Duration {
	if k.kind == 'n' {
		return longestForName
	}
	return longestWait
}

// misses counts attempts.
type misses struct {
	count int
	next  time.Time // no attempt counts before
	last  time.Time
}

// throttle slows guessing down. It is safe for concurrent use. Its counters are
// lost at a restart.
type throttle struct {
	now func() time.Time

	mu   sync.Mutex
	seen map[tried]misses
}

func newThrottle(now func() time.Time) *throttle {
	return &throttle{now: now, seen: map[tried]misses{}}
}

// attempt counts an attempt and returns 0 when it may be made; otherwise it
// returns how long to wait, and the attempt does not count. It counts before the
// attempt is made, so that many at once are as slow as one after another.
func (t *throttle) attempt(keys ...tried) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	var wait time.Duration
	for _, k := range keys {
		if m, ok := t.seen[k]; ok && now.Sub(m.last) < forgiven {
			wait = max(wait, m.next.Sub(now))
		}
	}
	if wait > 0 {
		return wait
	}
	for _, k := range keys {
		m, known := t.seen[k]
		if !known {
			t.tidy(now)
		}
		if now.Sub(m.last) >= forgiven {
			m = misses{}
		}
		m.count++
		m.last = now
		if over := m.count - freeAttempts; over >= 0 {
			m.next = now.Add(min(firstWait<<min(over, 20), k.longest()))
		}
		t.seen[k] = m
	}
	return 0
}

// reset deletes the attempts, after one that succeeded.
func (t *throttle) reset(keys ...tried) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range keys {
		delete(t.seen, k)
	}
}

// tidy makes room for one counter. When none is out of date, the oldest is deleted.
func (t *throttle) tidy(now time.Time) {
	if len(t.seen) < throttleSize {
		return
	}
	var oldest tried
	for k, m := range t.seen {
		if now.Sub(m.last) >= forgiven {
			delete(t.seen, k)
		} else if o, ok := t.seen[oldest]; !ok || m.last.Before(o.last) {
			oldest = k
		}
	}
	if len(t.seen) >= throttleSize {
		delete(t.seen, oldest)
	}
}

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
	// longestAddressWait is for one address, or one known browser.
	longestAddressWait = 15 * time.Minute
	// longestNameWait is for one name, tried from many addresses. It is short, so
	// that others cannot lock a person out. A browser in which the person signed
	// in before does not wait for others at all.
	longestNameWait = 30 * time.Second
	// resetAfter is how long after the last attempt the count is reset.
	resetAfter = time.Hour
	// maxCounters bounds the counters.
	maxCounters = 10_000
)

// throttleKey is what attempts are counted by.
type throttleKey struct {
	kind  byte // 'a' address, 'n' name, 'd' known browser
	value string
}

func addressKey(address string) throttleKey {
	ip, err := netip.ParseAddr(address)
	if err == nil && ip.Is6() && !ip.Is4In6() {
		// Whoever has one address of IPv6 has the other 2^64 of its network.
		p, _ := ip.WithZone("").Prefix(64)
		address = p.String()
	}
	return throttleKey{'a', address}
}

func (k throttleKey) maxWait() time.Duration {
	if k.kind == 'n' {
		return longestNameWait
	}
	return longestAddressWait
}

// attempts is a counter.
type attempts struct {
	count int
	next  time.Time // no attempt counts before
	last  time.Time
}

// throttle slows guessing down. It is safe for concurrent use. Its counters are
// lost at a restart.
type throttle struct {
	now func() time.Time

	mu       sync.Mutex
	counters map[throttleKey]attempts
}

func newThrottle(now func() time.Time) *throttle {
	return &throttle{now: now, counters: map[throttleKey]attempts{}}
}

// attempt counts an attempt and returns 0 when it may be made; otherwise it
// returns how long to wait, and the attempt does not count. It counts before the
// attempt is made, so that many at once are as slow as one after another.
func (t *throttle) attempt(keys ...throttleKey) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	var wait time.Duration
	for _, k := range keys {
		if m, ok := t.counters[k]; ok && now.Sub(m.last) < resetAfter {
			wait = max(wait, m.next.Sub(now))
		}
	}
	if wait > 0 {
		return wait
	}
	for _, k := range keys {
		m, known := t.counters[k]
		if !known {
			t.evict(now)
		}
		if now.Sub(m.last) >= resetAfter {
			m = attempts{}
		}
		m.count++
		m.last = now
		if over := m.count - freeAttempts; over >= 0 {
			m.next = now.Add(min(firstWait<<min(over, 20), k.maxWait()))
		}
		t.counters[k] = m
	}
	return 0
}

// reset deletes the attempts, after one that succeeded.
func (t *throttle) reset(keys ...throttleKey) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range keys {
		delete(t.counters, k)
	}
}

// evict makes room for one counter: it deletes those that expired, else the oldest.
func (t *throttle) evict(now time.Time) {
	if len(t.counters) < maxCounters {
		return
	}
	var oldest throttleKey
	for k, m := range t.counters {
		if now.Sub(m.last) >= resetAfter {
			delete(t.counters, k)
		} else if o, ok := t.counters[oldest]; !ok || m.last.Before(o.last) {
			oldest = k
		}
	}
	if len(t.counters) >= maxCounters {
		delete(t.counters, oldest)
	}
}

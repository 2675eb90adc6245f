package accounts

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"balansd/keyvalue/kvtest"

	"pgregory.net/rapid"
)

// TestThrottleMemory: the counters are bounded, and long names take no more memory.
func TestThrottleMemory(t *testing.T) {
	p := newTestPeople(kvtest.New(), nil)
	for i := range maxCounters {
		p.throttle.counters[throttleKey{'a', fmt.Sprint(i)}] = attempts{count: 1, last: p.throttle.now()}
	}
	for i := range 100 {
		p.throttle.attempt(throttleKey{'b', fmt.Sprint(i)}, throttleKey{'n', fmt.Sprint(i)})
	}
	if n := len(p.throttle.counters); n > maxCounters {
		t.Errorf("%d attempts are remembered", n)
	}
	_, _ = p.SignIn(t.Context(), Attempt{Name: strings.Repeat("x", 60_000), Password: "x", Address: "192.0.2.1"})
	for k := range p.throttle.counters {
		if len(k.value) > 100 {
			t.Fatalf("an attempt takes %d bytes", len(k.value))
		}
	}
}

// TestThrottle: each wait is at least as long as the one before, and bounded.
func TestThrottle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		th := newThrottle(func() time.Time { return now })
		key := rapid.SampledFrom([]throttleKey{{'a', "x"}, {'n', "x"}, {'d', "x"}}).Draw(t, "key")
		var last time.Duration
		for n := range rapid.IntRange(freeAttempts, 40).Draw(t, "attempts") {
			if left := th.attempt(key); left != 0 {
				t.Fatalf("attempt %d waits %v", n, left)
			}
			wait := th.attempt(key) // at once: it does not count while one must wait
			if n+1 < freeAttempts {
				if wait != 0 {
					t.Fatalf("attempt %d of those that are free makes one wait %v", n, wait)
				}
				th.counters[key] = attempts{count: n + 1, last: now} // undo it
				continue
			}
			if wait < last || wait > key.maxWait() || wait < firstWait {
				t.Fatalf("attempt %d makes one wait %v after %v", n, wait, last)
			}
			last = wait
			now = now.Add(wait)
		}
		now = now.Add(resetAfter)
		for range freeAttempts {
			if th.attempt(key) != 0 {
				t.Fatal("nothing is forgotten")
			}
		}
	})
}

func TestThrottleIsBounded(t *testing.T) {
	th := newThrottle(time.Now)
	for i := range maxCounters + 100 {
		th.attempt(throttleKey{'n', fmt.Sprint(i)})
	}
	if len(th.counters) > maxCounters {
		t.Errorf("%d attempts are remembered", len(th.counters))
	}
	if addressKey("2001:db8::1") != addressKey("2001:db8::ffff:1%eth0") || addressKey("2001:db8:0:1::1") == addressKey("2001:db8::1") ||
		addressKey("192.0.2.1") == addressKey("192.0.2.2") {
		t.Error("networks are mistaken")
	}
}

// TestKnownDeviceIsNotThrottled: a browser in which the person signed in before need not
// wait for the attempts of others.
func TestKnownDeviceIsNotThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTestPeople(kvtest.New(), nil)
		i, _ := p.Invite(t.Context(), "An", Admin, "")
		if _, err := p.Accept(t.Context(), tokenOf(i), "", testPassword); err != nil {
			t.Fatal(err)
		}
		in, err := p.SignIn(t.Context(), Attempt{Name: "an", Password: testPassword, Address: "192.0.2.1"})
		if err != nil || in.Device == "" {
			t.Fatal(in, err)
		}
		for n := range 12 {
			_, err := p.SignIn(t.Context(), Attempt{Name: "AN", Password: "a guess of theirs", Address: fmt.Sprintf("198.51.100.%d", n)})
			if err == nil {
				t.Fatal("a guess gets in")
			}
		}
		if _, err := p.SignIn(t.Context(), Attempt{Name: "An", Password: testPassword, Address: "203.0.113.9"}); !isThrottled(err) {
			t.Errorf("an unknown browser gets %v", err)
		}
		if _, err := p.SignIn(t.Context(), Attempt{Name: "An", Password: testPassword, Address: "192.0.2.1", Device: in.Device}); err != nil {
			t.Errorf("the person's own browser gets %v", err)
		}
		time.Sleep(longestNameWait)
		if _, err := p.SignIn(t.Context(), Attempt{Name: "An", Password: testPassword, Address: "203.0.113.9"}); err != nil {
			t.Errorf("after the longest wait for a name: %v", err)
		}
	})
}

func isThrottled(err error) bool { _, wait := errors.AsType[TooManyAttempts](err); return wait }

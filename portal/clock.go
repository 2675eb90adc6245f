package portal

import (
	"sync"
	"time"
)

// clockSlack is how far a clock may be set back without a person losing
// anything: what was made so little later than now counts.
const clockSlack = 5 * time.Minute

// madeLater tells whether something was made while the clock was ahead, so that
// the end of its time is not to be believed either.
func madeLater(at, now time.Time) bool { return at.After(now.Add(clockSlack)) }

// certain gives a time that has surely come: the earlier of now and of what a
// service last said, or the zero time while none has said anything. Nothing is
// thrown away by a clock that may be ahead.
func certain(now time.Time, confirmed func() time.Time) time.Time {
	if confirmed == nil {
		return time.Time{}
	}
	if said := confirmed(); said.Before(now) {
		return said
	}
	return now
}

// seldom lets something through at most once a minute, and counts the rest. It
// is safe for concurrent use.
type seldom struct {
	mu    sync.Mutex
	count int
	next  time.Time
}

// allow counts one more. When it may be told, count is how many there were since
// the last that was.
func (s *seldom) allow(now time.Time) (count int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	if now.Before(s.next) {
		return 0, false
	}
	count, s.count, s.next = s.count, 0, now.Add(time.Minute)
	return count, true
}

package accounts

import "time"

// clockSlack is how far a clock may be set back before what was made meanwhile
// counts as made in the future.
const clockSlack = 5 * time.Minute

// isFuture reports whether something was made while the clock was ahead, so
// that the time at which it expires is wrong, too.
func isFuture(at, now time.Time) bool { return at.After(now.Add(clockSlack)) }

// confirmedTime returns the earlier of now and of what a service last said the
// time is, or the zero time while none has. Nothing is deleted for its age by a
// clock that may be ahead.
func confirmedTime(now time.Time, confirmed func() time.Time) time.Time {
	if confirmed == nil {
		return time.Time{}
	}
	if said := confirmed(); said.Before(now) {
		return said
	}
	return now
}

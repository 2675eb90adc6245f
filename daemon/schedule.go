package daemon

import (
	"hash/fnv"
	"slices"
	"time"

	"balansd/balance"
)

// Schedule says when the nightly run is due. It is pure: a date in the calendar
// of one time zone, never a repeating interval, since intervals go wrong on the
// two nights a year when the clock changes.
type Schedule struct {
	Hour, Minute int            // local time of day
	Spread       time.Duration  // fixed delay after it, so that servers do not all call at once
	Location     *time.Location // the zone that the time of day is in
	SkipMissed   bool           // a missed night is not caught up during the next day
	Window       Window         // in which a missed night is caught up, and one without its services tried again
}

// Window is a span of the day by the local clock, in minutes from midnight. One
// that ends before it begins goes over midnight. The zero Window is the whole
// day.
type Window struct{ From, To int }

// Contains reports whether the local clock of an instant is in the window.
func (w Window) Contains(local time.Time) bool {
	m := local.Hour()*60 + local.Minute()
	switch {
	case w.From == w.To:
		return true
	case w.From < w.To:
		return m >= w.From && m < w.To
	default:
		return m >= w.From || m < w.To
	}
}

// onTime is how late a run may start and still count as the nightly one. A
// later start is a catch-up.
const onTime = 15 * time.Minute

// InstanceDelay returns a delay below most that is fixed for an installation.
func InstanceDelay(instance string, most time.Duration) time.Duration {
	if most < time.Second {
		return 0
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(instance))
	return time.Duration(h.Sum32()%uint32(most/time.Second)) * time.Second
}

// Wake returns the instant at which the night of a date begins: the first
// instant on or after the time of day. A time that the clock skips is the
// instant after the gap; of a time that it shows twice, the first.
func (s Schedule) Wake(d balance.Date) time.Time {
	wall := time.Date(d.Year, d.Month, d.Day, s.Hour, s.Minute, 0, 0, time.UTC)
	offset := func(t time.Time) time.Duration {
		_, seconds := t.In(s.Location).Zone()
		return time.Duration(seconds) * time.Second
	}
	// With the offset that is in force well before, and well after: in an
	// overlap both show the wanted time and the earlier instant is the first.
	before := wall.Add(-offset(wall.Add(-24 * time.Hour)))
	after := wall.Add(-offset(wall.Add(24 * time.Hour)))
	shows := func(t time.Time) bool { return t.Add(offset(t)).Equal(wall) }
	wake := before
	switch {
	case shows(before) && shows(after):
		if after.Before(before) {
			wake = after
		}
	case shows(before):
	case shows(after):
		wake = after
	default: // in a gap: the offset changes at the instant we want
		wake, _ = before.In(s.Location).ZoneBounds()
	}
	return wake.In(s.Location).Add(s.Spread)
}

// Due reports which night's run should begin now, if any, and whether it is a
// catch-up. last is the local date of the newest night that was begun, zero
// for none; since is when balansd was installed, which decides for a new
// installation whether a night was missed at all. Of several missed nights
// only the newest is caught up.
//
// A last date after now, from a time when the clock was wrong, does not prevent
// today's night. Store.BeginRun refuses a second run of a date.
func (s Schedule) Due(now time.Time, last balance.Date, since time.Time) (night balance.Date, catchUp, due bool) {
	today := balance.DateOf(now.In(s.Location))
	for _, d := range []balance.Date{today, today.AddDays(-1)} {
		wake := s.Wake(d)
		if now.Before(wake) {
			continue
		}
		late := now.Sub(wake) > onTime
		switch {
		case d == last || last == today:
			return balance.Date{}, false, false
		case last.IsZero() && wake.Before(since):
			return balance.Date{}, false, false
		case late && (s.SkipMissed || !s.Window.Contains(now.In(s.Location))):
			return balance.Date{}, false, false
		default:
			return d, late, true
		}
	}
	return balance.Date{}, false, false
}

// mostMissed bounds how many missed nights are listed.
const mostMissed = 90

// Missed lists the nights without a run whose time is over, oldest first; of
// many, the newest. The arguments are those of Due. A night that Due would
// still catch up, now or once the window opens, is not among them.
func (s Schedule) Missed(now time.Time, last balance.Date, since time.Time) []balance.Date {
	var missed []balance.Date
	today := balance.DateOf(now.In(s.Location))
	whenever := s
	whenever.Window = Window{}
	night, _, due := whenever.Due(now, last, since)
	for d, count := today, 0; count < mostMissed && last.Before(d); d, count = d.AddDays(-1), count+1 {
		wake := s.Wake(d)
		if last.IsZero() && wake.Before(since) {
			break
		}
		if now.Sub(wake) > onTime && !(due && d == night) {
			missed = append(missed, d)
		}
	}
	slices.Reverse(missed)
	return missed
}

// Next returns the next instant at which a night begins, for people to see.
func (s Schedule) Next(now time.Time, last balance.Date) time.Time {
	today := balance.DateOf(now.In(s.Location))
	for d := today; ; d = d.AddDays(1) {
		if wake := s.Wake(d); wake.After(now) && d != last {
			return wake
		}
	}
}

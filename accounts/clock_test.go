package accounts

import (
	"strconv"
	"testing"
	"time"

	"balansd/keyvalue"
	"balansd/keyvalue/kvtest"

	"github.com/rs/zerolog"
)

// movedClock is a clock that a test sets, and what a service last said of the
// time.
type movedClock struct{ now, said time.Time }

func (c *movedClock) Now() time.Time       { return c.now }
func (c *movedClock) Confirmed() time.Time { return c.said }

// years is how far clocks are ahead here.
const years = 3 * 366 * 24 * time.Hour

// TestAClockAheadTakesNoRecordsAway: while the clock is ahead nothing is dropped
// from the audit log for its age, whatever a service said before.
func TestAClockAheadTakesNoRecordsAway(t *testing.T) {
	start := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
	for name, said := range map[string]time.Time{"nothing was said": {}, "it was said today": start} {
		t.Run(name, func(t *testing.T) {
			c := &movedClock{start, said}
			log := NewAuditLog(AuditLogConfig{KeyValue: kvtest.New(), Now: c.Now, Confirmed: c.Confirmed, Log: zerolog.Nop()})
			for i := range 50 {
				log.Record(t.Context(), Record{Who: "An", What: "retry", On: strconv.Itoa(i)})
			}
			c.now = start.Add(years)
			for range 25 {
				log.Record(t.Context(), Record{Who: "An", What: "sign-in"})
			}
			c.now = start
			if list, _, err := log.Page(t.Context(), 0, 100); err != nil || len(list) != 75 {
				t.Errorf("of 75 records %d are left, %v", len(list), err)
			}
			// Once it truly is years later, they go.
			c.now, c.said = start.Add(years), start.Add(years)
			for range 4 {
				log.Record(t.Context(), Record{Who: "An", What: "sign-in"})
			}
			if list, _, _ := log.Page(t.Context(), 0, 100); len(list) != 29 {
				t.Errorf("%d records are left of 29 that are young", len(list))
			}
		})
	}
}

// TestAClockAheadMakesNoLinksOfYears: what was made while the clock was ahead
// works no longer once it is right, and what was made before still does.
func TestAClockAheadMakesNoLinksOfYears(t *testing.T) {
	c := &movedClock{now: time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)}
	p := newTestPeople(kvtest.New(), c.Now)
	invite := func(name string) Invitation {
		t.Helper()
		i, err := p.Invite(t.Context(), name, Admin, "")
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	works := func(i Invitation) bool {
		t.Helper()
		_, ok, err := p.Invited(t.Context(), tokenOf(i))
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	before := invite("An")
	c.now = c.now.Add(years)
	ahead := invite("Bea")
	if !works(ahead) {
		t.Error("a link that was just made does not work")
	}
	c.now = c.now.Add(-years)
	if works(ahead) {
		t.Error("a link of a time to come works")
	}
	if !works(before) {
		t.Error("a link of today was taken away by the clock")
	}
	c.now = c.now.Add(-clockSlack)
	if !works(before) {
		t.Error("a clock that is set right by minutes takes a link away")
	}
}

// TestSessionsAreBounded: whoever signs in without end fills no disk, even where
// no service ever said what time it is.
func TestSessionsAreBounded(t *testing.T) {
	kv := kvtest.New()
	end := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
	err := kv.Update(t.Context(), func(w keyvalue.Writer) error {
		for i := range maxSessions + 7 {
			text, err := sessionCodec{}.Encode(end.Add(time.Duration(i)*time.Second), map[string]any{})
			if err != nil {
				return err
			}
			w.Put(sessionsNamespace, strconv.Itoa(i), text)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := deleteOldSessions(t.Context(), kv, time.Time{}); err != nil {
		t.Fatal(err)
	}
	left := kv.Rows(sessionsNamespace)
	if n := len(left); n != maxSessions {
		t.Errorf("%d sessions are left", n)
	}
	if left["6"] != nil || left["7"] == nil {
		t.Error("others than those that end first were deleted")
	}
}

package portal

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

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
			trail := NewTrail(TrailConfig{Shelf: newMemoryShelf(), Now: c.Now, Confirmed: c.Confirmed, Log: zerolog.Nop()})
			for i := range 50 {
				trail.Note(t.Context(), Record{Who: "An", What: "retry", On: strconv.Itoa(i)})
			}
			c.now = start.Add(years)
			for range 25 {
				trail.Note(t.Context(), Record{Who: "An", What: "sign-in"})
			}
			c.now = start
			if list, _, err := trail.Page(t.Context(), 0, 100); err != nil || len(list) != 75 {
				t.Errorf("of 75 records %d are left, %v", len(list), err)
			}
			// Once it truly is years later, they go.
			c.now, c.said = start.Add(years), start.Add(years)
			for range 4 {
				trail.Note(t.Context(), Record{Who: "An", What: "sign-in"})
			}
			if list, _, _ := trail.Page(t.Context(), 0, 100); len(list) != 29 {
				t.Errorf("%d records are left of 29 that are young", len(list))
			}
		})
	}
}

// TestAClockAheadMakesNoLinksOfYears: what was made while the clock was ahead
// works no longer once it is right, and what was made before still does.
func TestAClockAheadMakesNoLinksOfYears(t *testing.T) {
	c := &movedClock{now: time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)}
	p := newTestPeople(newMemoryShelf(), c.Now)
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
		_, ok, err := p.invited(t.Context(), tokenOf(i))
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

// TestAClockAheadMakesNoSessionsOfYears is the same for sessions.
func TestAClockAheadMakesNoSessionsOfYears(t *testing.T) {
	c := &movedClock{now: time.Now()}
	w := newWebWorld(t, func(cfg *WebConfig) { cfg.Now, cfg.Confirmed = c.Now, c.Confirmed })
	before := w.as(benName)
	c.now = c.now.Add(years)
	ahead := w.as(annName)
	// As the session's own manager would have it, whose clock was ahead too.
	rows := memoryRows{w.shelf.rows}
	for key, text := range rows.Walk(shelfSessions, "") {
		_, values, err := sessionCodec{}.Decode(text)
		if err != nil {
			t.Fatal(err)
		}
		if values[sessionPerson] == keyOf(annName) {
			text, _ = sessionCodec{}.Encode(c.now.Add(time.Hour), values)
			rows.Put(shelfSessions, key, text)
		}
	}
	if got := ahead.get("/account"); got.code != http.StatusOK {
		t.Errorf("a session that was just begun gives %d", got.code)
	}
	c.now = c.now.Add(-years)
	if got := ahead.get("/account"); got.code == http.StatusOK {
		t.Error("a session of a time to come is in force")
	}
	if got := before.get("/account"); got.code != http.StatusOK {
		t.Errorf("a session of today was taken away by the clock: %d", got.code)
	}
}

// TestSessionsAreBounded: whoever signs in without end fills no disk, even where
// no service ever said what time it is.
func TestSessionsAreBounded(t *testing.T) {
	shelf := newMemoryShelf()
	rows := memoryRows{shelf.rows}
	end := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
	for i := range mostSessions + 7 {
		text, err := sessionCodec{}.Encode(end.Add(time.Duration(i)*time.Second), map[string]any{})
		if err != nil {
			t.Fatal(err)
		}
		rows.Put(shelfSessions, strconv.Itoa(i), text)
	}
	if err := sweepSessions(t.Context(), shelf, time.Time{}); err != nil {
		t.Fatal(err)
	}
	left := memoryRows{shelf.rows}
	if n := len(left.keys(shelfSessions)); n != mostSessions {
		t.Errorf("%d sessions are left", n)
	}
	if left.Get(shelfSessions, "6") != nil || left.Get(shelfSessions, "7") == nil {
		t.Error("others than those that end first were forgotten")
	}
}

// TestASignInAtTheProviderOfAnotherTime: what a browser keeps of it is worth
// nothing while the clock says that it is still to come.
func TestASignInAtTheProviderOfAnotherTime(t *testing.T) {
	c := &movedClock{now: time.Now()}
	p := newProvider(t)
	d, err := newOIDCDoor(OIDCConfig{Issuer: p.server.URL, ClientID: "balansd", HTTP: p.server.Client()}, c.Now)
	if err != nil {
		t.Fatal(err)
	}
	address, cookie, err := d.begin(t.Context(), "/")
	if err != nil {
		t.Fatal(err)
	}
	_, state, _ := strings.Cut(address, "state=")
	state, _, _ = strings.Cut(state, "&")
	if _, ok := d.resume(state, cookie); !ok {
		t.Error("a sign-in that was just begun is refused")
	}
	c.now = c.now.Add(-years)
	if _, ok := d.resume(state, cookie); ok {
		t.Error("a sign-in of a time to come goes on")
	}
}

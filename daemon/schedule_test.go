package daemon_test

import (
	"testing"
	"time"
	_ "time/tzdata"

	"balansd/balance"
	"balansd/daemon"

	"pgregory.net/rapid"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func date(t testing.TB, s string) balance.Date {
	t.Helper()
	d, err := balance.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestWakeOnTheNightsWhenTheClockChanges(t *testing.T) {
	brussels := zone(t, "Europe/Brussels")
	tests := []struct{ date, at, want string }{
		{"2026-03-28", "02:30", "2026-03-28T02:30:00+01:00"},
		{"2026-03-29", "02:30", "2026-03-29T03:00:00+02:00"}, // 02:30 does not exist
		{"2026-03-29", "01:59", "2026-03-29T01:59:00+01:00"},
		{"2026-03-29", "03:00", "2026-03-29T03:00:00+02:00"},
		{"2026-10-25", "02:30", "2026-10-25T02:30:00+02:00"}, // the first of two
		{"2026-10-25", "03:00", "2026-10-25T03:00:00+01:00"},
		{"2026-10-26", "02:30", "2026-10-26T02:30:00+01:00"},
	}
	for _, tt := range tests {
		at, _ := time.Parse("15:04", tt.at)
		n := daemon.Schedule{Hour: at.Hour(), Minute: at.Minute(), Location: brussels}
		if got := n.Wake(date(t, tt.date)).Format(time.RFC3339); got != tt.want {
			t.Errorf("%s at %s: wakes %s, want %s", tt.date, tt.at, got, tt.want)
		}
	}
}

func TestDue(t *testing.T) {
	brussels := zone(t, "Europe/Brussels")
	n := daemon.Schedule{Hour: 2, Minute: 30, Location: brussels}
	at := func(s string) time.Time {
		x, err := time.ParseInLocation("2006-01-02 15:04", s, brussels)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	tests := []struct {
		name             string
		now, last, since string
		skip             bool
		night            string
		catchUp          bool
	}{
		{"on time", "2026-03-10 02:30", "2026-03-09", "2026-03-01 08:00", false, "2026-03-10", false},
		{"a minute early", "2026-03-10 02:29", "2026-03-09", "2026-03-01 08:00", false, "", false},
		{"done today", "2026-03-10 09:00", "2026-03-10", "2026-03-01 08:00", false, "", false},
		{"up at eight after a missed night", "2026-03-10 08:00", "2026-03-09", "2026-03-10 08:00", false, "2026-03-10", true},
		{"a week off gives one catch-up", "2026-03-17 08:00", "2026-03-09", "2026-03-17 08:00", false, "2026-03-17", true},
		{"back before tonight, yesterday missed", "2026-03-10 01:00", "2026-03-08", "2026-03-10 01:00", false, "2026-03-09", true},
		{"missed nights are left", "2026-03-10 08:00", "2026-03-09", "2026-03-10 08:00", true, "", false},
		{"a new installation waits for its first night", "2026-03-10 15:00", "", "2026-03-10 14:00", false, "", false},
		{"and wakes then", "2026-03-11 02:31", "", "2026-03-10 14:00", false, "2026-03-11", false},
		{"a clock that was ahead does not hold up tonight", "2026-03-10 02:31", "2031-01-01", "2026-03-01 08:00", false, "2026-03-10", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := n
			n.SkipMissed = tt.skip
			var last balance.Date
			if tt.last != "" {
				last = date(t, tt.last)
			}
			night, catchUp, due := n.Due(at(tt.now), last, at(tt.since))
			if night.String() != tt.night || catchUp != tt.catchUp || due != (tt.night != "") {
				t.Errorf("night %q catch-up %v due %v, want %q %v", night, catchUp, due, tt.night, tt.catchUp)
			}
		})
	}
}

// Whatever the zone, the year and the moments at which the machine is awake,
// no local date has two nights, and a night that the machine was awake for is
// not left out.
func TestOneNightADate(t *testing.T) {
	zones := []string{"Europe/Brussels", "UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu",
		"Africa/Casablanca", "Pacific/Apia", "America/Sao_Paulo", "Antarctica/Troll", "Asia/Beirut"}
	rapid.Check(t, func(t *rapid.T) {
		loc, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		n := daemon.Schedule{Hour: rapid.IntRange(0, 23).Draw(t, "hour"), Minute: rapid.IntRange(0, 59).Draw(t, "minute"), Location: loc,
			Spread: time.Duration(rapid.IntRange(0, 1800).Draw(t, "spread")) * time.Second}
		now := time.Date(rapid.IntRange(2020, 2070).Draw(t, "year"), time.Month(rapid.IntRange(1, 12).Draw(t, "month")), 1, 12, 0, 0, 0, loc)
		since := now
		ran := map[balance.Date]bool{}
		var last balance.Date
		for range 200 {
			asleep := rapid.SampledFrom([]time.Duration{20 * time.Second, time.Minute, time.Hour, 5 * time.Hour, 30 * time.Hour, -90 * time.Minute}).Draw(t, "asleep")
			now = now.Add(asleep)
			night, _, due := n.Due(now, last, since)
			if !due || ran[night] {
				continue // the store refuses a date that was begun
			}
			if now.Before(n.Wake(night)) {
				t.Fatalf("night %s begins at %s, before its wake %s", night, now, n.Wake(night))
			}
			ran[night], last = true, night
			if again, _, due := n.Due(now.Add(time.Second), last, since); due && again == night {
				t.Fatalf("night %s is due twice", night)
			}
		}
		next := n.Next(now, last)
		if !next.After(now) || next.Sub(now) > 50*time.Hour {
			t.Fatalf("next wake %s is not within two days after %s", next, now)
		}
	})
}

// TestWindow catches a night up only in the hours that are given; the night's
// own time is not among what they bound.
func TestWindow(t *testing.T) {
	brussels := zone(t, "Europe/Brussels")
	n := daemon.Schedule{Hour: 2, Minute: 30, Location: brussels, Window: daemon.Window{From: 20 * 60, To: 7 * 60}}
	last, since := date(t, "2026-03-08"), time.Date(2026, 3, 1, 8, 0, 0, 0, brussels)
	for _, c := range []struct {
		at    string
		night string
	}{
		{"2026-03-10 02:30", "2026-03-10"}, {"2026-03-10 06:59", "2026-03-10"}, {"2026-03-10 07:00", ""},
		{"2026-03-10 12:00", ""}, {"2026-03-10 19:59", ""}, {"2026-03-10 20:00", "2026-03-10"}, {"2026-03-11 01:00", "2026-03-10"},
	} {
		now, err := time.ParseInLocation("2006-01-02 15:04", c.at, brussels)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if night, _, due := n.Due(now, last, since); due {
			got = night.String()
		}
		if got != c.night {
			t.Errorf("at %s the night due is %q, want %q", c.at, got, c.night)
		}
		// The night before was missed; this one waits for its window.
		if missed := n.Missed(now, last, since); len(missed) != 1 || missed[0].String() != "2026-03-09" {
			t.Errorf("at %s missed are %v", c.at, missed)
		}
	}
	outside := n
	outside.Window = daemon.Window{From: 10 * 60, To: 11 * 60}
	if _, _, due := outside.Due(time.Date(2026, 3, 10, 2, 31, 0, 0, brussels), last, since); !due {
		t.Error("a night at its own time waits for the window")
	}
}

package transport_test

import (
	"net/http"
	"testing"
	"time"

	"balansd/transport"
)

func TestSkewIsHowFarTheServiceIsAhead(t *testing.T) {
	for _, ahead := range []time.Duration{0, time.Hour, -48 * time.Hour} {
		s, _ := counting(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
		})
		var heard []time.Duration
		c := client(t, transport.Config{AllowedHosts: []string{s.URL}, Skew: func(d time.Duration) { heard = append(heard, d) }})
		if _, err := get(t, c, s.URL); err != nil {
			t.Fatal(err)
		}
		if len(heard) != 1 || (heard[0]-ahead).Abs() > time.Minute {
			t.Errorf("a service that is %s ahead is heard as %v", ahead, heard)
		}
	}
}

// TestSkewIsToldOfTheClockInUse: whoever uses another clock than the machine's
// hears how far the service is ahead of that one.
func TestSkewIsToldOfTheClockInUse(t *testing.T) {
	clock := func() time.Time { return time.Now().AddDate(5, 0, 0) }
	s, _ := counting(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", clock().UTC().Format(http.TimeFormat))
	})
	var heard []time.Duration
	c := client(t, transport.Config{AllowedHosts: []string{s.URL}, Now: clock, Skew: func(d time.Duration) { heard = append(heard, d) }})
	if _, err := get(t, c, s.URL); err != nil {
		t.Fatal(err)
	}
	if len(heard) != 1 || heard[0].Abs() > time.Minute {
		t.Errorf("a service whose clock is ours is heard as %v ahead", heard)
	}
}

func TestDateThatIsNoneSaysNothing(t *testing.T) {
	s, _ := counting(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Date", "yesterday") })
	c := client(t, transport.Config{AllowedHosts: []string{s.URL}, Skew: func(d time.Duration) { t.Errorf("heard %s", d) }})
	if _, err := get(t, c, s.URL); err != nil {
		t.Fatal(err)
	}
}

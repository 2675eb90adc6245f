package transport_test

import (
	"net/http"
	"testing"
	"time"

	"balansd/transport"
)

func TestSkew(t *testing.T) {
	for _, ahead := range []time.Duration{0, time.Hour, -48 * time.Hour} {
		s, _ := countingServer(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
		})
		var reported []time.Duration
		c := newClient(t, transport.Config{AllowedHosts: []string{s.URL}, Skew: func(d time.Duration) { reported = append(reported, d) }})
		if _, err := get(t, c, s.URL); err != nil {
			t.Fatal(err)
		}
		if len(reported) != 1 || (reported[0]-ahead).Abs() > time.Minute {
			t.Errorf("a service that is %s ahead is reported as %v", ahead, reported)
		}
	}
}

// TestSkewOfConfiguredClock: the skew is that of Config.Now.
func TestSkewOfConfiguredClock(t *testing.T) {
	clock := func() time.Time { return time.Now().AddDate(5, 0, 0) }
	s, _ := countingServer(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", clock().UTC().Format(http.TimeFormat))
	})
	var reported []time.Duration
	c := newClient(t, transport.Config{AllowedHosts: []string{s.URL}, Now: clock, Skew: func(d time.Duration) { reported = append(reported, d) }})
	if _, err := get(t, c, s.URL); err != nil {
		t.Fatal(err)
	}
	if len(reported) != 1 || reported[0].Abs() > time.Minute {
		t.Errorf("a service with our clock is reported as %v ahead", reported)
	}
}

func TestSkewOfInvalidDate(t *testing.T) {
	s, _ := countingServer(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Date", "yesterday") })
	c := newClient(t, transport.Config{AllowedHosts: []string{s.URL}, Skew: func(d time.Duration) { t.Errorf("reported %s", d) }})
	if _, err := get(t, c, s.URL); err != nil {
		t.Fatal(err)
	}
}

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

func TestDateThatIsNoneSaysNothing(t *testing.T) {
	s, _ := counting(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Date", "yesterday") })
	c := client(t, transport.Config{AllowedHosts: []string{s.URL}, Skew: func(d time.Duration) { t.Errorf("heard %s", d) }})
	if _, err := get(t, c, s.URL); err != nil {
		t.Fatal(err)
	}
}

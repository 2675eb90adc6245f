package transport

import (
	"net/http"
	"time"
)

// clockSkew measures how far the clock of a service is ahead of ours, from the
// Date header of its responses (RFC 9110, section 6.6.1). A wrong clock makes
// sign-ins and certificates fail with errors that do not mention the clock.
type clockSkew struct {
	next   http.RoundTripper
	report func(ahead time.Duration)
	now    func() time.Time
}

func (c *clockSkew) RoundTrip(req *http.Request) (*http.Response, error) {
	start, ours := time.Now(), c.now()
	resp, err := c.next.RoundTrip(req)
	if err != nil || c.report == nil {
		return resp, err
	}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		// The header was written at an unknown moment of the call: assume the middle.
		c.report(date.Sub(ours.Add(time.Since(start) / 2)))
	}
	return resp, nil
}

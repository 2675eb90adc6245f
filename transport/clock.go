package transport

import (
	"net/http"
	"time"
)

// dated tells how far the clock of a service is ahead of ours, by the Date
// header of its answers (RFC 9110, section 6.6.1). Sign-ins and certificates
// fail for a clock that is wrong, with words that name anything but the clock.
type dated struct {
	next http.RoundTripper
	skew func(ahead time.Duration)
	now  func() time.Time
}

func (d *dated) RoundTrip(req *http.Request) (*http.Response, error) {
	begun, ours := time.Now(), d.now()
	resp, err := d.next.RoundTrip(req)
	if err != nil || d.skew == nil {
		return resp, err
	}
	if said, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		// The service wrote it at some moment of the call.
		d.skew(said.Sub(ours.Add(time.Since(begun) / 2)))
	}
	return resp, nil
}

func (d *dated) CloseIdleConnections() { closeIdle(d.next) }

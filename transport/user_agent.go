package transport

import "net/http"

// userAgent sets the User-Agent header of requests that have none.
type userAgent struct {
	next  http.RoundTripper
	value string
}

func (u *userAgent) RoundTrip(req *http.Request) (*http.Response, error) {
	if u.value != "" && req.Header.Get("User-Agent") == "" {
		req = req.Clone(req.Context())
		req.Header.Set("User-Agent", u.value)
	}
	return u.next.RoundTrip(req)
}

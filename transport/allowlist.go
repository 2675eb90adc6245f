package transport

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"balansd/problem"
)

// ErrNotAllowed says that a request was refused because the configuration does
// not name its host. Nothing was sent.
var ErrNotAllowed = errors.New("the configuration does not name this host")

// origin returns scheme://host:port of a URL, normalized: equal origins are the
// same server.
func origin(u *url.URL) string {
	scheme, port := strings.ToLower(u.Scheme), u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[scheme]
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	return scheme + "://" + host + ":" + port
}

// parseOrigins returns the set of origins of hosts.
func parseOrigins(hosts []string) (map[string]bool, error) {
	allowed := make(map[string]bool, len(hosts))
	for _, h := range hosts {
		s := h
		if !strings.Contains(s, "://") {
			s = "https://" + s
		}
		u, err := url.Parse(s)
		if err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" {
			return nil, problem.New(problem.ConfigInvalid,
				fmt.Sprintf("%.100q is not the address of a host", h),
				"Write it as https://host.example.")
		}
		allowed[origin(u)] = true
	}
	if len(allowed) == 0 {
		return nil, problem.New(problem.ConfigInvalid, "the configuration names no host to contact",
			"Name the address of the service in the configuration.")
	}
	return allowed, nil
}

// allowlist refuses requests to other origins than the allowed ones, also after
// a redirect.
type allowlist struct {
	next    http.RoundTripper
	allowed map[string]bool
}

func (a *allowlist) RoundTrip(req *http.Request) (*http.Response, error) {
	if o := origin(req.URL); !a.allowed[o] {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, fmt.Errorf("%s: %w", o, ErrNotAllowed)
	}
	return a.next.RoundTrip(req)
}

// sameOrigin refuses redirects to another origin: a request carries a token, and
// its response is trusted.
func sameOrigin(req *http.Request, via []*http.Request) error {
	if o := origin(req.URL); o != origin(via[0].URL) {
		return fmt.Errorf("redirect to %s: %w", o, ErrNotAllowed)
	}
	if len(via) > maxRedirects {
		return fmt.Errorf("more than %d redirects", maxRedirects)
	}
	return nil
}

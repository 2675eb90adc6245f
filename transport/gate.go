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

// origin is what makes two URLs go to the same server: scheme://host:port.
func origin(u *url.URL) string {
	scheme, port := strings.ToLower(u.Scheme), u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[scheme]
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	return scheme + "://" + host + ":" + port
}

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
				fmt.Sprintf("%.100q is not an address to contact", h),
				"Write it as https://host.example.")
		}
		allowed[origin(u)] = true
	}
	if len(allowed) == 0 {
		return nil, problem.New(problem.ConfigInvalid, "no host is named that may be contacted",
			"Name the address of the service in the configuration.")
	}
	return allowed, nil
}

// gate lets requests through to the allowed origins only, redirects included.
type gate struct {
	next    http.RoundTripper
	allowed map[string]bool
}

func (g *gate) RoundTrip(req *http.Request) (*http.Response, error) {
	if o := origin(req.URL); !g.allowed[o] {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, fmt.Errorf("%s: %w", o, ErrNotAllowed)
	}
	return g.next.RoundTrip(req)
}

// sameOrigin refuses redirects that leave the server that was asked: a request
// carries a token, and its answer is believed.
func sameOrigin(req *http.Request, via []*http.Request) error {
	if o := origin(req.URL); o != origin(via[0].URL) {
		return fmt.Errorf("redirect to %s: %w", o, ErrNotAllowed)
	}
	if len(via) > maxRedirects {
		return fmt.Errorf("more than %d redirects", maxRedirects)
	}
	return nil
}

// CloseIdleConnections passes the wish on, so that http.Client's method of the
// same name works through the decorators.
func (g *gate) CloseIdleConnections() { closeIdle(g.next) }

func closeIdle(rt http.RoundTripper) {
	if c, ok := rt.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// naming sends the user agent where a request names none.
type naming struct {
	next  http.RoundTripper
	agent string
}

func (n *naming) RoundTrip(req *http.Request) (*http.Response, error) {
	if n.agent != "" && req.Header.Get("User-Agent") == "" {
		req = req.Clone(req.Context())
		req.Header.Set("User-Agent", n.agent)
	}
	return n.next.RoundTrip(req)
}

func (n *naming) CloseIdleConnections() { closeIdle(n.next) }

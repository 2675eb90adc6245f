package transport

import (
	"fmt"
	"net/url"

	"balansd/problem"
)

// CheckProxy returns a ConfigInvalid problem unless text is the URL of an HTTP,
// HTTPS or SOCKS5 proxy, or empty for none. The check of the configuration and
// New both call it. The problem never holds a password of the URL.
func CheckProxy(text string) error {
	_, err := parseProxy(text)
	return err
}

// parseProxy returns the URL of a proxy, nil for none.
func parseProxy(text string) (*url.URL, error) {
	if text == "" {
		return nil, nil
	}
	u, err := url.Parse(text)
	// The cause is left out: it repeats the URL, which may hold a password.
	if err != nil || u.Hostname() == "" {
		return nil, problem.New(problem.ConfigInvalid, "the proxy is not a URL", "Write it as http://proxy.example:3128.")
	}
	switch u.Scheme {
	case "http", "https", "socks5", "socks5h":
		return u, nil
	default:
		return nil, problem.New(problem.ConfigInvalid, fmt.Sprintf("the proxy %s is of an unknown kind", u.Redacted()),
			"Use a proxy that starts with http://, https://, socks5:// or socks5h://.")
	}
}

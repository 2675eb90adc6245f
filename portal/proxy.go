package portal

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"
)

// setURL sets what follows from the address of the pages.
func (h *Handler) setURL() error {
	h.cross = http.NewCrossOriginProtection()
	names := h.Hostnames
	if h.URL != "" {
		u, err := url.Parse(h.URL)
		if err != nil {
			return err
		}
		h.secure, h.base, names = u.Scheme == "https", u.Path, append([]string{u.Hostname()}, names...)
		// A proxy may replace the host name, with which the origin is compared otherwise.
		if err := h.cross.AddTrustedOrigin(u.Scheme + "://" + u.Host); err != nil {
			return err
		}
	}
	h.rebase = newRebase(h.base)
	var err error
	h.hosts, err = newHostAllowlist(h.Listen, names)
	return err
}

// clientAddress returns the IP address of the client: that of the connection, or where
// that is a trusted proxy's the last one in X-Forwarded-For that is not a trusted proxy's
// too. Whatever stands before it the client may have written itself.
func (h *Handler) clientAddress(r *http.Request) string {
	address := withoutPort(r.RemoteAddr)
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !h.isTrusted(address) {
			break
		}
		hop = withoutPort(strings.TrimSpace(hop)) // IIS adds the port
		if _, err := netip.ParseAddr(hop); err != nil {
			break
		}
		address = hop
	}
	return address
}

// isTrusted reports whether an address is that of a trusted proxy.
func (h *Handler) isTrusted(address string) bool {
	ip, err := netip.ParseAddr(address)
	return err == nil && slices.ContainsFunc(h.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(ip.Unmap()) })
}

// withoutPort returns the host of host:port, or all of an address without a port.
func withoutPort(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return strings.Trim(address, "[]")
}

// stripBase removes the path of URL from that of a request: the routes are those of pages
// at the root of their host. A request without it is served as well, since a proxy may
// have removed it, and a monitoring system on this server needs none.
func (h *Handler) stripBase(r *http.Request) *http.Request {
	rest, ok := strings.CutPrefix(r.URL.Path, h.base)
	if h.base == "" || !ok || rest != "" && rest[0] != '/' {
		return r
	}
	out := r.Clone(r.Context())
	// A path that is not clean would be redirected to one without base; no route has an
	// escaped slash.
	out.URL.Path, out.URL.RawPath = path.Clean("/"+rest), ""
	return out
}

// newRebase returns what adds the path of URL to the addresses in a page. The templates
// have the addresses of pages at the root of their host. In text a quotation mark is
// always escaped, so that these are attributes and nothing else.
func newRebase(base string) *strings.Replacer {
	var pairs []string
	for _, attribute := range []string{"href", "src", "action", "formaction", "hx-get", "hx-post"} {
		pairs = append(pairs, " "+attribute+`="/`, " "+attribute+`="`+base+"/")
	}
	return strings.NewReplacer(pairs...)
}

// cookiePath returns the path of the pages, for which cookies are.
func (h *Handler) cookiePath() string { return h.base + "/" }

// cookieName returns the name of a cookie of this installation. Under TLS it has a prefix
// with which browsers accept it over TLS alone, and __Host- from this host alone; that one
// is for the path / only.
func (h *Handler) cookieName(name string) string {
	if h.Instance != "" {
		name += "-" + h.Instance
	}
	switch {
	case !h.secure:
		return name
	case h.base != "":
		return "__Secure-" + name
	}
	return "__Host-" + name
}

package portal

import (
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"balansd/accounts"
	"balansd/daemon"
	"balansd/httpserver"

	"github.com/rs/zerolog"
)

// Config is all that the web pages need.
type Config struct {
	// API does the work, and records each change in the audit log.
	API daemon.API
	// People signs people in; AuditLog has what they did.
	People   *accounts.People
	AuditLog *accounts.AuditLog
	// Settings lists what the configuration says, secrets hidden; it is asked
	// again for every page. ConfigFile is where that stands.
	Settings   func() []Setting
	ConfigFile string
	// Listen is the address that the pages are served on, host:port.
	// Hostnames are the names by which browsers reach it besides loopback's.
	Listen    string
	Hostnames []string
	// Secure says that the pages are served under TLS.
	Secure bool
	// Language is for who asks for none that there is: nl, fr, en or de.
	Language string
	// Zone is in which times are shown.
	Zone *time.Location
	// SessionTime is after how long a person signs in again.
	SessionTime time.Duration
	// MetricsToken opens /metrics; empty for no metrics.
	MetricsToken string
	// StateSize tells the size of the state file in bytes; nil when unknown.
	StateSize func() int64
	// SlowAfter is after how long a page stops its arrows and says that a
	// run, or a step at Finbox or Silverfin, goes on; 0 for 30 seconds.
	SlowAfter time.Duration
	// OIDC is the provider that signs people in, in place of accounts; nil for
	// accounts.
	OIDC *accounts.OIDCConfig
	// Version is balansd's own, and Built when it was made.
	Version string
	Now     func() time.Time // time.Now when nil
	// Log hears of every request; never of what is in it.
	Log zerolog.Logger
}

// Setting is one setting, for a person.
type Setting struct {
	Key    string // as night.at
	Value  string // a secret as a mask
	Origin string // where it was set
}

// Handler is the pages. It is an http.Handler, safe for concurrent use.
type Handler struct {
	Config

	sessions *accounts.Sessions
	locales  map[string]*locale
	pages    *pageTemplates
	files    map[string]staticFile
	routes   map[string]map[string]route // by path, by method
	nav      []route
	oidc     *accounts.OIDC
	hosts    hostAllowlist
	handler  http.Handler
	jobs     jobs
	tasks    taskList
	contacts contactLog
	refusals httpserver.LogLimit
}

// New makes the pages. It reads every template and every message, so that
// a fault in one shows at the start. It calls nobody.
func New(cfg Config) (*Handler, error) {
	if cfg.API == nil || cfg.People == nil || cfg.AuditLog == nil {
		return nil, errors.New("the pages need an API, people and an audit log")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Zone == nil {
		cfg.Zone = time.UTC
	}
	h := &Handler{Config: cfg}
	var err error
	if h.hosts, err = newHostAllowlist(cfg.Listen, cfg.Hostnames); err != nil {
		return nil, err
	}
	if h.files, err = loadStatic(); err != nil {
		return nil, err
	}
	if h.locales, err = loadLocales(cfg.Zone); err != nil {
		return nil, err
	}
	if h.locales[h.Language] == nil {
		h.Language = languages[0]
	}
	if h.pages, err = loadTemplates(h.locales, h.files); err != nil {
		return nil, err
	}
	if cfg.OIDC != nil {
		if h.oidc, err = accounts.NewOIDC(*cfg.OIDC, cfg.Now); err != nil {
			return nil, err
		}
	}
	h.sessions = accounts.NewSessions(cfg.People, accounts.SessionsConfig{Cookie: h.cookieName("balansd"),
		Secure: cfg.Secure, Life: cfg.SessionTime, Log: cfg.Log})
	mux, err := h.buildMux(h.routeTable())
	if err != nil {
		return nil, err
	}
	h.handler = h.middleware(mux)
	return h, nil
}

// ServeHTTP answers a request.
func (h *Handler) ServeHTTP(rw http.ResponseWriter, r *http.Request) { h.handler.ServeHTTP(rw, r) }

// BaseURL is the address of the pages that links for people begin with,
// without a slash at its end: the first host name, else loopback.
func BaseURL(listen string, hostnames []string, secure bool) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return ""
	}
	if len(hostnames) > 0 {
		host = hostnames[0]
	}
	scheme, usual := "http", "80"
	if secure {
		scheme, usual = "https", "443"
	}
	if port == usual {
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		return scheme + "://" + host
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

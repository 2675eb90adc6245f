package portal

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"balansd/accounts"
	"balansd/daemon"
	"balansd/httpserver"

	"github.com/rs/zerolog"
)

// Config configures a Handler.
type Config struct {
	// API does the work, and records each change in the audit log.
	API daemon.API
	// People signs people in; AuditLog records what they do.
	People   *accounts.People
	AuditLog *accounts.AuditLog
	// Settings returns the settings of the configuration, with secrets masked. It is called
	// for every page. ConfigFile is the path of the configuration.
	Settings   func() []Setting
	ConfigFile string
	// Listen is the address of the pages, host:port. Hostnames are the names besides
	// loopback by which browsers reach them.
	Listen    string
	Hostnames []string
	// URL is the address of the pages by which browsers reach them, without a slash at the
	// end; see BaseURL. It has a path where a reverse proxy serves them at one.
	URL string
	// TrustedProxies are the addresses of the reverse proxies whose X-Forwarded-For is
	// believed.
	TrustedProxies []netip.Prefix
	// Instance tells this installation from others that browsers reach by the same host
	// name: they would overwrite each other's cookies.
	Instance string
	// Language is the default: nl, fr, en or de.
	Language string
	// Zone is the zone of the times on the pages.
	Zone *time.Location
	// SessionTime is after how long a person signs in again.
	SessionTime time.Duration
	// MetricsToken allows /metrics; empty for no metrics.
	MetricsToken string
	// StateSize returns the size of the state file in bytes; nil when unknown.
	StateSize func() int64
	// SlowAfter is how long a page waits for a run, or for an answer of Finbox or
	// Silverfin, before it says that the work continues in the background; 0 for 30 seconds.
	SlowAfter time.Duration
	// OIDC is the provider that signs people in; nil for passwords. Recheck is after how
	// long it is asked again what a person may do.
	OIDC    *accounts.OIDCConfig
	Recheck time.Duration
	// Version is the version of balansd.
	Version string
	Now     func() time.Time // time.Now when nil
	// Log gets a line for every request, without its content.
	Log zerolog.Logger
}

// Setting is a setting of the configuration.
type Setting struct {
	Key    string // such as night.at
	Value  string // masked for a secret
	Origin string // where it was set
}

// Handler serves the pages. It is safe for concurrent use.
type Handler struct {
	Config

	cross    *http.CrossOriginProtection
	secure   bool   // browsers reach the pages under TLS
	base     string // the path of URL, without a slash at the end
	sessions *accounts.Sessions
	locales  map[string]*locale
	pages    *pageTemplates
	rebase   *strings.Replacer // adds base to the addresses in a page
	files    map[string]staticFile
	routes   map[string]map[string]route // by path, by method
	nav      []route
	oidc     *accounts.OIDC
	hosts    hostAllowlist
	handler  http.Handler
	jobs     jobs
	tasks    taskList // at Finbox or Silverfin: their result is shown once
	bulkJobs taskList // steps for several balances
	forms    *keptForms
	mux      *http.ServeMux
	rows     dossierRows
	checks   uploadChecks
	contacts contactLog
	refusals httpserver.LogLimit
}

// New returns a Handler. It parses all templates and messages, and contacts nobody.
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
	h := &Handler{Config: cfg, forms: newKeptForms()}
	if err := h.setURL(); err != nil {
		return nil, err
	}
	var err error
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
		Path: h.cookiePath(), Secure: h.secure, Lifetime: cfg.SessionTime, Log: cfg.Log})
	mux, err := h.buildMux(h.routeTable())
	if err != nil {
		return nil, err
	}
	h.mux = mux
	h.handler = h.middleware(mux)
	return h, nil
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(rw http.ResponseWriter, r *http.Request) { h.handler.ServeHTTP(rw, r) }

// BaseURL returns the address of the pages in links, without a trailing slash: that of
// the first host name, else of loopback. It is for pages without a reverse proxy.
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

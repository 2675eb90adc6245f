package transport

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/rs/zerolog"

	"balansd/problem"
)

// Defaults of Config.
const (
	DefaultTimeout = 2 * time.Minute
	DefaultRetries = 3
)

// maxRedirects is the number of redirects that are followed within one host.
const maxRedirects = 3

// Config says how requests leave the machine. Give each service a client of
// its own, so that no service can redirect to another.
type Config struct {
	// AllowedHosts are the only ones ever contacted, besides the proxy. Each
	// is a URL of which scheme, host and port count, such as
	// https://api.example.be/v1, or a bare host, which means https. Plain HTTP
	// is spoken only to a host that is given with http:// here.
	AllowedHosts []string
	// Proxy is the URL of an HTTP, HTTPS or SOCKS5 proxy; empty for none. The
	// environment's HTTP_PROXY is not looked at: the configuration alone says
	// who is contacted.
	Proxy string
	// CAFile is a PEM file with authorities to trust beside the system's own;
	// empty for none.
	CAFile string
	// ClientCertificateFile and ClientKeyFile are PEM files with what is shown
	// to a server or proxy that asks who we are; both empty for none.
	ClientCertificateFile, ClientKeyFile string
	// Timeout bounds a whole request: all its attempts, the waits between
	// them, and reading the body. 0 means DefaultTimeout.
	Timeout time.Duration
	// UserAgent is sent where a request names none; empty for Go's own.
	UserAgent string
	// Retries is how often a request is tried again; 0 means DefaultRetries,
	// a negative number none.
	Retries int
	// Log takes one debug line an attempt.
	Log zerolog.Logger
	// Skew hears after each answer how far the service's clock is ahead of
	// ours. It may be nil, and is called from many goroutines.
	Skew func(ahead time.Duration)
	// Now is the clock that Skew compares with; nil means time.Now.
	Now func() time.Time
}

// New makes an HTTP client. A Config that cannot be used gives a ConfigInvalid
// problem. The client is safe for concurrent use, follows redirects only
// within the same scheme, host and port, and keeps no cookies.
func New(cfg Config) (*http.Client, error) {
	allowed, err := parseOrigins(cfg.AllowedHosts)
	if err != nil {
		return nil, err
	}
	base, err := newBase(cfg)
	if err != nil {
		return nil, err
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = DefaultTimeout
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Retries == 0 {
		cfg.Retries = DefaultRetries
	}

	// From the wire outwards: each attempt is logged, and what is not allowed
	// never reaches the retries.
	var rt http.RoundTripper = base
	rt = &logging{next: rt, log: cfg.Log}
	rt = &proxied{next: rt}
	rt = &dated{next: rt, skew: cfg.Skew, now: cfg.Now}
	rt = &retrying{next: rt, retries: max(cfg.Retries, 0), log: cfg.Log}
	rt = &naming{next: rt, agent: cfg.UserAgent}
	rt = &gate{next: rt, allowed: allowed}

	return &http.Client{Transport: rt, Timeout: cfg.Timeout, CheckRedirect: sameOrigin}, nil
}

// newBase makes the innermost transport, the one that opens connections.
func newBase(cfg Config) (*http.Transport, error) {
	proxy, err := parseProxy(cfg.Proxy)
	if err != nil {
		return nil, err
	}
	roots, err := loadRoots(cfg.CAFile)
	if err != nil {
		return nil, err
	}
	own, err := loadOwn(cfg.ClientCertificateFile, cfg.ClientKeyFile)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                  proxy,
		OnProxyConnectResponse: connected,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, Certificates: own},
		TLSHandshakeTimeout:    10 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           128, // all of them are of one service, so one limit serves for both
		MaxIdleConnsPerHost:    128,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 256 << 10,
	}, nil
}

func parseProxy(s string) (func(*http.Request) (*url.URL, error), error) {
	if s == "" {
		return nil, nil
	}
	u, err := url.Parse(s)
	// The cause is left out: it repeats the URL, which may hold a password.
	if err != nil || u.Host == "" {
		return nil, problem.New(problem.ConfigInvalid, "the proxy is not a URL",
			"Write it as http://proxy.example:3128.")
	}
	switch u.Scheme {
	case "http", "https", "socks5", "socks5h":
		return http.ProxyURL(u), nil
	default:
		return nil, problem.New(problem.ConfigInvalid,
			fmt.Sprintf("the proxy %s is of an unknown kind", u.Redacted()),
			"Use a proxy that starts with http://, https:// or socks5://.")
	}
}

// loadOwn reads the certificate that is shown to those who ask for one.
func loadOwn(certificate, key string) ([]tls.Certificate, error) {
	if certificate == "" && key == "" {
		return nil, nil
	}
	// The cause names what is wrong with the files, never what is in them.
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return nil, problem.Wrap(err, problem.KeyInvalid,
			fmt.Sprintf("the client certificate %s cannot be used with its key %s", certificate, key),
			"Give both in PEM form, the key without a passphrase, and check that they belong together.")
	}
	return []tls.Certificate{pair}, nil
}

// maxCAFile bounds the file of authorities; the whole list of a usual system
// is a quarter of it.
const maxCAFile = 1 << 20

func loadRoots(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil // the system's own
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, problem.Wrap(err, problem.ConfigInvalid,
			fmt.Sprintf("the file of certificate authorities %s cannot be read", path),
			"Check ca_file, and that the account of the service may read it.")
	}
	defer func() { _ = f.Close() }()
	pem, err := ReadAll(f, maxCAFile)
	if err != nil {
		return nil, problem.Wrap(err, problem.ConfigInvalid,
			fmt.Sprintf("the file of certificate authorities %s cannot be read", path),
			"Give ca_file the PEM certificates of your own authorities only.")
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, problem.New(problem.ConfigInvalid,
			fmt.Sprintf("the file %s holds no PEM certificate", path),
			"Export the authority's certificate as Base-64 (PEM) and name that file in ca_file.")
	}
	return roots, nil
}

// ErrTooLarge says that there was more to read than allowed.
var ErrTooLarge = errors.New("the answer is larger than allowed")

// ReadAll reads r to its end, at most limit bytes. More gives ErrTooLarge, and
// no bytes. It closes nothing.
func ReadAll(r io.Reader, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%w (%d bytes)", ErrTooLarge, limit)
	}
	return b, nil
}

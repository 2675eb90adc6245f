package transport

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/rs/zerolog"

	"balansd/problem"
)

// Defaults of Config.
const (
	defaultTimeout = 2 * time.Minute
	defaultRetries = 3
)

// maxRedirects is how many redirects are followed within one origin.
const maxRedirects = 3

// Config configures a client. Give each service a client of its own, so that no
// service can redirect to another.
type Config struct {
	// AllowedHosts are the only hosts that are contacted, besides the proxy.
	// Each is a URL, of which scheme, host and port count, such as
	// https://api.example.be/v1, or a bare host, which means https. Plain HTTP
	// is used only for a host that is given with http:// here.
	AllowedHosts []string
	// Proxy is the URL of a proxy that CheckProxy accepts; empty for none. The
	// environment variable HTTP_PROXY is ignored: the configuration alone
	// decides who is contacted.
	Proxy string
	// CAFile is a PEM file with authorities to trust in addition to those of
	// the system; empty for none.
	CAFile string
	// ClientCertificateFile and ClientKeyFile are PEM files with the certificate
	// for servers and proxies that ask for one; both empty for none.
	ClientCertificateFile, ClientKeyFile string
	// Timeout bounds a whole request: all attempts, the waits between them, and
	// reading the body. 0 means defaultTimeout.
	Timeout time.Duration
	// UserAgent is sent with requests that set none; empty for Go's default.
	UserAgent string
	// Retries is the number of retries; 0 means defaultRetries, a negative
	// number none.
	Retries int
	// Log gets one debug line for each attempt.
	Log zerolog.Logger
	// Skew, when not nil, is called after each response with how far the
	// service's clock is ahead of ours. It must be safe for concurrent use.
	Skew func(ahead time.Duration)
	// Certificates, when not nil, is called with those of a host that were seen, also
	// with one that was refused because it has ended. It must be safe for concurrent use.
	Certificates func(host string, chain []*x509.Certificate)
	// Now is the clock that Skew compares with; nil means time.Now.
	Now func() time.Time
}

// New returns an HTTP client that is safe for concurrent use, follows redirects
// only within the same scheme, host and port, and keeps no cookies. An unusable
// Config is a ConfigInvalid or KeyInvalid problem.
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
		cfg.Timeout = defaultTimeout
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Retries == 0 {
		cfg.Retries = defaultRetries
	}

	// From the innermost outwards: the log sees each attempt, and the allowlist
	// comes before the retries.
	var rt http.RoundTripper = base
	rt = &logging{next: rt, log: cfg.Log}
	rt = &proxyRefusal{next: rt}
	rt = &clockSkew{next: rt, report: cfg.Skew, now: cfg.Now}
	rt = &certificates{next: rt, report: cfg.Certificates}
	rt = &retrying{next: rt, retries: max(cfg.Retries, 0), log: cfg.Log}
	rt = &userAgent{next: rt, value: cfg.UserAgent}
	rt = &allowlist{next: rt, allowed: allowed}

	return &http.Client{Transport: pooled{rt, base}, Timeout: cfg.Timeout, CheckRedirect: sameOrigin}, nil
}

// pooled is a decorated transport. http.Client.CloseIdleConnections reaches the
// innermost one, which has the connections.
type pooled struct {
	http.RoundTripper
	base *http.Transport
}

func (p pooled) CloseIdleConnections() { p.base.CloseIdleConnections() }

// newBase returns the innermost transport, which opens the connections.
func newBase(cfg Config) (*http.Transport, error) {
	proxy, err := parseProxy(cfg.Proxy)
	if err != nil {
		return nil, err
	}
	roots, err := Roots(cfg.CAFile)
	if err != nil {
		return nil, err
	}
	certificates, err := loadClientCertificate(cfg.ClientCertificateFile, cfg.ClientKeyFile)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                  http.ProxyURL(proxy),
		OnProxyConnectResponse: checkConnect,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, Certificates: certificates},
		TLSHandshakeTimeout:    10 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           128, // equal to the limit per host: a client is for one service
		MaxIdleConnsPerHost:    128,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 256 << 10,
	}, nil
}

// loadClientCertificate reads the certificate for servers that ask for one.
func loadClientCertificate(certificate, key string) ([]tls.Certificate, error) {
	if certificate == "" && key == "" {
		return nil, nil
	}
	// The cause names what is wrong with the files, never their content.
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return nil, problem.Wrap(err, problem.KeyInvalid,
			fmt.Sprintf("the client certificate %s cannot be used with its key %s", certificate, key),
			"Give both in PEM form, the key without a passphrase, and check that they belong together.")
	}
	return []tls.Certificate{pair}, nil
}

// maxCAFile bounds the file of authorities, in bytes. The full list of a system
// is about a quarter of it.
const maxCAFile = 1 << 20

// Roots returns the system's authorities and those in the file at path; nil
// stands for the system's alone.
func Roots(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
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

// ErrTooLarge says that a response exceeds its limit.
var ErrTooLarge = errors.New("the answer is larger than allowed")

// ReadAll reads r to its end. More than limit bytes are ErrTooLarge, and none are
// returned. It does not close r.
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

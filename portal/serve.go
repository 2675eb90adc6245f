package portal

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"balansd/httpserver"
	"balansd/internal/loopback"
	"balansd/problem"

	"github.com/rs/zerolog"
)

// Timeouts of a connection.
const (
	readTimeout  = 30 * time.Second
	writeTimeout = 60 * time.Second
	idleTimeout  = 2 * time.Minute
)

// ServeConfig says where the pages are served.
type ServeConfig struct {
	Listen string // host:port
	// Socket is the socket for Listen that systemd handed over; nil to open one.
	Socket          *os.File
	CertificateFile string // PEM, with those between it and the authority; empty for plain HTTP on loopback
	KeyFile         string // PEM
	// Files returns the two files as they are now, where they may be others later; nil for
	// those above.
	Files func() (certificate, key string)
	Log   zerolog.Logger
	// Ready is called with the address once the pages answer; nil for none.
	Ready func(net.Addr)
}

// Serve serves the pages until ctx ends; pending requests have three seconds then, and it
// returns nil. Plain HTTP is served on loopback alone: an address that other machines
// reach gives a ConfigInvalid problem without a certificate. A certificate file that
// changes is loaded again.
func Serve(ctx context.Context, cfg ServeConfig, h http.Handler) error {
	host, _, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return problem.Wrap(err, problem.ConfigInvalid, fmt.Sprintf("portal.listen %q is no address", cfg.Listen), "Write host and port, as 127.0.0.1:8417.")
	}
	if cfg.CertificateFile == "" && !loopback.IsHost(host) {
		return problem.New(problem.ConfigInvalid, fmt.Sprintf("the pages on %s could be read by everyone on the network", cfg.Listen),
			"Set portal.certificate_file and portal.key_file, or listen on 127.0.0.1.")
	}
	s := httpserver.New(h, cfg.Log)
	s.ReadTimeout, s.WriteTimeout, s.IdleTimeout = readTimeout, writeTimeout, idleTimeout
	s.BaseContext = func(net.Listener) context.Context {
		return context.WithValue(context.WithoutCancel(ctx), serverContextKey{}, ctx)
	}
	if cfg.CertificateFile != "" {
		pair := &certificate{files: cfg.Files, log: cfg.Log}
		if pair.files == nil {
			pair.files = func() (string, string) { return cfg.CertificateFile, cfg.KeyFile }
		}
		if _, err := pair.get(nil); err != nil {
			return problem.Wrap(err, problem.KeyInvalid, "the certificate of the pages cannot be used",
				"Check portal.certificate_file and portal.key_file: PEM files that belong together.")
		}
		s.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: pair.get}
	}
	l, err := cfg.listen(ctx)
	if err != nil {
		return err
	}
	if cfg.Ready != nil {
		cfg.Ready(l.Addr())
	}
	return httpserver.Run(ctx, s, func() error {
		if s.TLSConfig != nil {
			return s.ServeTLS(l, "", "")
		}
		return s.Serve(l)
	})
}

type serverContextKey struct{}

// serverContext returns the context that ends when the server does, for work that
// continues after its request.
func serverContext(ctx context.Context) context.Context {
	if life, ok := ctx.Value(serverContextKey{}).(context.Context); ok {
		return life
	}
	return context.WithoutCancel(ctx)
}

// certificate is a certificate and its key on disk, loaded again when either file
// changes. While the new files are not a pair, the old one is used. It is safe for
// concurrent use.
type certificate struct {
	files func() (certificate, key string)
	log   zerolog.Logger

	mu   sync.Mutex
	seen [2]fileStamp
	pair *tls.Certificate
}

// fileStamp identifies a version of a file.
type fileStamp struct {
	at   time.Time
	size int64
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var now [2]fileStamp
	cert, key := c.files()
	for i, name := range []string{cert, key} {
		if info, err := os.Stat(name); err == nil {
			now[i] = fileStamp{info.ModTime(), info.Size()}
		}
	}
	if c.pair != nil && now == c.seen {
		return c.pair, nil
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		if c.pair == nil {
			return nil, err
		}
		c.log.Warn().Err(err).Str("file", cert).Msg("the new certificate cannot be used, the old one stays")
		c.seen = now
		return c.pair, nil
	}
	if c.pair != nil {
		c.log.Info().Str("file", cert).Msg("the certificate was read again")
	}
	c.pair, c.seen = &pair, now
	return c.pair, nil
}

// background returns a context for work that continues when the browser disconnects, and
// ends with the server.
func background(ctx context.Context) (context.Context, context.CancelFunc) {
	life := serverContext(ctx)
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(life, cancel)
	return ctx, func() { stop(); cancel() }
}

package portal

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"balansd/problem"

	"github.com/rs/zerolog"
)

// writeCertificate writes a new certificate for a name and its key.
func writeCertificate(t *testing.T, dir, name string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "portal.crt"), filepath.Join(dir, "portal.key")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: sealed}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// startServer serves a handler until the test ends.
func startServer(t *testing.T, cfg ServeConfig, h http.Handler) (address string, stop func() error) {
	t.Helper()
	ready, done := make(chan net.Addr, 1), make(chan error, 1)
	cfg.Ready = func(a net.Addr) { ready <- a }
	ctx, cancel := context.WithCancel(context.Background())
	go func() { done <- Serve(ctx, cfg, h) }()
	select {
	case a := <-ready:
		address = a.String()
	case err := <-done:
		cancel()
		t.Fatal(err)
	}
	stop = func() error { cancel(); err := <-done; done <- err; return err }
	t.Cleanup(func() { _ = stop() })
	return address, stop
}

func TestServeConfig(t *testing.T) {
	cert, key := writeCertificate(t, t.TempDir(), "balansd.example")
	for _, listen := range []string{"0.0.0.0:0", ":0", "192.0.2.1:0", "[::]:0", "balansd.example:0", "nonsense"} {
		err := Serve(t.Context(), ServeConfig{Listen: listen, Log: zerolog.Nop()}, http.NotFoundHandler())
		if !problem.Is(err, problem.ConfigInvalid) {
			t.Errorf("%s is served in plain: %v", listen, err)
		}
	}
	if err := Serve(t.Context(), ServeConfig{Listen: "127.0.0.1:0", CertificateFile: cert, KeyFile: cert}, nil); !problem.Is(err, problem.KeyInvalid) {
		t.Errorf("a certificate without its key gives %v", err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if err := Serve(t.Context(), ServeConfig{Listen: taken.Addr().String()}, nil); !problem.Is(err, problem.ConfigInvalid) {
		t.Errorf("a port that is taken gives %v", err)
	}
	for _, c := range []ServeConfig{{Listen: "127.0.0.1:0"}, {Listen: "0.0.0.0:0", CertificateFile: cert, KeyFile: key}} {
		_, stop := startServer(t, c, http.NotFoundHandler())
		if err := stop(); err != nil {
			t.Error(err)
		}
	}
}

// TestCertificateIsReloaded: a renewed certificate is used without a restart, and a
// broken one does not stop the pages.
func TestCertificateIsReloaded(t *testing.T) {
	dir := t.TempDir()
	cert, key := writeCertificate(t, dir, "first.example")
	address, _ := startServer(t, ServeConfig{Listen: "127.0.0.1:0", CertificateFile: cert, KeyFile: key, Log: zerolog.Nop()}, http.NotFoundHandler())
	shown := func() string {
		t.Helper()
		c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if v := c.ConnectionState().Version; v < tls.VersionTLS12 {
			t.Errorf("TLS %x", v)
		}
		return c.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	later := func(by time.Duration) {
		for _, f := range []string{cert, key} {
			if err := os.Chtimes(f, time.Time{}, time.Now().Add(by)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := shown(); got != "first.example" {
		t.Fatal(got)
	}
	writeCertificate(t, dir, "second.example")
	later(time.Minute)
	if got := shown(); got != "second.example" {
		t.Errorf("after it was renewed, %s is shown", got)
	}
	if err := os.WriteFile(key, []byte("half of a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	later(2 * time.Minute)
	if got := shown(); got != "second.example" {
		t.Errorf("while it is broken, %s is shown", got)
	}
	writeCertificate(t, dir, "third.example")
	later(3 * time.Minute)
	if got := shown(); got != "third.example" {
		t.Errorf("after it was mended, %s is shown", got)
	}
	if _, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
}

func TestServeShutdown(t *testing.T) {
	began, release := make(chan struct{}), make(chan struct{})
	address, stop := startServer(t, ServeConfig{Listen: "127.0.0.1:0", Log: zerolog.Nop()}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(began)
		<-release
		_, _ = io.WriteString(w, "whole")
	}))
	got := make(chan string, 1)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	go func() {
		resp, err := client.Get("http://" + address)
		if err != nil {
			got <- err.Error()
			return
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		got <- string(body)
	}()
	<-began
	time.AfterFunc(0, func() { close(release) })
	if err := stop(); err != nil {
		t.Error(err)
	}
	if body := <-got; body != "whole" {
		t.Errorf("the request under way got %q", body)
	}
}

// logLines collects log lines.
type logLines struct {
	mu    sync.Mutex
	lines []string
}

func (l *logLines) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, string(text))
	return len(text), nil
}

// TestFailedHandshakesAreNotLogged: anybody can cause them.
func TestFailedHandshakesAreNotLogged(t *testing.T) {
	cert, key := writeCertificate(t, t.TempDir(), "balansd.example")
	var log logLines
	address, stop := startServer(t, ServeConfig{Listen: "127.0.0.1:0", CertificateFile: cert, KeyFile: key,
		Log: zerolog.New(&log).Level(zerolog.ErrorLevel)}, http.NotFoundHandler())
	for range 100 {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprint(c, "GET / HTTP/1.0\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		_, _ = bufio.NewReader(c).ReadString('\n') // until the answer
		_ = c.Close()
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if len(log.lines) != 0 {
		t.Errorf("%d lines were logged: %q", len(log.lines), log.lines)
	}
}

package transport_test

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"balansd/problem"
	"balansd/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newClient returns a client whose connections are closed with the test.
func newClient(t *testing.T, cfg transport.Config) *http.Client {
	t.Helper()
	c, err := transport.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func get(t *testing.T, c *http.Client, url string) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err == nil {
		t.Cleanup(func() { _ = resp.Body.Close() })
	}
	return resp, err
}

// countingServer starts a server that counts its requests.
func countingServer(t *testing.T, h http.HandlerFunc) (*httptest.Server, *atomic.Int64) {
	t.Helper()
	var calls atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		h(w, r)
	}))
	t.Cleanup(s.Close)
	return s, &calls
}

func TestOnlyNamedHostsAreContacted(t *testing.T) {
	ok := func(http.ResponseWriter, *http.Request) {}
	named, namedCalls := countingServer(t, ok)
	other, otherCalls := countingServer(t, ok)
	c := newClient(t, transport.Config{AllowedHosts: []string{named.URL + "/v1"}})

	if _, err := get(t, c, named.URL+"/v1/a"); err != nil {
		t.Errorf("the named host: %v", err)
	}
	for _, url := range []string{
		other.URL,
		strings.Replace(named.URL, "http://", "https://", 1),
		strings.Replace(named.URL, "127.0.0.1", "localhost", 1),
		"http://127.0.0.1",
	} {
		if _, err := get(t, c, url); !errors.Is(err, transport.ErrNotAllowed) {
			t.Errorf("%s: got %v, want ErrNotAllowed", url, err)
		}
	}
	if namedCalls.Load() != 1 || otherCalls.Load() != 0 {
		t.Errorf("named host had %d calls, other host %d; want 1 and 0", namedCalls.Load(), otherCalls.Load())
	}
}

func TestRedirectsStayOnTheServer(t *testing.T) {
	other, otherCalls := countingServer(t, func(http.ResponseWriter, *http.Request) {})
	server, calls := countingServer(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, other.URL+"/", http.StatusTemporaryRedirect)
		case "/near":
			http.Redirect(w, r, "/here", http.StatusFound)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		}
	})
	// The other server is allowed too. Even so, one must not answer requests to the other.
	c := newClient(t, transport.Config{AllowedHosts: []string{server.URL, other.URL}})

	if _, err := get(t, c, server.URL+"/away"); !errors.Is(err, transport.ErrNotAllowed) {
		t.Errorf("away: got %v, want ErrNotAllowed", err)
	}
	if otherCalls.Load() != 0 {
		t.Error("the redirect was followed to another server")
	}
	if resp, err := get(t, c, server.URL+"/near"); err != nil || resp.Request.URL.Path != "/here" {
		t.Errorf("near: got %v, want to arrive at /here", err)
	}
	calls.Store(0)
	if _, err := get(t, c, server.URL+"/loop"); err == nil {
		t.Error("a redirect loop came to an end without error")
	}
	if n := calls.Load(); n > 5 {
		t.Errorf("a redirect loop made %d calls", n)
	}
}

func TestLogKeepsSecretsOut(t *testing.T) {
	server, _ := countingServer(t, func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("User-Agent"); got != "balansd/1.0" {
			t.Errorf("user agent: got %q", got)
		}
		w.WriteHeader(http.StatusTeapot)
	})
	var out bytes.Buffer
	c := newClient(t, transport.Config{
		AllowedHosts: []string{server.URL}, UserAgent: "balansd/1.0",
		Log: zerolog.New(&out).Level(zerolog.DebugLevel),
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
		server.URL+"/token?code=canary1", strings.NewReader("secret=canary2"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer canary3")
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()

	if strings.Contains(out.String(), "canary") {
		t.Errorf("a secret is in the log: %s", out.String())
	}
	for _, want := range []string{`"method":"POST"`, `"path":"/token"`, `"status":418`, `"took_ms":`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the log lacks %s: %s", want, out.String())
		}
	}
}

func TestOwnAuthorities(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(server.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(ca, block, 0o600); err != nil {
		t.Fatal(err)
	}

	with := newClient(t, transport.Config{AllowedHosts: []string{server.URL}, CAFile: ca})
	if _, err := get(t, with, server.URL); err != nil {
		t.Errorf("with ca_file: %v", err)
	}
	without := newClient(t, transport.Config{AllowedHosts: []string{server.URL}})
	if _, err := get(t, without, server.URL); err == nil {
		t.Error("an unknown authority was trusted")
	}
}

func TestProxyIsUsed(t *testing.T) {
	var seen atomic.Value
	proxy, _ := countingServer(t, func(w http.ResponseWriter, r *http.Request) { seen.Store(r.URL.String()) })
	c := newClient(t, transport.Config{AllowedHosts: []string{"http://finbox.example"}, Proxy: proxy.URL})
	if _, err := get(t, c, "http://finbox.example/v1"); err != nil {
		t.Fatal(err)
	}
	if seen.Load() != "http://finbox.example/v1" {
		t.Errorf("the proxy saw %v", seen.Load())
	}
}

func TestUnusableConfig(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	hosts := []string{"finbox.example"}
	tests := map[string]struct {
		cfg  transport.Config
		want string
	}{
		"no hosts":        {transport.Config{}, "names no host"},
		"odd host":        {transport.Config{AllowedHosts: []string{"ftp://x"}}, "not the address of a host"},
		"odd proxy":       {transport.Config{AllowedHosts: hosts, Proxy: "proxy:secret"}, "the proxy"},
		"unknown proxy":   {transport.Config{AllowedHosts: hosts, Proxy: "ftp://u:secret@p"}, "unknown kind"},
		"missing CA file": {transport.Config{AllowedHosts: hosts, CAFile: empty + "x"}, "cannot be read"},
		"empty CA file":   {transport.Config{AllowedHosts: hosts, CAFile: empty}, "no PEM certificate"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := transport.New(tt.cfg)
			if !problem.Is(err, problem.ConfigInvalid) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want a ConfigInvalid problem with %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("a password is in the error: %v", err)
			}
		})
	}
}

func TestReadAll(t *testing.T) {
	if b, err := transport.ReadAll(strings.NewReader("12345"), 5); err != nil || string(b) != "12345" {
		t.Errorf("as much as allowed: got %q, %v", b, err)
	}
	if b, err := transport.ReadAll(strings.NewReader("123456"), 5); !errors.Is(err, transport.ErrTooLarge) || b != nil {
		t.Errorf("one more: got %q, %v", b, err)
	}
	if _, err := transport.ReadAll(io.MultiReader(strings.NewReader("1"), broken{}), 5); !errors.Is(err, context.Canceled) {
		t.Errorf("a reader that breaks: got %v", err)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, context.Canceled }

package finbox_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"

	"balansd/finbox"
	"balansd/problem"
	fakefinbox "balansd/sandbox/finbox"
)

func TestSignInWithKey(t *testing.T) {
	box := newSandboxServer(t, fakefinbox.Options{})
	if err := box.RegisterKey(certificatePEM(t, ourKey())); err != nil {
		t.Fatal(err)
	}
	for name, k := range map[string]struct {
		pem  []byte
		code problem.Code
	}{
		"registered": {pkcs8(t, ourKey()), ""},
		"unknown":    {pkcs8(t, otherKey()), problem.FinboxSignIn},
	} {
		key, err := finbox.LoadKey(file(t, "finbox.key", k.pem), "")
		if err != nil {
			t.Fatal(err)
		}
		c := box.client(t, finbox.Config{Key: key}).Connection(box.connection)
		_, err = c.Status(t.Context())
		if k.code == "" && err != nil || k.code != "" && !problem.Is(err, k.code) {
			t.Errorf("%s key: got %v", name, err)
		}
	}
}

// signIn is a token endpoint that records its requests.
type signIn struct {
	mu      sync.Mutex
	forms   []url.Values
	headers []http.Header
	answer  func(n int) (status int, body string)
}

func (s *signIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/token" {
		if r.Header.Get("Authorization") == "Bearer withdrawn" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		writeJSON(w, map[string]any{"status": "active", "start_date": "2025-11-28"})
		return
	}
	_ = r.ParseForm()
	s.mu.Lock()
	s.forms, s.headers = append(s.forms, r.PostForm), append(s.headers, r.Header)
	status, body := s.answer(len(s.forms))
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func good(life string) func(int) (int, string) {
	return func(n int) (int, string) {
		return 200, fmt.Sprintf(`{"access_token": "t%d", "token_type": "Bearer", "expires_in": %s}`, n, life)
	}
}

// connect serves the endpoint and returns a connection that signs in there.
func (s *signIn) connect(t *testing.T, cfg finbox.Config) *finbox.Connection {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	cfg.BaseURL, cfg.TokenURL, cfg.ClientID, cfg.HTTP = server.URL, server.URL+"/token", "firm 1", server.Client()
	if cfg.Key == nil {
		cfg.ClientSecret = "s%cret"
	}
	c, err := finbox.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c.Connection(connectionID)
}

func TestAssertion(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	key, err := finbox.LoadKey(file(t, "a.key", pkcs1(ourKey())), file(t, "a.crt", certificatePEM(t, ourKey())))
	if err != nil {
		t.Fatal(err)
	}
	s := &signIn{answer: good("1")}
	clock := now
	c := s.connect(t, finbox.Config{Key: key, Scope: "social-balances", Audience: "https://finbox.example/aud", Now: func() time.Time { return clock }})
	for range 2 {
		if _, err := c.Status(t.Context()); err != nil {
			t.Fatal(err)
		}
		clock = clock.Add(time.Minute)
	}
	ids := map[string]bool{}
	for i, form := range s.forms {
		if form.Get("grant_type") != "client_credentials" || form.Get("scope") != "social-balances" || form.Get("client_id") != "firm 1" ||
			form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" ||
			form.Has("client_secret") || s.headers[i].Get("Authorization") != "" {
			t.Errorf("the form is %v", form)
		}
		token, err := jwt.ParseSigned(form.Get("client_assertion"), []jose.SignatureAlgorithm{jose.RS256})
		if err != nil {
			t.Fatal(err)
		}
		var claims jwt.Claims
		if err := token.Claims(&ourKey().PublicKey, &claims); err != nil {
			t.Fatal(err)
		}
		if claims.Issuer != "firm 1" || claims.Subject != "firm 1" || !claims.Audience.Contains("https://finbox.example/aud") {
			t.Errorf("the claims are %+v", claims)
		}
		if life := claims.Expiry.Time().Sub(claims.IssuedAt.Time()); life != 5*time.Minute {
			t.Errorf("the assertion lives %v", life)
		}
		if thumb, _ := token.Headers[0].ExtraHeaders["x5t#S256"].(string); len(thumb) != 43 {
			t.Errorf("the thumbprint is %q", thumb)
		}
		ids[claims.ID] = true
	}
	if len(ids) != 2 {
		t.Errorf("jti was used twice: %v", ids)
	}
}

func TestSecretByBasicOnly(t *testing.T) {
	s := &signIn{answer: good("3600")}
	if _, err := s.connect(t, finbox.Config{Audience: "api"}).Status(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := url.Values{"grant_type": {"client_credentials"}, "audience": {"api"}}
	if diff := cmp.Diff(want, s.forms[0]); diff != "" {
		t.Errorf("the form differs (-want +got):\n%s", diff)
	}
	user, password, basic := (&http.Request{Header: s.headers[0]}).BasicAuth()
	if !basic || user != "firm+1" || password != "s%25cret" {
		t.Errorf("basic: %q, %q; RFC 6749 wants both form-encoded", user, password)
	}
}

func TestTokenIsCachedUntilMinuteBeforeExpiry(t *testing.T) {
	tests := map[string]struct {
		life  string
		after time.Duration
		want  int // tokens asked for
	}{
		"well before":       {"3600", 58 * time.Minute, 1},
		"a minute before":   {"3600", 59 * time.Minute, 2},
		"as text":           {`"3600"`, 58 * time.Minute, 1},
		"a fraction":        {"3600.5", 58 * time.Minute, 1},
		"a fraction, text":  {`" 3600.5 "`, 58 * time.Minute, 1},
		"short-lived, half": {"40", 19 * time.Second, 1},
		"short-lived, over": {"40", 20 * time.Second, 2},
		"unknown":           {"null", 3 * time.Minute, 1},
		"unknown, later":    {"null", 5 * time.Minute, 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := &signIn{answer: good(tt.life)}
			clock := noon
			c := s.connect(t, finbox.Config{Now: func() time.Time { return clock }})
			for range 2 {
				if _, err := c.Status(t.Context()); err != nil {
					t.Fatal(err)
				}
				clock = clock.Add(tt.after)
			}
			if len(s.forms) != tt.want {
				t.Errorf("%d tokens asked for, want %d", len(s.forms), tt.want)
			}
		})
	}
}

func TestCallersShareToken(t *testing.T) {
	s := &signIn{answer: good("3600")}
	c := s.connect(t, finbox.Config{})
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if _, err := c.Status(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if len(s.forms) != 1 {
		t.Errorf("%d tokens asked for, want 1", len(s.forms))
	}
}

func TestRevokedTokenIsRenewedOnce(t *testing.T) {
	s := &signIn{answer: func(n int) (int, string) {
		if n == 1 {
			return 200, `{"access_token": "withdrawn", "token_type": "Bearer", "expires_in": 3600}`
		}
		return good("3600")(n)
	}}
	if _, err := s.connect(t, finbox.Config{}).Status(t.Context()); err != nil || len(s.forms) != 2 {
		t.Errorf("%d tokens, %v; want 2 and no error", len(s.forms), err)
	}
	never := &signIn{answer: func(int) (int, string) { return 200, `{"access_token": "withdrawn", "expires_in": 3600}` }}
	if _, err := never.connect(t, finbox.Config{}).Status(t.Context()); !problem.Is(err, problem.FinboxSignIn) || len(never.forms) != 2 {
		t.Errorf("%d tokens, %v; want 2 and a FinboxSignIn problem", len(never.forms), err)
	}
}

// TestTokenAsPlainText serves a token with another media type, as some servers and proxies
// do.
func TestTokenAsPlainText(t *testing.T) {
	f := newScriptedServer(t, func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, map[string]any{"status": "active", "start_date": "2025-11-28"})
	})
	plain := http.NewServeMux()
	plain.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, `{"access_token": "t", "token_type": "bearer", "expires_in": 60}`)
	})
	server := httptest.NewServer(plain)
	t.Cleanup(server.Close)
	if _, err := f.connect(t, func(c *finbox.Config) { c.TokenURL = server.URL }).Status(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestRefusedSignIn(t *testing.T) {
	tests := map[string]struct {
		status int
		body   string
		code   problem.Code
		want   string
	}{
		"invalid client":  {401, `{"error": "invalid_client", "error_description": "canary"}`, problem.FinboxSignIn, "(invalid_client)"},
		"bad request":     {400, `{"error": "canary"}`, problem.FinboxSignIn, "status 400"},
		"scope":           {400, `{"error": "invalid_scope"}`, problem.FinboxSignIn, "(invalid_scope)"},
		"no such address": {404, `canary`, problem.FinboxSignIn, "status 404"},
		"error with 200":  {200, `{"error": "unauthorized_client", "access_token": "canary"}`, problem.FinboxSignIn, "(unauthorized_client)"},
		"no token":        {200, `{"note": "canary"}`, problem.FinboxDown, "form"},
		"other kind":      {200, `{"access_token": "canary", "token_type": "mac"}`, problem.FinboxDown, "form"},
		"no JSON":         {200, `canary`, problem.FinboxDown, "form"},
		"a page":          {200, `<html>canary`, problem.FinboxDown, "a web page instead of data"},
		"too long":        {200, `{"access_token": "canary", "x": "` + strings.Repeat("x", 70<<10) + `"}`, problem.FinboxDown, "form"},
		"trouble":         {500, `canary`, problem.FinboxDown, "answered 500"},
		"busy":            {429, `canary`, problem.FinboxDown, "answered 429"},
		"passing trouble": {400, `{"error": "temporarily_unavailable"}`, problem.FinboxDown, "temporarily"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := &signIn{answer: func(int) (int, string) { return tt.status, tt.body }}
			_, err := s.connect(t, finbox.Config{}).Status(t.Context())
			p := problem.Of(err)
			if p == nil || p.Code != tt.code || !strings.Contains(p.What, tt.want) {
				t.Fatalf("got %v, want %s with %q", err, tt.code, tt.want)
			}
			all, _ := json.Marshal([]string{p.What, p.Next, err.Error()})
			for _, secret := range []string{"canary", "s%cret"} {
				if strings.Contains(string(all), secret) {
					t.Errorf("the error repeats %q: %s", secret, all)
				}
			}
			if len(s.forms) != 1 {
				t.Errorf("%d sign-ins, want 1", len(s.forms))
			}
		})
	}
}

func TestWrongClock(t *testing.T) {
	key, err := finbox.LoadKey(file(t, "a.key", pkcs1(ourKey())), "")
	if err != nil {
		t.Fatal(err)
	}
	s := &signIn{answer: func(int) (int, string) { return 401, `{"error": "invalid_client"}` }}
	c := s.connect(t, finbox.Config{Key: key, Now: func() time.Time { return time.Now().Add(3 * time.Hour) }})
	_, err = c.Status(t.Context())
	if p := problem.Of(err); p == nil || !strings.Contains(p.Next, "clock") {
		t.Errorf("got %+v, want the clock named", p)
	}
}

func TestUnusableConfig(t *testing.T) {
	key, err := finbox.LoadKey(file(t, "a.key", pkcs1(ourKey())), "")
	if err != nil {
		t.Fatal(err)
	}
	good := finbox.Config{BaseURL: "https://a.example", TokenURL: "https://a.example/token", ClientID: "firm", ClientSecret: "canary"}
	if _, err := finbox.New(good); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*finbox.Config){
		"the address":       func(c *finbox.Config) { c.BaseURL = "finbox" },
		"the token address": func(c *finbox.Config) { c.TokenURL = "" },
		"client id":         func(c *finbox.Config) { c.ClientID = "" },
		"neither":           func(c *finbox.Config) { c.ClientSecret = "" },
		"both":              func(c *finbox.Config) { c.Key = key },
	} {
		cfg := good
		change(&cfg)
		_, err := finbox.New(cfg)
		if !problem.Is(err, problem.ConfigInvalid) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("got %v, want a ConfigInvalid problem with %q", err, want)
		}
	}
}

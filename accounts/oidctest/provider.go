package oidctest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
)

// The client that the provider knows.
const (
	ClientID     = "balansd"
	ClientSecret = "s3cret"
)

// Provider is an OpenID Connect provider. It checks the client's redirect, its
// secret and PKCE, and redeems a code once. It is for one goroutine.
type Provider struct {
	*httptest.Server

	// Claims describe the person who signs in next.
	Claims map[string]any
	// Tamper changes the claims of the next ID tokens; nil for none.
	Tamper func(claims map[string]any)
	// Down has every call answered with 503.
	Down bool
	// Elsewhere has the token and keys endpoints on another host than the issuer.
	Elsewhere bool
	// Offline has the provider give refresh tokens, each of which works once. Without
	// Again its answers to them have no ID token.
	Offline, Again bool
	// SignedOut has it answer a question without the person (prompt=none) with an error.
	SignedOut bool
	// Refreshed counts the refresh tokens that were used.
	Refreshed int

	t     *testing.T
	key   *rsa.PrivateKey
	codes map[string]url.Values // the authorization request, by code
	fresh map[string]bool       // the refresh tokens that were not used yet
	other *httptest.Server
}

// NewProvider starts a Provider, which runs until t ends.
func NewProvider(t *testing.T) *Provider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &Provider{t: t, key: key, codes: map[string]url.Values{}, fresh: map[string]bool{}, Again: true, Claims: map[string]any{
		"sub": "u-1", "preferred_username": "an@kantoor.example", "groups": []string{"everybody", "g-admins"}}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		base, scopes := p.URL, []string{"openid"}
		if p.Elsewhere {
			base = p.other.URL
		}
		if p.Offline {
			scopes = append(scopes, "offline_access")
		}
		writeJSON(w, map[string]any{"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": base + "/token",
			"jwks_uri": base + "/keys", "id_token_signing_alg_values_supported": []string{"RS256"}, "scopes_supported": scopes})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Algorithm: "RS256", Use: "sig"}}})
	})
	mux.HandleFunc("POST /token", p.token)
	all := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.Down {
			http.Error(w, "maintenance", http.StatusServiceUnavailable)
			return
		}
		mux.ServeHTTP(w, r)
	})
	p.Server, p.other = httptest.NewServer(all), httptest.NewServer(all)
	t.Cleanup(p.Close)
	t.Cleanup(p.other.Close)
	return p
}

// ClientFor returns a client that reaches the hosts of the addresses alone, as
// transport.New does.
func (p *Provider) ClientFor(addresses ...string) (*http.Client, error) {
	hosts := map[string]bool{}
	for _, a := range addresses {
		u, err := url.Parse(a)
		if err != nil {
			return nil, err
		}
		hosts[u.Host] = true
	}
	return &http.Client{Transport: only(hosts)}, nil
}

// only sends requests to some hosts.
type only map[string]bool

func (o only) RoundTrip(r *http.Request) (*http.Response, error) {
	if !o[r.URL.Host] {
		return nil, fmt.Errorf("%s is not allowed", r.URL.Host)
	}
	return http.DefaultTransport.RoundTrip(r)
}

// OtherHost is the host of the endpoints with Elsewhere.
func (p *Provider) OtherHost() string { return strings.TrimPrefix(p.other.URL, "http://") }

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// Authorize signs the person in at the provider. address is the authorization
// request; it returns the address to which the provider redirects the browser.
func (p *Provider) Authorize(address string) string {
	p.t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		p.t.Fatal(err)
	}
	q := u.Query()
	for key, want := range map[string]string{"response_type": "code", "client_id": ClientID, "code_challenge_method": "S256"} {
		if q.Get(key) != want {
			p.t.Fatalf("%s is %q in %s", key, q.Get(key), address)
		}
	}
	if q.Get("state") == "" || q.Get("nonce") == "" || q.Get("code_challenge") == "" || !strings.Contains(q.Get("scope"), "openid") {
		p.t.Fatalf("something is missing in %s", address)
	}
	if q.Get("prompt") == "none" && p.SignedOut {
		return q.Get("redirect_uri") + "?" + url.Values{"error": {"login_required"}, "state": {q.Get("state")}}.Encode()
	}
	code := rand.Text()
	p.codes[code] = q
	return q.Get("redirect_uri") + "?" + url.Values{"code": {code}, "state": {q.Get("state")}}.Encode()
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	id, secret, ok := r.BasicAuth()
	if !ok {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	nonce, ok := p.redeem(r.PostForm)
	if !ok || id != ClientID || secret != ClientSecret {
		w.WriteHeader(http.StatusBadRequest)
		writeJSON(w, map[string]string{"error": "invalid_grant"})
		return
	}
	claims := map[string]any{"iss": p.URL, "aud": ClientID, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()}
	if nonce != "" {
		claims["nonce"] = nonce
	}
	maps.Copy(claims, p.Claims)
	if p.Tamper != nil {
		p.Tamper(claims)
	}
	answer := map[string]any{"access_token": "a", "token_type": "Bearer"}
	if nonce != "" || p.Again {
		answer["id_token"] = p.sign(claims)
	}
	if p.Offline {
		token := rand.Text()
		p.fresh[token], answer["refresh_token"] = true, token
	}
	writeJSON(w, answer)
}

// redeem uses up the code or the refresh token of a request, and returns the nonce of the
// code; empty for a refresh token.
func (p *Provider) redeem(form url.Values) (nonce string, ok bool) {
	if form.Get("grant_type") == "refresh_token" {
		token := form.Get("refresh_token")
		ok = p.fresh[token]
		delete(p.fresh, token)
		if ok {
			p.Refreshed++
		}
		return "", ok
	}
	code := form.Get("code")
	request, known := p.codes[code]
	delete(p.codes, code)
	challenge := sha256.Sum256([]byte(form.Get("code_verifier")))
	return request.Get("nonce"), known && form.Get("redirect_uri") == request.Get("redirect_uri") &&
		base64.RawURLEncoding.EncodeToString(challenge[:]) == request.Get("code_challenge")
}

// ForgetTokens has the refresh tokens that were given work no more.
func (p *Provider) ForgetTokens() { clear(p.fresh) }

func (p *Provider) sign(claims map[string]any) string {
	body, _ := json.Marshal(claims)
	enc := base64.RawURLEncoding
	text := enc.EncodeToString([]byte(`{"alg":"RS256","kid":"k"}`)) + "." + enc.EncodeToString(body)
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(rand.Reader, p.key, crypto.SHA256, sum[:])
	if err != nil {
		p.t.Error(err) // not Fatal: this is the server's goroutine
	}
	return text + "." + enc.EncodeToString(sig)
}

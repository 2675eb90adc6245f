package finbox

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/subtle"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

const (
	tokenPath     = "/oauth2/token"
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	maxAssertion  = 5 * time.Minute // how far ahead an assertion may end
	clockSkew     = time.Minute
	tokenLifetime = time.Hour
)

// RegisterKey lets the client sign in with assertions that the key signed. It
// takes a PEM block of a certificate or of an RSA public key (PKIX).
func (f *Finbox) RegisterKey(pemText []byte) error {
	key, err := parsePublicKey(pemText)
	if err != nil {
		return err
	}
	return f.change(func() error {
		f.keys = append(f.keys, key)
		f.keyPEMs = append(f.keyPEMs, string(pemText))
		return nil
	})
}

// registeredKey is a key of the client. One of a certificate ends with it.
type registeredKey struct {
	public crypto.PublicKey
	end    time.Time // zero for a key without a certificate
}

func parsePublicKey(pemText []byte) (k registeredKey, err error) {
	block, _ := pem.Decode(pemText)
	if block == nil {
		return k, errors.New("there is no PEM block in it")
	}
	switch block.Type {
	case "CERTIFICATE":
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return k, errors.New("the certificate cannot be read")
		}
		k.public, k.end = cert.PublicKey, cert.NotAfter
	default:
		parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return k, errors.New("the public key cannot be read")
		}
		k.public = parsed
	}
	if _, ok := k.public.(*rsa.PublicKey); !ok {
		return k, errors.New("the key is no RSA key")
	}
	return k, nil
}

// ExpireTokens ends every access token, as time would.
func (f *Finbox) ExpireTokens() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.tokens)
}

// serveToken returns an access token for client credentials (RFC 6749, 4.4).
func (f *Finbox) serveToken(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
	if err := r.ParseForm(); err != nil {
		writeTokenError(w, http.StatusBadRequest, "invalid_request")
		return
	}
	basicID, basicSecret, basic := r.BasicAuth()
	if !f.authenticated(r.PostForm, r.Host, basicID, basicSecret, basic) {
		if basic {
			w.Header().Set("WWW-Authenticate", `Basic realm="Finbox"`)
		}
		writeTokenError(w, http.StatusUnauthorized, "invalid_client")
		return
	}
	if r.PostForm.Get("grant_type") != "client_credentials" {
		writeTokenError(w, http.StatusBadRequest, "unsupported_grant_type")
		return
	}
	token := rand.Text()
	now := f.opt.Now()
	f.mu.Lock()
	for old, end := range f.tokens {
		if end.Before(now) {
			delete(f.tokens, old)
		}
	}
	f.tokens[token] = now.Add(tokenLifetime)
	f.mu.Unlock()
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int    `json:"expires_in"`
		Scope       string `json:"scope,omitempty"`
	}{token, "Bearer", int(tokenLifetime.Seconds()), r.PostForm.Get("scope")})
}

func writeTokenError(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": code})
}

// authenticated reports whether the caller is the client, by an assertion, by
// HTTP Basic or by the form. RFC 6749, 2.3 forbids more than one of them.
func (f *Finbox) authenticated(form url.Values, host, basicID, basicSecret string, basic bool) bool {
	ways := 0
	for _, used := range []bool{basic, form.Has("client_secret"), form.Has("client_assertion")} {
		if used {
			ways++
		}
	}
	if ways != 1 {
		return false
	}
	switch {
	case form.Has("client_assertion"):
		id := form.Get("client_id")
		return form.Get("client_assertion_type") == assertionType && (id == "" || id == f.ClientID()) &&
			f.validAssertion(form.Get("client_assertion"), host)
	case basic:
		// RFC 6749, 2.3.1: both are form-encoded inside Basic.
		id, errID := url.QueryUnescape(basicID)
		secret, errSecret := url.QueryUnescape(basicSecret)
		return errID == nil && errSecret == nil && f.secretIs(id, secret)
	default:
		return f.secretIs(form.Get("client_id"), form.Get("client_secret"))
	}
}

func (f *Finbox) secretIs(id, secret string) bool {
	return id == f.ClientID() && subtle.ConstantTimeCompare([]byte(secret), []byte(f.ClientSecret())) == 1
}

// validAssertion checks a private_key_jwt assertion (RFC 7523, 3): issuer, audience and
// times, that it was not used before, and that the certificate of its key has not ended.
func (f *Finbox) validAssertion(assertion, host string) bool {
	token, err := jwt.ParseSigned(assertion, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var claims jwt.Claims
	now := f.opt.Now()
	if !slices.ContainsFunc(f.keys, func(k registeredKey) bool {
		claims = jwt.Claims{}
		return (k.end.IsZero() || now.Before(k.end)) && token.Claims(k.public, &claims) == nil
	}) {
		return false
	}
	if claims.Issuer != f.opt.ClientID || claims.Subject != f.opt.ClientID || claims.ID == "" || claims.Expiry == nil {
		return false
	}
	end := claims.Expiry.Time()
	if !end.After(now.Add(-clockSkew)) || end.After(now.Add(maxAssertion+clockSkew)) ||
		claims.NotBefore != nil && claims.NotBefore.Time().After(now.Add(clockSkew)) {
		return false
	}
	if !slices.ContainsFunc(f.audiences(host), claims.Audience.Contains) {
		return false
	}
	if _, used := f.usedJTI[claims.ID]; used {
		return false
	}
	for id, until := range f.usedJTI {
		if until.Before(now) {
			delete(f.usedJTI, id)
		}
	}
	f.usedJTI[claims.ID] = end.Add(clockSkew)
	return true
}

// audiences are the names that an assertion may be for. The lock is held.
func (f *Finbox) audiences(host string) []string {
	bases := []string{"http://" + host, "https://" + host}
	if f.baseURL != "" {
		bases = append(bases, f.baseURL)
	}
	var all []string
	for _, b := range bases {
		all = append(all, b, b+"/", b+tokenPath)
	}
	return all
}

// requireToken answers 401 unless the request carries a valid access token.
func (f *Finbox) requireToken(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		f.mu.RLock()
		end, ok := f.tokens[token]
		f.mu.RUnlock()
		if !strings.EqualFold(kind, "Bearer") || !ok || !f.opt.Now().Before(end) {
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			writeProblem(w, r, http.StatusUnauthorized, msgSignIn)
			return
		}
		next.ServeHTTP(w, r)
	})
}

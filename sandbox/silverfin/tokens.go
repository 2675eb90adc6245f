package silverfin

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The lifetimes of codes and tokens. That of a code is the default of Doorkeeper, the
// sign-in server that Silverfin uses.
const (
	codeLife         = 10 * time.Minute
	accessTokenLife  = 2 * time.Hour
	refreshTokenLife = 60 * 24 * time.Hour
)

// allScopes are all scopes that Silverfin publishes.
var allScopes = []string{
	"user:profile", "user:email", "user:firm",
	"administration:read", "administration:write", "communication:read", "communication:write",
	"financials:read", "financials:write",
	"financials:transactions:read", "financials:transactions:write", "financials:transactions:sync",
	"permanent_documents:read", "permanent_documents:write", "workflows:read", "workflows:write",
	"webhooks", "links", "client_meetings:read", "client_meetings:external_notes:write",
}

type authCode struct {
	Code        string    `json:"code"`
	Firm        int64     `json:"firm"`
	Scopes      []string  `json:"scopes"`
	RedirectURI string    `json:"redirect_uri,omitempty"` // empty fits any
	Created     time.Time `json:"created"`
}

// A tokenPair is an access token with its refresh token. Previous is the one
// that it came from and that dies when this one is first used.
type tokenPair struct {
	ID       int64     `json:"id"`
	Access   string    `json:"access"`
	Refresh  string    `json:"refresh"`
	Firm     int64     `json:"firm"`
	Scopes   []string  `json:"scopes"`
	Created  time.Time `json:"created"`
	Previous int64     `json:"previous,omitempty"`
}

// Grant returns an authorization code for a firm, as if a person had allowed
// it; it fits any redirect address. No scopes means all of them. It is empty
// when there is no such firm.
func (s *Silverfin) Grant(firmID int64, scopes ...string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.index.firms[firmID] == nil {
		return ""
	}
	if len(scopes) == 0 {
		scopes = allScopes
	}
	return s.newCode(firmID, slices.Clone(scopes), "")
}

// RevokeTokens kills every token of a firm, as when the person who allowed
// them withdraws. Codes that were not used yet die too.
func (s *Silverfin) RevokeTokens(firmID int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropTokens(func(t *tokenPair) bool { return t.Firm == firmID })
	s.dropCodes(func(c *authCode) bool { return c.Firm == firmID })
}

func (s *Silverfin) newCode(firm int64, scopes []string, redirect string) string {
	s.dropCodes(func(c *authCode) bool { return s.now().Sub(c.Created) >= codeLife })
	c := &authCode{Code: rand.Text(), Firm: firm, Scopes: scopes, RedirectURI: redirect, Created: s.now()}
	s.state.Codes = append(s.state.Codes, c)
	s.index.codes[c.Code] = c
	return c.Code
}

func (s *Silverfin) newToken(firm int64, scopes []string, previous int64) *tokenPair {
	s.dropTokens(func(t *tokenPair) bool { return s.refreshExpired(t) })
	t := &tokenPair{ID: s.newID("token"), Access: rand.Text() + rand.Text(), Refresh: rand.Text() + rand.Text(),
		Firm: firm, Scopes: scopes, Created: s.now(), Previous: previous}
	s.state.Tokens = append(s.state.Tokens, t)
	s.index.access[t.Access], s.index.refresh[t.Refresh] = t, t
	return t
}

func (s *Silverfin) refreshExpired(t *tokenPair) bool {
	return s.now().Sub(t.Created) >= refreshTokenLife
}

func (s *Silverfin) dropTokens(dead func(*tokenPair) bool) {
	s.state.Tokens = slices.DeleteFunc(s.state.Tokens, func(t *tokenPair) bool {
		if !dead(t) {
			return false
		}
		delete(s.index.access, t.Access)
		delete(s.index.refresh, t.Refresh)
		return true
	})
}

func (s *Silverfin) dropCodes(dead func(*authCode) bool) {
	s.state.Codes = slices.DeleteFunc(s.state.Codes, dead)
	maps.DeleteFunc(s.index.codes, func(_ string, c *authCode) bool { return dead(c) })
}

// use finds the live token behind an access token. Its first use is what kills
// the pair that it came from: Silverfin says that the previous refresh token
// is revoked when the new access token is first used against the API, and
// Doorkeeper revokes the whole record, access token included.
func (s *Silverfin) use(access string) *tokenPair {
	t := s.index.access[access]
	if t == nil || s.now().Sub(t.Created) >= accessTokenLife {
		return nil
	}
	if previous := t.Previous; previous != 0 {
		t.Previous = 0
		s.dropTokens(func(o *tokenPair) bool { return o.ID == previous })
	}
	return t
}

// token answers POST /f/{firm}/oauth/token. Silverfin takes the parameters in
// the query, as a form and as JSON.
func (s *Silverfin) token(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	in, err := tokenParameters(w, r)
	if err != nil {
		oauthError(w, http.StatusBadRequest, "invalid_request", "The request could not be read.")
		return
	}
	if !s.knowsClient(r, in) {
		oauthError(w, http.StatusUnauthorized, "invalid_client",
			"Client authentication failed due to unknown client, no client authentication included, or unsupported authentication method.")
		return
	}
	firm, _ := strconv.ParseInt(r.PathValue("firm"), 10, 64)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch in.Get("grant_type") {
	case "authorization_code":
		s.exchange(w, firm, in)
	case "refresh_token":
		s.refresh(w, firm, in)
	default:
		oauthError(w, http.StatusBadRequest, "unsupported_grant_type",
			"The authorization grant type is not supported by the authorization server.")
	}
}

func (s *Silverfin) exchange(w http.ResponseWriter, firm int64, in url.Values) {
	c := s.index.codes[in.Get("code")]
	if c == nil || c.Firm != firm || s.now().Sub(c.Created) >= codeLife ||
		c.RedirectURI != "" && !sameAddress(c.RedirectURI, in.Get("redirect_uri")) {
		invalidGrant(w)
		return
	}
	s.dropCodes(func(o *authCode) bool { return o == c })
	s.answerToken(w, s.newToken(c.Firm, c.Scopes, 0))
}

func (s *Silverfin) refresh(w http.ResponseWriter, firm int64, in url.Values) {
	old := s.index.refresh[in.Get("refresh_token")]
	if old == nil || old.Firm != firm || s.refreshExpired(old) {
		invalidGrant(w)
		return
	}
	s.answerToken(w, s.newToken(old.Firm, old.Scopes, old.ID))
}

func (s *Silverfin) answerToken(w http.ResponseWriter, t *tokenPair) {
	answerJSON(w, http.StatusOK, map[string]any{
		"access_token": t.Access, "refresh_token": t.Refresh, "token_type": "Bearer",
		"expires_in": int(accessTokenLife / time.Second),
		"scope":      strings.Join(t.Scopes, " "), "created_at": t.Created.Unix(),
	})
}

// knowsClient checks the credentials of the application, also in a Basic header, as
// Doorkeeper does. It ignores a Bearer header.
func (s *Silverfin) knowsClient(r *http.Request, in url.Values) bool {
	id, secret := in.Get("client_id"), in.Get("client_secret")
	if user, password, ok := r.BasicAuth(); ok {
		id, secret = user, password
	}
	same := subtle.ConstantTimeCompare([]byte(secret), []byte(s.options.ClientSecret)) == 1
	return same && id == s.options.ClientID
}

// tokenParameters gathers query, form and JSON; the body wins.
func tokenParameters(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind != "application/json" {
		err := r.ParseForm()
		return r.Form, err
	}
	in := r.URL.Query()
	var body map[string]any
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		return nil, err
	}
	for key, value := range body {
		if text, ok := value.(string); ok {
			in.Set(key, text)
		}
	}
	return in, nil
}

// sameAddress compares redirect addresses. Silverfin's own client sends a
// percent-encoded one inside JSON, and it works.
func sameAddress(registered, given string) bool {
	decoded, err := url.QueryUnescape(given)
	return given == registered || err == nil && decoded == registered
}

func invalidGrant(w http.ResponseWriter) {
	oauthError(w, http.StatusBadRequest, "invalid_grant",
		"The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used in the authorization request, or was issued to another client.")
}

func oauthError(w http.ResponseWriter, status int, code, description string) {
	answerJSON(w, status, map[string]string{"error": code, "error_description": description})
}

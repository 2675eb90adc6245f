package accounts

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"balansd/internal/clip"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"
)

// OIDCConfig configures the OpenID Connect provider that signs people in, and the roles of
// its groups.
type OIDCConfig struct {
	Issuer       string
	ClientID     string
	ClientSecret string
	GroupsClaim  string   // the claim that lists a person's groups
	AdminGroups  []string // whose members are admins
	StaffGroups  []string // whose members are staff; nobody else gets in
	// Redirect is the address of the pages to which the provider redirects.
	Redirect string
	// HTTP reaches the provider, and nothing else.
	HTTP *http.Client
}

const (
	// PendingLifetime bounds how long a sign-in at the provider may take.
	PendingLifetime = 10 * time.Minute
	// maxNext bounds the address of the page that a sign-in leads to. It is saved
	// in a cookie, which browsers bound to 4096 bytes (RFC 6265, section 6.1).
	maxNext = 1000
)

// failureLifetime is how long the failure of a provider is returned without asking
// again.
const failureLifetime = 5 * time.Second

// OIDC signs people in through an OpenID Connect provider: the authorization
// code flow with PKCE, a state and a nonce. It is safe for concurrent use. A
// pending sign-in is saved in the browser, encrypted, so that starting many uses
// no memory here. After a restart a person starts again.
type OIDC struct {
	cfg  OIDCConfig
	now  func() time.Time
	aead cipher.AEAD

	inFlight singleflight.Group // the call under way, for all who wait for it

	mu       sync.Mutex
	provider *oidc.Provider // once it was reached
	err      error          // of the newest call
	failedAt time.Time
}

// PendingSignIn is a sign-in that was started in a browser.
type PendingSignIn struct {
	State    string    `json:"state"`
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"`
	Next     string    `json:"next"` // the page to show afterwards
	Until    time.Time `json:"until"`
}

// Identity is a person as the provider describes them.
type Identity struct {
	Subject, Name string
	Role          Role // empty when no group gives one
}

// NewOIDC returns an OIDC. It does not contact the provider yet.
func NewOIDC(cfg OIDCConfig, now func() time.Time) (*OIDC, error) {
	if cfg.HTTP == nil {
		cfg.HTTP = http.DefaultClient
	}
	block, err := aes.NewCipher(random(32))
	if err != nil {
		return nil, err
	}
	seal, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &OIDC{cfg: cfg, now: now, aead: seal}, nil
}

// getProvider returns the provider. Its metadata is fetched once, at the first
// sign-in, so that the pages start without it. Concurrent sign-ins wait for the
// same call, each until its own context ends; a failure is returned for
// failureTime.
func (o *OIDC) getProvider(ctx context.Context) (*oidc.Provider, error) {
	o.mu.Lock()
	p, failed := o.provider, o.err
	if o.now().Sub(o.failedAt).Abs() >= failureLifetime {
		failed = nil
	}
	o.mu.Unlock()
	if p != nil || failed != nil {
		return p, failed
	}
	// The provider keeps this context for its keys, which it fetches again after
	// this request.
	kept := oidc.ClientContext(context.WithoutCancel(ctx), o.cfg.HTTP)
	answered := o.inFlight.DoChan("", func() (any, error) { return o.discover(kept) })
	select {
	case got := <-answered:
		p, _ = got.Val.(*oidc.Provider)
		return p, got.Err
	case <-ctx.Done():
		return nil, refuse(http.StatusBadGateway, "oidc.down", ctx.Err())
	}
}

// discover fetches the metadata of the provider, and saves the result.
func (o *OIDC) discover(ctx context.Context) (*oidc.Provider, error) {
	p, err := oidc.NewProvider(ctx, o.cfg.Issuer)
	if err != nil {
		// The library's error ends with all that was answered.
		p, err = nil, refuse(http.StatusBadGateway, "oidc.down", errors.New(clip.Text(err.Error())))
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.provider, o.err, o.failedAt = p, err, o.now()
	return p, err
}

func (o *OIDC) oauth(p *oidc.Provider) oauth2.Config {
	return oauth2.Config{ClientID: o.cfg.ClientID, ClientSecret: o.cfg.ClientSecret, Endpoint: p.Endpoint(),
		RedirectURL: o.cfg.Redirect, Scopes: []string{oidc.ScopeOpenID, "profile", "email"}}
}

// Begin returns the address at the provider, and the cookie with which Resume
// finds the sign-in again. next is the path of the page to show afterwards.
func (o *OIDC) Begin(ctx context.Context, next string) (address, cookie string, err error) {
	p, err := o.getProvider(ctx)
	if err != nil {
		return "", "", err
	}
	if len(next) > maxNext {
		next = "/"
	}
	b := PendingSignIn{State: oauth2.GenerateVerifier(), Nonce: oauth2.GenerateVerifier(), Verifier: oauth2.GenerateVerifier(),
		Next: next, Until: o.now().Add(PendingLifetime)}
	text, err := json.Marshal(b)
	if err != nil {
		return "", "", err
	}
	c := o.oauth(p)
	return c.AuthCodeURL(b.State, oidc.Nonce(b.Nonce), oauth2.S256ChallengeOption(b.Verifier)),
		base64.RawURLEncoding.EncodeToString(o.aead.Seal(nil, nil, text, nil)), nil
}

// Resume decrypts the sign-in that a browser started; false when it started
// another one, none, or too long ago.
func (o *OIDC) Resume(state, cookie string) (b PendingSignIn, ok bool) {
	sealed, err := base64.RawURLEncoding.DecodeString(cookie)
	if err != nil {
		return b, false
	}
	text, err := o.aead.Open(nil, nil, sealed, nil)
	if err != nil || json.Unmarshal(text, &b) != nil {
		return b, false
	}
	now := o.now()
	return b, SameSecret(state, b.State) && now.Before(b.Until) && !isFuture(b.Until.Add(-PendingLifetime), now)
}

// Finish redeems the code of a sign-in. A code works once (RFC 6749, section 4.1.2).
func (o *OIDC) Finish(ctx context.Context, b PendingSignIn, code string) (Identity, error) {
	p, err := o.getProvider(ctx)
	if err != nil {
		return Identity{}, err
	}
	ctx = oidc.ClientContext(ctx, o.cfg.HTTP)
	c := o.oauth(p)
	tokens, err := c.Exchange(ctx, code, oauth2.VerifierOption(b.Verifier))
	if err != nil {
		// The library's error holds what the provider answered, which is not
		// ours to log in full.
		if re, is := errors.AsType[*oauth2.RetrieveError](err); is {
			err = fmt.Errorf("the provider answered %q", clip.Text(re.ErrorCode))
		}
		return Identity{}, refuse(http.StatusBadGateway, "oidc.refused", err)
	}
	raw, _ := tokens.Extra("id_token").(string)
	id, err := p.Verifier(&oidc.Config{ClientID: o.cfg.ClientID, Now: o.now}).Verify(ctx, raw)
	if err != nil {
		return Identity{}, refuse(http.StatusBadGateway, "oidc.refused", err)
	}
	if !SameSecret(id.Nonce, b.Nonce) {
		return Identity{}, Refusal{Status: http.StatusBadGateway, Reason: "oidc.refused"}
	}
	return o.identify(id)
}

// identify reads the person and their role from an ID token.
func (o *OIDC) identify(id *oidc.IDToken) (Identity, error) {
	var claims map[string]any
	if err := id.Claims(&claims); err != nil {
		return Identity{}, refuse(http.StatusBadGateway, "oidc.refused", err)
	}
	out := Identity{Subject: id.Issuer + " " + id.Subject, Name: id.Subject}
	for _, claim := range []string{"preferred_username", "email", "name"} {
		if claim == "email" && !emailVerified(claims) {
			continue // anybody may have typed it
		}
		if s, ok := claims[claim].(string); ok && CheckName(s) == nil {
			out.Name = s
			break
		}
	}
	groups, listed := stringsOf(claims[o.cfg.GroupsClaim])
	if !listed && groupsOmitted(claims, o.cfg.GroupsClaim) {
		return out, Refusal{Status: http.StatusForbidden, Reason: "oidc.overage"}
	}
	in := func(wanted []string) bool {
		return slices.ContainsFunc(wanted, func(g string) bool { return slices.Contains(groups, g) })
	}
	switch {
	case in(o.cfg.AdminGroups):
		out.Role = Admin
	case in(o.cfg.StaffGroups):
		out.Role = Staff
	default:
		return out, Refusal{Status: http.StatusForbidden, Reason: "oidc.nobody"}
	}
	return out, nil
}

// emailVerified reports whether the provider verified the e-mail address. Some providers
// write the claim as text.
func emailVerified(claims map[string]any) bool {
	ok := claims["email_verified"]
	return ok == true || ok == "true"
}

// groupsOmitted tells whether the provider left the groups out because they are too
// many for a token. Microsoft Entra ID does beyond 200, and names a place to
// ask instead (Access token claims reference, groups overage claim).
func groupsOmitted(claims map[string]any, claim string) bool {
	names, _ := claims["_claim_names"].(map[string]any)
	_, elsewhere := names[claim]
	has, _ := claims["hasgroups"].(bool)
	return elsewhere || has
}

// stringsOf reads a claim that holds one text or a list.
func stringsOf(claim any) ([]string, bool) {
	switch c := claim.(type) {
	case string:
		return []string{c}, true
	case []any:
		var list []string
		for _, one := range c {
			if s, ok := one.(string); ok {
				list = append(list, s)
			}
		}
		return list, true
	}
	return nil, false
}

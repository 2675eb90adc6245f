package portal

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

// OIDCConfig says which OpenID Connect provider signs people in, and what its
// groups mean.
type OIDCConfig struct {
	Issuer       string
	ClientID     string
	ClientSecret string
	GroupsClaim  string   // the claim that lists a person's groups
	AdminGroups  []string // whose members are admins
	StaffGroups  []string // whose members are staff; nobody else gets in
	// Redirect is the address of ours to which the provider sends people back.
	Redirect string
	// HTTP reaches the provider, and nothing else.
	HTTP *http.Client
}

// How long a sign-in at the provider may take, and how long the address of the
// page may be that it then leads to: it is kept in a cookie, which browsers
// bound to 4096 bytes (RFC 6265, section 6.1).
const (
	begunTime = 10 * time.Minute
	maxNext   = 1000
)

// failureTime is for how long a provider that did not answer is not asked again.
const failureTime = 5 * time.Second

// oidcDoor signs people in through the provider: the authorization code flow
// with PKCE, a state and a nonce. It is safe for concurrent use. What is under
// way is kept by the browser, sealed: whoever begins many fills no memory here,
// and keeps nobody out. After a restart a person begins again.
type oidcDoor struct {
	cfg  OIDCConfig
	now  func() time.Time
	seal cipher.AEAD

	asking singleflight.Group // the call under way, for all who wait for it

	mu       sync.Mutex
	provider *oidc.Provider // once it was reached
	failed   error          // of the newest call
	failedAt time.Time
}

// begun is a sign-in that is under way.
type begun struct {
	State    string    `json:"state"`
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"`
	Next     string    `json:"next"` // the page to show afterwards
	Until    time.Time `json:"until"`
}

// vouched is whom the provider vouches for.
type vouched struct {
	subject, name string
	role          Role
}

func newOIDCDoor(cfg OIDCConfig, now func() time.Time) (*oidcDoor, error) {
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
	return &oidcDoor{cfg: cfg, now: now, seal: seal}, nil
}

// reach gives the provider. It is asked once what it offers, at the first
// sign-in: the pages start without it, too. All who sign in meanwhile wait for
// the same call, each no longer than they like, and for failureTime its failure
// is the answer.
func (d *oidcDoor) reach(ctx context.Context) (*oidc.Provider, error) {
	d.mu.Lock()
	p, failed := d.provider, d.failed
	if d.now().Sub(d.failedAt).Abs() >= failureTime {
		failed = nil
	}
	d.mu.Unlock()
	if p != nil || failed != nil {
		return p, failed
	}
	// The provider keeps this context for its keys, which it fetches again after
	// this request.
	kept := oidc.ClientContext(context.WithoutCancel(ctx), d.cfg.HTTP)
	answered := d.asking.DoChan("", func() (any, error) { return d.discover(kept) })
	select {
	case got := <-answered:
		p, _ = got.Val.(*oidc.Provider)
		return p, got.Err
	case <-ctx.Done():
		return nil, wrapDenied(http.StatusBadGateway, "oidc.down", ctx.Err())
	}
}

// discover asks the provider what it offers, and remembers the answer.
func (d *oidcDoor) discover(ctx context.Context) (*oidc.Provider, error) {
	p, err := oidc.NewProvider(ctx, d.cfg.Issuer)
	if err != nil {
		// The library's error ends with all that was answered.
		p, err = nil, wrapDenied(http.StatusBadGateway, "oidc.down", errors.New(clip.Text(err.Error())))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.provider, d.failed, d.failedAt = p, err, d.now()
	return p, err
}

func (d *oidcDoor) oauth(p *oidc.Provider) oauth2.Config {
	return oauth2.Config{ClientID: d.cfg.ClientID, ClientSecret: d.cfg.ClientSecret, Endpoint: p.Endpoint(),
		RedirectURL: d.cfg.Redirect, Scopes: []string{oidc.ScopeOpenID, "profile", "email"}}
}

// begin gives the address at the provider, and what the browser is to keep in
// a cookie until it is back.
func (d *oidcDoor) begin(ctx context.Context, next string) (address, cookie string, err error) {
	p, err := d.reach(ctx)
	if err != nil {
		return "", "", err
	}
	if len(next) > maxNext {
		next = "/"
	}
	b := begun{State: oauth2.GenerateVerifier(), Nonce: oauth2.GenerateVerifier(), Verifier: oauth2.GenerateVerifier(),
		Next: next, Until: d.now().Add(begunTime)}
	text, err := json.Marshal(b)
	if err != nil {
		return "", "", err
	}
	c := d.oauth(p)
	return c.AuthCodeURL(b.State, oidc.Nonce(b.Nonce), oauth2.S256ChallengeOption(b.Verifier)),
		base64.RawURLEncoding.EncodeToString(d.seal.Seal(nil, nil, text, nil)), nil
}

// resume gives the sign-in that a browser began, by what it kept; false when it
// began another, none, or too long ago.
func (d *oidcDoor) resume(state, cookie string) (b begun, ok bool) {
	sealed, err := base64.RawURLEncoding.DecodeString(cookie)
	if err != nil {
		return b, false
	}
	text, err := d.seal.Open(nil, nil, sealed, nil)
	if err != nil || json.Unmarshal(text, &b) != nil {
		return b, false
	}
	now := d.now()
	return b, sameSecret(state, b.State) && now.Before(b.Until) && !madeLater(b.Until.Add(-begunTime), now)
}

// finish redeems the code of a sign-in. The provider gives nothing for a code
// that was redeemed before (RFC 6749, section 4.1.2).
func (d *oidcDoor) finish(ctx context.Context, b begun, code string) (vouched, error) {
	p, err := d.reach(ctx)
	if err != nil {
		return vouched{}, err
	}
	ctx = oidc.ClientContext(ctx, d.cfg.HTTP)
	c := d.oauth(p)
	tokens, err := c.Exchange(ctx, code, oauth2.VerifierOption(b.Verifier))
	if err != nil {
		// The library's error holds what the provider answered, which is not
		// ours to log in full.
		if re, is := errors.AsType[*oauth2.RetrieveError](err); is {
			err = fmt.Errorf("the provider answered %q", clip.Text(re.ErrorCode))
		}
		return vouched{}, wrapDenied(http.StatusBadGateway, "oidc.refused", err)
	}
	raw, _ := tokens.Extra("id_token").(string)
	id, err := p.Verifier(&oidc.Config{ClientID: d.cfg.ClientID, Now: d.now}).Verify(ctx, raw)
	if err != nil {
		return vouched{}, wrapDenied(http.StatusBadGateway, "oidc.refused", err)
	}
	if !sameSecret(id.Nonce, b.Nonce) {
		return vouched{}, denied{status: http.StatusBadGateway, why: "oidc.refused"}
	}
	return d.vouch(id)
}

// vouch reads from the provider's word who it is, and what they may do.
func (d *oidcDoor) vouch(id *oidc.IDToken) (vouched, error) {
	var claims map[string]any
	if err := id.Claims(&claims); err != nil {
		return vouched{}, wrapDenied(http.StatusBadGateway, "oidc.refused", err)
	}
	out := vouched{subject: id.Issuer + " " + id.Subject, name: id.Subject}
	for _, claim := range []string{"preferred_username", "email", "name"} {
		if claim == "email" && !verified(claims) {
			continue // anybody may have typed it
		}
		if s, ok := claims[claim].(string); ok && checkName(s) == nil {
			out.name = s
			break
		}
	}
	groups, listed := textsOf(claims[d.cfg.GroupsClaim])
	if !listed && overage(claims, d.cfg.GroupsClaim) {
		return out, denied{status: http.StatusForbidden, why: "oidc.overage"}
	}
	in := func(wanted []string) bool {
		return slices.ContainsFunc(wanted, func(g string) bool { return slices.Contains(groups, g) })
	}
	switch {
	case in(d.cfg.AdminGroups):
		out.role = Admin
	case in(d.cfg.StaffGroups):
		out.role = Staff
	default:
		return out, denied{status: http.StatusForbidden, why: "oidc.nobody"}
	}
	return out, nil
}

// verified tells whether the provider saw that the e-mail address is the
// person's. Some providers write the claim as text.
func verified(claims map[string]any) bool {
	well := claims["email_verified"]
	return well == true || well == "true"
}

// overage tells whether the provider left the groups out because they are too
// many for a token. Microsoft Entra ID does beyond 200, and names a place to
// ask instead (Access token claims reference, groups overage claim).
func overage(claims map[string]any, claim string) bool {
	names, _ := claims["_claim_names"].(map[string]any)
	_, elsewhere := names[claim]
	has, _ := claims["hasgroups"].(bool)
	return elsewhere || has
}

// textsOf reads a claim that holds one text or a list.
func textsOf(claim any) ([]string, bool) {
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

// wrapDenied is a denied with a cause for the log.
func wrapDenied(status int, why string, cause error) error {
	return fmt.Errorf("%w: %w", denied{status: status, why: why}, cause)
}

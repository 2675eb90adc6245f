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
	"sync"
	"time"

	"balansd/internal/clip"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"
)

// OIDCConfig configures the OpenID Connect provider that signs people in, and the roles of
// its groups and people.
type OIDCConfig struct {
	Issuer       string
	ClientID     string
	ClientSecret string
	GroupsClaim  string   // the claim that lists a person's groups
	AdminGroups  []string // whose members are admins
	StaffGroups  []string // whose members are staff
	// AdminUsers and StaffUsers are mail addresses, which count where the provider says
	// that it verified them. Who has no role by group or address does not get in.
	AdminUsers, StaffUsers []string
	// HostedDomain is the domain of Google Workspace whose accounts alone get in; empty
	// for any.
	HostedDomain string
	// Redirect is the address of the pages to which the provider redirects.
	Redirect string
	// Client returns a client that reaches the hosts of these addresses, and nothing else.
	Client func(addresses ...string) (*http.Client, error)
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

	mu        sync.Mutex
	provider  *provider // once it was reached
	err       error     // of the newest call
	failedAt  time.Time
	postponed map[string]time.Time // until when nothing is asked about a person, by key
}

// PendingSignIn is a sign-in that was started in a browser.
type PendingSignIn struct {
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`
	Next     string `json:"next"` // the page to show afterwards
	// Key is that of a person whose membership is asked again, without a question to
	// them; empty for a sign-in.
	Key   string    `json:"key,omitempty"`
	Until time.Time `json:"until"`
}

// Identity is a person as the provider describes them.
type Identity struct {
	Subject, Name string
	Role          Role // empty when nothing gives one
	// RefreshToken is with what the provider is asked again; empty where it gave none.
	RefreshToken string
}

// NewOIDC returns an OIDC. It does not contact the provider yet.
func NewOIDC(cfg OIDCConfig, now func() time.Time) (*OIDC, error) {
	block, err := aes.NewCipher(random(32))
	if err != nil {
		return nil, err
	}
	seal, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &OIDC{cfg: cfg, now: now, aead: seal, postponed: map[string]time.Time{}}, nil
}

// Begin returns the address at the provider, and the cookie with which Resume
// finds the sign-in again. next is the path of the page to show afterwards.
func (o *OIDC) Begin(ctx context.Context, next string) (address, cookie string, err error) {
	return o.begin(ctx, PendingSignIn{Next: next})
}

// BeginSilently is Begin for a person who is signed in, to ask the provider about them
// again without a question to them: they must still have a session there.
func (o *OIDC) BeginSilently(ctx context.Context, q Person, next string) (address, cookie string, err error) {
	return o.begin(ctx, PendingSignIn{Next: next, Key: q.Key}, oauth2.SetAuthURLParam("prompt", "none"))
}

func (o *OIDC) begin(ctx context.Context, b PendingSignIn, options ...oauth2.AuthCodeOption) (address, cookie string, err error) {
	p, err := o.getProvider(ctx)
	if err != nil {
		return "", "", err
	}
	if len(b.Next) > maxNext {
		b.Next = "/"
	}
	b.State, b.Nonce, b.Verifier = oauth2.GenerateVerifier(), oauth2.GenerateVerifier(), oauth2.GenerateVerifier()
	b.Until = o.now().Add(PendingLifetime)
	text, err := json.Marshal(b)
	if err != nil {
		return "", "", err
	}
	if o.cfg.HostedDomain != "" {
		options = append(options, oauth2.SetAuthURLParam("hd", o.cfg.HostedDomain))
	}
	c := o.oauth(p)
	return c.AuthCodeURL(b.State, append(options, oidc.Nonce(b.Nonce), oauth2.S256ChallengeOption(b.Verifier))...),
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
	ctx = oidc.ClientContext(ctx, p.client)
	c := o.oauth(p)
	tokens, err := c.Exchange(ctx, code, oauth2.VerifierOption(b.Verifier))
	if err != nil {
		return Identity{}, tokenRefusal(err)
	}
	id, err := o.verify(ctx, p, tokens)
	if err != nil {
		return Identity{}, err
	}
	if !SameSecret(id.Nonce, b.Nonce) {
		return Identity{}, Refusal{Status: http.StatusBadGateway, Reason: "oidc.refused"}
	}
	who, err := o.identify(id)
	who.RefreshToken = tokens.RefreshToken
	return who, err
}

// errAskBrowser says that the provider cannot be asked about a person by itself, but only
// with their browser.
var errAskBrowser = errors.New("the provider must be asked with the person's browser")

// Refresh asks the provider about a person again, with a refresh token, which may be used
// up afterwards. The error is errAskBrowser if it does not answer that.
func (o *OIDC) Refresh(ctx context.Context, refreshToken string) (Identity, error) {
	p, err := o.getProvider(ctx)
	if err != nil {
		return Identity{}, err
	}
	ctx = oidc.ClientContext(ctx, p.client)
	c := o.oauth(p)
	tokens, err := c.TokenSource(ctx, &oauth2.Token{RefreshToken: refreshToken}).Token()
	if re, is := errors.AsType[*oauth2.RetrieveError](err); is && re.Response != nil && re.Response.StatusCode < http.StatusInternalServerError {
		return Identity{}, errAskBrowser // it was used, has ended, or was withdrawn
	}
	if err != nil {
		return Identity{}, tokenRefusal(err)
	}
	if raw, _ := tokens.Extra("id_token").(string); raw == "" {
		return Identity{RefreshToken: tokens.RefreshToken}, errAskBrowser // OpenID Connect Core 1.0, section 12.2: it may be left out
	}
	id, err := o.verify(ctx, p, tokens)
	if err != nil {
		return Identity{RefreshToken: tokens.RefreshToken}, err
	}
	who, err := o.identify(id)
	who.RefreshToken = tokens.RefreshToken
	return who, err
}

// verify checks the ID token of an answer of the provider.
func (o *OIDC) verify(ctx context.Context, p *provider, tokens *oauth2.Token) (*oidc.IDToken, error) {
	raw, _ := tokens.Extra("id_token").(string)
	id, err := p.Verifier(&oidc.Config{ClientID: o.cfg.ClientID, Now: o.now}).Verify(ctx, raw)
	if err != nil {
		return nil, refuse(http.StatusBadGateway, "oidc.refused", err)
	}
	return id, nil
}

// tokenRefusal returns the error of the token endpoint. The library's holds what the
// provider answered, which is not ours to log in full.
func tokenRefusal(err error) error {
	if re, is := errors.AsType[*oauth2.RetrieveError](err); is {
		return refuse(http.StatusBadGateway, "oidc.refused", fmt.Errorf("the provider answered %q", clip.Text(re.ErrorCode)))
	}
	return refuse(http.StatusBadGateway, "oidc.down", shortCause(err))
}

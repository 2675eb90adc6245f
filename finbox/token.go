package finbox

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"balansd/problem"
	"balansd/transport"
)

const (
	// assertionLife is how long an assertion is good for; the contract allows
	// no more.
	assertionLife = 5 * time.Minute
	// tokenSlack is how long before its end a token is used no more, so that
	// it does not end on its way.
	tokenSlack = time.Minute
	// unknownLife is taken where the answer does not say how long a token
	// lives; RFC 6749 only recommends that it does.
	unknownLife = 5 * time.Minute
	// maxSkew is the difference of clocks from which on it is mentioned.
	maxSkew = 2 * time.Minute
)

// tokens gets access tokens by the client credentials grant and keeps the
// last one. One caller at a time asks; the others wait and share it.
type tokens struct {
	cfg    Config
	signer jose.Signer // nil with a client secret

	turn    chan struct{} // holds one element: whose turn it is may touch what follows
	current string
	end     time.Time // from then on current is used no more
}

func newTokens(cfg Config) (*tokens, error) {
	t := &tokens{cfg: cfg, turn: make(chan struct{}, 1)}
	if cfg.Key == nil {
		return t, nil
	}
	opts := (&jose.SignerOptions{}).WithType("JWT")
	if cfg.Key.thumbprint != "" {
		// RFC 7515, section 4.1.8: tells the server which certificate.
		opts = opts.WithHeader("x5t#S256", cfg.Key.thumbprint)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: cfg.Key.private}, opts)
	if err != nil {
		return nil, problem.Wrap(err, problem.KeyInvalid, "Finbox's private key cannot sign", "Use an RSA key of 2048 bits or more.")
	}
	t.signer = signer
	return t, nil
}

// get gives a token that is good now and is not refused, which is one that the
// server did not accept, or empty.
func (t *tokens) get(ctx context.Context, refused string) (string, error) {
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return "", unreachable(ctx.Err())
	}
	if t.current != "" && t.current != refused && t.cfg.Now().Before(t.end) {
		return t.current, nil
	}
	token, life, err := t.ask(ctx)
	if err != nil {
		return "", err
	}
	// A token that lives hardly longer than the slack is used for half its life.
	t.current, t.end = token, t.cfg.Now().Add(max(life-tokenSlack, life/2))
	t.cfg.Log.Debug().Dur("life_ms", life).Msg("finbox access token renewed")
	return token, nil
}

// exchange makes one token request: private_key_jwt (RFC 7523, section 2.2) with
// a key, HTTP Basic with a secret. Its body can be sent again only where the
// transport knows that the server did not take it.
func (t *tokens) exchange(ctx context.Context) (*oauth2.Token, error) {
	app := clientcredentials.Config{ClientID: t.cfg.ClientID, TokenURL: t.cfg.TokenURL, Scopes: strings.Fields(t.cfg.Scope),
		EndpointParams: url.Values{}}
	if t.signer == nil {
		app.ClientSecret, app.AuthStyle = t.cfg.ClientSecret, oauth2.AuthStyleInHeader
		if t.cfg.Audience != "" {
			app.EndpointParams.Set("audience", t.cfg.Audience)
		}
	} else {
		assertion, err := t.assertion()
		if err != nil {
			return nil, err
		}
		app.AuthStyle = oauth2.AuthStyleInParams
		app.EndpointParams.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		app.EndpointParams.Set("client_assertion", assertion)
	}
	return app.Token(context.WithValue(ctx, oauth2.HTTPClient, transport.TokenClient(t.cfg.HTTP, nil)))
}

// assertion signs who we are, for one use within five minutes (RFC 7523,
// section 3).
func (t *tokens) assertion() (string, error) {
	now := t.cfg.Now()
	audience := t.cfg.Audience
	if audience == "" {
		audience = t.cfg.TokenURL
	}
	s, err := jwt.Signed(t.signer).Claims(struct {
		Issuer   string `json:"iss"`
		Subject  string `json:"sub"`
		Audience string `json:"aud"` // one text, which every server takes; a list is not taken by all
		ID       string `json:"jti"`
		IssuedAt int64  `json:"iat"`
		Expires  int64  `json:"exp"`
	}{t.cfg.ClientID, t.cfg.ClientID, audience, rand.Text(), now.Unix(), now.Add(assertionLife).Unix()}).Serialize()
	if err != nil {
		return "", problem.Wrap(err, problem.KeyInvalid, "Finbox's private key cannot sign", "Use an RSA key of 2048 bits or more.")
	}
	return s, nil
}

// ask gets a new token. What the server says stays out of errors, but for the
// error codes that RFC 6749 names: the body may repeat what we sent.
func (t *tokens) ask(ctx context.Context) (token string, life time.Duration, err error) {
	got, err := t.exchange(ctx)
	if err != nil {
		return "", 0, t.failed(err)
	}
	if got.Type() != "Bearer" {
		return "", 0, notAgreed()
	}
	life = unknownLife
	// This flow of the library leaves Token.ExpiresIn empty.
	if s, _ := got.Extra("expires_in").(float64); s > 0 && s < 1e9 {
		life = time.Duration(s) * time.Second
	}
	return got.AccessToken, life, nil
}

// failed says why a token request brought no token.
func (t *tokens) failed(err error) error {
	if p, ok := errors.AsType[*problem.Problem](err); ok {
		return p
	}
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		if refused.Response.StatusCode == http.StatusForbidden && bytes.HasPrefix(bytes.TrimSpace(refused.Body), []byte("<")) {
			return problem.New(problem.FinboxDown, "a web page answers 403 in the place of Finbox's sign-in", "").
				Because(transport.Diagnose(&transport.ProxyError{Status: http.StatusForbidden}))
		}
		return t.refused(refused.Response, refused.ErrorCode)
	}
	switch {
	case errors.Is(err, transport.ErrWebPage):
		return notFinbox("the answer to our sign-in to Finbox")
	case errors.Is(err, transport.ErrTooLarge):
		return notAgreed()
	case errors.Is(err, io.ErrUnexpectedEOF):
		return problem.Wrap(io.ErrUnexpectedEOF, problem.FinboxDown, "the answer to our sign-in to Finbox arrived incomplete",
			"If it stays, check the network and the proxy.")
	}
	if _, ok := errors.AsType[*url.Error](err); ok || errors.Is(err, context.Canceled) {
		return unreachable(err)
	}
	return notAgreed() // the library could not read the answer
}

func notAgreed() error {
	return problem.New(problem.FinboxDown, "the answer to our sign-in to Finbox is not in the form that was agreed",
		"Check the token address of Finbox; if it is right, tell SD Worx.")
}

// tokenErrors are the error codes of RFC 6749, section 5.2, the only words of
// a refusal that are repeated.
var tokenErrors = []string{"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client",
	"unsupported_grant_type", "invalid_scope", "temporarily_unavailable", "server_error"}

func (t *tokens) refused(resp *http.Response, code string) error {
	said := ""
	if slices.Contains(tokenErrors, code) {
		said = " (" + code + ")"
	}
	status := resp.StatusCode
	passing := code == "temporarily_unavailable" || code == "server_error"
	if passing || status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout {
		return problem.New(problem.FinboxDown,
			fmt.Sprintf("Finbox's sign-in is in trouble, it answered %d%s", status, said), ifItStays)
	}
	next := "Check Finbox's client id and its key or secret, and that SD Worx has registered the certificate."
	switch {
	case status == http.StatusNotFound || status == http.StatusMethodNotAllowed:
		next = "Check the token address of Finbox in the configuration."
	case code == "invalid_scope":
		next = "Check Finbox's scope in the configuration."
	case t.signer != nil && t.skew(resp).Abs() > maxSkew:
		next = fmt.Sprintf("The clock of this server and Finbox's are %s apart; set this server's clock right.",
			t.skew(resp).Abs().Round(time.Second))
	}
	return problem.New(problem.FinboxSignIn, fmt.Sprintf("Finbox refuses our sign-in with status %d%s", status, said), next)
}

// skew is how far our clock is ahead of the server's; 0 where it does not say.
// A clock that is wrong makes every assertion one that expired or is not yet
// valid.
func (t *tokens) skew(resp *http.Response) time.Duration {
	at, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return 0
	}
	return t.cfg.Now().Sub(at)
}

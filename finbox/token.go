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
	// assertionLife is how long an assertion is valid, the most that the
	// contract allows.
	assertionLife = 5 * time.Minute
	// expiryMargin is how long before its expiry a token is no longer used, so
	// that it does not expire on the way.
	expiryMargin = time.Minute
	// defaultLife is assumed if the response has no lifetime, which RFC 6749
	// only recommends.
	defaultLife = 5 * time.Minute
	// maxSkew is the difference between clocks above which it is mentioned.
	maxSkew = 2 * time.Minute
)

// tokens requests access tokens by the client credentials grant and caches the
// newest. One caller at a time requests one; the others wait and share it.
type tokens struct {
	cfg    Config
	signer jose.Signer // nil with a client secret

	lock        chan struct{} // a mutex with a context; guards what follows
	current     string
	usableUntil time.Time // current is not used from then on
}

func newTokens(cfg Config) (*tokens, error) {
	t := &tokens{cfg: cfg, lock: make(chan struct{}, 1)}
	if cfg.Key == nil {
		return t, nil
	}
	opts := (&jose.SignerOptions{}).WithType("JWT")
	if cfg.Key.thumbprint != "" {
		// RFC 7515, section 4.1.8: names the certificate.
		opts = opts.WithHeader("x5t#S256", cfg.Key.thumbprint)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: cfg.Key.private}, opts)
	if err != nil {
		return nil, problem.Wrap(err, problem.KeyInvalid, "Finbox's private key cannot sign", "Use an RSA key of 2048 bits or more.")
	}
	t.signer = signer
	return t, nil
}

// get returns a valid token other than refused, a token that the server did not
// accept; empty for none.
func (t *tokens) get(ctx context.Context, refused string) (string, error) {
	select {
	case t.lock <- struct{}{}:
		defer func() { <-t.lock }()
	case <-ctx.Done():
		return "", unreachable(ctx.Err())
	}
	if t.current != "" && t.current != refused && t.cfg.Now().Before(t.usableUntil) {
		return t.current, nil
	}
	token, life, err := t.request(ctx)
	if err != nil {
		return "", err
	}
	// A short-lived token is used for half its lifetime.
	t.current, t.usableUntil = token, t.cfg.Now().Add(max(life-expiryMargin, life/2))
	t.cfg.Log.Debug().Dur("life_ms", life).Msg("finbox access token renewed")
	return token, nil
}

// SignIn asks Finbox for a new token, whatever token is there.
func (c *Client) SignIn(ctx context.Context) error {
	_, _, err := c.tokens.request(ctx)
	return err
}

// exchange sends one token request: private_key_jwt (RFC 7523, section 2.2) with a
// key, HTTP Basic with a secret. It is never retried once the server got it.
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

// assertion returns a signed assertion of the client id, for one use within five
// minutes (RFC 7523, section 3).
func (t *tokens) assertion() (string, error) {
	now := t.cfg.Now()
	audience := t.cfg.Audience
	if audience == "" {
		audience = t.cfg.TokenURL
	}
	s, err := jwt.Signed(t.signer).Claims(struct {
		Issuer   string `json:"iss"`
		Subject  string `json:"sub"`
		Audience string `json:"aud"` // a string: not every server accepts a list
		ID       string `json:"jti"`
		IssuedAt int64  `json:"iat"`
		Expires  int64  `json:"exp"`
	}{t.cfg.ClientID, t.cfg.ClientID, audience, rand.Text(), now.Unix(), now.Add(assertionLife).Unix()}).Serialize()
	if err != nil {
		return "", problem.Wrap(err, problem.KeyInvalid, "Finbox's private key cannot sign", "Use an RSA key of 2048 bits or more.")
	}
	return s, nil
}

// request returns a new token. Errors contain nothing of the response but the error
// codes of RFC 6749: the body may repeat what was sent.
func (t *tokens) request(ctx context.Context) (token string, life time.Duration, err error) {
	got, err := t.exchange(ctx)
	if err != nil {
		return "", 0, t.requestProblem(err)
	}
	if got.Type() != "Bearer" {
		return "", 0, malformedToken()
	}
	life = defaultLife
	// x/oauth2 leaves Token.ExpiresIn empty in this flow.
	if s, _ := got.Extra("expires_in").(float64); s > 0 && s < 1e9 {
		life = time.Duration(s) * time.Second
	}
	return got.AccessToken, life, nil
}

// requestProblem returns the problem of a failed token request.
func (t *tokens) requestProblem(err error) error {
	if p, ok := errors.AsType[*problem.Problem](err); ok {
		return p
	}
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		if refused.Response.StatusCode == http.StatusForbidden && bytes.HasPrefix(bytes.TrimSpace(refused.Body), []byte("<")) {
			return problem.New(problem.FinboxDown, "a web page answers 403 in the place of Finbox's sign-in", "").
				Because(transport.Diagnose(&transport.ProxyError{Status: http.StatusForbidden}))
		}
		return t.refusalProblem(refused.Response, refused.ErrorCode)
	}
	switch {
	case errors.Is(err, transport.ErrWebPage):
		return notJSON("the answer to our sign-in to Finbox")
	case errors.Is(err, transport.ErrTooLarge):
		return malformedToken()
	case errors.Is(err, io.ErrUnexpectedEOF):
		return problem.Wrap(io.ErrUnexpectedEOF, problem.FinboxDown, "the answer to our sign-in to Finbox arrived incomplete",
			"If it stays, check the network and the proxy.")
	}
	if _, ok := errors.AsType[*url.Error](err); ok || errors.Is(err, context.Canceled) {
		return unreachable(err)
	}
	return malformedToken() // x/oauth2 could not read the response
}

// malformedToken is the problem of a token response in another form.
func malformedToken() error {
	return problem.New(problem.FinboxDown, "the answer to our sign-in to Finbox is not in the form that was agreed",
		"Check the token address of Finbox; if it is right, tell SD Worx.")
}

// tokenErrors are the error codes of RFC 6749, section 5.2, the only part of a
// refusal that is shown.
var tokenErrors = []string{"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client",
	"unsupported_grant_type", "invalid_scope", "temporarily_unavailable", "server_error"}

// refusalProblem returns the problem of an unsuccessful token response.
func (t *tokens) refusalProblem(resp *http.Response, code string) error {
	detail := ""
	if slices.Contains(tokenErrors, code) {
		detail = " (" + code + ")"
	}
	status := resp.StatusCode
	temporary := code == "temporarily_unavailable" || code == "server_error"
	if temporary || status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout {
		return problem.New(problem.FinboxDown,
			fmt.Sprintf("Finbox's sign-in is in trouble, it answered %d%s", status, detail), ifItStays)
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
	return problem.New(problem.FinboxSignIn, fmt.Sprintf("Finbox refuses our sign-in with status %d%s", status, detail), next)
}

// skew returns how far our clock is ahead of the server's, 0 if that is unknown.
// With a wrong clock every assertion is expired or not yet valid.
func (t *tokens) skew(resp *http.Response) time.Duration {
	at, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return 0
	}
	return t.cfg.Now().Sub(at)
}

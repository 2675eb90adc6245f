package silverfin

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"balansd/problem"
	"balansd/transport"
)

// Limits of one token request.
const (
	tokenTimeout  = 30 * time.Second
	tokenLifetime = 2 * time.Hour // what Silverfin documents, for an answer that does not say
	longestLife   = 30 * 24 * time.Hour
)

// errGrantLost says that Silverfin no longer takes a refresh token, or a code.
var errGrantLost = errors.New("invalid_grant")

// tokenReply is what came out of one exchange.
type tokenReply struct {
	accessToken  string // empty when the answer was refused or incomplete
	refreshToken string // also of an answer that was refused or incomplete
	scopes       []string
	life         time.Duration // of the access token
}

// app is the application at Silverfin, for one firm; 0 for none chosen. The
// credentials go in the form, for Silverfin takes a Basic header there for
// another client.
func (c *Client) app(firm int64, redirect string, scopes []string) *oauth2.Config {
	below := c.base
	if firm != 0 {
		below += fmt.Sprintf("/f/%d", firm)
	}
	return &oauth2.Config{ClientID: c.cfg.ClientID, ClientSecret: c.cfg.ClientSecret, RedirectURL: redirect, Scopes: scopes,
		Endpoint: oauth2.Endpoint{AuthURL: below + "/oauth/authorize", TokenURL: below + "/oauth/token", AuthStyle: oauth2.AuthStyleInParams}}
}

// exchangeCode exchanges the code of a sign-in.
func (c *Client) exchangeCode(ctx context.Context, firm int64, redirect, code string) (tokenReply, error) {
	return c.exchange(ctx, firm, func(ctx context.Context) (*oauth2.Token, error) {
		return c.app(firm, redirect, nil).Exchange(ctx, code)
	})
}

// exchangeRefresh spends a refresh token. It is posted once: a second post could
// spend it twice. The reply may hold a new refresh token although there is an
// error; the caller saves it before anything else.
func (c *Client) exchangeRefresh(ctx context.Context, firm int64, refreshToken string) (tokenReply, error) {
	return c.exchange(ctx, firm, func(ctx context.Context) (*oauth2.Token, error) {
		return c.app(firm, "", nil).TokenSource(ctx, &oauth2.Token{RefreshToken: refreshToken}).Token()
	})
}

// exchange makes one token request and reads its answer.
func (c *Client) exchange(ctx context.Context, firm int64, ask func(context.Context) (*oauth2.Token, error)) (tokenReply, error) {
	ctx, cancel := context.WithTimeout(ctx, tokenTimeout)
	defer cancel()
	var reply tokenReply
	client := transport.TokenClient(c.http, func(token string) { reply.refreshToken = token })
	token, err := ask(context.WithValue(ctx, oauth2.HTTPClient, client))
	if err != nil {
		return reply, c.tokenProblem(firm, err)
	}
	scope, _ := token.Extra("scope").(string)
	reply.accessToken, reply.scopes, reply.life = token.AccessToken, strings.Fields(scope), tokenLifetime
	if life := time.Duration(token.ExpiresIn) * time.Second; life > 0 && life <= longestLife {
		reply.life = life
	}
	return reply, nil
}

// tokenProblem classifies an error of the token endpoint: a lost grant, refused client
// credentials, or a temporary problem. It does not wrap the cause, which quotes the
// response and may contain tokens.
func (c *Client) tokenProblem(firm int64, err error) error {
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok || errors.Is(err, transport.ErrTooLarge) || errors.Is(err, transport.ErrWebPage) {
		return noTokenAnswer(firm, err)
	}
	code, status := refused.ErrorCode, refused.Response.StatusCode
	if !slices.Contains(oauthErrors, code) {
		code = ""
	}
	switch {
	case code == "temporarily_unavailable" || code == "server_error":
		return tokenDown(firm, fmt.Sprintf("it answered %d (%s)", status, code))
	case status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout:
		return tokenDown(firm, fmt.Sprintf("it answered %d", status))
	case !json.Valid(refused.Body):
		return tokenDown(firm, fmt.Sprintf("it answered %d with something unreadable", status))
	case code == "invalid_grant" || code == "" && speaksOfRefreshToken(refused):
		return errGrantLost
	case code == "invalid_client" || code == "unauthorized_client":
		return problem.New(problem.ConfigInvalid,
			fmt.Sprintf("Silverfin refuses the client id or the client secret (%s)", code),
			"Check the client id and the secret of Silverfin in the configuration against what Silverfin sent you.")
	case status >= 400:
		return problem.New(problem.SilverfinSignIn,
			fmt.Sprintf("Silverfin refuses to give tokens for firm %d (%d %s)", firm, status, cmp.Or(code, "without a known reason")),
			"Check the firm's id and the Silverfin settings in the configuration, then link the firm again.")
	default:
		return tokenDown(firm, fmt.Sprintf("it answered %d with something unreadable", status))
	}
}

// noTokenAnswer is the problem for an answer that cannot be read, or for none.
func noTokenAnswer(firm int64, err error) error {
	switch {
	case errors.Is(err, transport.ErrTooLarge):
		return tokenDown(firm, "its answer is too long to be right")
	case errors.Is(err, transport.ErrWebPage):
		return tokenDown(firm, "it answered with a web page")
	case strings.HasPrefix(err.Error(), "oauth2: "): // there was an answer
		return tokenDown(firm, "it answered with something unreadable")
	}
	return tokenDown(firm, networkReason(err)).Because(transport.Diagnose(err))
}

// speaksOfRefreshToken reports whether a refusal without a known code says that
// it is about the refresh token, in any of the shapes that Silverfin has.
func speaksOfRefreshToken(refused *oauth2.RetrieveError) bool {
	var said struct {
		Error       any `json:"error"`
		Description any `json:"error_description"`
		Message     any `json:"message"`
	}
	if json.Unmarshal(refused.Body, &said) != nil || said.Error == nil {
		return false
	}
	text := strings.ToLower(fmt.Sprint(said.Error, said.Description, said.Message))
	return strings.Contains(strings.ReplaceAll(text, "_", " "), "refresh token")
}

// oauthErrors are the error codes that may be shown. Anything else in that
// field could be anything, a token too.
var oauthErrors = []string{"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client",
	"unsupported_grant_type", "invalid_scope", "access_denied", "server_error", "temporarily_unavailable",
	"invalid_redirect_uri", "unsupported_response_type", "invalid_token"}

func tokenDown(firm int64, why string) *problem.Problem {
	return problem.New(problem.SilverfinDown,
		fmt.Sprintf("Silverfin gives no tokens for firm %d now: %s", firm, why), nextDown)
}

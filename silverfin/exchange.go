package silverfin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"balansd/problem"
)

// Limits of one token request.
const (
	tokenTimeout  = 30 * time.Second
	tokenMaxBody  = 64 << 10
	tokenLifetime = 2 * time.Hour // what Silverfin documents, for an answer that does not say
)

// errGrantLost says that Silverfin no longer takes a refresh token, or a code.
var errGrantLost = errors.New("invalid_grant")

// tokenReply is a good answer of the token endpoint.
type tokenReply struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	Scope        string `json:"scope"`
	ExpiresIn    int64  `json:"expires_in"`
}

// lifetime is how long the access token may be used.
func (r tokenReply) lifetime() time.Duration {
	if r.ExpiresIn <= 0 || r.ExpiresIn > int64((30*24*time.Hour).Seconds()) {
		return tokenLifetime
	}
	return time.Duration(r.ExpiresIn) * time.Second
}

// exchange posts one grant to a firm's token endpoint, once: a second post
// could spend the same refresh token twice. The credentials go in the form, for
// Silverfin takes a Basic header there for another client. Nothing of the
// answer's body gets into an error.
func (c *Client) exchange(ctx context.Context, firm int64, grant url.Values) (tokenReply, error) {
	form := url.Values{"client_id": {c.cfg.ClientID}, "client_secret": {c.cfg.ClientSecret}}
	for k, v := range grant {
		form[k] = v
	}
	ctx, cancel := context.WithTimeout(ctx, tokenTimeout)
	defer cancel()
	address := fmt.Sprintf("%s/f/%d/oauth/token", c.base, firm)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return tokenReply{}, problem.New(problem.Unexpected, "the token request to Silverfin could not be made", "")
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "balansd")
	resp, err := c.http.Do(req)
	if err != nil {
		return tokenReply{}, tokenDown(firm, networkReason(err))
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, tokenMaxBody))
	if err != nil {
		return tokenReply{}, tokenDown(firm, networkReason(err))
	}
	return readTokenReply(firm, resp.StatusCode, body)
}

// readTokenReply sorts the answers of the token endpoint: tokens, a grant that
// is lost, our own credentials refused, or trouble that passes.
func readTokenReply(firm int64, status int, body []byte) (tokenReply, error) {
	var reply struct {
		tokenReply
		tokenRefusal
	}
	decoded := json.Unmarshal(body, &reply) == nil
	switch {
	case status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout:
		return tokenReply{}, tokenDown(firm, fmt.Sprintf("it answered %d", status))
	case !decoded:
		return tokenReply{}, tokenDown(firm, fmt.Sprintf("it answered %d with something unreadable", status))
	case status < 300 && reply.Error == nil && reply.AccessToken != "":
		return reply.tokenReply, nil
	default:
		return tokenReply{}, reply.problem(firm, status)
	}
}

// tokenRefusal is what the token endpoint says when it gives no tokens.
type tokenRefusal struct {
	Error       any `json:"error"`
	Description any `json:"error_description"`
	Message     any `json:"message"`
}

// problem turns a refusal into errGrantLost or what a person can act on.
func (r tokenRefusal) problem(firm int64, status int) error {
	code := ""
	if s, ok := r.Error.(string); ok && slices.Contains(oauthErrors, s) {
		code = s
	}
	said := strings.ReplaceAll(strings.ToLower(fmt.Sprint(r.Error, r.Description, r.Message)), "_", " ")
	switch {
	case code == "invalid_grant", code == "" && r.Error != nil && strings.Contains(said, "refresh token"):
		return errGrantLost
	case code == "invalid_client" || code == "unauthorized_client":
		return problem.New(problem.ConfigInvalid,
			fmt.Sprintf("Silverfin refuses the client id or the client secret (%s)", code),
			"Check the client id and the secret of Silverfin in the configuration against what Silverfin sent you.")
	case status >= 400:
		return problem.New(problem.SilverfinRefused,
			fmt.Sprintf("Silverfin refuses to give tokens for firm %d (%d %s)", firm, status, orElse(code, "without a known reason")),
			"Check the firm's id and the Silverfin settings in the configuration, then link the firm again.")
	default:
		return tokenDown(firm, fmt.Sprintf("it answered %d with something unreadable", status))
	}
}

// oauthErrors are the error codes that may be shown. Anything else in that
// field could be anything, a token too.
var oauthErrors = []string{"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client",
	"unsupported_grant_type", "invalid_scope", "access_denied", "server_error", "temporarily_unavailable",
	"invalid_redirect_uri", "unsupported_response_type", "invalid_token"}

func tokenDown(firm int64, why string) error {
	return problem.New(problem.SilverfinDown,
		fmt.Sprintf("Silverfin gives no tokens for firm %d now: %s", firm, why), nextDown)
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

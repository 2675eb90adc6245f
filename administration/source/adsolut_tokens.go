package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"balansd/problem"
	"balansd/transport"

	"golang.org/x/oauth2"
)

// TokenStore stores the tokens of a source, encrypted; store.Secrets is one.
type TokenStore interface {
	// Get returns the value under a name, nil when there is none.
	Get(ctx context.Context, name string) ([]byte, error)
	// Update replaces the value of a name by the result of change, in one transaction; it
	// is durable when Update returns. If change returns an error, Update returns it and
	// changes nothing.
	Update(ctx context.Context, name string, change func(old []byte) ([]byte, error)) error
}

const (
	adsolutSecret = "administration/adsolut/tokens"
	nextAdsolut   = "Sign in again: balansd connect adsolut."
	// tokenMargin is how long before its end an access token is replaced.
	tokenMargin = time.Minute
)

// adsolutGrant is what is stored of a sign-in.
type adsolutGrant struct {
	RefreshToken string    `json:"refresh_token"`
	AccessToken  string    `json:"access_token,omitempty"`
	Expires      time.Time `json:"expires,omitzero"`
	Lost         bool      `json:"lost,omitempty"` // the refresh token was refused: it is not posted again
}

// adsolutTokens owns the tokens of Adsolut. A refresh token may work once: the new one is
// stored before the access token that came with it is used.
type adsolutTokens struct {
	cfg  AdsolutConfig
	lock chan struct{} // holds one value while a token is being renewed
}

func newAdsolutTokens(cfg AdsolutConfig) *adsolutTokens {
	return &adsolutTokens{cfg: cfg, lock: make(chan struct{}, 1)}
}

func (t *adsolutTokens) app() *oauth2.Config {
	return &oauth2.Config{ClientID: t.cfg.ClientID, ClientSecret: t.cfg.ClientSecret, RedirectURL: t.cfg.Redirect,
		Scopes:   []string{"openid", "offline_access", "WK.BE.Administrations"},
		Endpoint: oauth2.Endpoint{AuthURL: t.cfg.AuthorizeURL, TokenURL: t.cfg.TokenURL, AuthStyle: oauth2.AuthStyleInParams}}
}

// access returns an access token that may be used now. refused is the one that Adsolut
// just refused, empty for none. A renewal that was begun is finished and stored also when
// ctx ends.
func (t *adsolutTokens) access(ctx context.Context, refused string) (string, error) {
	select {
	case t.lock <- struct{}{}:
		defer func() { <-t.lock }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	ctx = context.WithoutCancel(ctx)
	g, err := t.stored(ctx)
	switch {
	case err != nil:
		return "", err
	case g == nil:
		return "", problem.New(problem.AdministrationSignIn, "nobody has signed in to Adsolut yet", nextAdsolut)
	case g.Lost:
		return "", problem.New(problem.AdministrationSignIn, "the sign-in to Adsolut has ended", nextAdsolut)
	case g.AccessToken != "" && g.AccessToken != refused && t.cfg.Now().Before(g.Expires.Add(-tokenMargin)):
		return g.AccessToken, nil
	}
	return t.renew(ctx, *g)
}

// renew posts the refresh token once, and stores what came before it is used.
func (t *adsolutTokens) renew(ctx context.Context, spent adsolutGrant) (string, error) {
	next, failed := t.exchange(ctx, func(ctx context.Context) (*oauth2.Token, error) {
		return t.app().TokenSource(ctx, &oauth2.Token{RefreshToken: spent.RefreshToken}).Token()
	})
	if errors.Is(failed, errSignInLost) {
		next = spent
		next.Lost, next.AccessToken = true, ""
	}
	if next.RefreshToken == "" {
		next.RefreshToken = spent.RefreshToken // it need not rotate
	}
	if failed == nil || next != spent {
		if err := t.replace(ctx, spent.RefreshToken, next); err != nil {
			return "", err
		}
	}
	switch {
	case errors.Is(failed, errSignInLost):
		return "", problem.New(problem.AdministrationSignIn, "Adsolut no longer knows the sign-in; one that is not used for a month ends", nextAdsolut)
	case failed != nil:
		return "", failed
	}
	return next.AccessToken, nil
}

// errSignInLost says that Adsolut does not take a refresh token or a code.
var errSignInLost = errors.New("invalid_grant")

// exchange makes one token request. The refresh token is also returned beside an error,
// if there was one in the answer.
func (t *adsolutTokens) exchange(ctx context.Context, ask func(context.Context) (*oauth2.Token, error)) (g adsolutGrant, err error) {
	client := transport.TokenClient(t.cfg.HTTP, func(token string) { g.RefreshToken = token })
	token, err := ask(context.WithValue(ctx, oauth2.HTTPClient, client))
	if err != nil {
		return g, tokenProblem(err)
	}
	g.AccessToken, g.Expires = token.AccessToken, token.Expiry
	if token.ExpiresIn > 0 {
		g.Expires = t.cfg.Now().Add(time.Duration(token.ExpiresIn) * time.Second)
	}
	return g, nil
}

// tokenProblem does not wrap the cause of a refusal, which could quote tokens.
func tokenProblem(err error) error {
	const next = "It is tried again at the next run; if it stays, compare client id and secret with those that Wolters Kluwer gave."
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		p := problem.New(problem.AdministrationDown, "the sign-in service of Adsolut gives no answer that can be read", next)
		return p.Because(transport.Diagnose(err))
	}
	status := http.StatusInternalServerError
	if refused.Response != nil {
		status = refused.Response.StatusCode
	}
	switch {
	case refused.ErrorCode == "invalid_grant":
		return errSignInLost
	case refused.ErrorCode == "invalid_client" || refused.ErrorCode == "unauthorized_client":
		return problem.New(problem.AdministrationSignIn, "Adsolut refuses the client id or the client secret",
			"Compare both with those that Wolters Kluwer gave, in administration.adsolut of the configuration.")
	}
	return problem.New(problem.AdministrationDown, fmt.Sprintf("the sign-in service of Adsolut answered %d", status), next)
}

// stored returns the grant in the store, nil for none.
func (t *adsolutTokens) stored(ctx context.Context) (*adsolutGrant, error) {
	raw, err := t.cfg.Tokens.Get(ctx, adsolutSecret)
	if err != nil {
		return nil, tokenStoreProblem(err)
	}
	return decodeGrant(raw)
}

func decodeGrant(raw []byte) (*adsolutGrant, error) {
	if raw == nil {
		return nil, nil
	}
	var g adsolutGrant
	if json.Unmarshal(raw, &g) != nil || g.RefreshToken == "" { // the cause could quote it
		return nil, problem.New(problem.AdministrationSignIn, "the stored sign-in to Adsolut cannot be read", nextAdsolut)
	}
	return &g, nil
}

// errSignedInAnew says that a person signed in while a token was being renewed.
var errSignedInAnew = errors.New("somebody signed in meanwhile")

// replace stores a grant in place of the one that had a refresh token.
func (t *adsolutTokens) replace(ctx context.Context, spent string, next adsolutGrant) error {
	err := t.cfg.Tokens.Update(ctx, adsolutSecret, func(old []byte) ([]byte, error) {
		g, err := decodeGrant(old)
		if err != nil || g == nil || g.RefreshToken != spent {
			return nil, errSignedInAnew
		}
		return json.Marshal(next) //nolint:gosec // the store seals it
	})
	if errors.Is(err, errSignedInAnew) {
		return problem.New(problem.AdministrationDown, "the sign-in to Adsolut was replaced meanwhile", "It is tried again at the next run.")
	}
	return tokenStoreProblem(err)
}

func tokenStoreProblem(err error) error {
	if err == nil {
		return nil
	}
	if p, ok := errors.AsType[*problem.Problem](err); ok {
		return p
	}
	return problem.Wrap(err, problem.StateUnwritable, "the sign-in to Adsolut cannot be stored", "Make room on the disk or restore the rights on the state file.")
}

// SignIn is a sign-in of a person that has begun.
type SignIn struct {
	URL      string // which the person opens
	State    string // with which the browser comes back
	Verifier string // which proves that who began it ends it (RFC 7636); a secret
}

// BeginSignIn begins a sign-in.
func (a *Adsolut) BeginSignIn() SignIn {
	s := SignIn{State: oauth2.GenerateVerifier(), Verifier: oauth2.GenerateVerifier()}
	s.URL = a.tokens.app().AuthCodeURL(s.State, oauth2.AccessTypeOffline, oauth2.S256ChallengeOption(s.Verifier))
	return s
}

// FinishSignIn ends a sign-in with the address to which the browser came back, and stores
// its tokens.
func (a *Adsolut) FinishSignIn(ctx context.Context, s SignIn, address string) error {
	const next = "Begin again: balansd connect adsolut."
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil {
		return problem.New(problem.Usage, "this is no address", "Copy the whole address of the page to which the browser came back, which has code= in it.")
	}
	q := u.Query()
	switch {
	case q.Get("error") != "":
		return problem.New(problem.AdministrationSignIn, "Adsolut did not allow the sign-in", next)
	case q.Get("code") == "":
		return problem.New(problem.Usage, "this address has no code", "Copy the whole address of the page to which the browser came back, which has code= in it.")
	case q.Get("state") != s.State:
		return problem.New(problem.AdministrationSignIn, "this address belongs to another sign-in", next)
	}
	g, err := a.tokens.exchange(ctx, func(ctx context.Context) (*oauth2.Token, error) {
		return a.tokens.app().Exchange(ctx, q.Get("code"), oauth2.VerifierOption(s.Verifier))
	})
	switch {
	case errors.Is(err, errSignInLost):
		return problem.New(problem.AdministrationSignIn, "Adsolut does not take the code; it works once, for some minutes", next)
	case err != nil:
		return err
	case g.RefreshToken == "":
		return problem.New(problem.AdministrationSignIn, "Adsolut gave no refresh token", "Ask Wolters Kluwer to allow the scope offline_access for this client id.")
	}
	return tokenStoreProblem(a.tokens.cfg.Tokens.Update(ctx, adsolutSecret, func([]byte) ([]byte, error) {
		return json.Marshal(g) //nolint:gosec // the store seals it
	}))
}

package accounts

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"balansd/internal/clip"
	"balansd/internal/loopback"
)

// provider is a provider whose metadata was fetched.
type provider struct {
	*oidc.Provider
	client *http.Client // reaches the hosts that the metadata names
	scopes []string
}

// Endpoints are the addresses that the metadata of a provider names and that balansd calls
// itself. They may be on other hosts than the issuer, as Google's are.
type Endpoints struct {
	Token, Keys string
}

// Hosts lists the hosts besides that of the issuer.
func (e Endpoints) Hosts(issuer string) []string {
	var hosts []string
	own, _ := url.Parse(issuer)
	for _, address := range []string{e.Token, e.Keys} {
		if u, err := url.Parse(address); err == nil && u.Host != own.Host && !slices.Contains(hosts, u.Host) {
			hosts = append(hosts, u.Host)
		}
	}
	return hosts
}

// Discover fetches the metadata of a provider with a client for the issuer's host, and
// checks the addresses in it.
func Discover(ctx context.Context, client *http.Client, issuer string) (Endpoints, error) {
	_, m, err := discover(ctx, client, issuer)
	return m.endpoints(), err
}

// metadata is what balansd reads of a provider's metadata (OpenID Connect Discovery 1.0,
// section 3).
type metadata struct {
	Token      string   `json:"token_endpoint"`
	Keys       string   `json:"jwks_uri"`
	Algorithms []string `json:"id_token_signing_alg_values_supported"`
	Scopes     []string `json:"scopes_supported"`
}

func (m metadata) endpoints() Endpoints { return Endpoints{Token: m.Token, Keys: m.Keys} }

func discover(ctx context.Context, client *http.Client, issuer string) (*oidc.Provider, metadata, error) {
	p, err := oidc.NewProvider(oidc.ClientContext(ctx, client), issuer)
	if err != nil {
		return nil, metadata{}, shortCause(err)
	}
	var m metadata
	if err := p.Claims(&m); err != nil {
		return nil, metadata{}, err
	}
	from, _ := url.Parse(issuer)
	for _, address := range []string{m.Token, m.Keys} {
		u, err := url.Parse(address)
		// An issuer without TLS is one of a trial, on this machine.
		if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || from.Scheme != "http" || !loopback.IsHost(u.Hostname())) {
			return nil, metadata{}, fmt.Errorf("the provider names %q, which is no address with https", clip.Text(address))
		}
	}
	return p, m, nil
}

// shortCause returns the cause of a failed call in full, and no more than the beginning of
// what was answered: the library's error ends with all of that.
func shortCause(err error) error {
	if ue, ok := errors.AsType[*url.Error](err); ok {
		u, _ := url.Parse(ue.URL)
		if u == nil {
			return ue.Err
		}
		return fmt.Errorf("%s: %w", u.Host, ue.Err)
	}
	return errors.New(clip.Line(err.Error()))
}

// getProvider returns the provider. Its metadata is fetched once, at the first
// sign-in, so that the pages start without it. Concurrent sign-ins wait for the
// same call, each until its own context ends; a failure is returned for
// failureLifetime.
func (o *OIDC) getProvider(ctx context.Context) (*provider, error) {
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
	kept := context.WithoutCancel(ctx)
	answered := o.inFlight.DoChan("", func() (any, error) { return o.load(kept) })
	select {
	case got := <-answered:
		p, _ = got.Val.(*provider)
		return p, got.Err
	case <-ctx.Done():
		return nil, refuse(http.StatusBadGateway, "oidc.down", ctx.Err())
	}
}

// load fetches the metadata of the provider, and saves the result.
func (o *OIDC) load(ctx context.Context) (*provider, error) {
	p, err := o.newProvider(ctx)
	if err != nil {
		p, err = nil, refuse(http.StatusBadGateway, "oidc.down", err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.provider, o.err, o.failedAt = p, err, o.now()
	return p, err
}

// newProvider fetches the metadata with a client that reaches the issuer alone, and makes
// the client that reaches what is named there as well.
func (o *OIDC) newProvider(ctx context.Context) (*provider, error) {
	first, err := o.cfg.Client(o.cfg.Issuer)
	if err != nil {
		return nil, err
	}
	found, m, err := discover(ctx, first, o.cfg.Issuer)
	if err != nil {
		return nil, err
	}
	client, err := o.cfg.Client(o.cfg.Issuer, m.Token, m.Keys)
	if err != nil {
		return nil, err
	}
	// The library fetches the keys with the client that it was made with.
	known := []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA}
	e := found.Endpoint()
	pc := oidc.ProviderConfig{IssuerURL: o.cfg.Issuer, AuthURL: e.AuthURL, TokenURL: e.TokenURL, JWKSURL: m.Keys,
		Algorithms: slices.DeleteFunc(m.Algorithms, func(a string) bool { return !slices.Contains(known, a) })}
	p := &provider{Provider: pc.NewProvider(oidc.ClientContext(ctx, client)), client: client,
		scopes: []string{oidc.ScopeOpenID, "profile", "email"}}
	if slices.Contains(m.Scopes, oidc.ScopeOfflineAccess) {
		p.scopes = append(p.scopes, oidc.ScopeOfflineAccess)
	}
	return p, nil
}

func (o *OIDC) oauth(p *provider) oauth2.Config {
	return oauth2.Config{ClientID: o.cfg.ClientID, ClientSecret: o.cfg.ClientSecret, Endpoint: p.Endpoint(),
		RedirectURL: o.cfg.Redirect, Scopes: p.scopes}
}

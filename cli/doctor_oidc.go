package cli

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"balansd/accounts"
	"balansd/config"
	"balansd/daemon"
	"balansd/problem"
	"balansd/transport"
)

// discoverProvider fetches the metadata of the OpenID Connect provider, which names the
// other hosts that are called for a sign-in.
func (app *App) discoverProvider(ctx context.Context, cfg *config.Config) (accounts.Endpoints, error) {
	issuer := cfg.Portal.OIDC.Issuer
	client, err := transport.New(app.reach(cfg, issuer))
	if err != nil {
		return accounts.Endpoints{}, err
	}
	defer client.CloseIdleConnections()
	found, err := accounts.Discover(ctx, client, issuer)
	if err != nil {
		u, _ := url.Parse(issuer)
		reason, next := transport.Diagnose(err)
		err = problem.Wrap(err, problem.NotAllowed, fmt.Sprintf("the provider that signs people in, %s, cannot be used %s", u.Host, wayOut(cfg)),
			"Let this server reach "+u.Host+" through the firewall, and compare portal.oidc.issuer with what the provider shows. "+
				"Meanwhile an admin gets in with: balansd portal invite --local --role admin NAME.").Because(reason, next)
	}
	return found, err
}

// checkProvider checks that the provider that signs people in can be reached, and the
// other hosts that it names.
func (x *examination) checkProvider(ctx context.Context) []daemon.Check {
	const name = "OIDC"
	o := x.cfg.Portal.OIDC
	if !o.Configured() || x.cfg.Portal.Listen == "" {
		return nil
	}
	start := time.Now()
	found, err := x.app.discoverProvider(ctx, x.cfg)
	if err != nil {
		return one(daemon.NewCheck(name, "", err))
	}
	u, _ := url.Parse(o.Issuer)
	list := one(daemon.NewCheck(name, fmt.Sprintf("%s answers %s, in %d ms", u.Host, wayOut(x.cfg), time.Since(start).Milliseconds()), nil))
	for _, address := range []string{found.Token, found.Keys} {
		if other, err := url.Parse(address); err == nil && other.Host != u.Host {
			list = append(list, x.checkReachable(ctx, name, other, &clockSkews{}))
			if found.Keys == found.Token {
				break
			}
		}
	}
	return list
}

// providerNote says which hosts the provider names, for config check.
func (app *App) providerNote(ctx context.Context, cfg *config.Config) []string {
	o := cfg.Portal.OIDC
	if !o.Configured() {
		return nil
	}
	found, err := app.discoverProvider(ctx, cfg)
	if err != nil {
		return []string{"Which hosts the provider that signs people in names could not be seen: " + problem.Of(err).Error() + "."}
	}
	hosts := found.Hosts(o.Issuer)
	if len(hosts) == 0 {
		return nil
	}
	return []string{"For sign-ins these hosts are called as well, because portal.oidc.issuer names them: " + strings.Join(hosts, ", ") + "."}
}

package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"balansd/accounts"
	"balansd/config"
	"balansd/localapi"
	"balansd/portal"
	"balansd/problem"

	"github.com/rs/zerolog"
)

// pagesURL returns the address of the pages by which browsers reach them, without a
// trailing slash.
func pagesURL(cfg *config.Config) string {
	if cfg.Portal.URL != "" {
		return strings.TrimRight(cfg.Portal.URL, "/")
	}
	return portal.BaseURL(cfg.Portal.Listen, cfg.Portal.Hostnames, cfg.Portal.CertificateFile != "")
}

// pagesInstance returns a short name of this installation that no other one on this server
// has: its state or its address is another.
func pagesInstance(cfg *config.Config) string {
	sum := sha256.Sum256([]byte(cfg.StateFile + "\n" + pagesURL(cfg)))
	return hex.EncodeToString(sum[:4])
}

// pages are the web pages of a running daemon, and the API that they and the local API
// use.
type pages struct {
	api    localapi.API // of the node, with each change recorded
	people *accounts.People
	web    *portal.Handler // nil if the configuration has no pages
	cfg    config.Portal
	socket *os.File             // that systemd handed over for them; nil for none
	report func(err error) bool // records whether they are served; true for news
	url    string
	log    zerolog.Logger
	files  func() (certificate, key string) // of the certificate, as they are now
}

// newPages creates the web pages. It does not listen yet.
func (n *node) newPages(cfg *config.Config, process *daemonProcess) (*pages, error) {
	people, log := n.people(cfg)
	p := &pages{api: localapi.Audited(nodeAPI{n, people, n.options.log, process}, log), people: people, cfg: cfg.Portal, url: pagesURL(cfg),
		report: n.ReportPages, log: n.options.log}
	p.files = func() (string, string) {
		now, _ := n.current()
		return now.Portal.CertificateFile, now.Portal.KeyFile
	}
	if process != nil {
		p.socket = process.socket
	}
	if cfg.Portal.Listen == "" {
		return p, nil
	}
	wc := portal.Config{
		API: p.api, People: people, AuditLog: log, Settings: n.settings, ConfigFile: cfg.File(),
		Listen: cfg.Portal.Listen, Hostnames: cfg.Portal.Hostnames, URL: p.url, Instance: pagesInstance(cfg),
		Language: cfg.Language, Zone: cfg.TimeZone, SessionTime: cfg.Portal.SessionTime,
		MetricsToken: cfg.Portal.MetricsToken.Reveal(), StateSize: n.store.Size, Version: n.options.version,
		Now: n.options.now, Log: n.options.log,
	}
	for _, proxy := range cfg.Portal.TrustedProxies {
		wc.TrustedProxies = append(wc.TrustedProxies, proxy.Prefix)
	}
	if o := cfg.Portal.OIDC; o.Configured() {
		const timeout = 15 * time.Second // a person waits for it
		client := func(addresses ...string) (*http.Client, error) { return n.httpClient(cfg, timeout, addresses...) }
		wc.Recheck = o.Recheck
		wc.OIDC = &accounts.OIDCConfig{Issuer: o.Issuer, ClientID: o.ClientID, ClientSecret: o.ClientSecret.Reveal(),
			GroupsClaim: o.GroupsClaim, AdminGroups: o.AdminGroups, StaffGroups: o.StaffGroups,
			AdminUsers: o.AdminUsers, StaffUsers: o.StaffUsers, HostedDomain: o.HostedDomain,
			Redirect: p.url + "/oidc/callback", Client: client}
	}
	var err error
	p.web, err = portal.New(wc)
	return p, err
}

// settings returns the settings in force, with secrets hidden.
func (n *node) settings() []portal.Setting {
	cfg, _ := n.current()
	list := cfg.Settings()
	out := make([]portal.Setting, len(list))
	for i, s := range list {
		out[i] = portal.Setting{Key: s.Key, Value: s.Value, Origin: s.Origin}
	}
	return out
}

// listenRetryInterval is how long serve waits before it tries to listen again.
const listenRetryInterval = time.Minute

// serve serves the pages until ctx ends. If that fails, it logs the error and tries again,
// so that the nightly syncs go on without pages. A
// reason is logged once.
func (p *pages) serve(ctx context.Context) error {
	if p.web == nil {
		return nil
	}
	p.logAddress(ctx)
	ready := func(net.Addr) {
		if p.report(nil) {
			p.log.Info().Str("url", p.url).Msg("the web pages are served again")
		}
	}
	for {
		err := portal.Serve(ctx, portal.ServeConfig{Listen: p.cfg.Listen, Socket: p.socket, CertificateFile: p.cfg.CertificateFile,
			KeyFile: p.cfg.KeyFile, Files: p.files, Log: p.log, Ready: ready}, p.web)
		if err == nil || ctx.Err() != nil {
			return nil
		}
		if pr := problem.Of(err); p.report(err) {
			p.log.Error().Err(err).Str("code", string(pr.Code)).Str("next", pr.Next).Msg("the web pages cannot be served")
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(listenRetryInterval):
		}
	}
}

// logAddress logs the address of the pages, and while there is no admin the link with which
// the first one chooses a password. Whoever may read the log of the service may become
// that admin.
func (p *pages) logAddress(ctx context.Context) {
	p.log.Info().Str("url", p.url).Msg("the web pages are here")
	i, needed, err := p.people.FirstAdmin(ctx)
	switch {
	case err != nil && ctx.Err() == nil:
		p.log.Error().Err(err).Msg("no link for the first admin could be made")
	case needed:
		p.log.Warn().Str("link", i.Link).Time("until", i.Expires).
			Msg("the web pages have no admin yet: open this link, once, to become the first")
	}
}

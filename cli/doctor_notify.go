package cli

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"balansd/config"
	"balansd/daemon"
	"balansd/problem"
)

// notifyURLs returns the addresses of webhooks and heartbeat without what is secret of
// them: scheme and host, each once.
func notifyURLs(cfg *config.Config) (list []*url.URL) {
	addresses := []config.Secret{cfg.Notify.HeartbeatURL}
	for _, w := range cfg.Notify.Webhooks {
		addresses = append(addresses, w.URL)
	}
	seen := map[string]bool{}
	for _, a := range addresses {
		u, err := url.Parse(a.Reveal())
		if err != nil || u.Host == "" || seen[u.Host] {
			continue
		}
		seen[u.Host] = true
		list = append(list, &url.URL{Scheme: u.Scheme, Host: u.Host})
	}
	return list
}

// notifyNote says which hosts are called to tell people what needs them, for config check.
func notifyNote(cfg *config.Config) []string {
	var hosts []string
	if m := cfg.Notify.Mail; m.Host != "" {
		hosts = append(hosts, net.JoinHostPort(m.Host, strconv.Itoa(m.Port))+" (mail, directly)")
	}
	for _, u := range notifyURLs(cfg) {
		hosts = append(hosts, u.Host)
	}
	if len(hosts) == 0 {
		return nil
	}
	return []string{"For notifications these hosts are called: " + strings.Join(hosts, ", ") + "."}
}

// checkNotifications checks that the mail server and the hosts of webhooks and heartbeat
// can be reached. Nobody is signed in, and nothing is sent.
func (x *examination) checkNotifications(ctx context.Context) (list []daemon.Check) {
	if m := x.cfg.Notify.Mail; m.Host != "" {
		list = append(list, x.checkMailServer(ctx))
	}
	for _, u := range notifyURLs(x.cfg) {
		list = append(list, x.checkReachable(ctx, "notifications", u, &clockSkews{}))
	}
	return list
}

func (x *examination) checkMailServer(ctx context.Context) daemon.Check {
	const name = "mail"
	server, err := mailServer(x.cfg)
	if err != nil {
		return daemon.NewCheck(name, "", err)
	}
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	start := time.Now()
	if err := server.Reach(ctx); err != nil {
		return daemon.NewCheck(name, "", problem.Wrap(err, problem.NotAllowed, "no mail can be sent",
			"Compare host, port and security in notify.mail with what the mail server offers, let this server reach it through the firewall, and try: balansd notify test."))
	}
	return daemon.NewCheck(name, fmt.Sprintf("%s answers directly, in %d ms", net.JoinHostPort(server.Host, strconv.Itoa(server.Port)), time.Since(start).Milliseconds()), nil)
}

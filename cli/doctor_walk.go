package cli

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"

	"balansd/daemon"
	"balansd/problem"
)

// walk is the order in which doctor shows what it found: from what others depend on to what
// depends on it. Some is only known once others were asked, such as the clock.
func walk() []string {
	return []string{"service", "configuration", "state", "data key", "backups", "access", "program", "disk", "clock", "certificate", "folder",
		"Finbox", "Silverfin", "OIDC", "mail", "notifications", "portal"}
}

// sortChecks sorts results in the order of walk; those that are not in it come last.
func sortChecks(list []daemon.Check) []daemon.Check {
	order := walk()
	rank := func(c daemon.Check) int {
		if i := slices.IndexFunc(order, func(name string) bool { return strings.HasPrefix(c.Name, name) }); i >= 0 {
			return i
		}
		return len(order)
	}
	slices.SortStableFunc(list, func(a, b daemon.Check) int { return rank(a) - rank(b) })
	return list
}

// checkPages checks that the running daemon serves its pages.
func (x *examination) checkPages(ctx context.Context) []daemon.Check {
	const name = "portal"
	address := x.cfg.Portal.Listen
	if x.node == nil || address == "" {
		return nil
	}
	if host, port, err := net.SplitHostPort(address); err == nil && (host == "" || net.ParseIP(host).IsUnspecified()) {
		address = net.JoinHostPort("localhost", port)
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return one(daemon.NewCheck(name, "", problem.Wrap(err, problem.NotAllowed, "the web pages are not served at "+address,
			"See why in the log; most often another program uses the port. Set another one in portal.listen, then: balansd service restart.")))
	}
	_ = conn.Close()
	return one(daemon.NewCheck(name, fmt.Sprintf("served at %s, for browsers at %s", x.cfg.Portal.Listen, pagesURL(x.cfg)), nil))
}

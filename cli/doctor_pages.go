package cli

import (
	"context"
	"fmt"

	"balansd/daemon"
	"balansd/problem"
)

// checkPages says whether the running daemon serves the web pages, and why not. Only it
// knows: for any other process its own port is taken.
func (x *examination) checkPages(context.Context) []daemon.Check {
	const name = "portal"
	if x.node == nil || x.cfg.Portal.Listen == "" {
		return nil
	}
	p := x.node.PagesStatus()
	if p.Down() {
		return one(daemon.NewCheck(name, "", problem.New(problem.ConfigInvalid, p.What, p.Next)))
	}
	text := fmt.Sprintf("served at %s, for browsers at %s", x.cfg.Portal.Listen, pagesURL(x.cfg))
	if again := p.Text(x.cfg.TimeZone); again != "" {
		text += ", " + again
	}
	return one(daemon.NewCheck(name, text, nil))
}

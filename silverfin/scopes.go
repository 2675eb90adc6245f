package silverfin

import (
	"slices"

	"balansd/mapping"
)

// Scopes returns the OAuth scopes to ask for where figures go to these targets; none is
// the default target. They are those of the configuration where it names any.
//
// Silverfin asks for administration:write for the custom properties of a period, and for
// financials:write for those of a reconciliation.
func (c *Client) Scopes(targets ...mapping.Target) []string {
	if len(c.cfg.Scopes) > 0 {
		return c.cfg.Scopes
	}
	reconciliation := func(t mapping.Target) bool { return t.Level == mapping.LevelReconciliation }
	scopes := []string{"user:profile", "user:firm", "administration:read", "communication:read", "financials:read"}
	if c.cfg.Administration || len(targets) == 0 || slices.ContainsFunc(targets, func(t mapping.Target) bool { return !reconciliation(t) }) {
		scopes = append(scopes, "administration:write")
	}
	if slices.ContainsFunc(targets, reconciliation) {
		scopes = append(scopes, "financials:write")
	}
	scopes = append(scopes, "workflows:read")
	if c.cfg.StoreDocuments {
		scopes = append(scopes, documentScopes()...)
	}
	if c.cfg.AppLinks {
		scopes = append(scopes, linksScope)
	}
	return scopes
}

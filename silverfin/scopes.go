package silverfin

import "balansd/mapping"

// targetScopes are the OAuth scopes that a target needs. Silverfin asks for
// administration:write for the custom properties of a period, and for
// financials:write for those of a reconciliation.
func targetScopes(t mapping.Target) []string {
	write := "administration:write"
	if t.Level == mapping.LevelReconciliation {
		write = "financials:write"
	}
	return []string{"user:profile", "user:firm", "administration:read", "communication:read",
		"financials:read", write, "workflows:read"}
}

package cli

import (
	"slices"
	"strings"

	"balansd/daemon"
)

// walk is the order in which doctor shows what it found: from what others depend on to what
// depends on it. Some is only known once others were asked, such as the clock.
func walk() []string {
	return []string{"service", "configuration", "state", "data key", "backups", "access", "program", "disk", "clock", "certificate", "folder",
		"Finbox", "Silverfin", "mapping", "OIDC", "mail", "notifications", "portal"}
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

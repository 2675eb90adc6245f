package support

import (
	"net/url"
	"regexp"
	"strings"
)

// plainValue is a number, a time, a size or a word that balansd knows.
var plainValue = regexp.MustCompile(`^(?:[0-9][0-9.:,]*[A-Za-z]{0,3}|[0-9]{1,2}:[0-9]{2}-[0-9]{1,2}:[0-9]{2}|true|false|\(hidden\))$`)

// ownWords are settings whose words are balansd's own, or Silverfin's.
var ownWords = []string{"language", "time_zone", "log.level", "log.format", "night.", "schedule.", "silverfin.target.", "silverfin.workflow.",
	"silverfin.enterprise_number_fields", "silverfin.financial_year", "silverfin.archived", "silverfin.redirect", "silverfin.scopes",
	"silverfin.locked_fields", "portal.oidc.groups_claim", "portal.listen"}

// Setting returns the value of a setting that a person wrote: of a URL scheme and host, of
// a number or a word of balansd's own all, and else only that it is set.
func Setting(key, value string) string {
	client := strings.HasPrefix(key, "dossiers[") || strings.HasSuffix(key, "client_id")
	if value == "" || !client && plainValue.MatchString(value) {
		return value
	}
	for _, own := range ownWords {
		if strings.HasPrefix(key, own) {
			return value
		}
	}
	if u, err := url.Parse(value); err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http") {
		return u.Scheme + "://" + u.Host
	}
	return "(set)"
}

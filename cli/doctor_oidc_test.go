package cli

import (
	"fmt"
	"strings"
	"testing"

	"balansd/accounts/oidctest"
	"balansd/internal/testenv"
)

// TestProviderIsShownAndTried: config check shows the hosts that a provider names besides
// its own, and doctor tries them; of a provider that is down both keep the cause.
func TestProviderIsShownAndTried(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	p.Elsewhere = true
	section := `portal:
  listen: %q
  oidc: {issuer: %q, client_id: balansd, client_secret_file: silverfin.secret, admin_users: [an@kantoor.example]}
`
	f := newFixture(t, fixtureOptions{more: fmt.Sprintf(section, testenv.UnusedAddress(t), p.URL)})
	r := f.want(0, p.OtherHost(), "config", "check")
	if !strings.Contains(r.stdout, "because portal.oidc.issuer names them") {
		t.Error(r.stdout)
	}
	r = f.want(0, p.OtherHost()+" answers directly", "doctor")
	if !strings.Contains(r.stdout, strings.TrimPrefix(p.URL, "http://")+" answers directly") {
		t.Error(r.stdout)
	}
	gone := "http://" + testenv.UnusedAddress(t)
	f = newFixture(t, fixtureOptions{more: fmt.Sprintf(section, testenv.UnusedAddress(t), gone+"/"+strings.Repeat("tenant/", 20))})
	f.want(0, "connection refused", "config", "check")
	r = f.want(1, "connection refused", "doctor")
	if !strings.Contains(r.stdout, "balansd portal invite --local") && !strings.Contains(r.stdout, "→ ") {
		t.Error(r.stdout)
	}
}

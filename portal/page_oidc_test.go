package portal

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"balansd/accounts"
	"balansd/accounts/oidctest"

	"github.com/rs/zerolog"
)

// newOIDCFixture is newFixture where an OpenID Connect provider signs people in.
func newOIDCFixture(t *testing.T, change ...func(*Config)) (*oidctest.Provider, *fixture) {
	t.Helper()
	p := oidctest.NewProvider(t)
	return p, newFixture(t, append(change, func(c *Config) {
		c.OIDC = &accounts.OIDCConfig{Issuer: p.URL, ClientID: oidctest.ClientID, ClientSecret: oidctest.ClientSecret, GroupsClaim: "groups",
			AdminGroups: []string{"g-admins"}, StaffGroups: []string{"g-staff"}, Client: p.ClientFor,
			Redirect: "http://" + c.Listen + "/oidc/callback"}
	})...)
}

// signInAt signs in at the provider, and returns the answer of the last step here.
func (b *browser) signInAt(p *oidctest.Provider) reply {
	b.f.t.Helper()
	return b.post("/oidc/finish", b.callbackForm(p.Authorize(b.startOIDC()))...)
}

// startOIDC starts a sign-in, and returns the address at the provider.
func (b *browser) startOIDC() string {
	b.f.t.Helper()
	got := b.post("/oidc/begin", "next", "/account")
	m := regexp.MustCompile(`href="([^"]*)" data-follow`).FindStringSubmatch(got.body)
	if got.code != http.StatusOK || m == nil {
		b.f.t.Fatalf("starting gives %d %s", got.code, got.body)
	}
	return html.UnescapeString(m[1])
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="(state|code)" value="([^"]*)">`)

// callbackForm opens the callback as the provider's site does, without the strict
// cookies, and returns the fields of its form.
func (b *browser) callbackForm(address string) []string {
	b.f.t.Helper()
	u, _ := url.Parse(address)
	got := b.f.browser().request(http.MethodGet, u.RequestURI(), nil, map[string]string{"Sec-Fetch-Site": "cross-site"})
	var fields []string
	for _, m := range hiddenField.FindAllStringSubmatch(got.body, -1) {
		fields = append(fields, m[1], m[2])
	}
	if got.code != http.StatusOK || len(fields) != 4 {
		b.f.t.Fatalf("the callback gives %d %s", got.code, got.body)
	}
	return fields
}

func TestOIDCSignIn(t *testing.T) {
	p, f := newOIDCFixture(t)
	b := f.browser()
	if got := b.signInAt(p); got.code != http.StatusSeeOther || got.header.Get("Location") != "/account" {
		t.Fatalf("signing in gives %d %s", got.code, got.body)
	}
	if got := b.get("/people"); got.code != http.StatusOK || !strings.Contains(got.body, "an@kantoor.example") {
		t.Errorf("an admin gets %d", got.code)
	}
	// Another group at the next sign-in: staff.
	p.Claims["groups"] = "g-staff"
	other := f.browser()
	other.signInAt(p)
	if other.get("/account").code != http.StatusOK || other.get("/people").code != http.StatusForbidden || b.get("/people").code != http.StatusForbidden {
		t.Error("a member of staff is still an admin")
	}
	// Disabled by an admin here, whatever the provider says.
	p.Claims = map[string]any{"sub": "u-2", "email": "bea@kantoor.example", "groups": []string{"g-admins"}}
	bea := f.browser()
	bea.signInAt(p)
	bea.post("/people/disabled", "person", f.key("an@kantoor.example"), "disabled", "true", "sure", "yes")
	p.Claims = map[string]any{"sub": "u-1", "preferred_username": "an@kantoor.example", "groups": []string{"g-admins"}}
	if got := f.browser().signInAt(p); got.code != http.StatusForbidden || b.get("/account").code == http.StatusOK {
		t.Errorf("a disabled person gets %d", got.code)
	}
	for _, path := range []string{"/account/password", "/people/invite"} {
		if got := bea.post(path); got.code != http.StatusNotFound {
			t.Errorf("with a provider %s gives %d", path, got.code)
		}
	}
	if _, err := f.people.Invite(t.Context(), "x", accounts.Staff, ""); err == nil {
		t.Error("with a provider somebody is invited")
	}
}

// TestOIDCRefused: a refusal is shown, and recorded in the audit log. All reasons
// are in the tests of accounts.
func TestOIDCRefused(t *testing.T) {
	p, f := newOIDCFixture(t)
	for reason, tamper := range map[string]func(map[string]any){
		"oidc.nobody":  func(c map[string]any) { delete(c, "groups") },
		"oidc.refused": func(c map[string]any) { c["nonce"] = "x" },
	} {
		p.Tamper = tamper
		b := f.browser()
		got := b.signInAt(p)
		if got.code < 400 || b.get("/account").code == http.StatusOK {
			t.Errorf("%s gives %d", reason, got.code)
		}
		if text, _ := f.web.locales["nl"].t(reason); !strings.Contains(html.UnescapeString(got.body), text) {
			t.Errorf("the page lacks %q", text)
		}
		if r := f.records()[0]; r.What != "sign-in" || r.Outcome != reason {
			t.Errorf("the audit log has %+v", r)
		}
	}
}

// TestOIDCBoundToBrowser: a sign-in is finished once, in the browser that started
// it.
func TestOIDCBoundToBrowser(t *testing.T) {
	p, f := newOIDCFixture(t)
	own, other := f.browser(), f.browser()
	fields := other.callbackForm(p.Authorize(own.startOIDC()))
	if got := other.post("/oidc/finish", fields...); got.code != http.StatusBadRequest {
		t.Errorf("another browser gets %d", got.code)
	}
	other.startOIDC() // now it has a cookie of its own
	if got := other.post("/oidc/finish", fields...); got.code != http.StatusBadRequest {
		t.Errorf("another browser with a cookie gets %d", got.code)
	}
	if got := own.post("/oidc/finish", fields...); got.code != http.StatusSeeOther {
		t.Errorf("the browser itself gets %d", got.code)
	}
	if got := own.post("/oidc/finish", fields...); got.code != http.StatusBadRequest {
		t.Errorf("a second time gives %d", got.code)
	}
	if got := own.post("/oidc/finish", "error", "access_denied", "state", "x"); got.code != http.StatusForbidden {
		t.Errorf("a refusal at the provider gives %d", got.code)
	}
}

func TestOIDCProviderDown(t *testing.T) {
	var log logLines
	var passed atomic.Int64
	start := time.Now()
	p, f := newOIDCFixture(t, func(c *Config) {
		c.Now = func() time.Time { return start.Add(time.Duration(passed.Load())) }
		c.Log = zerolog.New(&log).Level(zerolog.WarnLevel)
	})
	p.Down = true
	if got := f.browser().get("/sign-in"); got.code != http.StatusOK {
		t.Errorf("the page to sign in gives %d", got.code)
	}
	for range 50 {
		if got := f.browser().post("/oidc/begin"); got.code != http.StatusBadGateway || strings.Contains(got.body, "maintenance") {
			t.Fatalf("it gives %d %s", got.code, got.body)
		}
	}
	if len(log.lines) != 1 { // one a minute: anybody can repeat it
		t.Errorf("%d lines were logged", len(log.lines))
	}
	p.Down = false
	passed.Store(int64(5 * time.Second))
	if got := f.browser().signInAt(p); got.code != http.StatusSeeOther {
		t.Errorf("when it is back: %d", got.code)
	}
}

// TestOIDCManyPending: whoever starts sign-ins without end delays nobody else,
// and what a stranger posts unasked is not in the audit log.
func TestOIDCManyPending(t *testing.T) {
	p, f := newOIDCFixture(t)
	own := f.browser()
	address := p.Authorize(own.startOIDC())
	stranger := f.browser()
	for range 1100 {
		if got := stranger.post("/oidc/begin"); got.code != http.StatusOK {
			t.Fatalf("starting gives %d", got.code)
		}
	}
	if got := f.browser().signInAt(p); got.code != http.StatusSeeOther {
		t.Errorf("another person gets %d", got.code)
	}
	if got := own.post("/oidc/finish", own.callbackForm(address)...); got.code != http.StatusSeeOther {
		t.Errorf("a sign-in that was started before gets %d", got.code)
	}
	before := len(f.records())
	for range 5 {
		f.browser().post("/oidc/finish", "error", "access_denied", "state", "x")
		f.browser().post("/oidc/finish", "state", "x", "code", "y")
	}
	if after := len(f.records()); after != before {
		t.Errorf("the audit log has %d records of sign-ins that nobody started", after-before)
	}
}

// TestOIDCGroupsLost: when the provider says at a new sign-in that a person is in
// no group any more, their other sessions end.
func TestOIDCGroupsLost(t *testing.T) {
	p, f := newOIDCFixture(t)
	b := f.browser()
	if got := b.signInAt(p); got.code != http.StatusSeeOther || b.get("/people").code != http.StatusOK {
		t.Fatal(got.code)
	}
	p.Claims["groups"] = []string{"everybody"}
	if got := f.browser().signInAt(p); got.code != http.StatusForbidden {
		t.Errorf("without a group: %d", got.code)
	}
	if got := b.get("/people"); got.code == http.StatusOK {
		t.Error("an admin without a group is still one")
	}
}

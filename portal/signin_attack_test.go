package portal

import (
	"net/http"
	"strings"
	"testing"
)

// TestNobodyBeginsForOthers: who begins sign-ins at the provider without end
// keeps nobody else from theirs, and what a stranger sends back unasked is not
// in the trail.
func TestNobodyBeginsForOthers(t *testing.T) {
	p := newProvider(t)
	f := p.fixture(t)
	mine := f.browser()
	back := p.authorize(p.authorizationURL(mine))
	mallory := f.browser()
	for range 1100 {
		if got := mallory.post("/oidc/begin"); got.code != http.StatusOK {
			t.Fatalf("beginning gives %d", got.code)
		}
	}
	if got := p.startSignIn(f.browser()); got.code != http.StatusSeeOther {
		t.Errorf("another person gets %d", got.code)
	}
	if got := mine.post("/oidc/finish", p.callbackForm(mine, back)...); got.code != http.StatusSeeOther {
		t.Errorf("who had begun before gets %d", got.code)
	}
	before := len(f.records())
	for range 5 {
		f.browser().post("/oidc/finish", "error", "access_denied", "state", "x")
		f.browser().post("/oidc/finish", "state", "x", "code", "y")
	}
	if after := len(f.records()); after != before {
		t.Errorf("the trail has %d records of who began nothing", after-before)
	}
}

// TestALongWayBack: a page with an address as long as browsers allow does not
// keep a person from signing in.
func TestALongWayBack(t *testing.T) {
	p := newProvider(t)
	f := p.fixture(t)
	got := f.browser().post("/oidc/begin", "next", "/dossiers?q="+strings.Repeat("x", 8000))
	if c := cookieOf(got, oidcCookie); c == nil || len(c.Value) > 3500 {
		t.Errorf("the browser is to keep %v", c)
	}
}

// TestWhoLostTheirGroupsIsOut: when the provider says at a new sign-in that
// somebody is in no group any more, their other sessions end.
func TestWhoLostTheirGroupsIsOut(t *testing.T) {
	p := newProvider(t)
	f := p.fixture(t)
	b := f.browser()
	if got := p.startSignIn(b); got.code != http.StatusSeeOther || b.get("/people").code != http.StatusOK {
		t.Fatal(got.code)
	}
	p.claims["groups"] = []string{"everybody"}
	if got := p.startSignIn(f.browser()); got.code != http.StatusForbidden {
		t.Errorf("without a group: %d", got.code)
	}
	if got := b.get("/people"); got.code == http.StatusOK {
		t.Error("an admin without a group is still one")
	}
}

// TestNoticesAreBounded: who never looks at a page fills no session.
func TestNoticesAreBounded(t *testing.T) {
	f := newFixture(t)
	ben := f.signedIn(benName)
	for range 50 {
		ben.post("/decisions", "do", "use_finbox")
	}
	for _, text := range f.kv.Rows("sessions") {
		if len(text) > 2000 {
			t.Errorf("a session takes %d bytes", len(text))
		}
	}
}

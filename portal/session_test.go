package portal

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"balansd/accounts"
)

func cookieOf(got reply, name string) *http.Cookie {
	for _, c := range (&http.Response{Header: got.header}).Cookies() {
		if c.Name == name {
			return c
		}
	}
	return nil
}

func TestSessionCookie(t *testing.T) {
	for _, secure := range []bool{false, true} {
		f := newFixture(t, func(c *Config) { c.Secure = secure })
		b := f.browser()
		// A token that somebody planted is not taken over.
		b.header.Set("Cookie", f.web.cookieName("balansd")+"=planted")
		got := b.post("/sign-in", "name", annName, "password", testPassword, "next", "/people")
		name := "balansd"
		if secure {
			name = "__Host-balansd"
		}
		c := cookieOf(got, name)
		if c == nil {
			t.Fatalf("no cookie: %v", got.header)
		}
		if c.Value == "planted" || len(c.Value) < 40 || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Secure != secure || c.Path != "/" || c.Domain != "" {
			t.Errorf("the cookie is %v", c)
		}
		if f.kv.Contains(c.Value) {
			t.Error("the state holds the token itself")
		}
		if got.header.Get("Location") != "/people" {
			t.Errorf("signing in leads to %s", got.header.Get("Location"))
		}
	}
}

// TestSigningInLeadsNowhereElse: a link to the page to sign in cannot lead to
// another site.
func TestSigningInLeadsNowhereElse(t *testing.T) {
	f := newFixture(t)
	for _, next := range []string{"https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)", "", "people", "/\r\nX: y"} {
		got := f.browser().post("/sign-in", "name", annName, "password", testPassword, "next", next)
		if to := got.header.Get("Location"); to != "/" {
			t.Errorf("%q leads to %q", next, to)
		}
	}
}

func TestWhoIsOutIsOutAtOnce(t *testing.T) {
	f := newFixture(t)
	ann, ben, other := f.signedIn(annName), f.signedIn(benName), f.signedIn(benName)
	inside := func(b *browser) bool { return b.get("/account").code == http.StatusOK }
	if !inside(ann) || !inside(ben) || !inside(other) {
		t.Fatal("somebody is not signed in")
	}
	if got := ben.post("/sign-out"); got.code != http.StatusSeeOther || inside(ben) || !inside(other) {
		t.Error("signing out ends another session, or none")
	}
	ben = f.signedIn(benName)
	ben.post("/account/sign-out-everywhere")
	if inside(ben) || inside(other) || !inside(ann) {
		t.Error("signing out everywhere does not")
	}
	ben = f.signedIn(benName)
	ann.post("/people/disabled", "person", f.key(benName), "disabled", "true")
	if inside(ben) {
		t.Error("who was kept out is still in")
	}
	ann.post("/people/disabled", "person", f.key(benName), "disabled", "false")
	if inside(ben) {
		t.Error("an old session counts again")
	}
	ben, other = f.signedIn(benName), f.signedIn(benName)
	const word = "vijf paarden eten taart"
	if got := ben.post("/account/password", "old", "wrong", "password", word, "again", word); got.code != http.StatusForbidden {
		t.Errorf("a wrong old password gives %d", got.code)
	}
	if got := ben.post("/account/password", "old", testPassword, "password", word, "again", word+"!"); got.code != http.StatusUnprocessableEntity {
		t.Errorf("two passwords give %d", got.code)
	}
	if got := ben.post("/account/password", "old", testPassword, "password", word, "again", word); got.code != http.StatusSeeOther || !inside(ben) || inside(other) {
		t.Errorf("a new password gives %d, %v, %v", got.code, inside(ben), inside(other))
	}
	// What became of it is in the trail, and no password is anywhere.
	var what []string
	for _, r := range f.records() {
		what = append(what, r.What+" "+r.Outcome)
		if r.From == "" || r.Who == "" && !strings.HasPrefix(r.What, "invite-") {
			t.Errorf("the trail has %+v", r)
		}
	}
	for _, want := range []string{"sign-in ", "sign-out ", "sign-out-all ", "disable ", "enable ", "password password.old", "password "} {
		if !slices.Contains(what, want) {
			t.Errorf("the trail lacks %q: %q", want, what)
		}
	}
	if f.kv.Contains(testPassword) || f.kv.Contains(word) {
		t.Error("a password is in the state")
	}
}

func TestARoleChangesAtOnce(t *testing.T) {
	f := newFixture(t)
	ann, ben := f.signedIn(annName), f.signedIn(benName)
	ann.post("/people/role", "person", f.key(benName), "role", "admin")
	if got := ben.get("/people"); got.code != http.StatusOK {
		t.Errorf("a new admin gets %d", got.code)
	}
	ben.post("/people/role", "person", f.key(annName), "role", "staff")
	if got := ann.get("/people"); got.code != http.StatusForbidden {
		t.Errorf("who is no admin any more gets %d", got.code)
	}
	if got := ben.post("/people/role", "person", f.key(benName), "role", "staff"); got.code != http.StatusConflict {
		t.Errorf("the last admin steps down: %d", got.code)
	}
}

func TestSessionsEnd(t *testing.T) {
	now := time.Now()
	f := newFixture(t, func(c *Config) { c.Now = func() time.Time { return now } })
	ann := f.signedIn(annName)
	now = now.Add(time.Hour + time.Minute)
	if got := ann.get("/"); got.code != http.StatusSeeOther {
		t.Errorf("after its time a session gives %d", got.code)
	}
	before := len(f.kv.Rows("sessions"))
	f.people.Confirmed = func() time.Time { return now }
	f.signedIn(benName)
	if after := len(f.kv.Rows("sessions")); before != 1 || after != 1 {
		t.Errorf("of %d sessions %d are left", before, after)
	}
}

// TestALinkFromElsewhere: a strict cookie is not sent along from another site.
// The page says so to the browser, which asks again from here.
func TestALinkFromElsewhere(t *testing.T) {
	f := newFixture(t)
	got := f.browser().request(http.MethodGet, "/people?x=1", nil, map[string]string{"Sec-Fetch-Site": "cross-site"})
	if got.code != http.StatusUnauthorized || got.header.Get("Refresh") != "0" || strings.Contains(got.body, "people") {
		t.Errorf("%d %v", got.code, got.header)
	}
}

// TestSayIsSaidOnce shows a notice on the next page, in the reader's language,
// and on that one alone.
func TestSayIsSaidOnce(t *testing.T) {
	f := newFixture(t)
	ann := f.signedIn(annName)
	ann.post("/language", "language", "fr", "next", "/")
	ann.post("/people/disabled", "person", f.key(benName), "disabled", "true")
	const said = "Modifié\u00a0: " + benName
	if first := ann.get("/people"); !strings.Contains(first.body, said) {
		t.Error("nothing is said")
	}
	if second := ann.get("/people"); strings.Contains(second.body, said) {
		t.Error("it is said twice")
	}
}

func TestLanguages(t *testing.T) {
	f := newFixture(t)
	page := func(b *browser) string {
		body := b.get("/sign-in").body
		_, rest, _ := strings.Cut(body, `<html lang="`)
		lang, _, _ := strings.Cut(rest, `"`)
		return lang
	}
	for asked, want := range map[string]string{
		"": "nl", "fr-BE,fr;q=0.9,en;q=0.5": "fr", "es, de;q=0.3": "de", "en-US": "en", "zh": "nl", "nonsense;;;": "nl", "nl;q=0.1,fr;q=0.9": "fr"} {
		b := f.browser()
		b.header.Set("Accept-Language", asked)
		if got := page(b); got != want {
			t.Errorf("%q gets %s, not %s", asked, got, want)
		}
	}
	b := f.browser()
	b.header.Set("Accept-Language", "fr")
	b.post("/language", "language", "de", "next", "/sign-in")
	if got := page(b); got != "de" {
		t.Errorf("who chose German gets %s", got)
	}
	if got := b.post("/language", "language", "xx"); got.code != http.StatusBadRequest {
		t.Errorf("an unknown language gives %d", got.code)
	}
	// Who is signed in keeps the language in another browser.
	ann := f.signedIn(annName)
	ann.post("/language", "language", "en", "next", "/")
	if body := f.signedIn(annName).get("/account").body; !strings.Contains(body, "My account") {
		t.Error("the language is not kept")
	}
}

// TestHostileNames shows names that would be markup, script or a template as
// what they are.
func TestHostileNames(t *testing.T) {
	f := newFixture(t)
	names := []string{`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `{{.Person}}`, `'; alert(1); '`, `javascript:alert(1)`}
	for _, name := range names {
		f.addPerson(name, accounts.Admin)
	}
	for _, name := range names {
		b := f.signedIn(name)
		for _, path := range []string{"/", "/people", "/account", "/audit"} {
			body := b.get(path).body
			if strings.Contains(body, "<script>alert") || strings.Contains(body, "<img src=x") || !strings.Contains(body, "</html>") {
				t.Errorf("%s is not shown as text on %s", name, path)
			}
		}
	}
	if got := f.browser().post("/sign-in", "name", names[1], "password", "wrong wrong wrong"); strings.Contains(got.body, "<img") {
		t.Error("what was typed comes back as markup")
	}
}

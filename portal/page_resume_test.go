package portal

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"balansd/accounts"
)

// endSessions ends all sessions of a person.
func (f *fixture) endSessions(name string) {
	f.t.Helper()
	if _, err := f.people.SignOutEverywhere(f.t.Context(), f.key(name)); err != nil {
		f.t.Fatal(err)
	}
}

// resumed sends a form without a session, signs in as name, and returns the page to which
// that leads.
func (b *browser) resumed(name, page, path string, pairs ...string) reply {
	b.f.t.Helper()
	b.header.Set("Referer", b.f.server.URL+page)
	got := b.post(path, pairs...)
	to, err := url.Parse(got.header.Get("Location"))
	if err != nil || got.code != http.StatusSeeOther || to.Path != "/sign-in" {
		b.f.t.Fatalf("a form without a session gives %d to %s", got.code, to)
	}
	got = b.post("/sign-in", "name", name, "password", testPassword, "next", to.Query().Get("next"))
	return b.get(got.header.Get("Location"))
}

// TestFormOutlastsSession: a form that is sent after the session has ended is there again
// after signing in, and nothing of it is done.
func TestFormOutlastsSession(t *testing.T) {
	d := &stubAPI{entries: entriesInEveryState(time0)}
	f := newStubFixture(t, d)
	ben := f.signedIn(benName)
	f.endSessions(benName)
	page := ben.resumed(benName, "/decisions", "/decisions", "entry", "22", "seen.22", "1", "do", "use_finbox", "back", "/decisions")
	if len(d.decided) > 0 || !strings.Contains(page.body, "Je sessie was verlopen") || page.code != http.StatusOK {
		t.Fatalf("gives %d: %s", page.code, page.body)
	}
	number := strconv.FormatUint(d.entries[len(d.entries)-1].Number, 10)
	f.endSessions(benName)
	page = ben.resumed(benName, "/decisions", "/decisions", "entry", number, "do", "keep_silverfin")
	if !strings.Contains(page.body, `name="entry" value="`+number+`" aria-label="Alles van Transports Marchandelle SA" checked=""`) {
		t.Errorf("the tick is gone: %s", page.body)
	}
	f.endSessions(benName)
	page = ben.resumed(benName, "/dossiers?state=waiting", "/bulk", "step", "dismiss", "entry", "5", "back", "/dossiers?state=waiting")
	calls := d.callsOf("Bulk")
	if !strings.Contains(page.body, "1 dossier negeren") || len(calls) != 1 || strings.Contains(calls[0], "Apply:true") {
		t.Errorf("the effect is not shown again: %s %v", page.body, calls)
	}
	f.endSessions(benName)
	page = ben.resumed(benName, "/", "/bulk/do", "step", "dismiss", "items", "5.0 6.0", "back", "/dossiers")
	if calls = d.callsOf("Bulk"); !strings.Contains(page.body, "2 dossiers negeren") || strings.Contains(strings.Join(calls, ""), "Apply:true") {
		t.Errorf("the step was done: %s %v", page.body, calls)
	}
}

// TestKeptForms: a form is kept without secrets, for the account of the browser alone, and
// for an hour.
func TestKeptForms(t *testing.T) {
	now := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
	f := newFixture(t, func(c *Config) { c.Now = func() time.Time { return now }; c.SessionTime = 48 * time.Hour })
	f.addPerson("Cis", accounts.Admin)
	ann := f.signedIn(annName)
	f.endSessions(annName)
	page := ann.resumed(annName, "/people", "/people/invite", "name", `"><script>`, "role", "admin")
	for _, text := range []string{`value="&#34;&gt;&lt;script&gt;"`, `name="role" value="admin" checked=""`, `name="role" value="staff"/>`} {
		if !strings.Contains(page.body, text) {
			t.Errorf("the page lacks %s: %s", text, page.body)
		}
	}
	if strings.Contains(page.body, "Link voor") {
		t.Error("somebody was invited")
	}
	f.endSessions(annName)
	page = ann.resumed(annName, "/account", "/account/password", "old", testPassword, "password", "a new password of mine", "again", "a new password of mine")
	if strings.Contains(page.body, "a new password") || strings.Contains(page.body, testPassword) || !strings.Contains(page.body, "Je sessie was verlopen") {
		t.Errorf("the page has a password: %s", page.body)
	}

	// Another account does not get it, nor does anybody after an hour.
	f.endSessions(annName)
	if page = ann.resumed("Cis", "/people", "/people/invite", "name", "dirk@kantoor.example"); strings.Contains(page.body, "dirk") {
		t.Errorf("another account gets the form: %s", page.body)
	}
	f.endSessions("Cis")
	ann.header.Set("Referer", f.server.URL+"/people")
	got := ann.post("/people/invite", "name", "dirk@kantoor.example")
	now = now.Add(keptFormTime + time.Minute)
	to, _ := url.Parse(got.header.Get("Location"))
	got = ann.post("/sign-in", "name", "Cis", "password", testPassword, "next", to.Query().Get("next"))
	if page = ann.get(got.header.Get("Location")); page.code != http.StatusSeeOther {
		t.Errorf("after an hour: %d %s", page.code, page.body)
	}

	// Who never signed in here, or signed out, is told so, and nothing is kept.
	ann.post("/sign-out")
	for name, b := range map[string]*browser{"signed out": ann, "a stranger": f.browser()} {
		if got := b.post("/people/invite", "name", "x"); got.code != http.StatusUnauthorized {
			t.Errorf("%s gives %d", name, got.code)
		}
	}
	for _, token := range []string{"", "x", "6e616d65", f.web.forms.ownerToken("name:x")[:20]} {
		if owner, ok := f.web.forms.owner(token); ok {
			t.Errorf("%q is the cookie of %s", token, owner)
		}
	}
}

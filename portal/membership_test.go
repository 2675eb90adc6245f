package portal

import (
	"context"
	"html"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"balansd/accounts"
	"balansd/accounts/oidctest"
)

// memoryVault keeps secrets in memory.
type memoryVault struct {
	mu   sync.Mutex
	have map[string]string
}

func (v *memoryVault) Get(_ context.Context, name string) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if text, ok := v.have[name]; ok {
		return []byte(text), nil
	}
	return nil, nil
}

func (v *memoryVault) Put(_ context.Context, name string, value []byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.have[name] = string(value)
	return nil
}

func (v *memoryVault) Delete(_ context.Context, name string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.have, name)
	return nil
}

// memberFixture is newOIDCFixture with a clock, where a person has signed in.
type memberFixture struct {
	p      *oidctest.Provider
	f      *fixture
	b      *browser
	vault  *memoryVault
	passed atomic.Int64
}

func newMemberFixture(t *testing.T, offline bool) *memberFixture {
	t.Helper()
	m := &memberFixture{vault: &memoryVault{have: map[string]string{}}}
	start := time.Now()
	m.p, m.f = newOIDCFixture(t, func(c *Config) {
		c.Now = func() time.Time { return start.Add(time.Duration(m.passed.Load())) }
		c.Recheck, c.SessionTime = time.Hour, 12*time.Hour
		c.People.Vault = m.vault
	})
	m.p.Offline = offline
	m.b = m.f.browser()
	if got := m.b.signInAt(m.p); got.code != http.StatusSeeOther {
		t.Fatal(got.code, got.body)
	}
	return m
}

// wait lets time pass. ID tokens are made by the real clock, and last an hour.
func (m *memberFixture) wait(d time.Duration) {
	m.passed.Add(int64(d))
	at := time.Now().Add(time.Duration(m.passed.Load()))
	m.p.Tamper = func(c map[string]any) { c["iat"], c["exp"] = at.Unix(), at.Add(time.Hour).Unix() }
}

func (m *memberFixture) want(t *testing.T, path string, code int) reply {
	t.Helper()
	got := m.b.get(path)
	if got.code != code {
		t.Fatalf("%s gives %d, want %d: %.300s", path, got.code, code, got.body)
	}
	return got
}

// TestMembershipByRefreshToken: an hour after a sign-in the provider is asked again, once
// an hour, and what it says holds at once.
func TestMembershipByRefreshToken(t *testing.T) {
	m := newMemberFixture(t, true)
	for range 3 {
		m.want(t, "/people", http.StatusOK)
	}
	m.wait(59 * time.Minute)
	m.want(t, "/people", http.StatusOK)
	if m.p.Refreshed != 0 {
		t.Fatal("it was asked within the hour")
	}
	m.wait(2 * time.Minute)
	m.want(t, "/people", http.StatusOK)
	m.want(t, "/people", http.StatusOK)
	if m.p.Refreshed != 1 {
		t.Fatalf("it was asked %d times", m.p.Refreshed)
	}
	m.wait(time.Hour)
	m.p.Claims["groups"] = []string{"g-staff"}
	m.want(t, "/people", http.StatusForbidden) // no admin any more
	m.want(t, "/dossiers", http.StatusOK)
	m.wait(time.Hour)
	m.p.Claims["groups"] = []string{"everybody"}
	other := m.f.browser()
	m.want(t, "/dossiers", http.StatusSeeOther)
	if got := other.get("/dossiers"); got.code != http.StatusSeeOther || len(m.vault.have) != 0 {
		t.Errorf("%d, %v", got.code, m.vault.have)
	}
	if m.p.Refreshed != 3 {
		t.Errorf("it was asked %d times", m.p.Refreshed)
	}
}

// TestMembershipWhileTheProviderIsDown: what is known holds while the provider does not
// answer, and it is not asked for every page.
func TestMembershipWhileTheProviderIsDown(t *testing.T) {
	m := newMemberFixture(t, true)
	m.p.Down = true
	m.wait(61 * time.Minute)
	m.want(t, "/people", http.StatusOK)
	m.p.Down = false
	m.p.Claims["groups"] = []string{"everybody"}
	m.want(t, "/people", http.StatusOK) // not asked again at once
	m.wait(time.Minute)
	m.want(t, "/people", http.StatusSeeOther)
}

// askedProvider returns the address at the provider to which a page leads.
func askedProvider(t *testing.T, got reply) string {
	t.Helper()
	found := regexp.MustCompile(`href="([^"]*)" data-follow`).FindStringSubmatch(got.body)
	if found == nil || !strings.Contains(html.UnescapeString(found[1]), "prompt=none") {
		t.Fatalf("it does not lead to the provider: %s", got.body)
	}
	return html.UnescapeString(found[1])
}

// TestMembershipByBrowser: without a refresh token a page is interrupted to ask the
// provider without a question to the person, and then goes on where they were.
func TestMembershipByBrowser(t *testing.T) {
	for name, offline := range map[string]bool{"none was given": false, "it works no more": true} {
		t.Run(name, func(t *testing.T) {
			m := newMemberFixture(t, offline)
			m.p.ForgetTokens()
			m.wait(61 * time.Minute)
			// A form that was open is not lost.
			if got := m.b.post("/people/sign-out", "person", "nobody"); got.code != http.StatusNotFound {
				t.Errorf("a form gives %d", got.code)
			}
			address := askedProvider(t, m.want(t, "/dossiers?q=zoet", http.StatusOK))
			got := m.b.post("/oidc/finish", m.b.callbackForm(m.p.Authorize(address))...)
			if got.code != http.StatusSeeOther || got.header.Get("Location") != "/dossiers?q=zoet" {
				t.Fatalf("%d to %q", got.code, got.header.Get("Location"))
			}
			m.want(t, "/people", http.StatusOK)
			if got := m.f.records(); got[0].What != "sign-in" || got[0].Outcome != "" {
				t.Errorf("%+v", got[0])
			}

			m.p.ForgetTokens()
			m.wait(61 * time.Minute)
			m.p.SignedOut = true
			address = askedProvider(t, m.want(t, "/people", http.StatusOK))
			back := m.p.Authorize(address)
			state := regexp.MustCompile(`state=([^&]*)`).FindStringSubmatch(back)[1]
			if got := m.b.post("/oidc/finish", "error", "login_required", "state", state); got.code != http.StatusSeeOther ||
				!strings.HasPrefix(got.header.Get("Location"), "/sign-in?next=%2Fpeople") {
				t.Errorf("%d to %q", got.code, got.header.Get("Location"))
			}
			m.want(t, "/people", http.StatusSeeOther) // the session is over
		})
	}
}

// TestMembershipOfAPageThatStaysOpen: what is not a page goes on for another hour only.
func TestMembershipOfAPageThatStaysOpen(t *testing.T) {
	m := newMemberFixture(t, false)
	m.wait(119 * time.Minute)
	if got := m.b.request(http.MethodGet, "/dossiers", nil, map[string]string{"HX-Request": "true"}); got.code != http.StatusOK {
		t.Errorf("%d", got.code)
	}
	m.wait(2 * time.Minute)
	if got := m.b.request(http.MethodGet, "/dossiers", nil, map[string]string{"HX-Request": "true"}); got.code != http.StatusUnauthorized {
		t.Errorf("%d", got.code)
	}
	if got := m.b.post("/people/sign-out", "person", "x"); !strings.HasPrefix(got.header.Get("Location"), "/sign-in?next=%2Fresume%2F") { // after signing in it is asked for again
		t.Errorf("%d", got.code)
	}
}

// TestLocalInvitation: while the provider is down, somebody whom the command line invited
// signs in with a password; nobody else does.
func TestLocalInvitation(t *testing.T) {
	p, f := newOIDCFixture(t)
	p.Down = true
	b := f.browser()
	if got := b.get("/sign-in"); strings.Contains(got.body, `name="password"`) {
		t.Error("it asks for a password, and nobody has one")
	}
	if _, err := f.people.Invite(t.Context(), annName, accounts.Admin, "root"); err == nil || !strings.Contains(accounts.OutcomeOf(err), "not_allowed") {
		t.Errorf("an invitation without --local: %v", err)
	}
	// A password of the time before the provider does not work.
	f.people.Provider = false
	f.addPerson(benName, accounts.Admin)
	old, err := f.people.Invite(t.Context(), "cis", accounts.Admin, "root")
	if err != nil {
		t.Fatal(err)
	}
	f.people.Provider = true
	if got := b.post("/sign-in", "name", benName, "password", testPassword); got.code != http.StatusUnauthorized {
		t.Errorf("an old password gives %d", got.code)
	}
	if got := b.get(strings.TrimPrefix(old.Link, f.people.BaseURL)); got.code != http.StatusGone {
		t.Errorf("an old invitation gives %d", got.code)
	}

	i, err := f.people.InviteLocal(t.Context(), annName, accounts.Admin, "root")
	if err != nil {
		t.Fatal(err)
	}
	if got := b.post(strings.TrimPrefix(i.Link, f.people.BaseURL), "password", testPassword, "again", testPassword); got.code != http.StatusSeeOther {
		t.Fatalf("%d %s", got.code, got.body)
	}
	other := f.browser()
	if got := other.get("/sign-in"); !strings.Contains(got.body, `name="password"`) || !strings.Contains(got.body, "/oidc/begin") {
		t.Error("the page does not offer both ways")
	}
	if got := other.post("/sign-in", "name", annName, "password", testPassword); got.code != http.StatusSeeOther || other.get("/people").code != http.StatusOK {
		t.Errorf("%d", got.code)
	}
	// They can be disabled like everybody else, although no other password works.
	if _, err := f.people.SetDisabled(t.Context(), f.key(annName), true); err != nil {
		t.Error(err)
	}
	if got := other.get("/people"); got.code != http.StatusSeeOther {
		t.Errorf("%d", got.code)
	}
	if _, err := f.people.Enable(t.Context(), annName, "root"); err != nil {
		t.Error(err)
	}
}

package portal

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"balansd/keyvalue"
)

func TestSessionCookie(t *testing.T) {
	for _, secure := range []bool{false, true} {
		f := newFixture(t, func(c *Config) {
			if secure {
				c.URL = "https://balansd.kantoor.example"
			}
		})
		b := f.browser()
		// A token that somebody planted must not be used.
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

func TestSessionsEndAtOnce(t *testing.T) {
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
	ann.post("/people/disabled", "person", f.key(benName), "disabled", "true", "sure", "yes")
	if inside(ben) {
		t.Error("a disabled person is still signed in")
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
	// All of it is in the audit log, and no password is saved.
	var what []string
	for _, r := range f.records() {
		what = append(what, r.What+" "+r.Outcome)
		if r.From == "" || r.Who == "" && !strings.HasPrefix(r.What, "invite-") {
			t.Errorf("the audit log has %+v", r)
		}
	}
	for _, want := range []string{"sign-in ", "sign-out ", "sign-out-all ", "disable ", "enable ", "password password.old", "password "} {
		if !slices.Contains(what, want) {
			t.Errorf("the audit log lacks %q: %q", want, what)
		}
	}
	if f.kv.Contains(testPassword) || f.kv.Contains(word) {
		t.Error("a password is in the state")
	}
}

func TestRoleChangesAtOnce(t *testing.T) {
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
	if got := ben.post("/people/role", "person", f.key(benName), "role", "staff"); got.code != http.StatusSeeOther || !strings.Contains(ben.get("/people").body, "is de enige beheerder") {
		t.Errorf("the last admin steps down: %d", got.code)
	}
}

func TestSessionsExpire(t *testing.T) {
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

// TestSignOutDuringRequest: a request that is pending when its session ends does not
// restore the session.
func TestSignOutDuringRequest(t *testing.T) {
	f := newFixture(t)
	ben := f.signedIn(benName)
	var cookie string
	for _, c := range ben.client.Jar.Cookies(&url.URL{Scheme: "http", Host: f.server.Listener.Addr().String()}) {
		if c.Name == "balansd" {
			cookie = c.Value
		}
	}
	// A thief with a copy of the cookie starts a request that saves something in the
	// session, and delays its last byte.
	conn, err := net.Dial("tcp", f.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	body := "do=use_finbox&back=%2Faccount"
	arrived := make(chan struct{})
	f.kv.OnRead(func(key string) {
		if strings.HasPrefix(key, "name:") {
			select {
			case <-arrived:
			default:
				close(arrived)
			}
		}
	})
	fmt.Fprintf(conn, "POST /decisions HTTP/1.1\r\nHost: %s\r\nCookie: balansd=%s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
		f.server.Listener.Addr(), cookie, len(body), body[:len(body)-1])
	<-arrived // its session and its person were loaded
	if got := ben.post("/sign-out"); got.code != http.StatusSeeOther {
		t.Fatal(got.code)
	}
	fmt.Fprint(conn, body[len(body)-1:])
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	thief := f.browser()
	thief.header.Set("Cookie", "balansd="+cookie)
	if got := thief.get("/account"); got.code == http.StatusOK {
		t.Error("the session is back after its end")
	}
}

// TestPlantedSessionCookie: a member of staff plants their own session cookie in an
// admin's browser. When the admin signs in there, that session does not become theirs.
func TestPlantedSessionCookie(t *testing.T) {
	f := newFixture(t)
	got := f.browser().post("/sign-in", "name", benName, "password", testPassword)
	planted := cookieOf(got, "balansd")
	if planted == nil {
		t.Fatalf("no cookie: %v", got.header)
	}
	ann := f.browser()
	ann.header.Set("Cookie", planted.Name+"="+planted.Value)
	if got := ann.post("/sign-in", "name", annName, "password", testPassword); got.code != http.StatusSeeOther {
		t.Fatalf("the admin cannot sign in: %d", got.code)
	}
	thief := f.browser()
	thief.header.Set("Cookie", planted.Name+"="+planted.Value)
	if got := thief.get("/people"); got.code == http.StatusOK {
		t.Error("whoever planted the cookie is an admin")
	}
}

// fakeClock is a clock that a test sets.
type fakeClock struct{ now time.Time }

func (c *fakeClock) Now() time.Time { return c.now }

// years is how far the clock is ahead.
const years = 3 * 366 * 24 * time.Hour

// TestSessionsFromFuture: sessions that started while the clock was ahead are invalid.
func TestSessionsFromFuture(t *testing.T) {
	c := &fakeClock{now: time.Now()}
	f := newFixture(t, func(cfg *Config) { cfg.Now = c.Now })
	before := f.signedIn(benName)
	c.now = c.now.Add(years)
	ahead := f.signedIn(annName)
	annKey := f.key(annName)
	// The deadline that scs would have set, by the same clock.
	err := f.kv.Update(t.Context(), func(kv keyvalue.Writer) error {
		for key, text := range kv.Walk("sessions", "") {
			var session struct {
				Deadline time.Time         `json:"deadline"`
				Values   map[string]string `json:"values"`
			}
			if err := json.Unmarshal(text, &session); err != nil {
				return err
			}
			if session.Values["person"] == annKey {
				session.Deadline = c.now.Add(time.Hour)
				if err := keyvalue.Put(kv, "sessions", key, session); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := ahead.get("/account"); got.code != http.StatusOK {
		t.Errorf("a session that was just begun gives %d", got.code)
	}
	c.now = c.now.Add(-years)
	if got := ahead.get("/account"); got.code == http.StatusOK {
		t.Error("a session of a time to come is in force")
	}
	if got := before.get("/account"); got.code != http.StatusOK {
		t.Errorf("a session of today was taken away by the clock: %d", got.code)
	}
}

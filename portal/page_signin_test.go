package portal

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"balansd/accounts"

	"github.com/rs/zerolog"
)

// TestFailedSignInsLookAlike: an unknown name, a wrong password and a disabled person get
// the same answer.
func TestFailedSignInsLookAlike(t *testing.T) {
	f := newFixture(t)
	f.addPerson("weg", accounts.Staff)
	if _, err := f.people.SetDisabled(t.Context(), f.key("weg"), true); err != nil {
		t.Fatal(err)
	}
	var bodies []string
	for name, password := range map[string]string{"niemand": testPassword, "weg": testPassword, benName: "something else"} {
		got := f.browser().post("/sign-in", "name", name, "password", password)
		if got.code != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, got.code)
		}
		bodies = append(bodies, strings.ReplaceAll(got.body, name, "NAME"))
	}
	if bodies[0] != bodies[1] || bodies[1] != bodies[2] {
		t.Error("the answers differ")
	}
}

// TestSignInRedirectsWithinPages: a link to the sign-in page cannot lead to another site.
func TestSignInRedirectsWithinPages(t *testing.T) {
	f := newFixture(t)
	for _, next := range []string{"https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)", "", "people", "/\r\nX: y"} {
		got := f.browser().post("/sign-in", "name", annName, "password", testPassword, "next", next)
		if to := got.header.Get("Location"); to != "/" {
			t.Errorf("%q leads to %q", next, to)
		}
	}
}

// TestLinkFromOtherSite: the strict cookie is not sent with a link from another site. The
// answer has the browser request the page again from this site.
func TestLinkFromOtherSite(t *testing.T) {
	f := newFixture(t)
	got := f.browser().request(http.MethodGet, "/people?x=1", nil, map[string]string{"Sec-Fetch-Site": "cross-site"})
	if got.code != http.StatusUnauthorized || got.header.Get("Refresh") != "0" || strings.Contains(got.body, "people") {
		t.Errorf("%d %v", got.code, got.header)
	}
}

// TestRefusedSignInsAreLogged: each failed attempt is a line with the address first, then
// the account; one that succeeds, or the page itself, is none.
func TestRefusedSignInsAreLogged(t *testing.T) {
	var log bytes.Buffer
	f := newFixture(t, behindProxy, func(c *Config) { c.Log = zerolog.New(&log).Level(zerolog.InfoLevel) })
	b := f.forwarded("198.51.100.7")
	b.get("/balansd/sign-in")
	b.post("/balansd/sign-in", "name", annName, "password", testPassword)
	if log.Len() != 0 {
		t.Errorf("without a refusal the log has %s", &log)
	}
	stranger := f.forwarded("2001:db8::7")
	const name = `an" client=192.0.2.1 `
	for range 6 {
		stranger.post("/balansd/sign-in", "name", name, "password", "wrong wrong wrong")
	}
	stranger.post("/balansd/sign-in", "name", name, "password", "wrong wrong wrong")
	line := `{"level":"info","client":"2001:db8::7","account":"an\" client=192.0.2.1 ","reason":"signin.%s","message":"a sign-in was refused"}` + "\n"
	// The sixth attempt is too early, and so is the seventh.
	if want := strings.Repeat(fmt.Sprintf(line, "wrong"), 5) + strings.Repeat(fmt.Sprintf(line, "wait"), 2); log.String() != want {
		t.Errorf("the log has\n%s", &log)
	}
}

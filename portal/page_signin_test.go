package portal

import (
	"net/http"
	"strings"
	"testing"

	"balansd/accounts"
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

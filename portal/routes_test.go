package portal

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// eachRoute calls do for each route, with a path that matches it.
func (f *fixture) eachRoute(do func(r route, path string)) {
	for _, methods := range f.web.routes {
		for _, r := range methods {
			path := strings.NewReplacer("{$}", "", "{token}", "T", "{file}", "style.css").Replace(r.path)
			do(r, path)
		}
	}
}

// TestRoutesRefuse sends every request that a route must refuse to every route of the
// table.
func TestRoutesRefuse(t *testing.T) {
	f := newFixture(t)
	ann, ben, nobody := f.signedIn(annName), f.signedIn(benName), f.browser()
	refused := func(what string, got reply, status int) {
		t.Helper()
		if got.code != status {
			t.Errorf("%s gives %d and not %d: %.200s", what, got.code, status, got.body)
		}
	}
	walked := 0
	f.eachRoute(func(r route, path string) {
		walked++
		name := r.method + " " + r.path
		switch {
		case r.access == open:
		case r.access == metrics:
			refused(name+" without a token", nobody.request(r.method, path, nil, nil), http.StatusUnauthorized)
			refused(name+" with a wrong token", nobody.request(r.method, path, nil, map[string]string{"Authorization": "Bearer a-token-of-some-lengtH"}), http.StatusUnauthorized)
			refused(name+" with a session", ann.request(r.method, path, nil, nil), http.StatusUnauthorized)
		case r.method == http.MethodGet:
			got := nobody.request(r.method, path, nil, nil)
			refused(name+" without a session", got, http.StatusSeeOther)
			if to := got.header.Get("Location"); !strings.HasPrefix(to, "/sign-in?next=") {
				t.Errorf("%s without a session leads to %s", name, to)
			}
			refused(name+" by script, without a session", nobody.request(r.method, path, nil, map[string]string{"HX-Request": "true"}), http.StatusUnauthorized)
		default:
			refused(name+" without a session", nobody.request(r.method, path, nil, nil), http.StatusUnauthorized)
		}
		if r.access == admin {
			refused(name+" as staff", ben.request(r.method, path, nil, nil), http.StatusForbidden)
		}
		for _, host := range []string{"evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1:1", "", "[::1]:1", "127.0.0.1.nip.io"} {
			if host != "" {
				refused(name+" by the name "+host, ann.request(r.method, path, nil, map[string]string{"Host": host}), http.StatusMisdirectedRequest)
			}
		}
		if r.method == http.MethodPost {
			for _, header := range []map[string]string{
				{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://evil.example"}, {"Origin": "null"}} {
				refused(name+" from another site", ann.request(r.method, path, nil, header), http.StatusForbidden)
			}
		}
		if r.method == http.MethodPost && r.maxBody == 0 { // else its handler has a limit of its own
			large := bytes.Repeat([]byte("a"), maxBody+1)
			refused(name+" with a large body", ann.request(r.method, path, bytes.NewReader(large), nil), http.StatusRequestEntityTooLarge)
			// Of unknown length: it is noticed while it is read.
			refused(name+" with a large body in pieces", ann.request(r.method, path, io.MultiReader(bytes.NewReader(large)), nil), http.StatusRequestEntityTooLarge)
		}
		for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions, "QUERY"} {
			if r.access == metrics {
				refused(name+" with "+method, ann.request(method, path, nil, nil), http.StatusUnauthorized)
				continue
			}
			refused(name+" with "+method, ann.request(method, path, nil, nil), http.StatusMethodNotAllowed)
		}
	})
	if walked < 20 {
		t.Errorf("only %d routes were walked", walked)
	}
	refused("a page that there is not, without a session", nobody.get("/nothing/here"), http.StatusSeeOther)
	refused("a page that there is not", ann.get("/nothing/here"), http.StatusNotFound)
	refused("a path out of the pages", nobody.get("/static/../web.go"), http.StatusSeeOther)
	for _, call := range f.api.Calls() {
		if !strings.HasPrefix(call, "Status") {
			t.Errorf("the daemon was called: %s", call)
		}
	}
}

// TestUpgradeIsRefused: in AdGuard Home an upgrade to h2c once bypassed the session check.
func TestUpgradeIsRefused(t *testing.T) {
	f := newFixture(t)
	got := f.browser().request(http.MethodGet, "/people", nil, map[string]string{
		"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQAAP__"})
	if got.code != http.StatusSeeOther {
		t.Errorf("an upgrade gives %d", got.code)
	}
}

// TestBuildMuxRefuses: invalid routes are refused.
func TestBuildMuxRefuses(t *testing.T) {
	do := func(*request) error { return nil }
	for name, r := range map[string]route{
		"no access":        {method: http.MethodGet, path: "/x", handle: do},
		"unknown access":   {method: http.MethodGet, path: "/x", access: metrics + 1, handle: do},
		"no handler":       {method: http.MethodGet, path: "/x", access: admin},
		"no method":        {path: "/x", access: admin, handle: do},
		"a strange method": {method: http.MethodPut, path: "/x", access: admin, handle: do},
		"no path":          {method: http.MethodGet, access: admin, handle: do},
	} {
		if _, err := (&Handler{}).buildMux([]route{r}); err == nil {
			t.Errorf("a route with %s is taken", name)
		}
	}
	twice := route{method: http.MethodGet, path: "/x", access: admin, handle: do}
	if _, err := (&Handler{}).buildMux([]route{twice, twice}); err == nil {
		t.Error("a route that is there twice is taken")
	}
}

// TestOpenRoutes has a list of the routes for anybody apart from the table, so that no
// route becomes open by mistake.
func TestOpenRoutes(t *testing.T) {
	f := newFixture(t)
	known := map[string]bool{
		"GET /sign-in": true, "POST /sign-in": true, "POST /language": true, "GET /invite/{token}": true, "POST /invite/{token}": true,
		"GET /healthz": true, "GET /static/{file}": true,
		// Comes from Silverfin's site, and only shows a form: see relayCallback.
		"GET /silverfin/callback": true,
		// Comes from Silverfin's site, and only leads on: see arriveFromSilverfin.
		"GET /from-silverfin": true,
	}
	f.eachRoute(func(r route, _ string) {
		if name := r.method + " " + r.path; r.access == open && !known[name] {
			t.Errorf("anybody may ask for %s", name)
		}
	})
}

// adminRoutes are the routes for admins, stated apart from the table, so that no route
// becomes one for staff by mistake.
var adminRoutes = []string{
	"GET /audit", "GET /connection", "GET /connection/add/{source}", "POST /connection/add/{source}", "POST /connection/test", "GET /people", "GET /people.csv", "GET /people.xlsx", "GET /audit.csv", "GET /audit.xlsx", "GET /settings", "POST /settings/notify-test", "POST /settings/try-credentials",
	"POST /connection/finbox", "POST /connection/set", "POST /connection/silverfin", "POST /connection/silverfin/end",
	"POST /connection/silverfin/remove", "POST /links/import", "GET /mapping", "GET /mapping/{firm}", "GET /mapping/{firm}/csv", "POST /mapping/{firm}/learn", "POST /mapping/{firm}/use",
	"POST /mapping/{firm}/forget", "POST /mapping/{firm}/check", "POST /mapping/{firm}/try",
	"POST /people/disabled", "POST /people/remove", "POST /people/invite", "POST /people/role", "POST /people/sign-out", "POST /people/withdraw",
}

// TestAdminRoutes: a member of staff is refused on each of adminRoutes, and the table has
// no other routes for admins.
func TestAdminRoutes(t *testing.T) {
	f := newFixture(t)
	ben := f.signedIn(benName)
	for _, name := range adminRoutes {
		method, path, _ := strings.Cut(name, " ")
		if got := ben.request(method, path, nil, nil); got.code != http.StatusForbidden {
			t.Errorf("a member of staff gets %d for %s", got.code, name)
		}
	}
	f.eachRoute(func(r route, _ string) {
		if name := r.method + " " + r.path; r.access == admin && !slices.Contains(adminRoutes, name) {
			t.Errorf("%s is for admins, and is not in the list of this test", name)
		}
	})
}

// TestSecurityHeaders: every kind of answer has the security headers.
func TestSecurityHeaders(t *testing.T) {
	f := newFixture(t)
	ann := f.signedIn(annName)
	for path, got := range map[string]reply{
		"a page": ann.get("/people"), "a problem": ann.get("/nothing"), "a redirect": f.browser().get("/"),
		"a static file": ann.get("/static/x"), "health": ann.get("/healthz"),
		"a wrong name": ann.request(http.MethodGet, "/", nil, map[string]string{"Host": "evil.example"}),
	} {
		policy := got.header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"} {
			if !strings.Contains(policy, part) {
				t.Errorf("%s lacks %s in %q", path, part, policy)
			}
		}
		if strings.Contains(policy, "unsafe") || got.header.Get("X-Content-Type-Options") != "nosniff" || !slices.Contains([]string{"no-referrer", "same-origin"}, got.header.Get("Referrer-Policy")) ||
			got.header.Get("Cache-Control") != "no-store" || got.header.Get("Strict-Transport-Security") != "" {
			t.Errorf("%s has the headers %v", path, got.header)
		}
	}
	secure := newFixture(t, func(c *Config) { c.URL = "https://balansd.kantoor.example" })
	if got := secure.browser().get("/sign-in"); got.header.Get("Strict-Transport-Security") == "" {
		t.Error("under TLS the header Strict-Transport-Security is missing")
	}
}

func TestHostAllowlist(t *testing.T) {
	l, err := newHostAllowlist("0.0.0.0:8417", []string{"Balansd.kantoor.example"})
	if err != nil {
		t.Fatal(err)
	}
	for host, well := range map[string]bool{
		"localhost:8417": true, "LOCALHOST:8417": true, "127.0.0.1:8417": true, "127.0.0.2:8417": true, "[::1]:8417": true,
		"balansd.kantoor.example": true, "balansd.kantoor.example:443": true, "BALANSD.kantoor.example.:8417": true,
		"localhost": false, "localhost:80": false, "10.0.0.1:8417": false, "": false, ":8417": false, "evil.example:8417": false,
		"balansd.kantoor.example.evil.example": false, "xbalansd.kantoor.example": false, "localhost:8417:8417": false, "[::1": false,
	} {
		if l.allow(host) != well {
			t.Errorf("%q: %v", host, !well)
		}
	}
}

// TestEveryPage loads each page as an admin, in each language.
func TestEveryPage(t *testing.T) {
	f := newFixture(t)
	ann := f.signedIn(annName)
	for _, lang := range languages {
		ann.post("/language", "language", lang, "next", "/")
		for path, methods := range f.web.routes {
			r, ok := methods[http.MethodGet]
			if !ok || r.noSession || r.access == open || strings.Contains(path, "{") && path != "/{$}" || strings.Contains(path, ".") {
				continue
			}
			path = strings.TrimSuffix(path, "{$}")
			got := ann.get(path)
			if got.code != http.StatusOK || !strings.Contains(got.body, `<html lang="`+lang+`">`) || !strings.Contains(got.body, "</html>") {
				t.Errorf("GET %s in %s gives %d: %.300s", path, lang, got.code, got.body)
			}
		}
	}
}

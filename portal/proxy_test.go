package portal

import (
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"balansd/accounts"
)

func TestClientAddress(t *testing.T) {
	h := &Handler{Config: Config{TrustedProxies: []netip.Prefix{
		netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.0.0.0/24"), netip.MustParsePrefix("fd00::/8")}}}
	for _, tt := range []struct {
		remote    string
		forwarded []string
		want      string
	}{
		{"192.0.2.1:999", nil, "192.0.2.1"},
		{"192.0.2.1:999", []string{"198.51.100.7"}, "192.0.2.1"}, // anybody can send the header
		{"127.0.0.1:999", nil, "127.0.0.1"},
		{"127.0.0.1:999", []string{""}, "127.0.0.1"},
		{"127.0.0.1:999", []string{"198.51.100.7"}, "198.51.100.7"},
		{"[::ffff:127.0.0.1]:999", []string{"198.51.100.7"}, "198.51.100.7"},
		{"[fd00::1]:999", []string{"2001:db8::7"}, "2001:db8::7"},
		{"127.0.0.1:999", []string{"203.0.113.9, 198.51.100.7"}, "198.51.100.7"}, // the client wrote the first one
		{"127.0.0.1:999", []string{"203.0.113.9, 198.51.100.7, 10.0.0.3"}, "198.51.100.7"},
		{"127.0.0.1:999", []string{"203.0.113.9", "198.51.100.7,10.0.0.3"}, "198.51.100.7"},
		{"127.0.0.1:999", []string{"10.0.0.4, 10.0.0.3"}, "10.0.0.4"},
		{"127.0.0.1:999", []string{"198.51.100.7:4711"}, "198.51.100.7"}, // as IIS writes it
		{"127.0.0.1:999", []string{"[2001:db8::7]:4711"}, "2001:db8::7"},
		{"127.0.0.1:999", []string{"[2001:db8::7]"}, "2001:db8::7"},
		{"127.0.0.1:999", []string{"198.51.100.7, unknown"}, "127.0.0.1"},
		{"127.0.0.1:999", []string{"198.51.100.7, nonsense, 10.0.0.3"}, "10.0.0.3"},
		{"127.0.0.1:999", []string{"<script>"}, "127.0.0.1"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr, r.Header["X-Forwarded-For"] = tt.remote, tt.forwarded
		if got := h.clientAddress(r); got != tt.want {
			t.Errorf("from %s for %q: %s, want %s", tt.remote, tt.forwarded, got, tt.want)
		}
	}
}

// behindProxy configures the pages as they are behind a proxy at the path /balansd/.
func behindProxy(c *Config) {
	c.URL, c.TrustedProxies = "https://office.example/balansd", []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
}

// forwarded is a browser whose requests come through a trusted proxy.
func (f *fixture) forwarded(from string) *browser {
	b := f.browser()
	b.header = http.Header{"X-Forwarded-For": {from}}
	return b
}

// TestStrangerLocksNobodyOut: wrong passwords from one address behind a proxy have nobody
// else wait, and the audit log has the address of each.
func TestStrangerLocksNobodyOut(t *testing.T) {
	now := time.Now()
	f := newFixture(t, behindProxy, func(c *Config) { c.Now = func() time.Time { return now } })
	stranger := f.forwarded("203.0.113.9, 198.51.100.7")
	refused := 0
	for range 12 {
		if got := stranger.post("/balansd/sign-in", "name", "nobody", "password", "wrong wrong wrong"); got.code == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused != 7 {
		t.Errorf("%d of 12 wrong guesses had to wait, want 7", refused)
	}
	ann := f.forwarded("192.0.2.1")
	if got := ann.post("/balansd/sign-in", "name", annName, "password", testPassword); got.code != http.StatusSeeOther {
		t.Errorf("after a stranger's guesses signing in gives %d: %s", got.code, got.body)
	}
	froms := map[string]bool{}
	for _, r := range f.records() {
		if r.What == "sign-in" {
			froms[r.From] = true
		}
	}
	if len(froms) != 2 || !froms["198.51.100.7"] || !froms["192.0.2.1"] {
		t.Errorf("the audit log has sign-ins from %v", froms)
	}
}

// localAddress matches the attributes of a page that lead to a path of its host.
var localAddress = regexp.MustCompile(`(?:href|src|action|formaction|hx-[a-z]+)="(/[^"]*)"`)

// TestPagesAtAPath: behind a proxy that serves the pages at a path no link, form, redirect
// or cookie leads out of it.
func TestPagesAtAPath(t *testing.T) {
	f := newHostileFixture(t, behindProxy)
	b := f.browser()
	get := func(path string) reply {
		t.Helper()
		got := b.get(path)
		for _, m := range localAddress.FindAllStringSubmatch(got.body, -1) {
			if !strings.HasPrefix(m[1], "/balansd/") || strings.HasPrefix(m[1], "/balansd/balansd/") {
				t.Errorf("%s leads to %s", path, m[1])
			}
		}
		return got
	}
	leadsTo := func(got reply, want string) {
		t.Helper()
		if to := got.header.Get("Location"); got.code != http.StatusSeeOther || to != want {
			t.Errorf("status %d leads to %q, want %q", got.code, to, want)
		}
	}
	leadsTo(get("/balansd/dossiers?page=2"), "/balansd/sign-in?next=%2Fdossiers%3Fpage%3D2")
	leadsTo(get("/balansd"), "/balansd/sign-in?next=%2F")
	leadsTo(get("/balansd/"), "/balansd/sign-in?next=%2F")
	leadsTo(get("/dossiers"), "/balansd/sign-in?next=%2Fdossiers") // the proxy took the path away
	leadsTo(get("/balansd//people/../dossiers/"), "/balansd/sign-in?next=%2Fdossiers")
	leadsTo(get("/balansdx/dossiers"), "/balansd/sign-in?next=%2Fbalansdx%2Fdossiers")

	signIn := get("/balansd/sign-in?next=%2Fdossiers")
	style := regexp.MustCompile(`href="(/balansd/static/style\.[0-9a-f]+\.css)"`).FindStringSubmatch(signIn.body)
	if style == nil || b.get(style[1]).code != http.StatusOK {
		t.Errorf("the stylesheet is not found: %s", signIn.body)
	}
	if signIn.header.Get("Strict-Transport-Security") == "" {
		t.Error("under the proxy's TLS the header Strict-Transport-Security is missing")
	}
	in := b.post("/balansd/sign-in", "name", annName, "password", testPassword, "next", "/dossiers?page=2")
	leadsTo(in, "/balansd/dossiers?page=2")
	cookies := (&http.Response{Header: in.header}).Cookies()
	if len(cookies) != 3 {
		t.Errorf("the cookies are %v", cookies)
	}
	for _, c := range cookies {
		if c.Path != "/balansd/" || !c.Secure || !strings.HasPrefix(c.Name, "__Secure-balansd") || c.Domain != "" {
			t.Errorf("the cookie is %v", c)
		}
	}
	for path, methods := range f.web.routes {
		if r, ok := methods[http.MethodGet]; !ok || r.noSession || r.access == open || strings.Contains(path, "{") && path != "/{$}" {
			continue
		}
		if got := get("/balansd" + strings.TrimSuffix(path, "{$}")); got.code != http.StatusOK {
			t.Errorf("%s gives %d", path, got.code)
		}
	}
	for _, path := range hostilePaths() {
		if got := get("/balansd" + path); got.code != http.StatusOK || !strings.Contains(got.body, "</html>") {
			t.Errorf("%s gives %d", path, got.code)
		}
	}
	get("/balansd/silverfin/callback?state=x&code=x&authorized_firm_id=1")
	leadsTo(b.post("/balansd/language", "language", "fr", "next", "/dossiers/1"), "/balansd/dossiers/1")
	b.header.Set("HX-Request", "true")
	if got := b.post("/balansd/language", "language", "fr", "next", "/dossiers/1"); got.header.Get("HX-Location") != "/balansd/dossiers/1" {
		t.Errorf("htmx is led to %v", got.header)
	}
	b = f.browser()
	b.header.Set("HX-Request", "true")
	if got := b.get("/balansd/dossiers"); got.header.Get("HX-Redirect") != "/balansd/sign-in" {
		t.Errorf("without a session htmx is led to %v", got.header)
	}
}

// TestProxyReplacesHost: a form is accepted from the address of the pages alone, whatever
// host name the proxy asks for.
func TestProxyReplacesHost(t *testing.T) {
	f := newFixture(t, behindProxy)
	for origin, want := range map[string]int{
		"https://office.example": http.StatusSeeOther, "https://evil.example": http.StatusForbidden, "http://office.example": http.StatusForbidden,
	} {
		// A browser without the header Sec-Fetch-Site is judged by its origin.
		got := f.browser().request(http.MethodPost, "/balansd/sign-in", strings.NewReader(url.Values{"name": {annName}, "password": {testPassword}}.Encode()),
			map[string]string{"Origin": origin})
		if got.code != want {
			t.Errorf("a form from %s gives %d, want %d", origin, got.code, want)
		}
	}
	for host, want := range map[string]int{"office.example": http.StatusOK, "": http.StatusOK, "evil.example": http.StatusMisdirectedRequest} {
		header := map[string]string{}
		if host != "" {
			header["Host"] = host
		}
		if got := f.browser().request(http.MethodGet, "/balansd/sign-in", nil, header); got.code != want {
			t.Errorf("the host %q gives %d, want %d", host, got.code, want)
		}
	}
}

// TestTwoInstancesOnOneHost: cookies are for all ports of a host, so that a trial beside
// the real installation must have other ones.
func TestTwoInstancesOnOneHost(t *testing.T) {
	jar, _ := cookiejar.New(nil)
	var browsers []*browser
	for _, instance := range []string{"aaaa", "bbbb"} {
		f := newFixture(t, func(c *Config) { c.Instance = instance })
		b := f.browser()
		b.client.Jar = jar
		browsers = append(browsers, b)
		b.post("/language", "language", map[string]string{"aaaa": "fr", "bbbb": "de"}[instance], "next", "/")
		if got := b.post("/sign-in", "name", annName, "password", testPassword); got.code != http.StatusSeeOther {
			t.Fatalf("signing in gives %d", got.code)
		}
	}
	for i, lang := range []string{"fr", "de"} {
		if got := browsers[i].get("/account"); got.code != http.StatusOK || !strings.Contains(got.body, `<html lang="`+lang+`"`) {
			t.Errorf("instance %d gives %d, and its language is not %s", i, got.code, lang)
		}
	}
	if got := browsers[1].post("/sign-out"); got.code != http.StatusSeeOther || browsers[0].get("/account").code != http.StatusOK {
		t.Error("signing out of one signs out of the other")
	}
}

// TestCookieNames: the prefix is the strictest that a browser accepts.
func TestCookieNames(t *testing.T) {
	for address, want := range map[string]string{
		"":                               "balansd-1a2b",
		"http://127.0.0.1:8080/balansd":  "balansd-1a2b",
		"https://office.example":         "__Host-balansd-1a2b",
		"https://office.example/balansd": "__Secure-balansd-1a2b",
	} {
		f := newFixture(t, func(c *Config) { c.URL, c.Instance = address, "1a2b" })
		if got := f.web.cookieName("balansd"); got != want {
			t.Errorf("at %q: %s, want %s", address, got, want)
		}
	}
}

// TestAccountNameOfAMailAddress: a mail address has up to 254 characters (RFC 5321).
func TestAccountNameOfAMailAddress(t *testing.T) {
	f := newFixture(t)
	name := strings.Repeat("n", 64) + "@" + strings.Repeat("kantoor.", 22) + "be.example.be"
	if name += strings.Repeat("e", 254-len(name)); len(name) != 254 {
		t.Fatal(len(name))
	}
	f.addPerson(name, accounts.Staff)
	f.signedIn(name)
	if accounts.CheckName(name+"e") == nil {
		t.Error("a name of 255 characters is taken")
	}
	ann := f.signedIn(annName)
	for _, page := range []string{f.browser().get("/sign-in").body, ann.get("/people").body} {
		if !strings.Contains(page, `name="name"`) || !strings.Contains(page, `maxlength="254"`) {
			t.Error("the field of the name is not that long")
		}
	}
}

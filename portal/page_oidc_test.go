package portal

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"balansd/accounts"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/rs/zerolog"
)

// provider is a small OpenID Connect provider that behaves: it holds a client
// to its redirect, its secret and PKCE, and gives a code once.
type provider struct {
	t      *testing.T
	server *httptest.Server
	key    *rsa.PrivateKey
	claims map[string]any // of who signs in next
	spoil  func(claims map[string]any)
	codes  map[string]url.Values // what was asked, by code
	down   bool
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{t: t, key: key, codes: map[string]url.Values{}, claims: map[string]any{
		"sub": "u-1", "preferred_username": "an@kantoor.example", "groups": []string{"everybody", "g-admins"}}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		p.json(w, map[string]any{"issuer": p.server.URL, "authorization_endpoint": p.server.URL + "/authorize", "token_endpoint": p.server.URL + "/token",
			"jwks_uri": p.server.URL + "/keys", "id_token_signing_alg_values_supported": []string{"RS256"}})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		p.json(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Algorithm: "RS256", Use: "sig"}}})
	})
	mux.HandleFunc("POST /token", p.token)
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.down {
			http.Error(w, "maintenance", http.StatusServiceUnavailable)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(p.server.Close)
	return p
}

func (p *provider) json(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// authorize is the person signing in there: it gives the address that the
// browser is sent back to.
func (p *provider) authorize(address string) string {
	p.t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		p.t.Fatal(err)
	}
	q := u.Query()
	for key, want := range map[string]string{"response_type": "code", "client_id": "balansd", "code_challenge_method": "S256"} {
		if q.Get(key) != want {
			p.t.Fatalf("%s is %q in %s", key, q.Get(key), address)
		}
	}
	if q.Get("state") == "" || q.Get("nonce") == "" || q.Get("code_challenge") == "" || !strings.Contains(q.Get("scope"), "openid") {
		p.t.Fatalf("something is missing in %s", address)
	}
	code := rand.Text()
	p.codes[code] = q
	return q.Get("redirect_uri") + "?" + url.Values{"code": {code}, "state": {q.Get("state")}}.Encode()
}

func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	id, secret, ok := r.BasicAuth()
	if !ok {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	code := r.PostForm.Get("code")
	asked, known := p.codes[code]
	delete(p.codes, code)
	challenge := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	if !known || id != "balansd" || secret != "s3cret" || r.PostForm.Get("redirect_uri") != asked.Get("redirect_uri") ||
		base64.RawURLEncoding.EncodeToString(challenge[:]) != asked.Get("code_challenge") {
		w.WriteHeader(http.StatusBadRequest)
		p.json(w, map[string]string{"error": "invalid_grant"})
		return
	}
	claims := map[string]any{"iss": p.server.URL, "aud": "balansd", "nonce": asked.Get("nonce"),
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()}
	for k, v := range p.claims {
		claims[k] = v
	}
	if p.spoil != nil {
		p.spoil(claims)
	}
	p.json(w, map[string]any{"access_token": "a", "token_type": "Bearer", "id_token": p.sign(claims)})
}

func (p *provider) sign(claims map[string]any) string {
	body, _ := json.Marshal(claims)
	enc := base64.RawURLEncoding
	text := enc.EncodeToString([]byte(`{"alg":"RS256","kid":"k"}`)) + "." + enc.EncodeToString(body)
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(rand.Reader, p.key, crypto.SHA256, sum[:])
	if err != nil {
		p.t.Fatal(err)
	}
	return text + "." + enc.EncodeToString(sig)
}

func (p *provider) fixture(t *testing.T, change ...func(*Config)) *fixture {
	return newFixture(t, append(change, func(c *Config) {
		c.OIDC = &accounts.OIDCConfig{Issuer: p.server.URL, ClientID: "balansd", ClientSecret: "s3cret", GroupsClaim: "groups",
			AdminGroups: []string{"g-admins"}, StaffGroups: []string{"g-staff"}, HTTP: p.server.Client(),
			Redirect: "http://" + c.Listen + "/oidc/callback"}
	})...)
}

var hidden = regexp.MustCompile(`<input type="hidden" name="(state|code)" value="([^"]*)">`)

// startSignIn signs in through the provider, as a browser does.
func (p *provider) startSignIn(b *browser) reply {
	p.t.Helper()
	back := p.authorize(p.authorizationURL(b))
	return b.post("/oidc/finish", p.callbackForm(b, back)...)
}

// authorizationURL begins a sign-in and gives the provider's address.
func (p *provider) authorizationURL(b *browser) string {
	p.t.Helper()
	got := b.post("/oidc/begin", "next", "/account")
	m := regexp.MustCompile(`href="([^"]*)" data-follow`).FindStringSubmatch(got.body)
	if got.code != http.StatusOK || m == nil {
		p.t.Fatalf("signing in begins with %d %s", got.code, got.body)
	}
	return html.UnescapeString(m[1])
}

// callbackForm follows the callback and gives the fields of its form.
func (p *provider) callbackForm(b *browser, back string) []string {
	p.t.Helper()
	u, _ := url.Parse(back)
	// From another site the strict cookies do not come along.
	got := b.f.browser().request(http.MethodGet, u.RequestURI(), nil, map[string]string{"Sec-Fetch-Site": "cross-site"})
	var fields []string
	for _, m := range hidden.FindAllStringSubmatch(got.body, -1) {
		fields = append(fields, m[1], m[2])
	}
	if got.code != http.StatusOK || len(fields) != 4 {
		p.t.Fatalf("the callback gives %d %s", got.code, got.body)
	}
	return fields
}

func TestProviderSignsIn(t *testing.T) {
	p := newProvider(t)
	f := p.fixture(t)
	b := f.browser()
	if got := p.startSignIn(b); got.code != http.StatusSeeOther || got.header.Get("Location") != "/account" {
		t.Fatalf("signing in gives %d %s", got.code, got.body)
	}
	if got := b.get("/people"); got.code != http.StatusOK || !strings.Contains(got.body, "an@kantoor.example") {
		t.Errorf("an admin gets %d", got.code)
	}
	// Another group, the next time: staff.
	p.claims["groups"] = "g-staff"
	other := f.browser()
	p.startSignIn(other)
	if other.get("/account").code != http.StatusOK || other.get("/people").code != http.StatusForbidden || b.get("/people").code != http.StatusForbidden {
		t.Error("who is staff now is still an admin")
	}
	// Kept out by an admin, whatever the provider says.
	p.claims = map[string]any{"sub": "u-2", "email": "bea@kantoor.example", "groups": []string{"g-admins"}}
	bea := f.browser()
	p.startSignIn(bea)
	list, _ := f.people.Accounts(t.Context())
	for _, a := range list {
		if a.Name == "an@kantoor.example" {
			bea.post("/people/disabled", "person", a.Key, "disabled", "true")
		}
	}
	p.claims = map[string]any{"sub": "u-1", "preferred_username": "an@kantoor.example", "groups": []string{"g-admins"}}
	if got := p.startSignIn(f.browser()); got.code != http.StatusForbidden || b.get("/account").code == http.StatusOK {
		t.Errorf("who was kept out gets %d", got.code)
	}
	for _, path := range []string{"/invite/x", "/account/password", "/people/invite"} {
		if got := bea.post(path); got.code != http.StatusNotFound {
			t.Errorf("with a provider %s gives %d", path, got.code)
		}
	}
	if _, err := f.people.Invite(t.Context(), "x", accounts.Staff, ""); err == nil {
		t.Error("with a provider somebody is invited")
	}
}

// TestProviderRefuses lets nobody in whom the provider does not vouch for, for
// this browser, now, in one of the groups.
func TestProviderRefuses(t *testing.T) {
	p := newProvider(t)
	f := p.fixture(t)
	groups := func(v any) func(map[string]any) { return func(c map[string]any) { c["groups"] = v } }
	for name, c := range map[string]struct {
		spoil func(map[string]any)
		says  string
	}{
		"no group":     {func(c map[string]any) { delete(c, "groups") }, "oidc.nobody"},
		"other groups": {groups([]string{"G-ADMINS", "g-admins ", ""}), "oidc.nobody"},
		"odd groups":   {groups(map[string]string{"a": "g-admins"}), "oidc.nobody"},
		"too many groups": {func(c map[string]any) {
			delete(c, "groups")
			c["_claim_names"] = map[string]string{"groups": "src1"}
			c["_claim_sources"] = map[string]any{"src1": map[string]string{"endpoint": "https://graph.example/users/u-1/getMemberObjects"}}
		}, "oidc.overage"},
		"too many, short": {func(c map[string]any) { delete(c, "groups"); c["hasgroups"] = true }, "oidc.overage"},
		"another nonce":   {func(c map[string]any) { c["nonce"] = "x" }, "oidc.refused"},
		"no nonce":        {func(c map[string]any) { delete(c, "nonce") }, "oidc.refused"},
		"another client":  {func(c map[string]any) { c["aud"] = "other" }, "oidc.refused"},
		"another issuer":  {func(c map[string]any) { c["iss"] = "https://evil.example" }, "oidc.refused"},
		"too old":         {func(c map[string]any) { c["exp"] = time.Now().Add(-time.Minute).Unix() }, "oidc.refused"},
	} {
		t.Run(name, func(t *testing.T) {
			p.spoil = c.spoil
			defer func() { p.spoil = nil }()
			b := f.browser()
			got := p.startSignIn(b)
			if got.code < 400 || b.get("/account").code == http.StatusOK {
				t.Errorf("it gives %d", got.code)
			}
			if said, _ := f.web.locales["nl"].t(c.says); !strings.Contains(html.UnescapeString(got.body), said) {
				t.Errorf("it does not say %q", said)
			}
			if r := f.records()[0]; r.What != "sign-in" || r.Outcome != c.says {
				t.Errorf("the trail has %+v", r)
			}
		})
	}
}

// TestASignInBelongsToItsBrowser: who is lured to finish another's sign-in,
// or finishes it twice, does not get in.
func TestASignInBelongsToItsBrowser(t *testing.T) {
	p := newProvider(t)
	f := p.fixture(t)
	mine, other := f.browser(), f.browser()
	back := p.authorize(p.authorizationURL(mine))
	fields := p.callbackForm(other, back)
	if got := other.post("/oidc/finish", fields...); got.code != http.StatusBadRequest {
		t.Errorf("another browser gets %d", got.code)
	}
	p.authorizationURL(other) // one that has a cookie of its own
	if got := other.post("/oidc/finish", fields...); got.code != http.StatusBadRequest {
		t.Errorf("another browser with a cookie gets %d", got.code)
	}
	if got := mine.post("/oidc/finish", fields...); got.code != http.StatusSeeOther {
		t.Errorf("the browser itself gets %d", got.code)
	}
	if got := mine.post("/oidc/finish", fields...); got.code != http.StatusBadRequest {
		t.Errorf("a second time gives %d", got.code)
	}
	if got := mine.post("/oidc/finish", "error", "access_denied", "state", "x"); got.code != http.StatusForbidden {
		t.Errorf("a refusal at the provider gives %d", got.code)
	}
}

func TestProviderIsDown(t *testing.T) {
	p := newProvider(t)
	p.down = true
	var passed atomic.Int64
	later := func(c *Config) { c.Now = func() time.Time { return time.Now().Add(time.Duration(passed.Load())) } }
	f := p.fixture(t, later) // the pages start all the same
	if got := f.browser().get("/sign-in"); got.code != http.StatusOK {
		t.Errorf("the page to sign in gives %d", got.code)
	}
	got := f.browser().post("/oidc/begin")
	if got.code != http.StatusBadGateway || strings.Contains(got.body, "maintenance") {
		t.Errorf("it gives %d %s", got.code, got.body)
	}
	p.down = false
	passed.Store(int64(5 * time.Second))
	if got := p.startSignIn(f.browser()); got.code != http.StatusSeeOther {
		t.Errorf("when it is back: %d", got.code)
	}
}

// TestASignInEnds: what a browser keeps of a sign-in is worth nothing when it
// took too long, was changed, or comes from another start of the program.
func TestASignInEnds(t *testing.T) {
	p := newProvider(t)
	now := time.Now()
	door := func() *accounts.OIDC {
		d, err := accounts.NewOIDC(accounts.OIDCConfig{Issuer: p.server.URL, ClientID: "balansd", HTTP: p.server.Client()}, func() time.Time { return now })
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	d := door()
	address, cookie, err := d.Begin(t.Context(), "/account")
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(address)
	state := u.Query().Get("state")
	if b, ok := d.Resume(state, cookie); !ok || b.Next != "/account" || strings.Contains(cookie, state) {
		t.Errorf("it does not go on: %v", ok)
	}
	for name, c := range map[string]string{"nothing": "", "no base64": "*", "too short": "AAAA", "changed": "A" + cookie[1:] + "AAAA"} {
		if _, ok := d.Resume(state, c); ok {
			t.Errorf("%s is taken", name)
		}
	}
	if _, ok := d.Resume("", cookie); ok {
		t.Error("no state is taken")
	}
	if _, ok := door().Resume(state, cookie); ok {
		t.Error("that of another start is taken")
	}
	now = now.Add(accounts.PendingLife)
	if _, ok := d.Resume(state, cookie); ok {
		t.Error("one that took too long is taken")
	}
}

// TestAnUnverifiedAddressIsNoName: where people edit their own profile at the
// provider, an e-mail address that it did not check is what they like.
func TestAnUnverifiedAddressIsNoName(t *testing.T) {
	p := newProvider(t)
	f := p.fixture(t)
	for i, tt := range []struct {
		verified any
		want     string
	}{{nil, "Cis"}, {false, "Cis"}, {"false", "Cis"}, {true, "baas@kantoor.example"}, {"true", "baas@kantoor.example"}} {
		p.claims = map[string]any{"sub": "u-9", "email": "baas@kantoor.example", "name": "Cis", "groups": []string{"g-staff"}}
		if tt.verified != nil {
			p.claims["email_verified"] = tt.verified
		}
		if got := p.startSignIn(f.browser()); got.code != http.StatusSeeOther {
			t.Fatalf("signing in gives %d", got.code)
		}
		if list, err := f.people.Accounts(t.Context()); err != nil || len(list) != 1 || list[0].Name != tt.want {
			t.Errorf("%d: verified %v gives %+v, %v", i, tt.verified, list, err)
		}
	}
}

// TestStrangersFillNoLogByTheProvider: while the provider is down, signing in
// without end is logged once a minute.
func TestStrangersFillNoLogByTheProvider(t *testing.T) {
	p := newProvider(t)
	p.down = true
	var log logLines
	now := time.Now()
	f := p.fixture(t, func(c *Config) {
		c.Log, c.Now = zerolog.New(&log).Level(zerolog.WarnLevel), func() time.Time { return now }
	})
	for range 50 {
		f.browser().post("/oidc/begin")
	}
	if len(log.list) != 1 {
		t.Errorf("%d lines were logged", len(log.list))
	}
}

// hangingTransport is a way to a provider that takes calls and never answers.
type hangingTransport struct{ calls atomic.Int32 }

func (s *hangingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	s.calls.Add(1)
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// TestAProviderThatHangs makes nobody wait for another: all wait for one call,
// who goes away waits no longer, and the failure is the answer for a while.
func TestAProviderThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		way := &hangingTransport{}
		d, err := accounts.NewOIDC(accounts.OIDCConfig{Issuer: "https://login.example", HTTP: &http.Client{Transport: way, Timeout: time.Second}}, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		begin := func(ctx context.Context) {
			if _, _, err := d.Begin(ctx, "/"); err == nil {
				t.Error("a sign-in begins without the provider")
			} else if no, ok := errors.AsType[accounts.Refusal](err); !ok || no.Reason != "oidc.down" {
				t.Errorf("it gives %v", err)
			}
		}
		var all sync.WaitGroup
		gone, leave := context.WithCancel(t.Context())
		all.Go(func() {
			begin(gone)
			if waited := time.Since(start); waited != 0 {
				t.Errorf("who went away waited %v", waited)
			}
		})
		for range 6 {
			all.Go(func() { begin(t.Context()) })
		}
		synctest.Wait()
		leave()
		all.Wait()
		if waited := time.Since(start); waited != time.Second || way.calls.Load() != 1 {
			t.Errorf("all waited %v for %d calls", waited, way.calls.Load())
		}
		begin(t.Context())
		if way.calls.Load() != 1 {
			t.Error("the provider is asked again at once")
		}
		time.Sleep(5 * time.Second)
		begin(t.Context())
		if way.calls.Load() != 2 {
			t.Error("the provider is never asked again")
		}
	})
}

// TestASignInAtTheProviderOfAnotherTime: what a browser keeps of it is worth
// nothing while the clock says that it is still to come.
func TestASignInAtTheProviderOfAnotherTime(t *testing.T) {
	c := &movedClock{now: time.Now()}
	p := newProvider(t)
	d, err := accounts.NewOIDC(accounts.OIDCConfig{Issuer: p.server.URL, ClientID: "balansd", HTTP: p.server.Client()}, c.Now)
	if err != nil {
		t.Fatal(err)
	}
	address, cookie, err := d.Begin(t.Context(), "/")
	if err != nil {
		t.Fatal(err)
	}
	_, state, _ := strings.Cut(address, "state=")
	state, _, _ = strings.Cut(state, "&")
	if _, ok := d.Resume(state, cookie); !ok {
		t.Error("a sign-in that was just begun is refused")
	}
	c.now = c.now.Add(-years)
	if _, ok := d.Resume(state, cookie); ok {
		t.Error("a sign-in of a time to come goes on")
	}
}

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

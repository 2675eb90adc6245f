package portal

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"balansd/accounts"
	"balansd/daemon"
	"balansd/daemon/daemontest"
	"balansd/keyvalue/kvtest"
	"balansd/localapi"

	"github.com/rs/zerolog"
)

// The people of the tests, and the password of each.
const (
	annName      = "Ann Peeters"
	benName      = "ben@kantoor.example"
	testPassword = "vier paarden eten soep"
)

// fixture serves the pages over a fake daemon on loopback, with an admin and a member of
// staff.
type fixture struct {
	t      *testing.T
	api    *daemontest.API
	kv     *kvtest.Memory
	people *accounts.People
	log    *accounts.AuditLog
	web    *Handler
	server *httptest.Server
}

// newFixture serves the pages until the test ends. change may change their Config.
func newFixture(t *testing.T, change ...func(*Config)) *fixture {
	t.Helper()
	w := &fixture{t: t, api: &daemontest.API{}, kv: kvtest.New()}
	w.server = httptest.NewUnstartedServer(nil)
	listen := w.server.Listener.Addr().String()
	w.log = accounts.NewAuditLog(accounts.AuditLogConfig{KeyValue: w.kv, Log: zerolog.Nop()})
	w.people = accounts.NewPeople(accounts.PeopleConfig{KeyValue: w.kv, AuditLog: w.log, BaseURL: BaseURL(listen, nil, false),
		HashCost: accounts.HashCost{Memory: 8, Passes: 1, Threads: 1}})
	cfg := Config{
		API: w.api, People: w.people, AuditLog: w.log, Listen: listen, Language: "nl",
		Settings: func() []Setting {
			return []Setting{{"data_dir", "/var/lib/balansd", "default"}, {"night.at", "02:30", "balansd.yaml:4"},
				{"finbox.client_secret", "********", "finbox.secret"}, {"log.file", "", "default"}}
		},
		ConfigFile: "/etc/balansd/balansd.yaml", SessionTime: time.Hour, MetricsToken: "a-token-of-some-length",
		Zone: brussels(t), Version: "1.2.3", Log: zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.WarnLevel),
	}
	for _, c := range change {
		c(&cfg)
	}
	w.people.Provider = cfg.OIDC != nil
	if cfg.Now != nil {
		w.people.Now = cfg.Now
	}
	cfg.API = localapi.Audited(struct {
		daemon.API
		localapi.Administration
	}{API: cfg.API}, w.log)
	web, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.web = web
	w.server.Config.Handler = web
	w.server.Start()
	t.Cleanup(w.server.Close)
	if cfg.OIDC == nil {
		w.addPerson(annName, accounts.Admin)
		w.addPerson(benName, accounts.Staff)
	}
	return w
}

func brussels(t *testing.T) *time.Location {
	t.Helper()
	z, err := time.LoadLocation("Europe/Brussels")
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// addPerson creates a person with testPassword.
func (f *fixture) addPerson(name string, r accounts.Role) {
	f.t.Helper()
	i, err := f.people.Invite(f.t.Context(), name, r, "")
	if err != nil {
		f.t.Fatal(err)
	}
	token := i.Link[strings.LastIndexByte(i.Link, '/')+1:]
	if _, err := f.people.Accept(f.t.Context(), token, "", testPassword); err != nil {
		f.t.Fatal(err)
	}
}

// browser is an HTTP client with cookies, which follows no redirects.
type browser struct {
	f      *fixture
	client *http.Client
	header http.Header
}

func (f *fixture) browser() *browser {
	jar, _ := cookiejar.New(nil)
	c := *f.server.Client()
	c.Jar = jar
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &browser{f: f, client: &c, header: http.Header{}}
}

// signedIn returns a browser in which a person is signed in.
func (f *fixture) signedIn(name string) *browser {
	f.t.Helper()
	b := f.browser()
	if got := b.post("/sign-in", "name", name, "password", testPassword); got.code != http.StatusSeeOther {
		f.t.Fatalf("%s cannot sign in: %d %s", name, got.code, got.body)
	}
	return b
}

// reply is a response.
type reply struct {
	code   int
	body   string
	header http.Header
}

func (b *browser) get(path string) reply {
	b.f.t.Helper()
	req, err := http.NewRequestWithContext(b.f.t.Context(), http.MethodGet, b.f.server.URL+path, nil)
	if err != nil {
		b.f.t.Fatal(err)
	}
	return b.send(req)
}

// post posts a form of names and values.
func (b *browser) post(path string, pairs ...string) reply {
	b.f.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	req, err := http.NewRequestWithContext(b.f.t.Context(), http.MethodPost, b.f.server.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.f.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.send(req)
}

func (b *browser) send(req *http.Request) reply {
	b.f.t.Helper()
	for key, values := range b.header {
		req.Header[key] = values
	}
	resp, err := b.client.Do(req)
	if err != nil {
		b.f.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.f.t.Fatal(err)
	}
	return reply{resp.StatusCode, string(body), resp.Header}
}

// records returns the audit log, newest first.
func (f *fixture) records() []accounts.Record {
	f.t.Helper()
	list, _, err := f.log.Page(context.Background(), 0, 100)
	if err != nil {
		f.t.Fatal(err)
	}
	return list
}

// key returns the key of a person.
func (f *fixture) key(name string) string {
	f.t.Helper()
	list, err := f.people.Accounts(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	for _, a := range list {
		if a.Name == name {
			return a.Key
		}
	}
	f.t.Fatalf("there is no person %s", name)
	return ""
}

func cookieOf(got reply, name string) *http.Cookie {
	for _, c := range (&http.Response{Header: got.header}).Cookies() {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// request sends a request without a body, or with one for a POST.
func (b *browser) request(method, path string, body io.Reader, header map[string]string) reply {
	b.f.t.Helper()
	if body == nil && method == http.MethodPost {
		body = strings.NewReader("a=b")
	}
	req, err := http.NewRequestWithContext(b.f.t.Context(), method, b.f.server.URL+path, body)
	if err != nil {
		b.f.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for k, v := range header {
		if k == "Host" {
			req.Host = v
			continue
		}
		req.Header.Set(k, v)
	}
	return b.send(req)
}

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
	"balansd/daemon/daemontest"
	"balansd/keyvalue/kvtest"
	"balansd/localapi"

	"github.com/rs/zerolog"
)

// The people of the tests, with the password of all.
const (
	annName      = "Ann Peeters"
	benName      = "ben@kantoor.example"
	testPassword = "vier paarden eten soep"
)

// fixture is the pages over a fake daemon, served on loopback, with an admin
// and a member of staff.
type fixture struct {
	t      *testing.T
	api    *daemontest.API
	kv     *kvtest.Memory
	people *accounts.People
	log    *accounts.AuditLog
	web    *Web
	server *httptest.Server
}

// newFixture serves the pages until the test ends. change may change what
// they are made of.
func newFixture(t *testing.T, change ...func(*WebConfig)) *fixture {
	t.Helper()
	w := &fixture{t: t, api: &daemontest.API{}, kv: kvtest.New()}
	w.server = httptest.NewUnstartedServer(nil)
	listen := w.server.Listener.Addr().String()
	w.log = accounts.NewAuditLog(accounts.AuditLogConfig{KeyValue: w.kv, Log: zerolog.Nop()})
	w.people = accounts.NewPeople(accounts.PeopleConfig{KeyValue: w.kv, AuditLog: w.log, BaseURL: BaseURL(listen, nil, false),
		HashCost: accounts.HashCost{Memory: 8, Passes: 1, Threads: 1}})
	cfg := WebConfig{
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
	cfg.API = localapi.Audited(cfg.API, w.log)
	web, err := NewWeb(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.web = web
	w.server.Config.Handler = web
	w.server.Start()
	t.Cleanup(w.server.Close)
	if cfg.OIDC == nil {
		w.add(annName, accounts.Admin)
		w.add(benName, accounts.Staff)
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

// add makes a person with testPassword as their password.
func (w *fixture) add(name string, r accounts.Role) {
	w.t.Helper()
	i, err := w.people.Invite(w.t.Context(), name, r, "")
	if err != nil {
		w.t.Fatal(err)
	}
	token := i.Link[strings.LastIndexByte(i.Link, '/')+1:]
	if _, err := w.people.Accept(w.t.Context(), token, "", testPassword); err != nil {
		w.t.Fatal(err)
	}
}

// browser is somebody at the pages: it keeps cookies, and follows no redirect.
type browser struct {
	w      *fixture
	client *http.Client
	header http.Header
}

func (w *fixture) browser() *browser {
	jar, _ := cookiejar.New(nil)
	c := *w.server.Client()
	c.Jar = jar
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &browser{w: w, client: &c, header: http.Header{}}
}

// as gives a browser in which a person is signed in.
func (w *fixture) as(name string) *browser {
	w.t.Helper()
	b := w.browser()
	if got := b.post("/sign-in", "name", name, "password", testPassword); got.code != http.StatusSeeOther {
		w.t.Fatalf("%s cannot sign in: %d %s", name, got.code, got.body)
	}
	return b
}

// reply is what a browser got.
type reply struct {
	code   int
	body   string
	header http.Header
}

func (b *browser) get(path string) reply {
	b.w.t.Helper()
	req, err := http.NewRequestWithContext(b.w.t.Context(), http.MethodGet, b.w.server.URL+path, nil)
	if err != nil {
		b.w.t.Fatal(err)
	}
	return b.send(req)
}

// post sends a form of names and values.
func (b *browser) post(path string, pairs ...string) reply {
	b.w.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	req, err := http.NewRequestWithContext(b.w.t.Context(), http.MethodPost, b.w.server.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.send(req)
}

func (b *browser) send(req *http.Request) reply {
	b.w.t.Helper()
	for key, values := range b.header {
		req.Header[key] = values
	}
	resp, err := b.client.Do(req)
	if err != nil {
		b.w.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.w.t.Fatal(err)
	}
	return reply{resp.StatusCode, string(body), resp.Header}
}

// records returns the audit log, newest first.
func (w *fixture) records() []accounts.Record {
	w.t.Helper()
	list, _, err := w.log.Page(context.Background(), 0, 100)
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

// key returns the key of a person.
func (w *fixture) key(name string) string {
	w.t.Helper()
	list, err := w.people.Accounts(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, a := range list {
		if a.Name == name {
			return a.Key
		}
	}
	w.t.Fatalf("there is no person %s", name)
	return ""
}

package portal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"balansd/accounts"
	"balansd/daemon"
	"balansd/daemon/daemontest"
	"balansd/ledger"
	"balansd/problem"

	"github.com/rs/zerolog"
)

// slowAPI links only once it is let.
type slowAPI struct {
	*stubAPI

	release chan struct{}
	fails   error
}

func (d *slowAPI) EndSilverfin(ctx context.Context, state, code string, firmID int64, by string) (ledger.Firm, []string, error) {
	d.Record("EndSilverfin", state, code, firmID, by)
	select {
	case <-d.release:
		return ledger.Firm{ID: 12, Name: "Kantoor Peeters"}, nil, d.fails
	case <-ctx.Done():
		return ledger.Firm{}, nil, ctx.Err()
	}
}

// TestALinkingThatTakesLongGoesOn: while Silverfin has balansd wait longer than a
// page may take, a page says so and waits, the linking goes on, and how it ends
// is shown once.
func TestALinkingThatTakesLongGoesOn(t *testing.T) {
	for name, tt := range map[string]struct {
		fails error
		says  string
	}{
		"well": {nil, "Silverfin-firma Kantoor Peeters is gekoppeld"},
		"fail": {problem.New(problem.SilverfinDown, "Silverfin answered 503", ""), "Silverfin is niet bereikbaar"},
	} {
		t.Run(name, func(t *testing.T) {
			d := &slowAPI{stubAPI: &stubAPI{API: &daemontest.API{}}, release: make(chan struct{}), fails: tt.fails}
			f := newFixture(t, func(c *Config) { c.API, c.SlowAfter = d, time.Nanosecond })
			ann := f.signedIn(annName)
			ann.post("/connection/silverfin", "firm", "12")
			got := ann.post("/connection/silverfin/end", "state", daemontest.Full[daemon.SignIn]().State, "code", "abc", "authorized_firm_id", "12")
			step := got.header.Get("Location")
			if got.code != http.StatusSeeOther || !strings.HasPrefix(step, "/connection/step/") {
				t.Fatalf("gives %d to %s: %s", got.code, step, got.body)
			}
			page := ann.get(step)
			if !strings.Contains(page.body, "gaat op de achtergrond verder") || page.header.Get("Refresh") == "" {
				t.Errorf("while it goes on: %s", page.body)
			}
			f.addPerson("Cis", accounts.Admin)
			if other := f.signedIn("Cis").get(step); other.header.Get("Location") != "/connection" {
				t.Errorf("another admin gets %d, %s", other.code, other.body)
			}
			close(d.release)
			for page = ann.get(step); page.header.Get("Refresh") != ""; page = ann.get(step) {
			}
			if tt.fails == nil {
				page = ann.get("/connection")
			}
			if !strings.Contains(page.body, tt.says) {
				t.Errorf("the page does not say %q: %s", tt.says, page.body)
			}
			if again := ann.get(step); again.code != http.StatusSeeOther || again.header.Get("Location") != "/connection#step2" && again.header.Get("Location") != "/connection" {
				t.Errorf("shown again it gives %d", again.code)
			}
			if n := len(d.callsOf("EndSilverfin")); n != 1 {
				t.Errorf("%d sign-ins were ended", n)
			}
		})
	}
}

// TestAStepThatBreaksDown ends no service: it is a page about a fault.
func TestAStepThatBreaksDown(t *testing.T) {
	var log logLines
	f := newFixture(t, func(c *Config) {
		c.API, c.Log = panickingAPI{&stubAPI{API: &daemontest.API{}}}, zerolog.New(&log)
	})
	if got := f.signedIn(annName).post("/connection/finbox", "id", "ABC-123"); got.code != http.StatusInternalServerError {
		t.Errorf("it gives %d", got.code)
	}
	if !strings.Contains(strings.Join(log.list, ""), "a step broke down") {
		t.Errorf("the log has %q", log.list)
	}
}

// panickingAPI has a fault.
type panickingAPI struct{ *stubAPI }

func (panickingAPI) ConnectFinbox(context.Context, string, string) (ledger.Connection, []string, error) {
	panic("a fault")
}

// deadlineRecorder is an answer over a connection, whose deadlines it counts.
type deadlineRecorder struct {
	*httptest.ResponseRecorder

	set       int
	unguarded bool // more than a piece was written under one deadline
	since     int
}

func (d *deadlineRecorder) SetWriteDeadline(time.Time) error {
	d.set++
	d.since = 0
	return nil
}

func (d *deadlineRecorder) Write(text []byte) (int, error) {
	if d.since += len(text); d.since > chunkSize {
		d.unguarded = true
	}
	return d.ResponseRecorder.Write(text)
}

// largeDocumentAPI has a document of some size.
type largeDocumentAPI struct{ *stubAPI }

func (largeDocumentAPI) Document(context.Context, uint64) (daemon.Document, error) {
	return daemon.Document{Name: "x", Data: make([]byte, 10*chunkSize+1)}, nil
}

// TestAFileGoesOnAsLongAsItIsRead: the time that an answer may take begins anew
// with each piece of a file, so that a slow line gets it whole.
func TestAFileGoesOnAsLongAsItIsRead(t *testing.T) {
	d := largeDocumentAPI{&stubAPI{API: &daemontest.API{}}}
	for i := range 2000 {
		e := ledger.Entry{Number: uint64(i + 1), State: ledger.Done}
		e.Dossier.Name = strings.Repeat("x", 100)
		d.entries = append(d.entries, e)
	}
	f := newFixture(t, func(c *Config) { c.API = d })
	got := f.browser().post("/sign-in", "name", annName, "password", testPassword)
	for _, path := range []string{"/dossiers/7/document", "/dossiers.csv"} {
		r := httptest.NewRequest(http.MethodGet, f.server.URL+path, nil)
		r.AddCookie(cookieOf(got, "balansd"))
		rec := &deadlineRecorder{ResponseRecorder: httptest.NewRecorder()}
		f.web.ServeHTTP(rec, r)
		if size := rec.Body.Len(); rec.Code != http.StatusOK || size <= 10*chunkSize || rec.set < size/chunkSize || rec.unguarded {
			t.Errorf("%s: %d with %d bytes under %d deadlines", path, rec.Code, rec.Body.Len(), rec.set)
		}
	}
}

// reorderingAPI has a dossier delivered, so that it is the newest, before a
// second call for the same list.
type reorderingAPI struct{ *stubAPI }

func (d reorderingAPI) Dossiers(ctx context.Context, q daemon.DossierQuery) (daemon.DossierPage, error) {
	page, err := d.stubAPI.Dossiers(ctx, q)
	one := d.entries[1200]
	copy(d.entries[1:1201], d.entries[:1200])
	d.entries[0] = one
	return page, err
}

// TestTheListIsWholeWhileARunIsUnderWay: each dossier is in the file once.
func TestTheListIsWholeWhileARunIsUnderWay(t *testing.T) {
	d := reorderingAPI{&stubAPI{API: &daemontest.API{}}}
	for i := range 1500 {
		e := ledger.Entry{Number: uint64(i + 1), State: ledger.Done}
		e.Dossier.Name = fmt.Sprintf("Klant%04d", i)
		d.entries = append(d.entries, e)
	}
	f := newFixture(t, func(c *Config) { c.API = d })
	file := f.signedIn(benName).get("/dossiers.csv?sort=updated")
	for i := range 1500 {
		if n := strings.Count(file.body, fmt.Sprintf("Klant%04d", i)); n != 1 {
			t.Fatalf("Klant%04d is %d times in the file", i, n)
		}
	}
}

// TestAnOpenPageShowsItsOwnRun: after a restart of the service, a page that is
// still open does not show the run that somebody else began since.
func TestAnOpenPageShowsItsOwnRun(t *testing.T) {
	d := &stubAPI{}
	f := newStubFixture(t, d)
	ann, ben := f.signedIn(annName), f.signedIn(benName)
	anns := jobOf(t, ann.post("/sync"))
	again, err := New(f.web.Config)
	if err != nil {
		t.Fatal(err)
	}
	f.server.Config.Handler = again
	if bens := jobOf(t, ben.post("/sync")); bens == anns {
		t.Errorf("two runs have the address %s", bens)
	}
	if got := ann.get(anns); got.code != http.StatusNotFound {
		t.Errorf("the open page gets %d", got.code)
	}
}

// logLines keeps what is logged.
type logLines struct {
	mu   sync.Mutex
	list []string
}

func (l *logLines) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, string(text))
	return len(text), nil
}

// TestStrangersFillNoLog: broken handshakes are no lines of their own at any
// level that a log usually has.
func TestStrangersFillNoLog(t *testing.T) {
	cert, key := writePair(t, t.TempDir(), "balansd.example")
	var log logLines
	address, stop := servePages(t, ServeConfig{Listen: "127.0.0.1:0", CertificateFile: cert, KeyFile: key,
		Log: zerolog.New(&log).Level(zerolog.ErrorLevel)}, http.NotFoundHandler())
	for range 100 {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprint(c, "GET / HTTP/1.0\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		_, _ = bufio.NewReader(c).ReadString('\n') // until it was answered
		_ = c.Close()
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if len(log.list) != 0 {
		t.Errorf("%d lines were logged: %q", len(log.list), log.list)
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

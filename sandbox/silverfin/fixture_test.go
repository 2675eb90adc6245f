package silverfin_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"balansd/balance"
	"balansd/internal/testenv"
	"balansd/sandbox/silverfin"
)

const (
	workflowName = "Jaarrekening"
	clientID     = "sandbox-client"
	clientSecret = "sandbox-secret"
)

// fixture is a firm with one company, which has a year 2024 with an open workflow and one
// reconciliation.
type fixture struct {
	t       *testing.T
	sf      *silverfin.Silverfin
	clock   *testenv.Clock
	firm    int64
	company int64
	period  int64
	recon   int64
	access  string
}

func day(text string) balance.Date {
	d, err := balance.ParseDate(text)
	if err != nil {
		panic(err)
	}
	return d
}

func newFixture(t *testing.T, o silverfin.Options) *fixture {
	t.Helper()
	clock := testenv.NewClock(time.Date(2026, 3, 2, 1, 0, 0, 0, time.UTC))
	o.Now = clock.Now
	x := &fixture{t: t, sf: silverfin.New(o), clock: clock}
	x.firm = x.sf.AddFirm("Kantoor Peeters")
	x.company = x.sf.AddCompany(x.firm, silverfin.Company{Name: "Bakkerij Janssens", VAT: "BE 0402.754.886", FileCode: "JAN01"})
	x.period = x.sf.AddPeriod(x.company, day("2024-01-01"), day("2024-12-31"))
	x.sf.OpenWorkflow(x.company, x.period, workflowName)
	x.recon = x.sf.AddReconciliation(x.company, "social_balance", workflowName)
	x.signIn()
	return x
}

func (x *fixture) signIn(scopes ...string) {
	x.t.Helper()
	x.access = x.exchange(x.sf.Grant(x.firm, scopes...)).text("access_token")
}

func (x *fixture) exchange(code string) reply {
	x.t.Helper()
	return x.token(url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {silverfin.OutOfBand}})
}

func (x *fixture) refresh(token string) reply {
	x.t.Helper()
	return x.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
}

// token posts a form to the token endpoint with the client's credentials.
func (x *fixture) token(form url.Values) reply {
	x.t.Helper()
	if !form.Has("client_id") {
		form.Set("client_id", clientID)
		form.Set("client_secret", clientSecret)
	}
	r := httptest.NewRequest("POST", "/f/"+idText(x.firm)+"/oauth/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return x.send(r)
}

// call makes a call below /api/v4/f/{firm} with the current token. In the path {c}, {p}
// and {r} stand for the fixture's ids.
func (x *fixture) call(method, path, body string) reply {
	x.t.Helper()
	path = strings.NewReplacer("{c}", idText(x.company), "{p}", idText(x.period), "{r}", idText(x.recon)).Replace(path)
	r := httptest.NewRequest(method, "/api/v4/f/"+idText(x.firm)+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Authorization", "Bearer "+x.access)
	return x.send(r)
}

func (x *fixture) send(r *http.Request) reply {
	x.t.Helper()
	w := httptest.NewRecorder()
	x.sf.ServeHTTP(w, r)
	body, err := io.ReadAll(w.Body)
	if err != nil {
		x.t.Fatal(err)
	}
	return reply{x.t, w.Code, w.Header(), string(body)}
}

// reply is a response.
type reply struct {
	t      *testing.T
	status int
	header http.Header
	body   string
}

// is fails the test unless the status is right and the body contains each part.
func (r reply) is(status int, parts ...string) reply {
	r.t.Helper()
	if r.status != status {
		r.t.Fatalf("status %d, want %d; body: %.300s", r.status, status, r.body)
	}
	for _, part := range parts {
		if !strings.Contains(r.body, part) {
			r.t.Fatalf("the body lacks %s: %.300s", part, r.body)
		}
	}
	return r
}

func (r reply) object() map[string]any { return decode[map[string]any](r) }

func (r reply) list() []map[string]any { return decode[[]map[string]any](r) }

func (r reply) text(key string) string {
	r.t.Helper()
	text, ok := r.object()[key].(string)
	if !ok {
		r.t.Fatalf("no text %q in status %d: %.300s", key, r.status, r.body)
	}
	return text
}

func decode[T any](r reply) (v T) {
	r.t.Helper()
	if err := json.Unmarshal([]byte(r.body), &v); err != nil {
		r.t.Fatalf("status %d: %v in %.300s", r.status, err, r.body)
	}
	return v
}

func idText(n int64) string { return strconv.FormatInt(n, 10) }

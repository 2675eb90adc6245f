package portal

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"balansd/daemon"
	"balansd/daemon/daemontest"
	"balansd/ledger"
	"balansd/problem"

	"github.com/google/go-cmp/cmp"
)

// TestValidateConnectionFails: nothing was saved, so the page does not promise a retry,
// and each cause has its own remedy.
func TestValidateConnectionFails(t *testing.T) {
	down := func(r problem.Reason) error {
		return problem.New(problem.FinboxDown, "Finbox cannot be reached", "").Because(r, "")
	}
	for want, err := range map[string]error{
		"De proxy van je netwerk vraagt een wachtwoord":                   down(problem.ProxySignIn),
		"De proxy of firewall van je netwerk laat dit adres niet toe":     down(problem.ProxyRefuses),
		"de uitgever ervan in de configuratie zetten":                     down(problem.Untrusted),
		"Er is niets gekoppeld":                                           down(problem.NotLinked),
		"Laat je IT-beheerder de gegevens voor Finbox in de configuratie": problem.New(problem.FinboxSignIn, "Finbox refuses us", ""),
	} {
		d := &stubAPI{}
		ann := newStubFixture(t, d).signedIn(annName)
		d.Err = err
		page := ann.post("/connection/finbox", "id", "6f1c")
		if !strings.Contains(page.body, want) || strings.Contains(page.body, "probeert het automatisch opnieuw") {
			t.Errorf("%v: the page does not say %q: %d %s", err, want, page.code, page.body)
		}
	}
}

// TestLinked: the page reports success only while balances can be delivered.
func TestLinked(t *testing.T) {
	with := func(s ledger.ConnectionStatus, relink string) connectionData {
		return connectionData{Connections: []connectionView{{Connection: ledger.Connection{Status: s}}},
			Firms: []firmView{{Firm: ledger.Firm{Relink: relink}}}}
	}
	for name, tt := range map[string]struct {
		data connectionData
		want bool
	}{
		"nothing":       {connectionData{}, false},
		"all works":     {with(ledger.Active, ""), true},
		"paused":        {with(ledger.Paused, ""), false},
		"deactivated":   {with(ledger.Deactivated, ""), false},
		"to link again": {with(ledger.Active, "refused"), false},
	} {
		if got := tt.data.Linked(); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

// TestSilverfinSignInBoundToSession: a callback is accepted once, by the session that
// started the sign-in.
func TestSilverfinSignInBoundToSession(t *testing.T) {
	state := daemontest.Full[daemon.SignIn]().State
	for name, tt := range map[string]struct {
		form []string
		ends bool
		says string
	}{
		"well":            {[]string{"state", state, "code", "abc", "authorized_firm_id", "12"}, true, "is gekoppeld"},
		"another state":   {[]string{"state", "other", "code", "abc", "authorized_firm_id", "12"}, false, "in een andere sessie gestart"},
		"no state":        {[]string{"code", "abc"}, false, "in een andere sessie gestart"},
		"the person no":   {[]string{"state", state, "error", "access_denied"}, false, "de toegang is geweigerd"},
		"another error":   {[]string{"state", state, "error", "invalid_scope"}, false, "(invalid_scope)"},
		"words of theirs": {[]string{"state", state, "error", "Bel 0900"}, false, "(error)"},
		"a stranger's":    {[]string{"error", "Bel 0900"}, false, "in een andere sessie gestart"},
		"a pasted code":   {[]string{"pasted", "1", "code", "abc"}, true, "is gekoppeld"},
	} {
		t.Run(name, func(t *testing.T) {
			d := &stubAPI{}
			f := newStubFixture(t, d)
			ann := f.signedIn(annName)
			ann.post("/connection/silverfin", "firm", "https://live.getsilverfin.com/f/12/34")
			if diff := cmp.Diff([]string{"BeginSilverfin[{FirmID:12 Redirect:" + f.server.URL + "/silverfin/callback}]"}, d.callsOf("BeginSilverfin")); diff != "" {
				t.Error(diff)
			}
			got := ann.post("/connection/silverfin/end", tt.form...)
			if n := len(d.callsOf("EndSilverfin")); (n == 1) != tt.ends {
				t.Errorf("%d sign-ins were ended: %d %s", n, got.code, got.body)
			}
			if page := ann.get("/connection"); !strings.Contains(page.body, tt.says) || strings.Contains(page.body, "0900") {
				t.Errorf("the page does not say %q: %s", tt.says, page.body)
			}
			before := len(d.callsOf("EndSilverfin"))
			ann.post("/connection/silverfin/end", tt.form...)
			if len(d.callsOf("EndSilverfin")) != before {
				t.Error("a sign-in was ended twice")
			}
		})
	}
}

// TestRedirectURL: the callback is on loopback, the registered address, or empty.
func TestRedirectURL(t *testing.T) {
	for _, tt := range []struct {
		host, redirect string
		secure         bool
		want, base     string
	}{
		{"127.0.0.1:8417", "auto", false, "http://127.0.0.1:8417/silverfin/callback", ""},
		{"localhost:8417", "", false, "http://localhost:8417/silverfin/callback", ""},
		{"[::1]:8417", "auto", false, "http://[::1]:8417/silverfin/callback", ""},
		{"127.0.0.1:8417", "oob", false, "", ""},
		{"balansd.kantoor.example", "auto", true, "", ""},
		{"balansd.kantoor.example", "https://balansd.kantoor.example/silverfin/callback", true, "https://balansd.kantoor.example/silverfin/callback", ""},
		{"balansd.kantoor.example", "https://other.example/silverfin/callback", true, "", ""},
		{"127.0.0.1:8417", "http://127.0.0.1:9/callback", false, "", ""},
		{"balansd.kantoor.example", "https://balansd.kantoor.example/b/silverfin/callback", true, "https://balansd.kantoor.example/b/silverfin/callback", "/b"},
		{"balansd.kantoor.example", "https://balansd.kantoor.example/silverfin/callback", true, "", "/b"},
	} {
		hosts, err := newHostAllowlist("127.0.0.1:8417", []string{"balansd.kantoor.example"})
		if err != nil {
			t.Fatal(err)
		}
		web := &Handler{hosts: hosts, secure: tt.secure, base: tt.base, Config: Config{Settings: func() []Setting {
			return []Setting{{Key: "silverfin.redirect", Value: tt.redirect}}
		}}}
		r := httptest.NewRequest(http.MethodGet, "/connection", nil)
		r.Host = tt.host
		if got := (&request{Handler: web, r: r}).redirectURL(); got != tt.want {
			t.Errorf("at %s with %q: %q, want %q", tt.host, tt.redirect, got, tt.want)
		}
	}
}

// TestForgedSilverfinCallback: a link to the callback from somebody else does not end a
// person's pending sign-in.
func TestForgedSilverfinCallback(t *testing.T) {
	state := daemontest.Full[daemon.SignIn]().State
	for name, forged := range map[string][]string{
		"another state":         {"state", "other", "code", "theirs", "authorized_firm_id", "99"},
		"no state":              {"code", "theirs"},
		"a refusal":             {"error", "access_denied"},
		"an error of elsewhere": {"error", "server_error", "state", "other"},
	} {
		t.Run(name, func(t *testing.T) {
			d := &stubAPI{}
			f := newStubFixture(t, d)
			ann := f.signedIn(annName)
			ann.post("/connection/silverfin", "firm", "12")
			ann.post("/connection/silverfin/end", forged...)
			if n := len(d.callsOf("EndSilverfin")); n != 0 {
				t.Fatalf("%d sign-ins were ended", n)
			}
			ann.post("/connection/silverfin/end", "state", state, "code", "abc", "authorized_firm_id", "12")
			if n := len(d.callsOf("EndSilverfin")); n != 1 {
				t.Error("the person's own sign-in was lost")
			}
		})
	}
}

// failingAPI is an API whose Finbox answers 500.
type failingAPI struct{ *stubAPI }

func (failingAPI) ConnectFinbox(context.Context, daemon.ConnectionRequest) (daemon.LinkedConnection, error) {
	return daemon.LinkedConnection{}, problem.New(problem.FinboxDown, "Finbox answered 500", "")
}

// TestConnectionPageWhileFinboxFails: after a failed task the page promises no retry, and
// no longer reports a working connection.
func TestConnectionPageWhileFinboxFails(t *testing.T) {
	d := failingAPI{&stubAPI{API: &daemontest.API{}}}
	d.status.Connections = []ledger.Connection{{ID: "c1", Kind: ledger.Finbox, Status: ledger.Active, ListedAt: time.Date(2026, 3, 10, 2, 0, 0, 0, time.UTC)}}
	f := newFixture(t, func(c *Config) { c.API = d })
	ann := f.signedIn(annName)
	if page := ann.get("/connection"); !strings.Contains(page.body, "Verbinding veilig") || !strings.Contains(page.body, "laatste geslaagde contact op 10/03/2026") {
		t.Errorf("before: %s", page.body)
	}
	d.status.Firms = []ledger.Firm{{ID: 12, Name: "Kantoor"}}
	if page := ann.get("/connection"); !strings.Contains(page.body, "De koppeling is gelegd") {
		t.Errorf("with a firm: %s", page.body)
	}
	page := ann.post("/connection/finbox", "id", "ABC-123")
	for range 2 {
		if strings.Contains(page.body, "Verbinding veilig") || strings.Contains(page.body, "De koppeling is gelegd") || !strings.Contains(page.body, "Finbox reageert niet zoals verwacht") {
			t.Errorf("the page reports success: %s", page.body)
		}
		if strings.Contains(page.body, "automatisch opnieuw") {
			t.Errorf("the page promises a retry: %s", page.body)
		}
		page = ann.get("/connection")
	}
}

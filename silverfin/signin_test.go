package silverfin_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"balansd/ledger"
	"balansd/mapping"
	"balansd/problem"
	fakesilverfin "balansd/sandbox/silverfin"
	"balansd/silverfin"
)

func contextWithTimeout(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithTimeout(t.Context(), d)
}

// browse plays the person in the browser: opens the consent page, chooses a
// firm, says yes or no, and follows where Silverfin sends the browser.
func browse(t *testing.T, address string, firm int64, decision string) string {
	t.Helper()
	u, err := url.Parse(address)
	must(t, err)
	form := u.Query()
	form.Set("decision", decision)
	form.Set("authorized_firm_id", fmt.Sprint(firm))
	u.RawQuery = ""
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.PostForm(u.String(), form)
	must(t, err)
	defer func() { _ = resp.Body.Close() }()
	page, err := io.ReadAll(resp.Body)
	must(t, err)
	return string(page)
}

func TestSignInCallback(t *testing.T) {
	defer goleak.VerifyNone(t)
	sf := fakesilverfin.New(fakesilverfin.Options{})
	asked, other := sf.AddFirm("Asked"), sf.AddFirm("Other")
	server := httptest.NewServer(sf)
	defer server.Close()
	transport := &http.Transport{DisableKeepAlives: true}
	c, err := silverfin.New(silverfin.Config{BaseURL: server.URL, ClientID: "sandbox-client", ClientSecret: "sandbox-secret",
		Vault: newVault(), HTTP: &http.Client{Transport: transport}})
	must(t, err)

	callback, err := silverfin.ListenCallback("127.0.0.1:0")
	must(t, err)
	address, state, err := c.Begin(t.Context(), asked, callback.URL())
	must(t, err)
	if !strings.Contains(address, fmt.Sprintf("/f/%d/oauth/authorize?", asked)) {
		t.Errorf("address %s does not preselect the firm", address)
	}
	callback.Expect(state)
	done := make(chan string, 1)
	go func() { done <- browse(t, address, other, "allow") }()
	code, firmID, err := callback.Wait(t.Context())
	must(t, err)
	if firmID != other {
		t.Errorf("firm %d", firmID)
	}
	if page := <-done; !strings.Contains(page, "Je mag dit venster sluiten") || !strings.Contains(page, "You may close this window") {
		t.Errorf("page: %s", page)
	}
	firm, notes, err := c.End(t.Context(), state, code, firmID)
	must(t, err)
	if firm.ID != other || firm.Name != "Other" || firm.LinkedBy == "" || firm.LinkedAt.IsZero() {
		t.Errorf("firm: %+v", firm)
	}
	if len(notes) != 1 || !strings.Contains(notes[0], fmt.Sprintf("instead of %d", asked)) {
		t.Errorf("notes: %q", notes)
	}
	if _, _, err := c.End(t.Context(), state, code, firmID); !problem.Is(err, problem.SilverfinSignIn) {
		t.Errorf("a state works twice: %v", err)
	}
}

func TestSignInRefused(t *testing.T) {
	sf := fakesilverfin.New(fakesilverfin.Options{})
	firm := sf.AddFirm("Asked")
	server := httptest.NewServer(sf)
	defer server.Close()
	c, err := silverfin.New(silverfin.Config{BaseURL: server.URL, ClientID: "sandbox-client", ClientSecret: "sandbox-secret", Vault: newVault()})
	must(t, err)
	callback, err := silverfin.ListenCallback("localhost:0")
	must(t, err)
	address, state, err := c.Begin(t.Context(), 0, callback.URL())
	must(t, err)
	callback.Expect(state)
	done := make(chan string, 1)
	go func() { done <- browse(t, address, firm, "deny") }()
	_, _, err = callback.Wait(t.Context())
	if !problem.Is(err, problem.SilverfinSignIn) || !strings.Contains(err.Error(), "said no") {
		t.Error(err)
	}
	<-done
}

func TestCallbackIgnoresOthers(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", "192.0.2.1:80", ":8080", "example.com:1", "127.0.0.1"} {
		if _, err := silverfin.ListenCallback(addr); !problem.Is(err, problem.ConfigInvalid) {
			t.Errorf("%s: %v", addr, err)
		}
	}
	callback, err := silverfin.ListenCallback("127.0.0.1:0")
	must(t, err)
	ask := func(method, path, host string) int {
		req, err := http.NewRequest(method, strings.TrimSuffix(callback.URL(), "/callback")+path, nil)
		must(t, err)
		req.Host = host
		resp, err := http.DefaultClient.Do(req)
		must(t, err)
		defer func() { _ = resp.Body.Close() }()
		return resp.StatusCode
	}
	if got := ask("GET", "/callback?code=right&state=s", "127.0.0.1"); got != 400 {
		t.Errorf("an answer before the sign-in began: %d", got)
	}
	callback.Expect("s")
	for _, tc := range []struct {
		method, path, host string
		status             int
	}{
		{"GET", "/callback?error=access_denied", "127.0.0.1", 400},
		{"GET", "/callback?error=access_denied&state=b", "127.0.0.1", 400},
		{"GET", "/callback?code=a&state=b&authorized_firm_id=5", "127.0.0.1", 400},
		{"GET", "/callback?code=a&authorized_firm_id=5", "127.0.0.1", 400},
		{"GET", "/callback?state=s", "127.0.0.1", 400},
		{"GET", "/favicon.ico", "127.0.0.1", 404},
		{"GET", "/callback?code=a&state=b", "evil.example", 403},
		{"POST", "/callback?code=a&state=b", "127.0.0.1", 405},
		{"GET", "/callback?state=b", "127.0.0.1:9", 400},
		{"GET", "/callback?code=right&state=s&authorized_firm_id=5", "localhost:1", 200},
		{"GET", "/callback?code=late&state=s", "[::1]:1", 200},
	} {
		if got := ask(tc.method, tc.path, tc.host); got != tc.status {
			t.Errorf("%s %s at %s: %d, want %d", tc.method, tc.path, tc.host, got, tc.status)
		}
	}
	code, firm, err := callback.Wait(t.Context())
	if code != "right" || firm != 5 || err != nil {
		t.Error(code, firm, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	second, err := silverfin.ListenCallback("127.0.0.1:0")
	must(t, err)
	if _, _, err := second.Wait(ctx); err != context.Canceled {
		t.Error(err)
	}
}

// TestCallbackWithoutState: when time is up, a person whose Silverfin does not
// send the state back hears of the way that needs none.
func TestCallbackWithoutState(t *testing.T) {
	for query, want := range map[string]string{"?state=other": "context deadline exceeded", "?code=x": "did not send back the state"} {
		callback, err := silverfin.ListenCallback("127.0.0.1:0")
		must(t, err)
		callback.Expect("s")
		resp, err := http.Get(callback.URL() + query)
		must(t, err)
		_ = resp.Body.Close()
		ctx, cancel := context.WithDeadline(t.Context(), time.Time{})
		_, _, err = callback.Wait(ctx)
		cancel()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", query, err)
		}
	}
}

func TestSignInMistakes(t *testing.T) {
	r := newTestEnv(t, fakesilverfin.Options{})
	other := r.sandbox.AddFirm("Other")
	begin := func(c *silverfin.Client, firm int64) string {
		_, state, err := c.Begin(t.Context(), firm, "")
		must(t, err)
		return state
	}
	end := func(c *silverfin.Client, state, code string, firm int64) error {
		_, _, err := c.End(t.Context(), state, code, firm)
		return err
	}
	check := func(what string, err error, code problem.Code, says string) {
		t.Helper()
		if !problem.Is(err, code) || !strings.Contains(err.Error(), says) || problem.Of(err).Next == "" {
			t.Errorf("%s: %v", what, err)
		}
	}
	sign := problem.SilverfinSignIn
	check("unknown state", end(r.client, "made-up", "code", 1), sign, "was not begun here")
	check("no state", end(r.client, "", "code", 1), sign, "was not begun here")
	check("no code", end(r.client, begin(r.client, 1), " ", 0), sign, "code of the sign-in to Silverfin is missing")
	check("wrong code", end(r.client, begin(r.client, r.firm), "made-up-code", 0), sign, "does not take the code")
	check("code of another firm", end(r.client, begin(r.client, r.firm), r.sandbox.Grant(other), 0), sign, "does not take the code")
	state := begin(r.client, 0)
	check("no firm", end(r.client, state, r.sandbox.Grant(other), 0), sign, "not known which Silverfin firm")
	if err := end(r.client, state, r.sandbox.Grant(other), other); err != nil {
		t.Errorf("the firm said afterwards: %v", err)
	}
	old := begin(r.client, r.firm)
	r.clock.Add(31 * time.Minute)
	check("old state", end(r.client, old, r.sandbox.Grant(r.firm), 0), sign, "older than 30 minutes")

	code := r.sandbox.Grant(r.firm)
	must(t, end(r.client, begin(r.client, r.firm), code, 0))
	check("used code", end(r.client, begin(r.client, r.firm), code, 0), sign, "used already")

	cfg := r.cfg
	cfg.Vault, cfg.ClientSecret = r.vault, "wrong-secret"
	wrong, err := silverfin.New(cfg)
	must(t, err)
	check("wrong secret", end(wrong, begin(wrong, r.firm), r.sandbox.Grant(r.firm), 0), problem.ConfigInvalid, "client id or the client secret")
	if err := end(r.client, begin(r.client, r.firm), "made-up", 0); err == nil {
		t.Error("a wrong code linked a firm")
	}
	if _, _, err := r.firmClient().Companies(t.Context()); err != nil {
		t.Errorf("a failed sign-in broke the link: %v", err)
	}
}

// TestSignInAcrossClients: a configuration that is read again makes a new
// client while a person is still at Silverfin's page.
func TestSignInAcrossClients(t *testing.T) {
	r := newTestEnv(t, fakesilverfin.Options{})
	before := r.client
	_, state, err := before.Begin(t.Context(), r.firm, "")
	if err != nil {
		t.Fatal(err)
	}
	r.cfg.After = before
	now := r.restart(r.vault)
	code := r.sandbox.Grant(r.firm)
	if f, _, err := now.End(t.Context(), state, code, r.firm); err != nil || f.ID != r.firm {
		t.Errorf("the sign-in ends with %+v, %v", f, err)
	}
	if _, _, err := before.End(t.Context(), state, code, r.firm); !problem.Is(err, problem.SilverfinSignIn) {
		t.Errorf("it can be ended twice: %v", err)
	}
}

// TestTokensForAnotherFirm: the firm that the tokens are for must be the one
// that was granted, and a link that was there before stays.
func TestTokensForAnotherFirm(t *testing.T) {
	server := &strict{} // its firm is always 1
	v := newVault()
	c, err := silverfin.New(silverfin.Config{BaseURL: "https://silverfin.test", ClientID: "id", ClientSecret: "secret",
		HTTP: &http.Client{Transport: handlerTransport{server}}, Vault: v})
	must(t, err)
	_, state, err := c.Begin(t.Context(), 2, "")
	must(t, err)
	_, _, err = c.End(t.Context(), state, "code", 0)
	if !problem.Is(err, problem.SilverfinSignIn) || !strings.Contains(err.Error(), "are for firm 1, not for firm 2") {
		t.Error(err)
	}
	if len(v.values) != 0 {
		t.Error("the tokens of a failed sign-in are left")
	}
}

func TestRefused(t *testing.T) {
	for code, want := range map[string]problem.Code{"access_denied": problem.SilverfinSignIn, "invalid_scope": problem.SilverfinSignIn,
		"unauthorized_client": problem.ConfigInvalid, "server_error": problem.SilverfinSignIn} {
		err := silverfin.Refused(code, "because\x00\n"+strings.Repeat("x", 5000))
		if !problem.Is(err, want) || len(err.Error()) > 400 || strings.ContainsAny(err.Error(), "\x00\n") {
			t.Errorf("%s: %v", code, err)
		}
	}
}

func TestConfigMistakes(t *testing.T) {
	good := silverfin.Config{ClientID: "id", ClientSecret: "secret", Vault: newVault()}
	for name, change := range map[string]func(*silverfin.Config){
		"clear text": func(c *silverfin.Config) { c.BaseURL = "http://live.getsilverfin.com" },
		"no host":    func(c *silverfin.Config) { c.BaseURL = "live.getsilverfin.com" },
		"no id":      func(c *silverfin.Config) { c.ClientID = "" },
		"no secret":  func(c *silverfin.Config) { c.ClientSecret = "" },
		"bad name":   func(c *silverfin.Config) { c.Workflow.Names = []string{"("} },
	} {
		cfg := good
		change(&cfg)
		if _, err := silverfin.New(cfg); !problem.Is(err, problem.ConfigInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := silverfin.New(good); err != nil {
		t.Error(err)
	}
}

// A sign-in asks for what the mappings of its firms need, and says what was not granted.
func TestScopesOfTheMappings(t *testing.T) {
	period, own := mapping.Target{}, mapping.Target{Level: mapping.LevelReconciliation, Handle: "x"}
	r := newTestEnv(t, fakesilverfin.Options{})
	for name, tc := range map[string]struct {
		targets     []mapping.Target
		admin, fins bool
	}{
		"none":           {nil, true, false},
		"period":         {[]mapping.Target{period.WithDefaults()}, true, false},
		"reconciliation": {[]mapping.Target{own}, false, true},
		"both":           {[]mapping.Target{own, period}, true, true},
	} {
		address, _, err := r.client.Begin(t.Context(), r.firm, "", tc.targets...)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(address, "administration%3Awrite") != tc.admin || strings.Contains(address, "financials%3Awrite") != tc.fins {
			t.Errorf("%s: %s", name, address)
		}
	}
	firm := ledger.Firm{Scopes: r.client.Scopes(period)}
	if lacks := firm.Lacks(r.client.Scopes(own)); !slices.Equal(lacks, []string{"financials:write"}) {
		t.Errorf("lacks %v", lacks)
	}
	if lacks := (ledger.Firm{}).Lacks(r.client.Scopes(own)); lacks != nil {
		t.Errorf("of a firm whose scopes are not known: %v", lacks)
	}
}

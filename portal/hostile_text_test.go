package portal

import (
	"context"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"balansd/accounts"
	"balansd/balance"
	"balansd/daemon"
	"balansd/daemon/daemontest"
	"balansd/ledger"
)

// hostile stands for a text that another system returned.
const hostile = `"'><script>window.hacked=1</script><img src=x onerror="window.hacked=1">{{.Data}} ` + "\u202egnirts\x00\r\nSet-Cookie: a=b " +
	"javascript:window.hacked=1 ${7*7} averylongwordaverylongwordaverylongwordaverylongwordaverylongword"

// fillHostile sets every string in a value to hostile, except codes.
func fillHostile(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		if _, is := v.Interface().(balance.Cell); is {
			return
		}
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fillHostile(v.Field(i))
			}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			fillHostile(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			fillHostile(v.Index(i))
		}
	case reflect.String:
		if v.Type() == reflect.TypeFor[string]() || v.Type() == reflect.TypeFor[balance.EnterpriseNumber]() {
			v.SetString(hostile)
		}
	}
}

func filledHostile[T any](v T) T {
	fillHostile(reflect.ValueOf(&v).Elem())
	return v
}

// hostileAPI returns hostile texts.
type hostileAPI struct{ *stubAPI }

func (h hostileAPI) Show(ctx context.Context, r daemon.EntryRequest) (daemon.EntryDetail, error) {
	f, err := h.stubAPI.Show(ctx, r)
	f.History = []ledger.Event{{State: ledger.Found, By: hostile, Text: hostile}, {State: ledger.Done, By: hostile, Act: ledger.ActRetry}}
	f.Values = map[string]string{"1003": hostile, "1003P": hostile, hostile: hostile}
	return f, err
}

func (hostileAPI) BeginSilverfin(context.Context, daemon.SignInRequest) (daemon.SignIn, error) {
	return daemon.SignIn{URL: `https://live.getsilverfin.com/?x="><script>window.hacked=1</script>`, State: hostile}, nil
}

// newHostileFixture serves the pages over a hostileAPI with an entry in each state and
// for each reason.
func newHostileFixture(t *testing.T, change ...func(*Config)) *fixture {
	t.Helper()
	o := &stubAPI{API: &daemontest.API{}}
	now := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
	add := func(s ledger.State, r ledger.Reason, c ledger.FailClass) {
		e := daemontest.Full[ledger.Entry]()
		e.State, e.Reason, e.FailClass, e.Number = s, r, c, uint64(len(o.entries)+1)
		e.Differences, e.SupersededBy, e.CreatedAt, e.Replaces = nil, 0, now, 1
		if s == ledger.Differs {
			e.Differences = []ledger.Difference{{Cell: balance.Cell{Code: "1003"}}, {Cell: balance.Cell{Code: "1013"}}}
		}
		if c == ledger.Refused {
			e.Target = &ledger.Target{FirmID: 1, CompanyID: 2, URL: "javascript:window.hacked=1"}
		}
		url := ""
		if e.Target != nil {
			url = e.Target.URL
		}
		e = filledHostile(e)
		if url == "javascript:window.hacked=1" {
			e.Target.URL = url
		}
		o.entries = append(o.entries, e)
	}
	for _, s := range ledger.States() {
		switch s {
		case ledger.Waiting:
			for _, r := range ledger.Reasons() {
				add(s, r, "")
			}
		case ledger.Failed:
			for _, c := range []ledger.FailClass{ledger.Unreadable, ledger.Refused, ledger.NotEqual, ledger.Unavailable} {
				add(s, "", c)
			}
		default:
			add(s, "", "")
		}
	}
	run := filledHostile(daemontest.Full[ledger.Run]())
	run.Trigger, run.Night, run.Start, run.Outcome = ledger.CatchUp, balance.DateOf(now), now, map[ledger.State]int{ledger.Done: 2, "x": 1}
	missed := ledger.MissedNight{Night: balance.DateOf(now).AddDays(-1), Why: hostile, Cause: ledger.Asleep}
	o.history = daemon.History{Runs: []ledger.Run{run}, Missed: []ledger.MissedNight{missed}}
	o.status = filledHostile(daemontest.Full[daemon.Status]())
	o.status.Waiting, o.status.LastNight, o.status.Missed, o.status.Connections = o.entries, &run, o.history.Missed, nil
	for _, s := range []ledger.ConnectionStatus{ledger.Active, ledger.Paused, ledger.Deactivated, ledger.Removed} {
		c := filledHostile(daemontest.Full[ledger.Connection]())
		c.Status, c.Kind = s, ledger.Finbox
		o.status.Connections = append(o.status.Connections, c)
	}
	return newFixture(t, append(change, func(c *Config) { c.API = hostileAPI{o} })...)
}

// hostilePaths are the pages that show texts of other systems.
func hostilePaths() map[string]string {
	paths := map[string]string{"home": "/", "dossiers": "/dossiers?q=" + "%22%3E%3Cscript%3E", "decisions": "/decisions", "runs": "/nights",
		"connection": "/connection?validated=%3Cscript%3E", "others": "/dossiers/1/others"}
	for i, n := range []string{"1", "2", "4", "9", "11", "12", "15", "17", "18"} {
		paths["dossier"+string(rune('a'+i))] = "/dossiers/" + n
	}
	return paths
}

// TestHostileTextIsEscaped: no text of another system becomes part of the markup, an
// address or a header.
func TestHostileTextIsEscaped(t *testing.T) {
	f := newHostileFixture(t)
	ann := f.signedIn(annName)
	for name, path := range hostilePaths() {
		got := ann.get(path)
		if got.code != http.StatusOK {
			t.Errorf("%s gives %d: %.300s", name, got.code, got.body)
		}
		for _, bad := range []string{"<script>window", "<img", `href="javascript:`, "{{", "ZgotmplZ<"} {
			if at := strings.Index(strings.ReplaceAll(got.body, "{{.Data}}", ""), bad); at >= 0 {
				t.Errorf("%s holds %q: %.200s", name, bad, got.body[max(0, at-100):])
			}
		}
		if got.header.Get("Set-Cookie") != "" && strings.Contains(got.header.Get("Set-Cookie"), "a=b") {
			t.Errorf("%s sets a cookie", name)
		}
	}
	external := ann.post("/connection/silverfin", "firm", "12")
	if strings.Contains(external.body, "<script>window") || external.code != http.StatusOK {
		t.Errorf("the redirect to Silverfin gives %d: %s", external.code, external.body)
	}
	back := f.browser().get("/silverfin/callback?state=%22%3E%3Cscript%3Ewindow.hacked%3C/script%3E&code=x&authorized_firm_id=1")
	if strings.Contains(back.body, "<script>window") || !strings.Contains(back.body, `action="/connection/silverfin/end"`) {
		t.Errorf("the callback gives %s", back.body)
	}
}

// TestHostileTextInBrowser checks the same in a browser, and the layout with long texts.
func TestHostileTextInBrowser(t *testing.T) {
	f := newHostileFixture(t)
	c := newChrome(t, f.server.URL)
	c.signIn(annName)
	for name, path := range hostilePaths() {
		c.visit(path)
		if bad := value[string](c, `(window.hacked ? "it ran " : "") + [...document.querySelectorAll("main script, main img, main iframe:not(.original), [onerror], [onload], [style], a[href^='javascript:']")].map(e => e.outerHTML).join(" ")`); bad != "" {
			t.Errorf("%s became part of %s", bad, name)
		}
		c.checkPage("hostile-" + name)
	}
}

// TestHostileNamesAreEscaped: names of people cannot be markup, scripts or templates.
func TestHostileNamesAreEscaped(t *testing.T) {
	f := newFixture(t)
	names := []string{`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `{{.Person}}`, `'; alert(1); '`, `javascript:alert(1)`}
	for _, name := range names {
		f.addPerson(name, accounts.Admin)
	}
	for _, name := range names {
		b := f.signedIn(name)
		for _, path := range []string{"/", "/people", "/account", "/audit"} {
			body := b.get(path).body
			if strings.Contains(body, "<script>alert") || strings.Contains(body, "<img src=x") || !strings.Contains(body, "</html>") {
				t.Errorf("%s is not shown as text on %s", name, path)
			}
		}
	}
	if got := f.browser().post("/sign-in", "name", names[1], "password", "wrong wrong wrong"); strings.Contains(got.body, "<img") {
		t.Error("the typed name becomes markup")
	}
}

package cli

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"balansd/config"
	"balansd/ledger"
	"balansd/notify"
	"balansd/portal"
	"balansd/problem"
)

// TestNotificationsHaveEveryText checks that the pages have the texts that messages take
// from them, in every language of messages.
func TestNotificationsHaveEveryText(t *testing.T) {
	t.Parallel()
	caseTitle, problemTitle, err := portal.Titles()
	if err != nil {
		t.Fatal(err)
	}
	cases := []string{"differs", string(ledger.Unreadable), string(ledger.Refused), string(ledger.NotEqual), string(ledger.Unavailable)}
	for _, r := range ledger.Reasons() {
		cases = append(cases, string(r))
	}
	for _, lang := range notify.Languages() {
		for _, code := range cases {
			if text, err := caseTitle(lang, code); err != nil || text == "" {
				t.Errorf("%s has no text for %s: %v", lang, code, err)
			}
		}
		for _, code := range problem.Codes() {
			if text, err := problemTitle(lang, string(code)); err != nil || text == "" {
				t.Errorf("%s has no text for %s: %v", lang, code, err)
			}
		}
	}
}

// TestNotifyWords checks that the configuration and the messages have the same words.
func TestNotifyWords(t *testing.T) {
	t.Parallel()
	for is, want := range map[string]string{
		string(notify.Admins): config.RoleAdmin, string(notify.Staff): config.RoleStaff, string(notify.Everyone): config.RoleAll,
		string(notify.StartTLS): config.MailStartTLS, string(notify.TLS): config.MailTLS, string(notify.Plain): config.MailPlain,
		string(notify.JSON): config.FormatJSON, string(notify.Teams): config.FormatTeams, string(notify.Slack): config.FormatSlack,
	} {
		if is != want {
			t.Errorf("%q is %q in the configuration", is, want)
		}
	}
	if !slices.Equal(notify.Languages(), []string{"nl", "fr", "en", "de"}) {
		t.Errorf("the languages are %v", notify.Languages())
	}
}

// TestNotifications runs a daemon that tells a webhook what needs a person, and looks for
// what may be nowhere: the secrets, and the names of clients.
func TestNotifications(t *testing.T) {
	t.Parallel()
	got := make(chan string, 20)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		got <- r.URL.Path + " " + r.Header.Get("Balansd-Signature") + " " + string(text)
	}))
	t.Cleanup(hook.Close)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := closed.Addr().(*net.TCPAddr).Port
	_ = closed.Close() // nothing answers there
	f := newFixture(t, fixtureOptions{more: fmt.Sprintf(`log: {level: debug}
notify:
  mail: {host: 127.0.0.1, port: %d, user: me, password_file: mail.password, from: a@b.example, to: [{address: it@b.example}]}
  webhooks: [{name: monitoring, url_file: hook.url, secret_file: hook.secret}]
  heartbeat_url_file: beat.url
`, port)})
	f.write("mail.password", "canary-mail-password")
	f.write("hook.secret", "canary-hook-secret-0123456789")
	f.write("hook.url", hook.URL+"/canary-hook-path")
	f.write("beat.url", hook.URL+"/canary-beat-path")
	f.want(0, fmt.Sprintf("Note: For notifications these hosts are called: 127.0.0.1:%d (mail, directly), %s.", port, strings.TrimPrefix(hook.URL, "http://")), "config", "check")
	f.link()
	f.addDemo()
	p := f.daemon()
	r := f.want(1, "webhook monitoring: sent", "notify", "test")
	if !strings.Contains(r.stdout, "it@b.example: NOT SENT: the mail server 127.0.0.1") {
		t.Errorf("the test says %s", r.stdout)
	}
	if !strings.Contains(r.stdout, "→ Compare notify in the configuration") {
		t.Errorf("the test does not say what to do: %s", r.stdout)
	}
	if text := <-got; !strings.Contains(text, `"type":"test"`) || !strings.HasPrefix(text, "/canary-hook-path v1=") {
		t.Errorf("the webhook gets %s", text)
	}
	f.want(3, "", "sync")
	text := <-got
	for !strings.Contains(text, `"kind":"balance_waits"`) {
		text = <-got // the report of the start
	}
	for _, e := range f.entries() {
		if e.Dossier.Name != "" && strings.Contains(text, e.Dossier.Name) {
			t.Errorf("the webhook gets %s, which names %s", text, e.Dossier.Name)
		}
	}
	shown := f.run("status").stdout + f.run("status", "--json").stdout + f.run("doctor").stdout + f.run("config", "show").stdout
	if !strings.Contains(shown, "NOT SENT:") || !strings.Contains(shown, "no mail can be sent") {
		t.Errorf("status and doctor say %s", shown)
	}
	for _, secret := range []string{"canary-mail-password", "canary-hook-secret", "canary-hook-path", "canary-beat-path"} {
		if strings.Contains(shown+p.stderr.String()+text[len("/canary-hook-path"):], secret) {
			t.Errorf("%s is shown", secret)
		}
	}
}

// TestNotificationsThroughTheProxy: webhooks go through the proxy and mails do not.
func TestNotificationsThroughTheProxy(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 20)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Method + " " + r.Host
		w.WriteHeader(http.StatusForbidden)
	}))
	t.Cleanup(proxy.Close)
	mail, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mail.Close() })
	called := make(chan bool, 20)
	go func() {
		for {
			c, err := mail.Accept()
			if err != nil {
				return
			}
			called <- true
			_, _ = io.WriteString(c, "554 not today\r\n")
			_ = c.Close()
		}
	}()
	f := newFixture(t, fixtureOptions{more: fmt.Sprintf(`network: {proxy: %q}
notify:
  mail: {host: 127.0.0.1, port: %d, security: none, from: a@b.example, to: [{address: it@b.example}]}
  webhooks: [{name: monitoring, url_file: hook.url}]
`, proxy.URL, mail.Addr().(*net.TCPAddr).Port)})
	f.write("hook.url", "https://hook.example/path")
	r := f.want(1, "webhook monitoring: NOT SENT:", "notify", "test")
	if !strings.Contains(r.stdout, "it@b.example: NOT SENT:") {
		t.Errorf("the test says %s", r.stdout)
	}
	<-called
	if got := <-asked; got != "CONNECT hook.example:443" {
		t.Errorf("the proxy is asked %s", got)
	}
	if len(asked) > 0 {
		t.Errorf("the proxy is also asked %s", <-asked)
	}
}

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"balansd/accounts"
	"balansd/config"
	"balansd/daemon"
	"balansd/internal/testenv"
	"balansd/localapi"
	"balansd/problem"

	"github.com/rs/zerolog"
)

// portalApp returns an app of a fixture whose pages listen on an address.
func portalApp(t *testing.T, listen string) (*App, *bytes.Buffer) {
	t.Helper()
	f := newFixture(t, fixtureOptions{more: fmt.Sprintf("portal: {listen: %q}\n", listen)})
	var out bytes.Buffer
	return &App{env: Env{Stdout: &out, Stderr: newOutput(), Version: "test"}, configPath: f.config}, &out
}

// openNode opens the node of an app's configuration until the test ends.
func openNode(t *testing.T, app *App) (*config.Config, *node) {
	t.Helper()
	cfg, err := app.config()
	if err != nil {
		t.Fatal(err)
	}
	n, err := newNode(t.Context(), cfg, nodeOptions{version: "test", log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	return cfg, n
}

// portal runs a command of balansd portal.
func (app *App) portal(ctx context.Context, args ...string) error {
	c := newPortalCommand(app)
	c.SetArgs(args)
	c.SilenceErrors, c.SilenceUsage = true, true
	return c.ExecuteContext(ctx)
}

// TestPeopleFromTheCommandLine invites and lists people, without and with a daemon, with
// the same result.
func TestPeopleFromTheCommandLine(t *testing.T) {
	listen := testenv.UnusedAddress(t)
	app, out := portalApp(t, listen)
	invite := func(args ...string) accounts.Invitation {
		t.Helper()
		out.Reset()
		if err := app.portal(t.Context(), append([]string{"invite", "--json"}, args...)...); err != nil {
			t.Fatal(err)
		}
		app.asJSON = false
		var i accounts.Invitation
		if err := json.Unmarshal(out.Bytes(), &i); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return i
	}
	list := func() string {
		t.Helper()
		out.Reset()
		if err := app.portal(t.Context(), "people"); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	if got := list(); !strings.Contains(got, "balansd portal invite --role admin NAME") {
		t.Errorf("with nobody there: %s", got)
	}
	i := invite("--role", "admin", "an@kantoor.example")
	if i.Role != accounts.Admin || !strings.HasPrefix(i.Link, "http://"+listen+"/invite/") {
		t.Errorf("the invitation is %+v", i)
	}
	if got := list(); !strings.Contains(got, "an@kantoor.example") || !strings.Contains(got, "invited") {
		t.Errorf("the list is %s", got)
	}
	if err := app.portal(t.Context(), "invite", "--role", "boss", "x"); !problem.Is(err, problem.Usage) {
		t.Errorf("an unknown role gives %v", err)
	}

	cfg, err := app.config()
	if err != nil {
		t.Fatal(err)
	}
	base, stop := servePages(t, cfg, zerolog.Nop())
	again := invite("ben@kantoor.example")
	if again.Role != accounts.Staff {
		t.Errorf("the invitation is %+v", again)
	}
	// The link made without the daemon works with the daemon.
	for link, status := range map[string]int{i.Link: http.StatusOK, again.Link: http.StatusOK, base + "/invite/other": http.StatusGone, base + "/healthz": http.StatusOK} {
		if got := get(t, link); got != status {
			t.Errorf("%s gives %d", strings.TrimPrefix(link, base), got)
		}
	}
	withDaemon := list()
	enable := func(name string) error { out.Reset(); return app.portal(t.Context(), "enable", name) }
	if err := enable("ben@kantoor.example"); !problem.Is(err, problem.NotFound) {
		t.Errorf("who only was invited is let in: %v", err)
	}
	stop()
	if err := enable("nobody"); !problem.Is(err, problem.NotFound) {
		t.Errorf("nobody is let in: %v", err)
	}
	if without := list(); without != withDaemon || !strings.Contains(without, "ben@kantoor.example") {
		t.Errorf("with a daemon:\n%s\nwithout:\n%s", withDaemon, without)
	}
}

// servePages runs a daemon's pages and local API, without its scheduler.
func servePages(t *testing.T, cfg *config.Config, log zerolog.Logger) (base string, stop func()) {
	t.Helper()
	n, err := newNode(t.Context(), cfg, nodeOptions{version: "test", log: log})
	if err != nil {
		t.Fatal(err)
	}
	p, err := n.newPages(cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	l, err := localapi.Listen(cfg.Socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ends := make(chan error, 2)
	go func() {
		ends <- localapi.Serve(ctx, l, localapi.New(localapi.Config{API: p.api, StateFile: cfg.StateFile, Log: log}), log)
	}()
	go func() { ends <- p.serve(ctx) }()
	stop = func() {
		cancel()
		for range cap(ends) {
			if err := <-ends; err != nil {
				t.Error(err)
			}
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}
	for get(t, p.url+"/healthz") == 0 { // until it listens
		if t.Context().Err() != nil {
			t.Fatal("the pages never answer")
		}
	}
	return p.url, stop
}

// get returns the status of a page, 0 if the server does not answer.
func get(t *testing.T, address string) int {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(address)
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// TestFirstAdminLink checks that a daemon without an admin logs a working link.
func TestFirstAdminLink(t *testing.T) {
	app, _ := portalApp(t, testenv.UnusedAddress(t))
	cfg, err := app.config()
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	_, stop := servePages(t, cfg, zerolog.New(file))
	text, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	link := ""
	for line := range strings.Lines(string(text)) {
		var said struct{ Link string }
		if json.Unmarshal([]byte(line), &said) == nil && said.Link != "" {
			link = said.Link
		}
	}
	if got := get(t, link); got != http.StatusOK {
		t.Errorf("the link %q in the log gives %d", link, got)
	}
	stop()
}

// TestSettingsPageHasNoSecrets checks that the settings page shows the configuration without
// secrets.
func TestSettingsPageHasNoSecrets(t *testing.T) {
	app, _ := portalApp(t, testenv.UnusedAddress(t))
	cfg, n := openNode(t, app)
	shown := map[string]string{}
	for _, s := range n.settings() {
		shown[s.Key] = s.Value
	}
	if shown["portal.listen"] != cfg.Portal.Listen || strings.Contains(fmt.Sprint(shown), cfg.Finbox.ClientSecret.Reveal()) {
		t.Errorf("the settings are %v", shown)
	}
}

// TestPagesOff checks that without an address there are no pages and no
// invitations.
func TestPagesOff(t *testing.T) {
	app, _ := portalApp(t, "")
	if err := app.portal(t.Context(), "invite", "an"); !problem.Is(err, problem.NotAllowed) {
		t.Errorf("an invitation gives %v", err)
	}
	cfg, n := openNode(t, app)
	p, err := n.newPages(cfg, nil)
	if err != nil || p.web != nil {
		t.Fatal(p, err)
	}
	if err := p.serve(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestAuditLogWithoutDaemon checks that changes without a daemon are recorded in the audit
// log.
func TestAuditLogWithoutDaemon(t *testing.T) {
	app, _ := portalApp(t, testenv.UnusedAddress(t))
	err := app.withAPI(t.Context(), func(api localapi.API, _ *config.Config) error {
		_, err := api.Retry(t.Context(), daemon.EntryRequest{Number: 7, By: "an"})
		return err
	})
	if !problem.Is(err, problem.NotFound) {
		t.Fatal(err)
	}
	cfg, n := openNode(t, app)
	_, log := n.people(cfg)
	list, _, err := log.Page(t.Context(), 0, 10)
	if err != nil || len(list) != 1 || list[0].Who != "an" || list[0].What != "retry" || list[0].Outcome != string(problem.NotFound) {
		t.Errorf("the audit log has %+v, %v", list, err)
	}
}

// TestCommandWithAnotherConfiguration checks that a command with another configuration does
// nothing to a daemon that it reaches by a shared socket or pipe.
func TestCommandWithAnotherConfiguration(t *testing.T) {
	app, _ := portalApp(t, testenv.UnusedAddress(t))
	cfg, err := app.config()
	if err != nil {
		t.Fatal(err)
	}
	_, stop := servePages(t, cfg, zerolog.Nop())
	defer stop()
	if _, err := app.dialDaemon(t.Context(), cfg); err != nil {
		t.Errorf("its own daemon: %v", err)
	}
	other := *cfg
	other.StateFile = filepath.Join(t.TempDir(), "balansd.db")
	if _, err := app.dialDaemon(t.Context(), &other); !problem.Is(err, problem.NotAllowed) {
		t.Errorf("another's daemon: %v", err)
	}
}

// TestPagesBehindProxy: invitations lead to the address of the pages as people reach it,
// and two installations have cookies of their own.
func TestPagesBehindProxy(t *testing.T) {
	instances := map[string]bool{}
	for _, path := range []string{"/", "/trial/"} {
		f := newFixture(t, fixtureOptions{more: fmt.Sprintf("portal: {listen: %q, url: \"https://office.example%s\", trusted_proxies: [127.0.0.1, \"fd00::/8\"]}\n",
			testenv.UnusedAddress(t), path)})
		var i accounts.Invitation
		if err := json.Unmarshal([]byte(f.want(0, "", "portal", "invite", "an", "--json").stdout), &i); err != nil {
			t.Fatal(err)
		}
		if want := "https://office.example" + path + "invite/"; !strings.HasPrefix(i.Link, want) || len(i.Link) < len(want)+20 {
			t.Errorf("the invitation is %s, want %s…", i.Link, want)
		}
		app := &App{env: Env{Stdout: newOutput(), Stderr: newOutput(), Version: "test"}, configPath: f.config}
		cfg, n := openNode(t, app)
		p, err := n.newPages(cfg, nil)
		if err != nil {
			t.Fatal(err)
		}
		instances[p.web.Instance] = true
		if p.web.URL+"/" != cfg.Portal.URL || len(p.web.TrustedProxies) != 2 {
			t.Errorf("the pages are at %s behind %v", p.web.URL, p.web.TrustedProxies)
		}
	}
	if len(instances) != 2 {
		t.Errorf("both installations are %v", instances)
	}
}

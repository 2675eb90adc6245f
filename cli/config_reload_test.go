package cli

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"balansd/accounts"
	"balansd/config"
	"balansd/daemon"
	"balansd/localapi"

	"github.com/rs/zerolog"
)

// rewrite replaces text in the configuration.
func (f *fixture) rewrite(from, to string) {
	f.t.Helper()
	text := f.text()
	if !strings.Contains(text, from) {
		f.t.Fatalf("the configuration does not hold %q", from)
	}
	if err := os.WriteFile(f.config, []byte(strings.Replace(text, from, to, 1)), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

// TestReload has a running daemon read its configuration again.
func TestReload(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	f.link()
	f.want(1, "no daemon runs here", "config", "reload")
	d := f.daemon()
	f.want(0, "no setting changed", "config", "reload")

	// Each reload applies what can change, and reports what needs a restart.
	f.rewrite(`night: {at: "02:30", spread: 0s}`, "night: {at: \"04:44\", spread: 0s}\nlog: {level: debug, files: 3}")
	got := read[localapi.Reloaded](t, f, 0, "config", "reload")
	if !slices.Equal(got.Changed, []string{"log.level", "night.at"}) || !slices.Equal(got.Restart, []string{"log.files"}) {
		t.Errorf("the reload says %+v", got)
	}
	f.want(0, "04:44", "status")
	d.stderr.waitFor(t, `"level":"debug"`, d.ended)
	f.want(0, "In force after a restart (balansd service restart): log.files.", "config", "reload")

	// After a mistake the daemon keeps its configuration.
	f.rewrite("04:44", "25:44")
	f.want(2, "no time of day", "config", "reload")
	f.rewrite("25:44", "04:44")
	f.want(0, "nothing was changed", "sync", "--dry-run")
	f.want(0, "", "sync")
	d.stop(t)
	var seen []string
	for _, r := range f.auditRecords() {
		if r.What == "reload" {
			seen = append(seen, r.On+" "+r.Outcome)
		}
	}
	if want := []string{" ", "log.level night.at ", " "}; !slices.Equal(seen, want) {
		t.Errorf("of the reloads the audit log has %q", seen)
	}
}

// auditRecords returns the audit log, newest first, while no daemon runs.
func (f *fixture) auditRecords() []accounts.Record {
	f.t.Helper()
	app := &App{env: Env{Stdout: newOutput(), Stderr: newOutput(), Version: "test"}, configPath: f.config}
	cfg, err := app.config()
	if err != nil {
		f.t.Fatal(err)
	}
	n, err := newNode(f.t.Context(), cfg, nodeOptions{version: "test", log: zerolog.Nop()})
	if err != nil {
		f.t.Fatal(err)
	}
	defer n.Close()
	_, log := n.people(cfg)
	list, _, err := log.Page(f.t.Context(), 0, 100)
	if err != nil {
		f.t.Fatal(err)
	}
	return list
}

// TestReloadClients sets another client id: the next call uses it without a restart.
func TestReloadClients(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	f.link()
	d := f.daemon()
	ours := fmt.Sprintf("client_id: %q", f.sandbox.Finbox.ClientID())
	f.rewrite(ours, "client_id: somebody-else")
	f.want(0, "finbox.client_id", "config", "reload")
	f.want(3, "", "sync") // Finbox does not know that client id
	f.rewrite("client_id: somebody-else", ours)
	f.want(0, "finbox.client_id", "config", "reload")
	f.want(0, "", "sync")
	d.stop(t)
}

// TestReloadKeepsSignIn reloads the configuration while somebody is signing in to
// Silverfin.
func TestReloadKeepsSignIn(t *testing.T) {
	t.Parallel()
	fix := newFixture(t, fixtureOptions{})
	fix.link()
	d := fix.daemon()
	firm := fix.sandbox.Silverfin.Firms()[0].ID
	cfg, err := config.Load(config.LoadOptions{Path: fix.config})
	if err != nil {
		t.Fatal(err)
	}
	client, err := localapi.Dial(t.Context(), cfg.Socket, cfg.StateFile)
	if err != nil {
		t.Fatal(err)
	}
	signIn, err := client.BeginSilverfin(t.Context(), daemon.SignInRequest{FirmID: firm})
	if err != nil {
		t.Fatal(err)
	}
	fix.rewrite(`at: "02:30"`, `at: "05:00"`)
	fix.want(0, "night.at", "config", "reload")
	if linked, err := client.EndSilverfin(t.Context(), daemon.GrantRequest{State: signIn.State, Code: fix.sandbox.Silverfin.Grant(firm), FirmID: firm, By: "Els"}); err != nil || linked.Firm.ID != firm {
		t.Errorf("the sign-in ends with %+v, %v", linked, err)
	}
	d.stop(t)
}

// TestReloadBySignal sends the signal of systemctl reload.
func TestReloadBySignal(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such signal")
	}
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	f.link()
	d := f.daemon()
	f.rewrite(`at: "02:30"`, "at: 25")
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	d.stderr.waitFor(t, "the old one stays in force", d.ended)
	f.rewrite("at: 25", `at: "05:00"`)
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	d.stderr.waitFor(t, "the configuration was read again", d.ended)
	d.stop(t)
}

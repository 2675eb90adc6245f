package portal

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"balansd/accounts"
	"balansd/daemon"
	"balansd/daemon/daemontest"
	"balansd/ledger"
	"balansd/problem"

	"github.com/rs/zerolog"
)

// slowAPI finishes a sign-in to Silverfin only when release is closed.
type slowAPI struct {
	*stubAPI

	release chan struct{}
	err     error
}

func (d *slowAPI) EndSilverfin(ctx context.Context, r daemon.GrantRequest) (daemon.LinkedFirm, error) {
	d.Record("EndSilverfin", r)
	select {
	case <-d.release:
		return daemon.LinkedFirm{Firm: ledger.Firm{ID: 12, Name: "Kantoor Peeters"}}, d.err
	case <-ctx.Done():
		return daemon.LinkedFirm{}, ctx.Err()
	}
}

// TestTaskContinuesInBackground: when Silverfin needs longer than a page may take, the
// page says so and waits, and the result is shown once.
func TestTaskContinuesInBackground(t *testing.T) {
	for name, tt := range map[string]struct {
		fails error
		says  string
	}{
		"well": {nil, "Silverfin-omgeving Kantoor Peeters is gekoppeld"},
		"fail": {problem.New(problem.SilverfinDown, "Silverfin answered 503", ""), "Silverfin is niet bereikbaar"},
	} {
		t.Run(name, func(t *testing.T) {
			d := &slowAPI{stubAPI: &stubAPI{API: &daemontest.API{}}, release: make(chan struct{}), err: tt.fails}
			f := newFixture(t, func(c *Config) { c.API, c.SlowAfter = d, time.Nanosecond })
			ann := f.signedIn(annName)
			ann.post("/connection/silverfin", "firm", "12")
			got := ann.post("/connection/silverfin/end", "state", daemontest.Full[daemon.SignIn]().State, "code", "abc", "authorized_firm_id", "12")
			step := got.header.Get("Location")
			if got.code != http.StatusSeeOther || !strings.HasPrefix(step, "/step/") {
				t.Fatalf("gives %d to %s: %s", got.code, step, got.body)
			}
			page := ann.get(step)
			if !strings.Contains(page.body, "gaat op de achtergrond verder") || page.header.Get("Refresh") == "" {
				t.Errorf("while it goes on: %s", page.body)
			}
			f.addPerson("Cis", accounts.Admin)
			if other := f.signedIn("Cis").get(step); other.header.Get("Location") != "/" {
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
			if again := ann.get(step); again.code != http.StatusSeeOther || again.header.Get("Location") != "/connection#step2" && again.header.Get("Location") != "/" {
				t.Errorf("shown again it gives %d", again.code)
			}
			if n := len(d.callsOf("EndSilverfin")); n != 1 {
				t.Errorf("%d sign-ins were ended", n)
			}
		})
	}
}

// TestTaskPanics: a panic gives an error page, and does not end the process.
func TestTaskPanics(t *testing.T) {
	var log logLines
	f := newFixture(t, func(c *Config) {
		c.API, c.Log = panickingAPI{&stubAPI{API: &daemontest.API{}}}, zerolog.New(&log)
	})
	if got := f.signedIn(annName).post("/connection/finbox", "id", "ABC-123"); got.code != http.StatusInternalServerError {
		t.Errorf("it gives %d", got.code)
	}
	if !strings.Contains(strings.Join(log.lines, ""), "a background task panicked") {
		t.Errorf("the log has %q", log.lines)
	}
}

// panickingAPI panics in ConnectFinbox and Bulk.
type panickingAPI struct{ *stubAPI }

func (panickingAPI) ConnectFinbox(context.Context, daemon.ConnectionRequest) (daemon.LinkedConnection, error) {
	panic("a fault")
}

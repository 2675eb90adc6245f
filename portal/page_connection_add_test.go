package portal

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"balansd/daemon"
	"balansd/daemon/daemontest"
	"balansd/ledger"
	"balansd/problem"

	"github.com/google/go-cmp/cmp"
)

// addingAPI is a stubAPI whose AddConnection and TestConnection answer as told.
type addingAPI struct {
	*stubAPI

	test daemon.ConnectionTest
	err  error
}

func (d *addingAPI) AddConnection(_ context.Context, r daemon.NewConnection) (daemon.ConnectionTest, error) {
	d.Record("AddConnection", r)
	return d.test, d.err
}

func (d *addingAPI) TestConnection(_ context.Context, r daemon.ConnectionRequest) (daemon.ConnectionTest, error) {
	d.Record("TestConnection", r)
	return d.test, d.err
}

func newAddingFixture(t *testing.T, d *addingAPI) *fixture {
	t.Helper()
	d.stubAPI = &stubAPI{API: &daemontest.API{}}
	return newFixture(t, func(c *Config) { c.API = d })
}

// TestCatalogueOnPage: the sources by group, the uploads, and why cloud packages are not
// there; a source without translations is shown all the same.
func TestCatalogueOnPage(t *testing.T) {
	ann := newStubFixture(t, &stubAPI{}).signedIn(annName)
	page := ann.get("/connection").body
	for _, want := range []string{`href="/connection/add/acerta"`, `href="/connection/add/finbox"`, "Sociaal secretariaat", `href="/upload"`,
		"Exact Online", "bevatten geen sociale balans", `href="/connection/add/new">A new source`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if form := ann.get("/connection/add/new").body; !strings.Contains(form, `<label for="colour">colour</label>`) {
		t.Errorf("the form of a new source: %s", form)
	}
	for _, source := range []string{"upload", "nothing"} {
		if got := ann.get("/connection/add/" + source); got.code != http.StatusNotFound {
			t.Errorf("%s: %d", source, got.code)
		}
	}
}

// TestAddConnection: what was typed goes to the daemon; where balances can be delivered a
// sync starts at once, and its progress is on the page.
func TestAddConnection(t *testing.T) {
	newest := time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC)
	seen := daemon.ConnectionTest{Connection: ledger.Connection{ID: "acerta", Name: "acerta"}, Environment: "acerta", Dossiers: 3, Balances: 4, Newest: newest}
	for name, tt := range map[string]struct {
		status daemon.Status
		syncs  int
	}{
		"no firm yet": {daemon.Status{Connections: []ledger.Connection{{ID: "c", Status: ledger.Active}}}, 0},
		"linked":      {daemon.Status{Connections: []ledger.Connection{{ID: "c", Status: ledger.Active}}, Firms: []ledger.Firm{{ID: 12}}}, 1},
		"paused":      {daemon.Status{Connections: []ledger.Connection{{ID: "c", Status: ledger.Paused}}, Firms: []ledger.Firm{{ID: 12}}}, 0},
		"to relink":   {daemon.Status{Connections: []ledger.Connection{{ID: "c", Status: ledger.Active}}, Firms: []ledger.Firm{{ID: 12, Relink: "refused"}}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			d := &addingAPI{test: seen}
			f := newAddingFixture(t, d)
			d.status = tt.status
			release := make(chan struct{})
			d.Run = func(context.Context, daemon.SyncRequest, func(daemon.Progress)) (ledger.Run, error) {
				<-release
				return ledger.Run{}, nil
			}
			defer close(release)
			ann := f.signedIn(annName)
			got := ann.post("/connection/add/acerta", "path", "/srv/acerta", "layout", "flat")
			to, _, _ := strings.Cut(got.header.Get("Location"), "#")
			if got.code != http.StatusSeeOther || strings.Contains(to, "?job=") != (tt.syncs > 0) {
				t.Fatalf("gives %d to %q: %s", got.code, to, got.body)
			}
			want := []string{"AddConnection[{Source:acerta Fields:map[layout:flat path:/srv/acerta] DryRun:false By:Ann Peeters}]"}
			if diff := cmp.Diff(want, d.callsOf("AddConnection")); diff != "" {
				t.Error(diff)
			}
			page := ann.get(to).body
			if !strings.Contains(page, "acerta antwoordt. Dossiers: 3; sociale balansen: 4; de nieuwste van 09/03/2026.") {
				t.Errorf("the page does not say what was seen: %s", page)
			}
			if _, job, ok := strings.Cut(to, "?job="); ok && !strings.Contains(page, `hx-get="/sync/`+job+`"`) {
				t.Errorf("the page shows no progress: %s", page)
			}
		})
	}
}

// TestAddConnectionFails: the form comes back with what was typed, but no secret, and with
// what to do.
func TestAddConnectionFails(t *testing.T) {
	d := &addingAPI{err: problem.New(problem.FolderDown, "the folder cannot be read", "").Because(problem.FolderRights, "Let it in: sudo setfacl x")}
	ann := newAddingFixture(t, d).signedIn(annName)
	got := ann.post("/connection/add/acerta", "path", "/srv/<acerta>")
	for _, want := range []string{`value="/srv/&lt;acerta&gt;"`, "Het account van de service mag deze map niet lezen", "sudo setfacl x"} {
		if !strings.Contains(got.body, want) {
			t.Errorf("%d, without %q: %s", got.code, want, got.body)
		}
	}
	got = ann.post("/connection/add/finbox", "id", "abc", "client_secret", "hush-hush")
	if !strings.Contains(got.body, `value="abc"`) || strings.Contains(got.body, "hush-hush") {
		t.Errorf("the secret is shown: %s", got.body)
	}
	if got := ann.post("/connection/test", "id", "acerta"); got.code < 400 || !strings.Contains(got.body, "sudo setfacl x") {
		t.Errorf("the test says %d: %s", got.code, got.body)
	}
}

// TestAddConnectionUnseen: a folder that the service sees only once it is installed again
// is added, and what is to be done is on the page.
func TestAddConnectionUnseen(t *testing.T) {
	c := ledger.Connection{ID: "acerta", Name: "acerta", Kind: ledger.Folder, Status: ledger.Active, Source: "acerta",
		Settings: map[string]string{"path": "/home/x"}, Problem: "the folder cannot be read", ProblemReason: string(problem.HiddenFolder)}
	d := &addingAPI{test: daemon.ConnectionTest{Connection: c, Environment: "acerta", Unseen: true}}
	f := newAddingFixture(t, d)
	d.status.Connections = []ledger.Connection{c, {ID: "payroll", Name: "payroll", Kind: ledger.Folder, Status: ledger.Active}}
	ann := f.signedIn(annName)
	ann.post("/connection/add/acerta", "path", "/home/x")
	page := ann.get("/connection").body
	for _, want := range []string{"de service kan de map nog niet bereiken", "sudo balansd service install", "<code>/home/x</code>", "Acerta", "Staat in de configuratie"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q: %s", want, page)
		}
	}
	if n := strings.Count(page, `name="status" value="removed"`); n != 1 {
		t.Errorf("%d connections can be removed, want the one that was added here", n)
	}
	if n := strings.Count(page, `action="/connection/test"`); n != 2 {
		t.Errorf("%d connections can be tested", n)
	}
}

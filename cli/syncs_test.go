package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"balansd/config"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
	"balansd/store"

	"github.com/rs/zerolog"
)

// addFolder fills a folder with the demo's files, and returns its path.
func (f *fixture) addFolder(name string) string {
	f.t.Helper()
	dir := filepath.Join(f.dir, name)
	if err := f.addDemo().WriteFolder(dir); err != nil {
		f.t.Fatal(err)
	}
	return dir
}

// TestSyncsAddFolder: a folder of a payroll bureau is tested, added, delivered from by a
// daemon that goes on running, read anew after a restart, let through by the service,
// removed with its entries kept, and added again.
func TestSyncsAddFolder(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	dir := f.addFolder("acerta")
	f.linkSilverfin()
	d := f.daemon()
	f.want(0, "Nothing was saved", "syncs", "add", "acerta", dir, "--dry-run")
	f.want(0, "No source is linked", "syncs", "list")
	f.want(0, "acerta: 3 dossiers, 3 social balances, the newest of", "syncs", "add", "acerta", dir, "--set", "settle=0s")
	f.want(0, "acerta: 3 dossiers", "syncs", "test", "acerta")
	f.want(0, "DAKVER01", "sync", "--dry-run", "--json")
	f.want(0, "3 new", "sync")
	d.stop(t)
	f.want(0, "here", "syncs", "list")
	f.want(0, "acerta", "status")
	f.want(0, "folder acerta", "doctor")
	m := &fakeManager{}
	f.service(m, "install", "--dry-run").want(t, 0, "This would be done")
	if !slices.Contains(m.spec.Readable, dir) {
		t.Errorf("the service may not read %s: %v", dir, m.spec.Readable)
	}
	f.want(0, "is removed", "syncs", "remove", "acerta", "--yes")
	f.want(1, "was removed", "syncs", "resume", "acerta")
	before := len(f.entries())
	f.want(0, "0 new", "sync")
	f.want(0, "acerta is added", "syncs", "add", "acerta", dir, "--set", "settle=0s")
	f.want(0, "0 new", "sync")
	if after := len(f.entries()); after != before || after != 3 {
		t.Errorf("%d entries before, %d after", before, after)
	}
}

// TestSyncsSurvive: what was added is in a backup with its secrets, also after the state
// was lost; a folder with which the configuration overlaps later is not read, and told.
func TestSyncsSurvive(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{finbox: "client_secret_file: other.secret"})
	f.write("other.secret", "not the right one")
	dir := f.addFolder("acerta")
	f.want(0, "is added", "syncs", "add", "acerta", dir, "--set", "settle=0s")
	f.want(0, "is added", "syncs", "add", "finbox", f.conn, "--set", "client_id="+f.sandbox.Info().Finbox.ClientID,
		"--secret", "client_secret="+filepath.Join(f.dir, "finbox.secret"))
	made := read[ledger.Backup](t, f, 0, "backup", "create")
	if err := os.Remove(f.stateFile()); err != nil {
		t.Fatal(err)
	}
	f.want(0, "", "backup", "restore", made.File, "--yes")
	f.want(0, "acerta: 3 dossiers", "syncs", "test", "acerta")
	f.want(0, "dossiers", "syncs", "test", f.conn)
	f.rewrite("portal:", "folders: [{name: all, path: ., settle: 0s}]\nportal:")
	f.want(2, "its files would be read twice", "syncs", "test", "acerta")
}

// TestSyncsAddRefuses: what config check refuses of a folder is refused here too, and
// nothing is saved.
func TestSyncsAddRefuses(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{more: "folders: [{name: payroll, path: in}]\n"})
	for _, name := range []string{"in/sub", "one", "data"} {
		if err := os.MkdirAll(filepath.Join(f.dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	one := filepath.Join(f.dir, "one")
	f.want(0, "holds no social balance yet", "syncs", "add", "liantis", one, "--set", "settle=0s")
	for _, c := range []struct {
		want string
		args []string
	}{
		{"would be read twice", []string{"acerta", filepath.Join(f.dir, "in", "sub")}},
		{"would be read twice", []string{"acerta", one}},
		{"balansd keeps its own files there", []string{"acerta", filepath.Join(f.dir, "data")}},
		{"there is a connection liantis already", []string{"liantis", f.dir}},
		{"there is a connection payroll already", []string{"folder", one, "--set", "name=payroll"}},
		{"there is a connection uploads already", []string{"folder", one, "--set", "name=uploads"}},
		{"is no full path", []string{"acerta", "one"}},
		{`layout is "both"`, []string{"acerta", one, "--set", "layout=both"}},
		{`"soon" is no date`, []string{"acerta", one, "--set", "from=soon"}},
		{"is no pattern", []string{"acerta", one + "2", "--set", "ignore=x["}},
		{`has no setting "colour"`, []string{"acerta", one, "--set", "colour=red"}},
		{"the catalogue has no source", []string{"exact", one}},
		{"cannot be read", []string{"acerta", one + "2"}},
		{"others can see the command line", []string{"finbox", "x", "--set", "client_secret=hush"}},
		{"always there", []string{"upload", "x"}},
	} {
		args := append([]string{"syncs", "add"}, c.args...)
		if r := f.run(args...); r.code == 0 || !strings.Contains(r.stderr, c.want) {
			t.Errorf("%v: exit code %d, want %q in:\n%s%s", c.args, r.code, c.want, r.stdout, r.stderr)
		}
	}
	if list := read[struct{ Connections []ledger.Connection }](t, f, 0, "syncs", "list").Connections; len(list) != 2 {
		t.Errorf("something was saved: %+v", list)
	}
	f.want(1, "comes from the configuration", "syncs", "remove", "payroll", "--yes")
}

// TestSyncsAddFinboxWithOwnCredentials: a Finbox environment whose credentials are
// sealed in the state is asked with them, also after a restart; no output has the
// secret; it goes with the connection.
func TestSyncsAddFinboxWithOwnCredentials(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{finbox: "client_secret_file: other.secret"})
	f.write("other.secret", "not the right one")
	info := f.sandbox.Info().Finbox
	secret := filepath.Join(f.dir, "finbox.secret")
	f.want(1, "Finbox refuses", "syncs", "add", "finbox", f.conn)
	if list := read[struct{ Connections []ledger.Connection }](t, f, 0, "syncs", "list").Connections; len(list) != 0 {
		t.Errorf("a connection that Finbox refuses was saved: %+v", list)
	}
	f.want(2, "without its client id", "syncs", "add", "finbox", f.conn, "--secret", "client_secret="+secret)
	f.want(0, "is added", "syncs", "add", "finbox", f.conn, "--set", "client_id="+info.ClientID, "--secret", "client_secret="+secret)
	f.addDemo()
	said := f.want(0, "dossiers", "syncs", "test", f.conn)
	said.stdout += f.want(0, "", "syncs", "list", "--json").stdout + f.want(0, "", "syncs", "test", f.conn, "--json").stdout
	state, err := os.ReadFile(f.stateFile())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(said.stdout+said.stderr+string(state), info.ClientSecret) {
		t.Error("the secret is shown, or lies open in the state")
	}
	f.want(0, "is removed", "syncs", "remove", f.conn, "--yes")
	st, err := store.Open(store.Options{Path: f.stateFile(), KeyPath: filepath.Join(f.dir, "data", "balansd.key")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = st.Close() }()
	if left, err := st.Secrets().Get(t.Context(), store.ConnectionSecret(f.conn, "client_secret")); err != nil || left != nil {
		t.Errorf("the secret of a removed connection is kept: %v", err)
	}
}

// TestSyncsAddAtOnce: of two people who add the same folder at once, one is refused.
func TestSyncsAddAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	dir := f.addFolder("social")
	cfg, err := config.Load(config.LoadOptions{Path: f.config})
	if err != nil {
		t.Fatal(err)
	}
	n, err := newNode(t.Context(), cfg, nodeOptions{version: "test", log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = n.Close() }()
	sources := []string{"acerta", "liantis", "securex"}
	errs := make([]error, len(sources))
	var all sync.WaitGroup
	for i, source := range sources {
		all.Go(func() {
			_, errs[i] = n.AddConnection(t.Context(), daemon.NewConnection{Source: source, Fields: map[string]string{"path": dir}})
		})
	}
	all.Wait()
	refused := 0
	for _, err := range errs {
		if problem.Is(err, problem.Usage) {
			refused++
		}
	}
	if list, err := n.Connections(t.Context()); err != nil || len(list) != 1 || refused != len(sources)-1 {
		t.Errorf("%d refused, saved are %+v: %v, %v", refused, list, errs, err)
	}
}

// TestFolderHiddenFromTheService: a folder that the unit hides is saved with the command
// that lets it in; one that the account may not read is refused with another.
func TestFolderHiddenFromTheService(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no unit here")
	}
	f := newFixture(t, fixtureOptions{})
	cfg, err := config.Load(config.LoadOptions{Path: f.config})
	if err != nil {
		t.Fatal(err)
	}
	n, err := newNode(t.Context(), cfg, nodeOptions{version: "test", log: zerolog.Nop(), unit: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = n.Close() }()
	path := "/home/nobody-of-this-name/acerta"
	got, err := n.AddConnection(context.Background(), daemon.NewConnection{Source: "acerta", Fields: map[string]string{"path": path}})
	if err != nil || !strings.Contains(strings.Join(got.Notes, " "), "sudo balansd service install") {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := n.TestConnection(t.Context(), daemon.ConnectionRequest{ID: "acerta"}); problem.Of(err).Reason != problem.HiddenFolder {
		t.Errorf("the test says %v", err)
	}
	reason, next := nodeOptions{}.folderHint("/srv/it's", &fs.PathError{Op: "open", Path: "/srv", Err: fs.ErrPermission})
	if reason != problem.FolderRights || !strings.Contains(next, `sudo setfacl -R -m u:balansd:rX,d:u:balansd:rX '/srv/it'\''s'`) {
		t.Errorf("%s: %s", reason, next)
	}
	if reason, next := (nodeOptions{}).folderHint(path, errors.New("gone")); reason != "" || next != "" {
		t.Errorf("outside of a unit: %s, %s", reason, next)
	}
}

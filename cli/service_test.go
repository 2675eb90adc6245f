package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"balansd/config"
	"balansd/problem"
	"balansd/service"
)

// fakeManager is a service manager that records its calls.
type fakeManager struct {
	rights  error
	status  service.Status
	spec    service.Spec
	removed service.Removal
	did     []string
}

func (f *fakeManager) Rights() error { return f.rights }

func (f *fakeManager) step(what string) service.Step {
	return service.Step{What: what, Do: func(context.Context) error { return f.do(what) }}
}

func (f *fakeManager) do(what string) error {
	f.did = append(f.did, what)
	return f.rights
}

func (f *fakeManager) Install(s service.Spec) ([]service.Step, error) {
	f.spec = s
	return []service.Step{f.step("write the unit"), f.step("enable it")}, nil
}

func (f *fakeManager) Uninstall(r service.Removal) ([]service.Step, error) {
	f.removed = r
	return []service.Step{f.step("remove the unit")}, nil
}

func (f *fakeManager) Start(context.Context) error   { return f.do("start") }
func (f *fakeManager) Stop(context.Context) error    { return f.do("stop") }
func (f *fakeManager) Restart(context.Context) error { return f.do("restart") }

func (f *fakeManager) Status(context.Context) (service.Status, error) { return f.status, nil }

// service runs a service command with a fake manager.
func (f *fixture) service(m service.Manager, args ...string) result {
	f.t.Helper()
	var stdout, stderr bytes.Buffer
	app := &App{env: Env{Args: args, Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr, Version: "test", daemonTimeout: f.daemonTimeout}, configPath: f.config}
	root := newServiceCommandWith(&serviceCommand{
		app:     app,
		manager: func() (service.Manager, error) { return m, nil },
		executable: func() (string, error) {
			return filepath.Join(filepath.VolumeName(f.dir)+string(filepath.Separator), "opt", "balansd"), nil
		},
	})
	app.trackStart(root)
	root.SetArgs(args)
	root.SetOut(&stdout)
	root.SetErr(&stderr)
	root.SilenceErrors, root.SilenceUsage = true, true
	err := root.ExecuteContext(f.t.Context())
	return result{app.report(f.t.Context(), err), stdout.String(), stderr.String()}
}

// TestServiceInstallKeepsItsConfiguration reinstalls a service whose configuration is not
// in a default place.
func TestServiceInstallKeepsItsConfiguration(t *testing.T) {
	f := newFixture(t, fixtureOptions{})
	m := &fakeManager{status: service.Status{State: service.On, Config: f.config}}
	named := f.config
	f.config = "" // no --config
	f.service(m, "install").want(t, 0, "balansd is installed as a service")
	if m.spec.Config != named {
		t.Errorf("the service has the configuration %q, want %q", m.spec.Config, named)
	}
}

func TestServiceInstall(t *testing.T) {
	f := newFixture(t, fixtureOptions{})
	m := &fakeManager{}
	f.service(m, "install", "--dry-run").want(t, 0, "This would be done:\n- write the unit\n- enable it\n- start the service")
	if len(m.did) > 0 {
		t.Errorf("a dry run did %v", m.did)
	}
	f.service(m, "install").want(t, 0, "balansd is installed as a service")
	if !slices.Equal(m.did, []string{"write the unit", "enable it", "restart"}) {
		t.Errorf("%v", m.did)
	}
	if m.spec.Config != f.config || m.spec.DataDir != filepath.Join(f.dir, "data") || !filepath.IsAbs(m.spec.Executable) {
		t.Errorf("%+v", m.spec)
	}
	m.did = nil
	f.service(m, "install", "--no-start").want(t, 0, "installed")
	if slices.Contains(m.did, "restart") {
		t.Errorf("%v", m.did)
	}

	m = &fakeManager{rights: problem.New(problem.NotAllowed, "you lack rights", "Use sudo.")}
	broken := *f
	broken.config = filepath.Join(f.dir, "missing.yaml")
	broken.service(m, "install").want(t, 1, "Use sudo.") // before anything about the configuration
	broken.service(&fakeManager{}, "install").want(t, 2, "missing.yaml")
	if len(m.did) > 0 {
		t.Errorf("%v", m.did)
	}
}

// TestServiceSpec sets each setting that is a path, and checks that the service may access
// it, so that a new setting is not forgotten.
func TestServiceSpec(t *testing.T) {
	base := filepath.Join(t.TempDir(), "x")
	cfg := config.Default()
	var want []string
	set := func(v reflect.Value, name string) {
		path := filepath.Join(base, strings.ReplaceAll(name, ".", "-"), "it")
		v.SetString(path)
		want = append(want, path)
	}
	var walk func(v reflect.Value, name string)
	walk = func(v reflect.Value, name string) {
		for i := range v.NumField() {
			key := strings.Trim(name+"."+v.Type().Field(i).Tag.Get("yaml"), ".")
			switch f := v.Field(i); {
			case !v.Type().Field(i).IsExported() || f.Type() == reflect.TypeFor[time.Time]():
			case f.Kind() == reflect.Struct:
				walk(f, key)
			case f.Kind() == reflect.String && (strings.HasSuffix(key, "_file") || strings.HasSuffix(key, ".folder") ||
				strings.HasSuffix(key, ".file") || strings.HasSuffix(key, "_table") || strings.HasSuffix(key, "_dir") || key == "socket" && runtime.GOOS != "windows"):
				set(f, key)
			}
		}
	}
	walk(reflect.ValueOf(cfg).Elem(), "")
	cfg.Folders = []config.Folder{{Path: filepath.Join(base, "folder")}}
	cfg.Administration.Lists = []config.ClientList{{File: filepath.Join(base, "lists", "clients.csv")}}
	want = append(want, cfg.Folders[0].Path, filepath.Join(base, "lists"))
	if len(want) < 14 {
		t.Fatalf("only %d settings are paths: %v", len(want), want)
	}
	spec := serviceSpec(cfg, "/opt/balansd")
	reached := slices.Concat(spec.Readable, spec.Writable, []string{spec.DataDir})
	for _, path := range want {
		// A file that is written may be reached by its folder.
		if !slices.Contains(reached, path) && !slices.Contains(spec.Writable, filepath.Dir(path)) {
			t.Errorf("the service does not reach %s", path)
		}
	}
	if config.SecretsFolder != service.SecretsFolder {
		t.Error("the configuration and the unit do not agree where the secrets are")
	}
}

func TestServiceUninstall(t *testing.T) {
	f := newFixture(t, fixtureOptions{})
	m := &fakeManager{status: service.Status{State: service.On, Config: f.config}}
	if err := os.MkdirAll(filepath.Join(f.dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	f.service(m, "uninstall").want(t, 0, "removed")
	if len(m.removed.Purge) > 0 {
		t.Errorf("without --purge, %v is deleted", m.removed.Purge)
	}
	m.did = nil
	f.service(m, "uninstall", "--purge").want(t, 2, "--yes") // there is no terminal to ask
	if len(m.did) > 0 {
		t.Errorf("without a word of confirmation it did %v", m.did)
	}
	f.service(m, "uninstall", "--purge", "--yes").want(t, 0, "removed")
	for _, path := range []string{filepath.Join(f.dir, "data"), f.config} {
		if !slices.Contains(m.removed.Purge, path) {
			t.Errorf("%s stays; deleted is %v", path, m.removed.Purge)
		}
	}
	if slices.Contains(m.removed.Purge, f.dir) {
		t.Errorf("the folder that the configuration happens to be in is deleted: %v", m.removed.Purge)
	}
	app := &App{env: Env{Stdin: strings.NewReader("yes\n"), Stderr: &bytes.Buffer{}}}
	if err := app.confirmWord("purge", "all"); !problem.Is(err, problem.Usage) {
		t.Errorf("a yes is taken for the word: %v", err)
	}
	app.env.Stdin = strings.NewReader(" purge \n")
	if err := app.confirmWord("purge", "all"); err != nil {
		t.Error(err)
	}
}

func TestServiceControl(t *testing.T) {
	f := newFixture(t, fixtureOptions{})
	m := &fakeManager{}
	for verb, said := range map[string]string{"start": "runs", "stop": "stopped", "restart": "anew"} {
		m.did = nil
		f.service(m, verb).want(t, 0, said)
		if !slices.Equal(m.did, []string{verb}) {
			t.Errorf("%s: %v", verb, m.did)
		}
	}
	m.rights = problem.New(problem.NotAllowed, "you lack rights", "Use sudo.")
	f.service(m, "start").want(t, 1, "Use sudo.")
}

func TestServiceStatus(t *testing.T) {
	f := newFixture(t, fixtureOptions{})
	f.service(&fakeManager{status: service.Status{State: service.NotInstalled}}, "status").want(t, 1, "not installed")
	m := &fakeManager{status: service.Status{Manager: "systemd 252", State: service.Failed, Result: "exit-code", Account: "balansd", Config: f.config, Says: "a word\x1b[31m"}}
	r := f.service(m, "status")
	r.want(t, 1, "failed, ended with: exit-code")
	for _, has := range []string{"systemd 252, account balansd", f.config, filepath.Join(f.dir, "data"), "starts   not by itself"} {
		if !strings.Contains(r.stdout, has) {
			t.Errorf("no %q in:\n%s", has, r.stdout)
		}
	}
	r.want(t, 1, "trouble  its log says why it ended")
	if strings.Contains(r.stdout, "\x1b") {
		t.Errorf("the process steers the terminal: %q", r.stdout)
	}

	f.link()
	f.daemon()
	m.status = service.Status{Manager: "systemd 252", State: service.On, Enabled: true, PID: 1, Config: f.config}
	f.service(m, "status").want(t, 0, "wakes ")
	r = f.service(m, "status", "--json")
	var st struct {
		Service service.Status
		Daemon  struct {
			NextWake time.Time `json:"next_wake"`
		}
		DataDir string `json:"data_dir"`
	}
	if err := json.Unmarshal([]byte(r.stdout), &st); err != nil || r.code != 0 || st.Daemon.NextWake.IsZero() || st.Service.State != service.On || st.DataDir == "" {
		t.Errorf("%d %v in %s", r.code, err, r.stdout)
	}
	// A balance without a company waits for a person.
	f.addDemo()
	f.run("sync")
	f.service(m, "status").want(t, 3, "something needs a person")
}

// TestCheckProgram checks the program of a service.
func TestCheckProgram(t *testing.T) {
	dir := t.TempDir()
	exe := filepath.Join(dir, "balansd")
	if err := os.WriteFile(exe, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS == "windows" {
		return // access lists have their own tests
	}
	if err := os.Chmod(exe, 0o777); err != nil {
		t.Fatal(err)
	}
	got := programResult(exe)
	if got.Well || !strings.Contains(got.Text, "everybody may change it") || !strings.Contains(got.Next, "/usr/local/bin") {
		t.Errorf("%+v", got)
	}
}

// TestServiceLogDestination checks that a service logs to a file unless its manager keeps
// standard error.
func TestServiceLogDestination(t *testing.T) {
	for name, c := range map[string]struct {
		environ []string
		managed bool
		manager string
		file    bool
	}{
		"systemd":    {[]string{"NOTIFY_SOCKET=/run/systemd/notify"}, true, "systemd 252", false},
		"SysV":       {nil, true, "SysV init", true},
		"a terminal": {nil, false, "", false},
	} {
		if runtime.GOOS == "windows" && name == "systemd" {
			continue
		}
		cfg := config.Default()
		cfg.DataDir = t.TempDir()
		file := filepath.Join(cfg.DataDir, "log", "balansd.log")
		app := &App{env: Env{Environ: c.environ, Stderr: &bytes.Buffer{}}}
		log, err := app.serviceLog(cfg, c.managed)
		if err != nil {
			t.Fatal(err)
		}
		logger := log.Logger()
		logger.Warn().Msg("a word")
		if err := log.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(file); (err == nil) != c.file {
			t.Errorf("%s: there is a log in a file: %v, want %v", name, err == nil, c.file)
		}
		if got := logLocation(cfg, c.manager); c.managed && (got == file) != c.file {
			t.Errorf("%s: the status says %s", name, got)
		}
	}
}

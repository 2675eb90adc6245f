package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"balansd/balance"
	"balansd/ledger"
	"balansd/sandbox"
)

// testProcessEnv makes the test binary run as balansd.
const testProcessEnv = "BALANSD_CLI_TEST_PROCESS"

func TestMain(m *testing.M) {
	if os.Getenv(testProcessEnv) == "" && !slices.Equal(os.Args[1:], []string{readDocumentCommand}) {
		os.Exit(m.Run())
	}
	if err := prepareTestProcess(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(70)
	}
	if order := os.Getenv(orderEnv); order != "" {
		os.Exit(runSteps(order))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	env := Env{Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Version: "test"}
	for _, name := range []string{"NOTIFY_SOCKET", "BALANSD_NETWORK_PROXY"} { // set by some tests
		if value := os.Getenv(name); value != "" {
			env.Environ = append(env.Environ, name+"="+value)
		}
	}
	os.Exit(Main(ctx, env))
}

// fixture is the server of an accounting firm: a configuration in its own folder, and the
// simulated Finbox and Silverfin that it names.
type fixture struct {
	t       testing.TB
	dir     string
	config  string
	sandbox *sandbox.Sandbox
	conn    string // the connection id
	firm    int64

	daemonTimeout time.Duration // for commands in this process; the default if 0
	machine       string        // the id of the machine of commands in this process; the real one if empty
}

// fixtureOptions are the differences from the usual fixture.
type fixtureOptions struct {
	sandbox sandbox.Options
	finbox  string // Finbox credentials of the configuration, instead of a client secret
	more    string // more lines of the configuration
}

func newFixture(t testing.TB, o fixtureOptions) *fixture {
	t.Helper()
	box, err := sandbox.Start(o.sandbox)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// Close waits for calls that a test did not wait for.
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = box.Close(ctx)
	})
	info := box.Info()
	w := &fixture{t: t, dir: t.TempDir(), sandbox: box, conn: info.Finbox.ConnectionID, firm: info.Silverfin.Firms[0].ID}
	w.write("finbox.secret", info.Finbox.ClientSecret)
	w.write("silverfin.secret", info.Silverfin.ClientSecret)
	if !strings.Contains(o.more, "portal:") {
		o.more += "portal: {listen: \"\"}\n" // many fixtures run at the same time
	}
	if o.finbox == "" {
		o.finbox = "client_secret_file: finbox.secret"
	}
	w.config = w.write("balansd.yaml", fmt.Sprintf(`data_dir: data
socket: %s
language: en
night: {at: "02:30", spread: 0s}
finbox: {base_url: %q, token_url: %q, client_id: %q, %s}
silverfin: {base_url: %q, client_id: %q, client_secret_file: silverfin.secret, requests_per_second: 100, burst: 100}
%s`, socketPath(t), info.Finbox.URL, info.Finbox.TokenURL, info.Finbox.ClientID, o.finbox,
		info.Silverfin.URL, info.Silverfin.ClientID, o.more))
	return w
}

// socketPath returns a socket that no other test uses. It is not in the test's folder,
// since the path of a Unix socket has at most about 100 bytes.
func socketPath(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "bd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if runtime.GOOS == "windows" {
		return `'\\.\pipe\` + filepath.Base(dir) + `'`
	}
	return "'" + filepath.Join(dir, "s") + "'"
}

// write writes a file that only its owner can read, and returns its path.
func (f *fixture) write(name, text string) string {
	f.t.Helper()
	path := filepath.Join(f.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
	return path
}

func (f *fixture) stateFile() string { return filepath.Join(f.dir, "data", "balansd.db") }

// run runs a command in this process.
func (f *fixture) run(args ...string) result { return f.runWith("", args...) }

// runWith runs a command with stdin as its standard input.
func (f *fixture) runWith(stdin string, args ...string) result {
	f.t.Helper()
	return f.runEnv(f.t.Context(), Env{Args: args, Stdin: strings.NewReader(stdin)})
}

func (f *fixture) runEnv(ctx context.Context, env Env) result {
	f.t.Helper()
	var stdout bytes.Buffer
	stderr := newOutput()
	env.Args, env.Stdout, env.Version = append(env.Args, "--config", f.config), &stdout, "test"
	env.daemonTimeout, env.passphraseWork, env.machine = f.daemonTimeout, 10, f.machine
	if env.Stderr == nil {
		env.Stderr = stderr
	} else {
		env.Stderr = io.MultiWriter(stderr, env.Stderr)
	}
	code := Main(ctx, env)
	return result{code, stdout.String(), stderr.String()}
}

// want runs a command and checks its exit code, and that its output or error output
// contains a text.
func (f *fixture) want(code int, contains string, args ...string) result {
	f.t.Helper()
	r := f.run(args...)
	r.want(f.t, code, contains, args...)
	return r
}

func (r result) want(t testing.TB, code int, contains string, args ...string) {
	t.Helper()
	if r.code != code || !strings.Contains(r.stdout+r.stderr, contains) {
		t.Fatalf("%s: exit code %d, want %d and %q in:\n%s%s", strings.Join(args, " "), r.code, code, contains, r.stdout, r.stderr)
	}
}

// read runs a command with --json and decodes its output.
func read[T any](t testing.TB, f *fixture, code int, args ...string) (out T) {
	t.Helper()
	r := f.run(append(args, "--json")...)
	if err := json.Unmarshal([]byte(r.stdout), &out); err != nil || r.code != code {
		t.Fatalf("%s: exit code %d, want %d: %v in:\n%s%s", strings.Join(args, " "), r.code, code, err, r.stdout, r.stderr)
	}
	return out
}

// entries returns the ledger by dossier.
func (f *fixture) entries() map[string]ledger.Entry {
	f.t.Helper()
	out := map[string]ledger.Entry{}
	for _, e := range read[[]ledger.Entry](f.t, f, 0, "ledger", "list") {
		if e.State != ledger.Superseded {
			out[e.Dossier.Name] = e
		}
	}
	return out
}

// link links Finbox and the firm.
func (f *fixture) link() {
	f.t.Helper()
	f.want(0, "Linked", "connect", "finbox", f.conn)
	f.linkSilverfin()
}

func (f *fixture) linkSilverfin() {
	f.t.Helper()
	args := []string{"connect", "silverfin", "--oob", "--firm", fmt.Sprint(f.firm)}
	f.runWith(f.sandbox.Silverfin.Grant(f.firm)+"\n", args...).want(f.t, 0, "Linked", args...)
}

// addDemo adds the demo's dossiers to the sandbox.
func (f *fixture) addDemo() *sandbox.Demo {
	f.t.Helper()
	d, err := f.sandbox.Demo()
	if err != nil {
		f.t.Fatal(err)
	}
	return d
}

// wantDelivered compares Silverfin with Finbox: each balance of the ledger is done, their
// number is right, each figure is in its place, and no property was ever written with two
// different values.
func (f *fixture) wantDelivered(balances int) {
	f.t.Helper()
	list := read[[]ledger.Entry](f.t, f, 0, "ledger", "list")
	if len(list) != balances {
		f.t.Errorf("%d entries, want %d", len(list), balances)
	}
	for _, e := range list {
		if e.State != ledger.Done || e.Target == nil {
			f.t.Errorf("entry %d (%s) is %s: %s", e.Number, e.Dossier.Name, e.State, e.Detail)
			continue
		}
		b, err := f.sandbox.Finbox.Figures(e.ID)
		if err != nil {
			f.t.Fatal(err)
		}
		want := map[string]string{}
		for cell, v := range b.Values {
			want["social_balance_integration.code_"+cell.String()] = balance.Canonical(v)
		}
		if got := f.sandbox.Silverfin.Custom(e.Target.CompanyID, e.Target.PeriodID); !maps.Equal(got, want) {
			f.t.Errorf("entry %d: Silverfin holds %d figures, Finbox %d, and they are not equal", e.Number, len(got), len(want))
		}
	}
	f.wantNoRewrites()
}

// wantNoRewrites checks that no property was ever written with two different values.
func (f *fixture) wantNoRewrites() {
	f.t.Helper()
	type property struct {
		company, period, reconciliation int64
		name                            string
	}
	first := map[property]string{}
	for _, x := range f.sandbox.Silverfin.Writes() {
		at := property{x.Company, x.Period, x.Reconciliation, x.Namespace + "." + x.Key}
		if was, ok := first[at]; ok && was != x.New {
			f.t.Errorf("%s of company %d was written as %s and as %s", at.name, at.company, was, x.New)
		}
		first[at] = x.New
	}
}

// process is balansd in another process.
type process struct {
	t      testing.TB
	cmd    *exec.Cmd
	stdout *output
	stderr *output
	ended  chan struct{} // closed once the process has ended
}

// start runs a command in another process; env has additional variables.
func (f *fixture) start(env []string, args ...string) *process {
	f.t.Helper()
	return f.startInto(nil, env, args...)
}

// startInto is start with standard error in a file; nil for the process's own output.
func (f *fixture) startInto(stderr *os.File, env []string, args ...string) *process {
	f.t.Helper()
	p := &process{t: f.t, stdout: newOutput(), stderr: newOutput(), ended: make(chan struct{})}
	p.cmd = exec.Command(os.Args[0], append(args, "--config", f.config)...)
	p.cmd.Env = append(append(os.Environ(), testProcessEnv+"=1"), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.stdout, p.stderr
	if stderr != nil {
		p.cmd.Stderr = stderr
	}
	if err := p.cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.ended)
	}()
	f.t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
	})
	return p
}

// daemon starts "run" and waits until it answers; env has additional variables.
func (f *fixture) daemon(env ...string) *process {
	f.t.Helper()
	p := f.start(env, "run")
	p.stderr.waitFor(f.t, "answering the command line", p.ended)
	return p
}

// wait waits until the process has ended and returns its exit code, -1 if it was killed.
func (p *process) wait() int {
	<-p.ended
	return p.cmd.ProcessState.ExitCode()
}

// output is the output of a process, readable while it runs.
type output struct {
	mu    sync.Mutex
	text  bytes.Buffer
	wrote chan struct{} // has one token when something was written
}

func newOutput() *output { return &output{wrote: make(chan struct{}, 1)} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.wrote <- struct{}{}:
	default:
	}
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// waitFor waits until the output contains a text. Only one goroutine may call it at a
// time.
func (o *output) waitFor(t testing.TB, text string, ended <-chan struct{}) {
	t.Helper()
	for !strings.Contains(o.String(), text) {
		select {
		case <-o.wrote:
		case <-ended:
			t.Fatalf("balansd ended without saying %q:\n%s", text, o)
		}
	}
}

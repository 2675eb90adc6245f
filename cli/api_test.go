package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"balansd/daemon"
	"balansd/ledger"
	"balansd/sandbox"
	"balansd/sandbox/faults"

	"github.com/google/go-cmp/cmp"
)

// TestCommandsWithAndWithoutDaemon runs the same commands on two identical servers, one
// with and one without a daemon, and compares their output.
func TestCommandsWithAndWithoutDaemon(t *testing.T) {
	t.Parallel()
	without, with := newFixture(t, fixtureOptions{}), newFixture(t, fixtureOptions{})
	casts := []*sandbox.Demo{without.addDemo(), with.addDemo()}
	d := with.daemon()

	type step struct {
		stdin string
		args  string
		code  int
		do    func(f *fixture, cast *sandbox.Demo) // called before the command
	}
	steps := []step{
		{args: "connect finbox unknown-id", code: 1}, // creates the state
		{args: "status", code: 0}, {args: "ledger list"}, {args: "connections list"},
		{args: "connect finbox CONN"},
		{args: "sync --dry-run", code: 3},
		{args: "connect silverfin --oob --firm 1001", stdin: "no-code", code: 1},
		{args: "connect silverfin --oob --firm 1001", stdin: "CODE"},
		{args: "connect silverfin --oob --firm 1001 --json", stdin: "CODE"},
		{args: "connect finbox CONN --json"},
		{args: "sync --dry-run --dossier Bakkerij"},
		{args: "sync", code: 3},
		{args: "status", code: 3}, {args: "status --json", code: 3},
		{args: "ledger list"}, {args: "ledger list --state done --json"}, {args: "ledger list --limit 3"},
		{args: "ledger show 1"}, {args: "ledger show 12"}, {args: "ledger show 12 --json"},
		{args: "ledger show 999", code: 1}, {args: "ledger show 999 --json", code: 1},
		{args: "ledger retry 1"}, {args: "ledger retry 999", code: 1}, {args: "ledger dismiss 4", code: 1},
		{args: "ledger use-finbox 1", code: 1}, {args: "ledger keep-silverfin 12 --rubric 1003", code: 1},
		{args: "ledger keep-silverfin 12 --rubric 1023 --json"},
		{args: "sync --json", code: 3},
		{args: "ledger dismiss 8"}, {args: "ledger retry 8 13"},
		{args: "sync --dossier Bouwbedrijf", do: func(f *fixture, cast *sandbox.Demo) {
			f.sandbox.OpenWorkflow(cast.Find(sandbox.SituationWorkflowClosed)[0])
		}},
		{args: "sync --dossier nobody", code: 1}, {args: "sync --dossier nobody --json", code: 1}, {args: "sync --firm 7", code: 1},
		{args: "sync --dossier SRL --dry-run", code: 2}, {args: "sync stop", code: 1}, {args: "sync stop --run 3 --json", code: 1}, {args: "ledger list --reason bogus", code: 2},
		{args: "connections pause CONN"}, {args: "sync", code: 3}, {args: "connections resume CONN --json"},
		{args: "connections pause other", code: 1}, {args: "connections list"}, {args: "connections list --json"},
		{args: "sync", code: 3, do: func(f *fixture, _ *sandbox.Demo) { f.sandbox.Silverfin.RevokeTokens(f.firm) }},
		{args: "status", code: 3},
		{args: "sync", code: 3, do: func(f *fixture, _ *sandbox.Demo) {
			if err := f.sandbox.Finbox.Deactivate(f.conn); err != nil {
				t.Fatal(err)
			}
		}},
		{args: "connect finbox CONN", code: 1},
		{args: "ledger export --figures"},
		{args: "connections remove --firm 1001 --yes"}, {args: "connections remove --firm 1001 --yes", code: 1},
		{args: "connections remove CONN --yes"}, {args: "connections list --json"},
		{args: "config show"}, {args: "config check --json"},
	}
	for _, s := range steps {
		var got [2]result
		for i, f := range []*fixture{without, with} {
			if s.do != nil {
				s.do(f, casts[i])
			}
			args := strings.Fields(strings.ReplaceAll(s.args, "CONN", f.conn))
			stdin := s.stdin
			if stdin == "CODE" {
				stdin = f.sandbox.Silverfin.Grant(f.firm)
			}
			got[i] = f.masked(f.runWith(stdin, args...))
		}
		if got[0].code != s.code {
			t.Errorf("%s: exit code %d, want %d:\n%s%s", s.args, got[0].code, s.code, got[0].stdout, got[0].stderr)
		}
		if diff := cmp.Diff(got[0], got[1], cmp.AllowUnexported(result{})); diff != "" {
			t.Errorf("%s is not the same with a daemon (+) as without (-):\n%s", s.args, diff)
		}
	}
	d.stop(t)
}

// masks replaces what differs in each output, and the only line in which a daemon makes a
// difference: that it runs.
var masks = []struct {
	is *regexp.Regexp
	to string
}{
	{regexp.MustCompile(`(?m)^balansd test (runs since .*|does not run as a daemon now; start it with: balansd run)$`), "RUNS?"},
	{regexp.MustCompile(`"free": \d+`), `"free": BYTES`},
	{regexp.MustCompile(`"running": (true|false),(\n *"(since|next_wake)": "[^"]*",)*`), `"running": ?,`},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.0-9]*(Z|[+-]\d\d:\d\d)`), "INSTANT"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?`), "INSTANT"},
	{regexp.MustCompile(`\w{3} \d+ \w{3} \d{4} \d\d:\d\d`), "INSTANT"},
	{regexp.MustCompile(`, in [0-9.]+(ms|s|m[0-9.]*s)`), ", in TIME"},
	{regexp.MustCompile(`&state=\w+`), "&state=STATE"},
	{regexp.MustCompile(`\|\\"[A-Z2-7]+\\"`), "|TAG"}, // the entity tag of Finbox's listing
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "ADDRESS"},
}

// masked returns a result without what differs between two identical fixtures.
func (f *fixture) masked(r result) result {
	f.t.Helper()
	socket := strings.Trim(regexp.MustCompile(`(?m)^socket: (.*)$`).FindStringSubmatch(f.text())[1], "'")
	// JSON doubles the backslashes of a Windows path.
	doubled := strings.NewReplacer(`\`, `\\`)
	mask := func(s string) string {
		s = strings.NewReplacer(f.conn, "CONN", f.dir, "DIR", doubled.Replace(f.dir), "DIR",
			socket, "SOCKET", doubled.Replace(socket), "SOCKET").Replace(s)
		for _, m := range masks {
			s = m.is.ReplaceAllString(s, m.to)
		}
		return s
	}
	return result{r.code, mask(r.stdout), mask(r.stderr)}
}

// text returns the configuration.
func (f *fixture) text() string {
	f.t.Helper()
	text, err := os.ReadFile(f.config)
	if err != nil {
		f.t.Fatal(err)
	}
	return string(text)
}

// stop ends the daemon with a signal, where there are signals.
func (p *process) stop(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		_ = p.cmd.Process.Kill() // on Windows only the service manager can stop it
		<-p.ended
		return
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := p.wait(); code != 0 {
		t.Errorf("the daemon ended with %d:\n%s", code, p.stderr)
	}
}

// TestBusy checks that a second run, and a second process, report what blocks them.
func TestBusy(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	f.link()
	if err := f.sandbox.Fill(1); err != nil {
		t.Fatal(err)
	}
	d := f.daemon()

	// A process that does not find the daemon finds the state locked.
	elsewhere := *f
	elsewhere.daemonTimeout = time.Millisecond // it waits for no daemon, only for the state
	elsewhere.config = f.write("elsewhere.yaml", strings.Replace(f.text(), "\nsocket: ", "\nsocket: "+socketPath(t)+" # ", 1))
	r := elsewhere.want(1, "is in use by process ", "sync")
	if !strings.Contains(r.stderr, fmt.Sprintf("%s is in use by process %d (balansd run)\n", f.stateFile(), d.cmd.Process.Pid)) {
		t.Errorf("the other process is not named:\n%s", r.stderr)
	}
	// A second daemon does not start.
	second := f.start(nil, "run")
	if code := second.wait(); code != 1 || !strings.Contains(second.stderr.String(), "is in use by process") {
		t.Errorf("a second daemon ends with %d:\n%s", code, second.stderr)
	}

	// While a run waits for Silverfin, no other run begins.
	held, release := make(chan struct{}), make(chan struct{})
	var once bool
	f.sandbox.Silverfin.Faults().OnCall(func(faults.Call) {
		if !once {
			once = true
			close(held)
			<-release
		}
	})
	first := make(chan result, 1)
	go func() { first <- f.run("sync") }()
	<-held
	f.want(1, "another run is under way", "sync")
	r = f.run("sync", "--json")
	var got struct{ Error struct{ Code, Next string } }
	if err := json.Unmarshal([]byte(r.stderr), &got); err != nil || got.Error.Code != "busy" || got.Error.Next == "" {
		t.Errorf("%v in %+v", err, r)
	}
	f.want(0, "a run is under way since", "status")
	f.want(0, "found", "ledger", "list")
	close(release)
	r = <-first
	r.want(t, 0, "1 done")
	f.sandbox.Silverfin.Faults().OnCall(nil)
	d.stop(t)
}

// TestSyncStopped checks that the daemon stops without waiting for an answer from
// Silverfin, and that nothing is lost.
func TestSyncStopped(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no SIGTERM; the service manager asks in another way")
	}
	const balances = 40
	f := newFixture(t, fixtureOptions{})
	f.link()
	if err := f.sandbox.Fill(balances); err != nil {
		t.Fatal(err)
	}
	// A daemon that waits for an answer must not time out during the test.
	d := f.daemon("BALANSD_SILVERFIN_TIMEOUT=10m")
	f.sandbox.Silverfin.Faults().SetLatency(20 * time.Millisecond)
	// From the fifth write on, Silverfin writes but does not answer.
	writing, release := make(chan struct{}), make(chan struct{})
	var writes atomic.Int64
	f.sandbox.Silverfin.Faults().OnCall(func(c faults.Call) {
		if c.Method != "POST" || !strings.Contains(c.Path, "/custom") {
			return
		}
		n := writes.Add(1)
		if n == 5 {
			close(writing)
		}
		if n >= 5 {
			<-release
		}
	})
	runResult := make(chan result, 1)
	go func() { runResult <- f.run("sync") }()
	<-writing
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := d.wait(); code != 0 {
		t.Errorf("the daemon ended with %d:\n%s", code, d.stderr)
	}
	r := <-runResult
	close(release)
	if r.code != 1 || !strings.Contains(r.stdout+r.stderr, "stopped") {
		t.Errorf("the command that asked for the run gives %+v", r)
	}
	f.sandbox.Silverfin.Faults().SetLatency(0)
	f.sandbox.Silverfin.Faults().OnCall(nil)

	s := read[daemon.Status](t, f, 0, "status") // stopping is no error
	if s.LastRun == nil || s.LastRun.Stopped == "" || s.Counts[ledger.Done] == balances {
		t.Errorf("the run is recorded as %+v", s.LastRun)
	}
	f.want(0, "done", "sync")
	f.wantDelivered(balances)
}

// once closes a channel at the first call that matches. Calls come from many goroutines.
func once(match func(faults.Call) bool, hit chan struct{}) func(faults.Call) {
	lock := make(chan struct{}, 1)
	closed := false
	return func(c faults.Call) {
		lock <- struct{}{}
		defer func() { <-lock }()
		if !closed && match(c) {
			closed = true
			close(hit)
		}
	}
}

// TestSyncInterrupted checks that a run ends when its command is interrupted, with and
// without a daemon.
func TestSyncInterrupted(t *testing.T) {
	t.Parallel()
	for name, withDaemon := range map[string]bool{"alone": false, "through the daemon": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, fixtureOptions{})
			f.link()
			if err := f.sandbox.Fill(12); err != nil {
				t.Fatal(err)
			}
			var d *process
			if withDaemon {
				d = f.daemon()
			}
			f.sandbox.Silverfin.Faults().SetLatency(100 * time.Millisecond)
			writing := make(chan struct{})
			f.sandbox.Silverfin.Faults().OnCall(once(func(c faults.Call) bool { return c.Method == "POST" && strings.Contains(c.Path, "/custom") }, writing))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go func() {
				<-writing
				cancel()
			}()
			r := f.runEnv(ctx, Env{Args: []string{"sync"}, Stdin: &bytes.Buffer{}})
			if r.code != 1 || !strings.Contains(r.stdout, "it was stopped; the next run goes on where it was") {
				t.Errorf("a stopped run gives %+v", r)
			}
			f.sandbox.Silverfin.Faults().SetLatency(0)
			f.want(0, "done", "sync")
			f.wantDelivered(12)
			if d != nil {
				d.stop(t)
			}
		})
	}
}

// TestDaemonKilled kills the daemon during a run. The next one starts despite the stale
// socket, and the state file is no longer locked.
func TestDaemonKilled(t *testing.T) {
	t.Parallel()
	const balances = 12
	f := newFixture(t, fixtureOptions{})
	f.link()
	if err := f.sandbox.Fill(balances); err != nil {
		t.Fatal(err)
	}
	d := f.daemon()
	f.sandbox.Silverfin.Faults().SetLatency(50 * time.Millisecond)
	writing := make(chan struct{})
	f.sandbox.Silverfin.Faults().OnCall(once(func(c faults.Call) bool { return c.Method == "POST" && strings.Contains(c.Path, "/custom") }, writing))
	runResult := make(chan result, 1)
	go func() { runResult <- f.run("sync") }()
	<-writing
	if err := d.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-d.ended
	r := <-runResult
	r.want(t, 1, "the daemon does not answer: it broke off in the middle", "sync")
	f.sandbox.Silverfin.Faults().SetLatency(0)

	f.want(0, "does not run as a daemon now", "status")
	again := f.daemon()
	f.want(0, "balansd test runs since", "status")
	f.want(0, "done", "sync")
	f.wantDelivered(balances)
	again.stop(t)
}

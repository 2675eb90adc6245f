package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"balansd/problem"
	"balansd/sandbox/faults"
	"balansd/store"
)

// asProcess executes an order in another process, and reports whether the process was
// killed. Any other end without an outcome fails the test.
func (x *torture) asProcess(o order, env ...string) (out orderOutcome, killed bool) {
	x.t.Helper()
	p := x.begin(o, env...)
	return x.end(p)
}

func (x *torture) begin(o order, env ...string) *process {
	x.t.Helper()
	text, err := json.Marshal(o)
	x.must(err)
	return x.start(append(env, orderEnv+"="+string(text)))
}

func (x *torture) end(p *process) (out orderOutcome, killed bool) {
	x.t.Helper()
	<-p.ended
	if status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() && status.Signal() == syscall.SIGKILL {
		return out, true
	}
	if err := json.Unmarshal([]byte(p.stdout.String()), &out); err != nil || p.cmd.ProcessState.ExitCode() != 0 {
		x.t.Errorf("seed %d: the process ended with %v: %s%s", x.seed, p.cmd.ProcessState, p.stdout, p.stderr)
	}
	return out, false
}

// killPoints returns the named points: before and after each change of the state and each
// kind of call.
func killPoints() (all []string) {
	for _, when := range []string{"before ", "after "} {
		for _, name := range stateChanges() {
			all = append(all, when+name)
		}
		for _, c := range calls() {
			all = append(all, when+c.name)
		}
	}
	return all
}

// call is a kind of call of the two services.
type call struct{ name, method, path string }

func calls() []call {
	const firm = "/api/v4/f/*"
	return []call{
		{"Finbox: token", http.MethodPost, "/oauth2/token"},
		{"Finbox: listing", http.MethodGet, "/v1/connections/*/social-balances"},
		{"Finbox: content", http.MethodGet, "/v1/social-balances/*/revisions/*/content"},
		{"Silverfin: token", http.MethodPost, "/f/*/oauth/token"},
		{"Silverfin: companies", http.MethodGet, firm + "/companies"},
		{"Silverfin: periods", http.MethodGet, firm + "/companies/*/periods"},
		{"Silverfin: reading figures", http.MethodGet, firm + "/companies/*/periods/*/custom"},
		{"Silverfin: writing figures", http.MethodPost, firm + "/companies/*/periods/*/custom"},
	}
}

func (c call) is(x faults.Call) bool {
	fits, _ := path.Match(c.path, x.Path)
	return fits && c.method == x.Method
}

// killedAtAPoint kills the night at the point of the seed or, if that was done, at a
// random one.
func (x *torture) killedAtAPoint() {
	points := killPoints()
	point := points[x.seed/uint64(len(troubles()))%uint64(len(points))]
	if x.hadPoint {
		point = points[x.chance.IntN(len(points))]
	}
	x.hadPoint = true
	x.addClients(1) // so that there is something to list, to fetch and to write
	if !x.kill(point, 1+x.chance.IntN(3)) {
		x.tomorrow()
		x.kill(point, 1) // what comes once a night
	}
}

// kill kills the night when it reaches the point for the nth time. It reports whether it
// did.
func (x *torture) kill(point string, nth int) bool {
	x.t.Helper()
	when, name, _ := strings.Cut(point, " ")
	for _, c := range calls() {
		if c.name == name {
			return x.killAt(point, when == "before", nth, c.is)
		}
	}
	o := x.order(0)
	o.Point, o.Nth = point, nth
	return x.wasKilled(point, x.begin(o))
}

// killedAtACall kills the night at a random call.
func (x *torture) killedAtACall() {
	before := x.chance.IntN(2) == 0
	point := map[bool]string{true: "before any call", false: "after any call"}[before]
	x.killAt(point, before, 1+x.chance.IntN(30), func(faults.Call) bool { return true })
}

// killAt kills the night at the nth call that matches: before the service has done
// anything, or after it has and before it replies.
func (x *torture) killAt(point string, before bool, nth int, is func(faults.Call) bool) bool {
	x.t.Helper()
	var (
		mu      sync.Mutex
		seen    int
		started = make(chan *process, 1)
	)
	hook := func(c faults.Call) {
		mu.Lock()
		defer mu.Unlock()
		if seen > nth {
			return // already killed
		}
		if is(c) {
			seen++
		}
		if seen != nth {
			return
		}
		seen++
		p := <-started
		_ = p.cmd.Process.Kill()
		<-p.ended
		if before {
			panic(http.ErrAbortHandler)
		}
	}
	for _, f := range []*faults.Injector{x.sandbox.Finbox.Faults(), x.sandbox.Silverfin.Faults()} {
		if before {
			f.BeforeCall(hook)
		} else {
			f.OnCall(hook)
		}
		defer func() { f.BeforeCall(nil); f.OnCall(nil) }()
	}
	p := x.begin(x.order(0))
	started <- p
	return x.wasKilled(point, p)
}

// wasKilled waits for the end of a night that is to be killed. Now and then a person types
// before balansd is started again.
func (x *torture) wasKilled(point string, p *process) bool {
	x.t.Helper()
	out, killed := x.end(p)
	if !killed {
		x.began(out, 0)
		return false
	}
	x.nights[x.now().Format(time.DateOnly)] = false // it may have begun
	x.total.add("killed "+point, 1)
	x.total.add("kills", 1)
	if x.chance.IntN(4) == 0 {
		x.types(x.clients[x.chance.IntN(len(x.clients))])
	}
	return true
}

// failingCall has calls fail, from the nth on.
func (x *torture) failingCall() {
	kinds := []faults.Kind{faults.Unauthorized, faults.Forbidden, faults.NotFound, faults.Conflict,
		faults.UnprocessableError, faults.UnprocessableErrors, faults.TooManyRetryAfter, faults.ServerError,
		faults.LostBefore, faults.LostAfter, faults.Truncated, faults.NotJSON, faults.Slow}
	f := faults.Fault{Kind: kinds[x.chance.IntN(len(kinds))], Nth: 1 + x.chance.IntN(25), Times: 1 + x.chance.IntN(3), RetryAfter: "0", DelayMS: 1}
	side := x.sandbox.Silverfin.Faults()
	if x.chance.IntN(3) == 0 {
		side, f.Nth = x.sandbox.Finbox.Faults(), 1+x.chance.IntN(8)
	}
	side.Add(f)
	before := side.Count(func(c faults.Call) bool { return c.Fault != "" })
	if out := x.night(0); out.Code != "" {
		x.t.Errorf("seed %d: trouble outside ended the night: %s", x.seed, out.Error)
	}
	x.total.add("calls that failed: "+string(f.Kind), side.Count(func(c faults.Call) bool { return c.Fault != "" })-before)
}

// typing has a person change a client's figure before the nth call to Silverfin. No
// promise covers the moment between the read that allows a write and that write, so if
// that is the nth call the person types before another call for that company.
func (x *torture) typing() {
	nth, seen := 1+x.chance.IntN(30), 0
	var mu sync.Mutex
	if x.chance.IntN(3) == 0 { // and one write is refused
		x.sandbox.Silverfin.Faults().Add(faults.Fault{Method: http.MethodPost, Path: "/api/v4/f/*/companies/*/periods/*/custom",
			Kind: []faults.Kind{faults.Unauthorized, faults.TooManyRetryAfter, faults.LostAfter, faults.LostBefore}[x.chance.IntN(4)], RetryAfter: "0"})
	}
	x.sandbox.Silverfin.Faults().BeforeCall(func(c faults.Call) {
		mu.Lock()
		defer mu.Unlock()
		v := x.clientOf(c)
		if write := c.Method == http.MethodPost; v == nil || write {
			return
		}
		if seen++; seen == nth {
			x.types(v)
		}
	})
	defer x.sandbox.Silverfin.Faults().BeforeCall(nil)
	if out := x.night(0); out.Code != "" {
		x.t.Errorf("seed %d: a night in which a person types: %s", x.seed, out.Error)
	}
}

// clientOf returns the client whose company a call is about.
func (x *torture) clientOf(c faults.Call) *victim {
	_, rest, _ := strings.Cut(c.Path, "/companies/")
	id, _, _ := strings.Cut(rest, "/")
	company, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return nil
	}
	for _, v := range x.clients {
		if v.company == company {
			return v
		}
	}
	return nil
}

// fullDisk lets no file grow beyond a size that the state may reach in the night.
func (x *torture) fullDisk() {
	info, err := os.Stat(x.stateFile())
	x.must(err)
	room := x.chance.Int64N(256 << 10)
	out, _ := x.asProcess(x.order(0), fmt.Sprintf("%s=%d", fullDiskEnv, info.Size()+room))
	x.began(out, 0)
	if out.Code != "" {
		x.total.add("disk full: "+string(out.Code), 1)
	}
	if out.Code != "" && out.Code != problem.StateUnwritable {
		x.t.Errorf("seed %d: a full disk is told as %s: %s", x.seed, out.Code, out.Error)
	}
}

// readOnlyDisk makes the file system of the data folder read-only for a night.
func (x *torture) readOnlyDisk() {
	writes := len(x.sandbox.Silverfin.Writes())
	out := x.onReadOnlyDisk(x.order(0))
	x.total.add("read-only: "+string(out.Code), 1)
	if out.Code != problem.StateUnwritable {
		x.t.Errorf("seed %d: a read-only disk is told as %q: %s", x.seed, out.Code, out.Error)
	}
	if n := len(x.sandbox.Silverfin.Writes()) - writes; n > 0 {
		x.t.Errorf("seed %d: %d figures were written without a record", x.seed, n)
	}
}

// onReadOnlyDisk executes an order in a process with its own mount namespace, in which the
// data folder is read-only.
func (x *torture) onReadOnlyDisk(o order) (out orderOutcome) {
	x.t.Helper()
	text, err := json.Marshal(o)
	x.must(err)
	args := []string{"--mount", "sh", "-c", `mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && exec "$2"`, "sh", filepath.Dir(x.stateFile()), os.Args[0]}
	if os.Geteuid() != 0 {
		args = append([]string{"--map-root-user"}, args...)
	}
	cmd := exec.Command("unshare", args...)
	cmd.Env = append(os.Environ(), testProcessEnv+"=1", orderEnv+"="+string(text))
	said, err := cmd.Output()
	x.must(err)
	x.must(json.Unmarshal(said, &out))
	return out
}

// steppedClock sets the clock wrong for a night or two, and right afterwards.
func (x *torture) steppedClock() {
	const day = 24 * time.Hour
	steps := []time.Duration{time.Hour, 25 * time.Hour, 40 * day, 400 * day, 5 * 365 * day}
	step := steps[x.chance.IntN(len(steps))]
	if x.chance.IntN(2) == 0 {
		step = -step
	}
	for range 1 + x.chance.IntN(2) {
		x.tomorrow()
		if out := x.night(step); out.Code != "" {
			x.t.Errorf("seed %d: a night with a clock that is off by %s: %s", x.seed, step, out.Error)
		}
		x.total.add("nights with a wrong clock", 1)
	}
}

// damage changes bytes of the state while it is closed. A night must notice the damage
// before it copies the state; then the newest backup is restored.
func (x *torture) damage() {
	state, err := os.ReadFile(x.stateFile())
	x.must(err)
	bad := bytes.Clone(state)
	switch x.chance.IntN(4) {
	case 0: // a sector was not written
		at := x.sector(bad)
		clear(bad[at : at+512])
	case 1: // or was written with something else
		at := x.sector(bad)
		for i := range 512 {
			bad[at+i] = byte(x.chance.Uint32())
		}
	case 2: // the end is missing
		bad = bad[:x.chance.IntN(len(bad))]
	default:
		for range 1 + x.chance.IntN(4) {
			bad[x.chance.IntN(len(bad))] ^= 1 << x.chance.IntN(8)
		}
	}
	x.must(os.WriteFile(x.stateFile(), bad, 0o600))
	check := x.order(0)
	check.Check = true
	checked, _ := x.asProcess(check)
	night, _ := x.asProcess(x.order(0))
	x.began(night, 0)
	switch {
	case checked.Code == "" && !night.damaged():
		x.total.add("damage that changes nothing", 1)
		x.damaged = true
		return
	case checked.Code != "" && !night.damaged():
		x.t.Errorf("seed %d: a check says %q, and the night %q", x.seed, checked.Error, night.Error+night.Log)
	}
	x.total.add("damage that is told", 1)
	x.restore()
}

// sector returns the offset of a random sector of a file.
func (x *torture) sector(file []byte) int { return x.chance.IntN(len(file)/512) * 512 }

// restore restores the newest backup, as a person does who is told to. Each backup must be
// usable.
func (x *torture) restore() {
	x.t.Helper()
	list, err := store.ListBackups(filepath.Join(filepath.Dir(x.stateFile()), "backups"))
	x.must(err)
	from := ""
	for _, b := range list {
		if strings.HasSuffix(b.File, store.DamagedSuffix) {
			continue
		}
		if _, err := store.VerifyBackup(x.t.Context(), b.File); err != nil {
			x.total.add("DAMAGE COPIED", 1)
			x.t.Errorf("seed %d: damage is among the backups: %v", x.seed, err)
			continue
		}
		if from == "" {
			from = b.File
		}
	}
	if from == "" {
		x.t.Fatalf("seed %d: no backup is left", x.seed)
	}
	_, _, err = store.Restore(x.t.Context(), store.Options{Path: x.stateFile(), KeyPath: filepath.Join(filepath.Dir(x.stateFile()), "balansd.key"),
		Version: "test", Now: x.now, Backups: store.Backups{Folder: filepath.Join(filepath.Dir(x.stateFile()), "backups"), Keep: 14}}, from, store.RestoreOptions{LoseNewer: true})
	x.must(err)
	x.total.add("restores", 1)
	x.damaged, x.forgetful = false, true
	for date := range x.nights {
		x.nights[date] = false // the older state may not know of it
	}
	x.linkBoth()
}

// damaged reports whether the damage of the state was reported.
func (o orderOutcome) damaged() bool {
	return o.Code == problem.StateDamaged || strings.Contains(o.Log, string(problem.StateDamaged))
}

// stateChanges are the changes of the state that a night can make.
func stateChanges() []string {
	return []string{"Record", "Move", "BeginRun", "EndRun", "UpdateConnection", "UpdateFirm", "Backup", "Prune"}
}

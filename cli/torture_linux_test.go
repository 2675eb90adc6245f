package cli

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"balansd/balance"
	"balansd/daemon"
	"balansd/internal/testenv"
	"balansd/sandbox"

	fakefinbox "balansd/sandbox/finbox"
	"balansd/sandbox/madeup"
	fakesilverfin "balansd/sandbox/silverfin"
	"github.com/rs/zerolog"
)

// The number of seeds of TestTorture, and the first one, which is random unless given. To
// repeat one seed, set both.
const (
	seedsEnv = "BALANSD_TORTURE_SEEDS"
	seedEnv  = "BALANSD_TORTURE_SEED"
)

// TestTorture makes everything fail that can fail with nights, disks, clocks, services and
// people, in an order that a seed decides, and then runs nights without faults. The result
// is judged only by what the sandbox recorded: what Silverfin has in the end, and each
// figure that was ever written.
func TestTorture(t *testing.T) {
	testenv.Need(t, testenv.Torture, "unshare", "mount")
	seeds, first := number(t, seedsEnv, 20), number(t, seedEnv, rand.Uint64N(1_000_000))
	t.Logf("seeds %d to %d; to repeat one: make torture SEED=N SEEDS=1", first, first+seeds-1)
	total := &tally{counts: map[string]int{}}
	t.Run("seed", func(t *testing.T) {
		for seed := first; seed < first+seeds; seed++ {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				newTorture(t, seed, total).run()
			})
		}
	})
	t.Logf("%d seeds:\n%s", seeds, total)
	// So many consecutive seeds reach each point several times.
	if points := killPoints(); seeds >= 4*uint64(len(points)*len(troubles())) {
		for _, p := range points {
			if total.counts["killed "+p] == 0 {
				t.Errorf("never killed %s", p)
			}
		}
	}
}

// number reads a number from the environment.
func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// tally counts what happened over all seeds.
type tally struct {
	mu     sync.Mutex
	counts map[string]int
}

func (c *tally) add(what string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[what] += n
}

func (c *tally) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var text strings.Builder
	for _, what := range slices.Sorted(maps.Keys(c.counts)) {
		_, _ = fmt.Fprintf(&text, "%6d  %s\n", c.counts[what], what)
	}
	return text.String()
}

// torture is the firm of one seed.
type torture struct {
	*fixture
	seed    uint64
	chance  *rand.Rand
	total   *tally
	ahead   *atomic.Int64 // how far the services' clock is ahead of the machine's
	workers int
	// hadPoint is true once the process was killed at the kill point of the seed.
	hadPoint bool

	mu        sync.Mutex
	clients   []*victim
	nights    map[string]bool // by local date: true if a nightly run began, false if it may have
	damaged   bool            // bytes of the state are damaged, and nothing has reported it yet
	forgetful bool            // an older state was restored: what was written since counts as a person's
}

// victim is a client of the firm: a dossier with one balance, and a company.
type victim struct {
	balance         string // its id in Finbox
	company, period int64
	revisions       []map[string]string // figures by property, oldest revision first
	typed           map[string]string   // by a person
}

func newTorture(t *testing.T, seed uint64, total *tally) *torture {
	ahead := &atomic.Int64{}
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	x := &torture{fixture: newFixture(t, fixtureOptions{sandbox: sandbox.Options{Now: now}}), seed: seed, ahead: ahead, total: total,
		chance: rand.New(rand.NewPCG(seed, 39)), workers: 1, nights: map[string]bool{}}
	if x.chance.IntN(3) == 0 {
		x.workers = 4
	}
	return x
}

// trouble is a kind of fault in a night.
type trouble struct {
	name string
	do   func(*torture)
}

func troubles() []trouble {
	return []trouble{
		{"killed at a point", (*torture).killedAtAPoint},
		{"killed at a call", (*torture).killedAtACall},
		{"a call fails", (*torture).failingCall},
		{"a person types", (*torture).typing},
		{"the disk is full", (*torture).fullDisk},
		{"the disk is read-only", (*torture).readOnlyDisk},
		{"bytes are damaged", (*torture).damage},
		{"the clock is stepped", (*torture).steppedClock},
	}
}

func (x *torture) run() {
	x.linkBoth()
	x.addClients(1 + x.chance.IntN(3))
	x.wantNight()
	all := troubles()
	next := int(x.seed % uint64(len(all)))
	for range 2 + x.chance.IntN(4) {
		if x.chance.IntN(2) == 0 {
			x.correct()
		}
		x.addClients(x.chance.IntN(3))
		x.total.add("trouble: "+all[next].name, 1)
		x.tomorrow()
		all[next].do(x)
		x.sandbox.Finbox.Faults().Clear()
		x.sandbox.Silverfin.Faults().Clear()
		next = x.chance.IntN(len(all))
	}
	x.settle()
	if x.t.Failed() {
		x.t.Logf("to repeat: make torture SEED=%d SEEDS=1", x.seed)
	}
}

// tomorrow advances the time to after the next nightly run.
func (x *torture) tomorrow() {
	now := x.now().In(x.zone())
	x.ahead.Add(int64(time.Date(now.Year(), now.Month(), now.Day()+1, 2, 31, 0, 0, x.zone()).Sub(now)))
}

// zone returns the time zone of the configuration, by default that of balansd.
func (x *torture) zone() *time.Location {
	zone, err := time.LoadLocation("Europe/Brussels")
	x.must(err)
	return zone
}

func (x *torture) now() time.Time { return time.Now().Add(time.Duration(x.ahead.Load())) }

func (x *torture) must(err error) {
	x.t.Helper()
	if err != nil {
		x.t.Fatalf("seed %d: %v", x.seed, err)
	}
}

// order returns an order to a process whose clock is off by step.
func (x *torture) order(step time.Duration) order {
	return order{Config: x.config, Ahead: time.Duration(x.ahead.Load()) + step, Workers: x.workers}
}

// linkBoth links Finbox and the firm, once more after a restore.
func (x *torture) linkBoth() {
	x.t.Helper()
	n, err := x.order(0).open(x.t.Context(), zerolog.Nop())
	x.must(err)
	defer func() { x.must(n.Close()) }()
	_, err = n.ConnectFinbox(x.t.Context(), daemon.ConnectionRequest{ID: x.conn, By: "Els"})
	x.must(err)
	signIn, err := n.BeginSilverfin(x.t.Context(), daemon.SignInRequest{FirmID: x.firm})
	x.must(err)
	_, err = n.EndSilverfin(x.t.Context(), daemon.GrantRequest{State: signIn.State, Code: x.sandbox.Silverfin.Grant(x.firm), FirmID: x.firm, By: "Els"})
	x.must(err)
}

// addClients adds clients with a new balance each.
func (x *torture) addClients(many int) {
	x.t.Helper()
	for range many {
		x.ahead.Add(int64(time.Second)) // no two balances have the same time
		year := x.now().Year() - 1
		b := madeup.Balance(int64(x.seed%1000)*100+int64(len(x.clients)), x.model(), year)
		dossier, err := x.sandbox.Finbox.AddDossier(x.conn, fakefinbox.Dossier{Name: b.Name, EnterpriseNumber: b.EnterpriseNumber})
		x.must(err)
		v := &victim{typed: map[string]string{}, revisions: []map[string]string{figuresOf(b)}}
		v.company = x.sandbox.Silverfin.AddCompany(x.firm, fakesilverfin.Company{Name: b.Name, VAT: "BE " + b.EnterpriseNumber.Pretty()})
		v.period = x.sandbox.Silverfin.AddPeriod(v.company, b.FiscalYear.Start, b.FiscalYear.End)
		x.sandbox.Silverfin.OpenWorkflow(v.company, v.period, madeup.Workflow("nl"))
		v.balance, _, err = x.sandbox.Finbox.AddBalance(fakefinbox.NewBalance{ConnectionID: x.conn, DossierID: dossier, Balance: b})
		x.must(err)
		x.clients = append(x.clients, v)
		x.total.add("balances", 1)
	}
}

func (x *torture) model() balance.Model {
	return []balance.Model{balance.Micro, balance.Abbreviated, balance.Full}[x.chance.IntN(3)]
}

// correct adds a revision of a client's balance with some other figures to Finbox.
func (x *torture) correct() {
	x.t.Helper()
	v := x.clients[x.chance.IntN(len(x.clients))]
	x.ahead.Add(int64(time.Hour))
	_, err := x.sandbox.Finbox.CorrectFrom(v.balance, func(b *balance.Balance) *balance.Balance {
		other := madeup.Balance(int64(x.seed%1000)*100+50+int64(x.chance.IntN(50)), b.Model, b.FiscalYear.End.Year)
		for cell := range b.Values {
			if value, ok := other.Values[cell]; ok {
				b.Values[cell] = value
			}
		}
		return b
	})
	x.must(err)
	b, err := x.sandbox.Finbox.Figures(v.balance)
	x.must(err)
	v.revisions = append(v.revisions, figuresOf(b))
	x.total.add("corrections", 1)
}

// figuresOf returns the figures of a balance as Silverfin must have them.
func figuresOf(b *balance.Balance) map[string]string {
	all := map[string]string{}
	for cell, value := range b.Values {
		all["social_balance_integration.code_"+cell.String()] = balance.Canonical(value)
	}
	return all
}

// types changes a figure of a client in Silverfin as a person.
func (x *torture) types(v *victim) {
	x.mu.Lock()
	defer x.mu.Unlock()
	all := slices.Sorted(maps.Keys(v.revisions[len(v.revisions)-1]))
	name := all[x.chance.IntN(len(all))]
	namespace, key, _ := strings.Cut(name, ".")
	if err := x.sandbox.Silverfin.Set(v.company, v.period, namespace, key, "31337.1"); err != nil {
		x.t.Error(err)
	}
	v.typed[name] = "31337.1"
	x.total.add("figures typed", 1)
}

// night makes a nightly run with a clock that is off by step. A date has at most one,
// whatever the clock.
func (x *torture) night(step time.Duration) orderOutcome {
	x.t.Helper()
	out := x.order(step).do(x.t.Context())
	x.began(out, step)
	return out
}

func (x *torture) began(out orderOutcome, step time.Duration) {
	x.t.Helper()
	at := x.now().Add(step).In(x.zone())
	if at.Hour()*60+at.Minute() < 150 { // 02:30
		at = at.AddDate(0, 0, -1)
	}
	date := at.Format(time.DateOnly)
	had, known := x.nights[date]
	switch {
	case out.Ran && had:
		x.total.add("SECOND NIGHT", 1)
		x.t.Errorf("seed %d: %s has a second night", x.seed, date)
	case !out.Ran && !known && step == 0 && out.Code == "":
		x.total.add("LOST NIGHT", 1)
		x.t.Errorf("seed %d: the night of %s did not begin", x.seed, date)
	}
	if out.Ran {
		x.nights[date] = true
	}
}

// wantNight makes the next nightly run, which must succeed.
func (x *torture) wantNight() {
	x.t.Helper()
	x.tomorrow()
	switch out := x.night(0); {
	case out.damaged() && x.damaged:
		x.restore()
	case out.Code != "":
		x.t.Errorf("seed %d: a night in which nothing goes wrong: %s", x.seed, out.Error)
	}
}

package cli

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"balansd/balance"
	"balansd/config"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/localapi"
	"balansd/sandbox"
	fakefinbox "balansd/sandbox/finbox"
	"balansd/sandbox/madeup"
	fakesilverfin "balansd/sandbox/silverfin"

	"github.com/rs/zerolog"
)

// The size of the office.
const (
	officeFirms    = 8 // so that the rate limit of a firm does not determine the result
	officeDossiers = 10_000
	officeYears    = 10 // balances of each dossier already in the ledger
)

// office is a large accounting office after ten years with balansd: simulators in this
// process, the state on disk, and the real program to run.
type office struct {
	testing.TB
	dir, program, config string
	cfg                  *config.Config
	box                  *sandbox.Sandbox
	connection           string
	clients              []officeClient
}

type officeClient struct {
	dossier         ledger.Dossier
	firm            int64
	company, period int64
}

// newOffice makes the office. There are no new balances.
func newOffice(tb testing.TB) *office {
	tb.Helper()
	o := &office{TB: tb, dir: tb.TempDir()}
	o.program = filepath.Join(o.dir, "balansd")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", o.program, "..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if out, err := build.CombinedOutput(); err != nil {
		tb.Fatalf("%v\n%s", err, out)
	}
	var err error
	if o.box, err = sandbox.Start(sandbox.Options{}); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = o.box.Close(tb.Context()) })
	o.connection = o.box.Finbox.Environments()[0].ConnectionID
	for len(o.box.Silverfin.Firms()) < officeFirms {
		o.box.Silverfin.AddFirm(fmt.Sprintf("Kantoor %d", len(o.box.Silverfin.Firms())))
	}
	o.configure()
	for i := range officeDossiers {
		o.addClient(i)
	}
	o.fill()
	return o
}

func (o *office) configure() {
	o.Helper()
	info := o.box.Info()
	for name, secret := range map[string]string{"finbox.secret": info.Finbox.ClientSecret, "silverfin.secret": info.Silverfin.ClientSecret} {
		if err := os.WriteFile(filepath.Join(o.dir, name), []byte(secret), 0o600); err != nil {
			o.Fatal(err)
		}
	}
	o.config = filepath.Join(o.dir, "balansd.yaml")
	yaml := fmt.Sprintf(`data_dir: %q
finbox: {base_url: %q, token_url: %q, client_id: %q, client_secret_file: finbox.secret}
silverfin: {base_url: %q, client_id: %q, client_secret_file: silverfin.secret, requests_per_second: 100, burst: 1000}
`, filepath.Join(o.dir, "data"), info.Finbox.URL, info.Finbox.TokenURL, info.Finbox.ClientID, info.Silverfin.URL, info.Silverfin.ClientID)
	if err := os.WriteFile(o.config, []byte(yaml), 0o600); err != nil {
		o.Fatal(err)
	}
	var err error
	if o.cfg, err = config.Load(config.LoadOptions{Path: o.config}); err != nil {
		o.Fatal(err)
	}
}

// addClient adds a dossier to Finbox and its company to one of the firms.
func (o *office) addClient(n int) {
	o.Helper()
	head := 4_000_000 + n
	number := balance.EnterpriseNumber(fmt.Sprintf("%08d%02d", head, 97-head%97))
	name := fmt.Sprintf("Bakkerij Peeters %d BV", n)
	c := officeClient{firm: o.box.Silverfin.Firms()[n%officeFirms].ID,
		dossier: ledger.Dossier{AffiliationNumber: fmt.Sprintf("1AB%06d", n), EnterpriseNumber: number, Name: name}}
	var err error
	c.dossier.ID, err = o.box.Finbox.AddDossier(o.connection, fakefinbox.Dossier{
		AffiliationNumber: c.dossier.AffiliationNumber, EnterpriseNumber: number, Name: name})
	if err != nil {
		o.Fatal(err)
	}
	year := balance.Date{Year: 2025, Month: time.January, Day: 1}
	c.company = o.box.Silverfin.AddCompany(c.firm, fakesilverfin.Company{Name: name, VAT: "BE" + number.Pretty()})
	c.period = o.box.Silverfin.AddPeriod(c.company, year, balance.Date{Year: 2025, Month: time.December, Day: 31})
	o.box.Silverfin.OpenWorkflow(c.company, c.period, madeup.Workflow("nl"))
	o.clients = append(o.clients, c)
}

// fill links everything and puts ten delivered balances of each dossier into the ledger.
func (o *office) fill() {
	o.Helper()
	ctx := o.Context()
	n, err := newNode(ctx, o.cfg, nodeOptions{version: "bench", log: zerolog.Nop()})
	if err != nil {
		o.Fatal(err)
	}
	defer func() { _ = n.Close() }()
	linked, err := n.ConnectFinbox(ctx, daemon.ConnectionRequest{ID: o.connection, By: "Els"})
	if err != nil {
		o.Fatal(err)
	}
	for _, f := range o.box.Silverfin.Firms() {
		signIn, err := n.BeginSilverfin(ctx, daemon.SignInRequest{FirmID: f.ID})
		if err != nil {
			o.Fatal(err)
		}
		if _, err := n.EndSilverfin(ctx, daemon.GrantRequest{State: signIn.State, Code: o.box.Silverfin.Grant(f.ID), FirmID: f.ID, By: "Els"}); err != nil {
			o.Fatal(err)
		}
	}
	connection := linked.Connection
	connection.Cursor = time.Now().UTC().Format(time.RFC3339Nano)
	for year := 2025 - officeYears; year < 2025; year++ {
		for part := range slices.Chunk(o.clients, 250) {
			o.deliver(n, connection, part, year)
		}
	}
}

// deliver records the balances of one year and moves them to done, in the steps of a run.
func (o *office) deliver(n *node, connection ledger.Connection, clients []officeClient, year int) {
	o.Helper()
	made := time.Date(year+1, time.April, 1, 12, 0, 0, 0, time.UTC)
	found := make([]ledger.Entry, len(clients))
	for i, c := range clients {
		sum := fmt.Sprintf("%032x%032x", c.company*2654435761, int64(year)*40503+c.company)
		found[i] = ledger.Entry{Connection: connection.ID, State: ledger.Found, FoundAt: made, UpdatedAt: made, Listing: ledger.Listing{
			ID: fmt.Sprintf("sb-%s-%d", c.dossier.ID, year), Revision: "1", Dossier: c.dossier, Model: balance.Abbreviated,
			FiscalYear: balance.Period{Start: balance.Date{Year: year, Month: 1, Day: 1}, End: balance.Date{Year: year, Month: 12, Day: 31}},
			CreatedAt:  made, SHA256: sum, MediaTypes: []string{"application/x.xbrl", "text/csv", "application/x.jsonxbrl"}}}
	}
	fresh, _, err := n.store.Record(o.Context(), connection, found)
	if err != nil || len(fresh) != len(clients) {
		o.Fatalf("%d of %d entries were new: %v", len(fresh), len(clients), err)
	}
	steps := make([]ledger.Move, 0, 2*len(fresh))
	for i, e := range fresh {
		c := clients[i]
		p := ledger.Target{FirmID: c.firm, CompanyID: c.company, CompanyName: c.dossier.Name, PeriodID: c.company*100 + int64(year%100),
			PeriodEnd: e.FiscalYear.End, URL: fmt.Sprintf("https://live.getsilverfin.com/f/%d/%d/ledgers/%d/workflows/%d", c.firm, c.company, c.period, year)}
		values := madeup.Balance(int64(e.Number), balance.Abbreviated, year).Values
		figures := ledger.FiguresOf(values)
		sending, err := e.Send(p, made)
		if err != nil {
			o.Fatal(err)
		}
		sending.ValuesHash = values.Hash()
		steps = append(steps, ledger.Move{Entry: sending, Values: values, Written: &ledger.Written{Intended: figures, By: e.Number},
			Event: ledger.Event{At: made, Run: 12, State: sending.State, Text: fmt.Sprintf("writing %d figures to %s", len(figures), p.CompanyName)}})
		done, err := sending.Finish(p, made)
		if err != nil {
			o.Fatal(err)
		}
		done.Version++
		steps = append(steps, ledger.Move{Entry: done, Written: &ledger.Written{Confirmed: figures, By: e.Number, Version: 1},
			Event: ledger.Event{At: made, Run: 12, State: done.State, Text: fmt.Sprintf("%d figures written to %s and read back equal", len(figures), p.CompanyName)}})
	}
	if _, err := n.store.Move(o.Context(), steps...); err != nil {
		o.Fatal(err)
	}
}

// news adds a balance for each dossier to Finbox.
func (o *office) news() {
	o.Helper()
	for i, c := range o.clients {
		if _, _, err := o.box.Finbox.AddBalance(fakefinbox.NewBalance{ConnectionID: o.connection, DossierID: c.dossier.ID,
			Made: &fakefinbox.Recipe{Seed: int64(i), Model: balance.Abbreviated, Year: 2025, EnterpriseNumber: c.dossier.EnterpriseNumber}}); err != nil {
			o.Fatal(err)
		}
	}
}

// memory is the peak memory of a process, in bytes.
type memory struct {
	resident  int64 // with cached pages of the state file
	anonymous int64 // without them
}

// run runs the program to its end and measures its memory.
func (o *office) run(args ...string) (string, memory) {
	o.Helper()
	cmd := exec.Command(o.program, append(args, "--config", o.config)...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Start(); err != nil {
		o.Fatal(err)
	}
	var peak memory
	var watching sync.WaitGroup
	ended := make(chan struct{})
	watching.Go(func() {
		for tick := time.NewTicker(500 * time.Microsecond); ; {
			select {
			case <-ended:
				tick.Stop()
				return
			case <-tick.C:
				peak.resident = max(peak.resident, statusField(cmd.Process.Pid, "VmHWM"))
				peak.anonymous = max(peak.anonymous, statusField(cmd.Process.Pid, "RssAnon"))
			}
		}
	})
	err := cmd.Wait()
	close(ended)
	watching.Wait()
	if err != nil {
		o.Fatalf("balansd %v: %v\n%.2000s%.2000s", args, err, out.String(), errOut.String())
	}
	return out.String(), peak
}

// statusField reads a field of /proc/PID/status, in bytes; 0 if the process has ended.
func statusField(pid int, name string) int64 {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), name+":"); ok {
			kib, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kib << 10
		}
	}
	return 0
}

// start runs the daemon until it answers, and returns how long that took.
func (o *office) start() time.Duration {
	o.Helper()
	began := time.Now()
	cmd := exec.Command(o.program, "run", "--config", o.config)
	if err := cmd.Start(); err != nil {
		o.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	}()
	for time.Since(began) < 10*time.Second {
		client, err := localapi.Dial(o.Context(), o.cfg.Socket, o.cfg.StateFile)
		if err != nil {
			<-time.After(time.Millisecond)
			continue
		}
		s, err := client.Status(o.Context())
		if err != nil || s.Counts[ledger.Done] < officeDossiers*officeYears {
			o.Fatalf("status: %v, %v", s.Counts, err)
		}
		return time.Since(began)
	}
	o.Fatal("the daemon does not answer")
	return 0
}

// BenchmarkOffice measures the real program for an office of 10,000 dossiers whose ledger
// has 100,000 entries.
func BenchmarkOffice(b *testing.B) {
	const mib = 1 << 20
	for b.Loop() {
		o := newOffice(b)
		if info, err := os.Stat(o.program); err == nil {
			b.ReportMetric(float64(info.Size())/mib, "MiB-binary")
		}
		if info, err := os.Stat(o.cfg.StateFile); err == nil {
			b.ReportMetric(float64(info.Size())/(officeDossiers*officeYears), "bytes-on-disk/entry")
		}
		var starts []time.Duration
		for range 9 {
			starts = append(starts, o.start())
		}
		slices.Sort(starts)
		b.Logf("start to ready: %v", starts)
		b.ReportMetric(float64(starts[len(starts)/2].Microseconds())/1000, "ms-start-to-ready")

		_, idle := o.run("sync")
		b.ReportMetric(float64(idle.resident)/mib, "MiB-peak/idle-run")
		b.ReportMetric(float64(idle.anonymous)/mib, "MiB-peak-anonymous/idle-run")

		o.news()
		began := time.Now()
		out, busy := o.run("sync")
		b.Logf("%d new balances took %.0fs: %.200s", officeDossiers, time.Since(began).Seconds(), out[max(0, len(out)-200):])
		b.ReportMetric(float64(busy.resident)/mib, "MiB-peak/busy-run")
		b.ReportMetric(float64(busy.anonymous)/mib, "MiB-peak-anonymous/busy-run")
	}
	b.ReportMetric(0, "ns/op")
}

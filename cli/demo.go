package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"balansd/accounts"
	"balansd/balance"
	"balansd/config"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/logs"
	"balansd/sandbox"
	fakefinbox "balansd/sandbox/finbox"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
)

func newDemoCommand(app *App) *cobra.Command {
	var keep bool
	c := &cobra.Command{
		Use:   "demo",
		Short: "Show the whole journey on a simulated Finbox and Silverfin",
		Long: `Start a simulated Finbox and Silverfin with made-up dossiers in every situation,
link them, run two nights, and say what happened to each dossier and why. Nothing
leaves this machine, and nothing stays on it.

With --keep everything goes on running afterwards, to look around in.`,
		Example: "  balansd demo\n  balansd demo --keep",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return app.demo(cmd.Context(), keep)
		},
	}
	c.Flags().BoolVar(&keep, "keep", false, "leave everything running afterwards")
	return c
}

// demoClock is a clock that can be set, so that two nights take a second. It starts some
// days ago, so that it is never ahead of the real one.
type demoClock struct{ back atomic.Int64 }

func (c *demoClock) now() time.Time { return time.Now().Add(-time.Duration(c.back.Load())) }

// set moves the clock to a time.
func (c *demoClock) set(t time.Time) { c.back.Store(int64(time.Since(t))) }

// demoNights is how many days ago the demo begins, so that with --keep the pages show a
// week.
const demoNights = 7

// demoRun is one run of the demo.
type demoRun struct {
	*App
	clock   demoClock
	sandbox *sandbox.Sandbox
	made    *sandbox.Demo
	names   sandbox.DemoAdministration
	cfg     *config.Config
	node    *node
	folder  string    // of a payroll bureau
	day     time.Time // the first day, at midnight
}

func (app *App) demo(ctx context.Context, keep bool) (err error) {
	dir, err := os.MkdirTemp("", "balansd-demo-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	d := &demoRun{App: app}
	if err := d.prepare(ctx, dir); err != nil {
		return err
	}
	defer func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), sandboxGrace)
		defer cancel()
		err = errors.Join(err, d.sandbox.Close(grace))
	}()
	link := ""
	err = d.runStory(ctx, dir)
	if err == nil && keep {
		link, err = d.catchUp(ctx)
	}
	if err := errors.Join(err, d.node.Close()); err != nil {
		return err
	}
	if !keep {
		app.printf("\nThat was the demo; nothing of it stays. %s demo --keep leaves it running.\n", programName())
		return nil
	}
	return d.keepRunning(ctx, dir, link)
}

// prepare starts the simulators, fills them, and writes a configuration that
// points at them.
func (d *demoRun) prepare(ctx context.Context, dir string) error {
	today := time.Now().In(config.Default().TimeZone)
	d.day = time.Date(today.Year(), today.Month(), today.Day()-demoNights, 0, 0, 0, 0, today.Location())
	d.clock.set(d.day.Add(16 * time.Hour))
	listen, err := freeAddress()
	if err != nil {
		return err
	}
	portalURL := "http://" + listen + "/connection"
	if d.sandbox, err = sandbox.Start(sandbox.Options{Now: d.clock.now, Log: zerolog.Nop(), Finbox: fakefinbox.Options{PortalURL: portalURL}}); err != nil {
		return err
	}
	if d.made, err = d.sandbox.Demo(); err != nil {
		return err
	}
	if d.names, err = d.sandbox.AddAdministration(d.made); err != nil {
		return err
	}
	d.folder = filepath.Join(dir, "acerta")
	if err := d.made.WriteFolder(d.folder); err != nil {
		return err
	}
	path, err := demoConfig(dir, listen, d.sandbox.Info())
	if err != nil {
		return err
	}
	if d.cfg, err = config.Load(config.LoadOptions{Path: path}); err != nil {
		return err
	}
	d.node, err = newNode(ctx, d.cfg, nodeOptions{version: d.version(), process: "balansd demo", machine: d.machine(), log: d.quietLog(d.cfg), now: d.clock.now})
	return err
}

// freeAddress returns a loopback address that is not in use.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// demoConfig writes the configuration of the demo, with the secrets in files, as for a real
// one.
func demoConfig(dir, listen string, box sandbox.Info) (path string, err error) {
	for name, secret := range map[string]string{"finbox.secret": box.Finbox.ClientSecret, "silverfin.secret": box.Silverfin.ClientSecret,
		"adminpulse.key": box.Administration.AdminPulseKey} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(secret), 0o600); err != nil {
			return "", err
		}
	}
	yaml := fmt.Sprintf(`data_dir: %q
language: nl
night: {at: "02:30", spread: 0s}
portal: {listen: %q}
finbox: {base_url: %q, token_url: %q, client_id: %q, client_secret_file: finbox.secret}
silverfin: {base_url: %q, client_id: %q, client_secret_file: silverfin.secret, requests_per_second: 100, burst: 100}
administration: {adminpulse: {base_url: %q, key_file: adminpulse.key}}
`, filepath.Join(dir, "data"), listen, box.Finbox.URL, box.Finbox.TokenURL, box.Finbox.ClientID, box.Silverfin.URL, box.Silverfin.ClientID, box.Administration.URL)
	path = filepath.Join(dir, "balansd.yaml")
	return path, os.WriteFile(path, []byte(yaml), 0o600)
}

// runStory links the services, runs a night, does what people do during the day, and runs
// another night.
func (d *demoRun) runStory(ctx context.Context, dir string) error {
	d.title("An accounting firm with %d made-up dossiers", len(d.made.Dossiers)+len(d.made.Folder))
	d.printf("A simulated Finbox and Silverfin run on this machine; %d dossiers are in Finbox,\n%d in a folder on the server. Everything of the demo is in %s.\n",
		len(d.made.Dossiers), len(d.made.Folder), dir)
	if err := d.link(ctx); err != nil {
		return err
	}
	if err := d.runNight(ctx, 1); err != nil {
		return err
	}
	if err := d.showNames(ctx); err != nil {
		return err
	}
	d.title("The next day")
	d.clock.set(d.day.Add(33 * time.Hour))
	for _, one := range d.made.Find(sandbox.SituationWorkflowClosed) {
		d.sandbox.OpenWorkflow(one)
		d.printf("The accountant opens the workflow %q of %s in Silverfin.\n", one.Workflow, one.Name)
	}
	corrected := d.made.Find(sandbox.SituationNew)[0]
	if err := d.sandbox.CorrectCost(corrected); err != nil {
		return err
	}
	d.printf("The payroll bureau corrects the balance of %s: a new revision in Finbox.\n", corrected.Name)
	for _, one := range d.made.Find(sandbox.SituationSeveral) {
		if err := d.linkByHand(ctx, one); err != nil {
			return err
		}
	}
	for _, one := range d.made.Find(sandbox.SituationChanged) {
		if err := d.decide(ctx, one); err != nil {
			return err
		}
	}
	if err := d.useAddress(ctx, d.names.Moved); err != nil {
		return err
	}
	return d.runNight(ctx, 2)
}

// link links Finbox and Silverfin, as a person does once.
func (d *demoRun) link(ctx context.Context) error {
	d.title("Linking, once")
	linked, err := d.node.ConnectFinbox(ctx, daemon.ConnectionRequest{ID: d.made.ConnectionID, By: "Els"})
	if err != nil {
		return err
	}
	c := linked.Connection
	d.printf("Els links Finbox with connection id %s: %s, active, start date %s.\n", c.ID, c.Name, c.StartDate)
	d.showNotes(linked.Notes)
	seen, err := d.node.AddConnection(ctx, daemon.NewConnection{Source: "acerta", By: "Els",
		Fields: map[string]string{"path": d.folder, "settle": "0s"}}) // the files are whole
	if err != nil {
		return err
	}
	d.printf("Els adds the folder of payroll bureau Acerta: %s, %s.\n", counted(seen.Dossiers, "dossier", "dossiers"), counted(seen.Balances, "social balance", "social balances"))
	signIn, err := d.node.BeginSilverfin(ctx, daemon.SignInRequest{FirmID: d.made.FirmID})
	if err != nil {
		return err
	}
	granted, err := d.node.EndSilverfin(ctx, daemon.GrantRequest{State: signIn.State, Code: d.sandbox.Silverfin.Grant(d.made.FirmID),
		FirmID: d.made.FirmID, By: "Els"})
	if err != nil {
		return err
	}
	d.printf("Els signs in to Silverfin: firm %s (%d) is linked.\n", granted.Firm.Name, granted.Firm.ID)
	d.showNotes(granted.Notes)
	return nil
}

// runNight runs a nightly sync and prints what became of each dossier that it
// moved.
func (d *demoRun) runNight(ctx context.Context, n int) error {
	d.clock.set(d.nightTime(n))
	before, err := d.statesBefore(ctx)
	if err != nil {
		return err
	}
	d.title("Night %d, %s", n, d.clock.now().Format("2 January 2006, 15:04"))
	ran, err := d.node.RunNight(ctx)
	if err != nil {
		return err
	}
	if !ran {
		return errors.New("the night was not due")
	}
	runs, err := d.node.store.Runs(ctx, 1)
	if err != nil {
		return err
	}
	d.printf("%s.\n\n", runSummary(runs[0]))
	for _, group := range []struct {
		heading string
		states  []ledger.State
	}{
		{"Delivered to Silverfin:", []ledger.State{ledger.Done}},
		{"Waiting, each for a reason:", []ledger.State{ledger.Waiting, ledger.Found, ledger.Sending}},
		{"For a person to decide:", []ledger.State{ledger.Differs}},
		{"Went wrong:", []ledger.State{ledger.Failed}},
		{"Set aside:", []ledger.State{ledger.Superseded, ledger.Ignored}},
	} {
		if err := d.showGroup(ctx, before, group.heading, group.states); err != nil {
			return err
		}
	}
	d.showProblems(runs[0])
	return nil
}

// statesBefore returns the state of every entry, to see what a night changed.
func (d *demoRun) statesBefore(ctx context.Context) (map[uint64]ledger.State, error) {
	states := map[uint64]ledger.State{}
	for e, err := range d.node.Entries(ctx, ledger.Query{}) {
		if err != nil {
			return nil, err
		}
		states[e.Number] = e.State
	}
	return states, nil
}

// showGroup prints the entries in some states, without those that are settled and did not
// change.
func (d *demoRun) showGroup(ctx context.Context, before map[uint64]ledger.State, heading string, states []ledger.State) error {
	var lines []string
	for e, err := range d.node.Entries(ctx, ledger.Query{States: states}) {
		if err != nil {
			return err
		}
		if !e.Unsettled() && before[e.Number] == e.State {
			continue
		}
		line, err := d.entryText(ctx, e)
		if err != nil {
			return err
		}
		lines = append([]string{line}, lines...)
	}
	if len(lines) > 0 {
		d.printf("%s\n%s\n", d.styled(d.env.Stdout, bold, heading), strings.Join(lines, ""))
	}
	return nil
}

// entryText returns the outcome of one dossier and its reason.
func (d *demoRun) entryText(ctx context.Context, e ledger.Entry) (string, error) {
	history, err := d.node.store.History(ctx, e.Number)
	if err != nil {
		return "", err
	}
	what := e.Detail
	if what == "" && len(history) > 0 {
		what = history[len(history)-1].Text
	}
	source := "Finbox"
	if e.Connection != d.made.ConnectionID {
		source = "folder " + e.Connection + ", " + clean(strings.TrimPrefix(e.ID, e.Dossier.ID+"/"))
	}
	text := fmt.Sprintf("  %-30s %s, %s, %s\n", clean(e.Dossier.Name), e.Dossier.EnterpriseNumber.Pretty(), modelText(e.Model), source)
	text += "      " + clean(what) + ".\n"
	for _, difference := range e.Differences {
		r, _ := balance.RubricOf(difference.Cell.Code)
		text += fmt.Sprintf("      %s %s: Finbox %s, Silverfin %s\n", difference.Cell, r.Label(balance.English), difference.Finbox, difference.Silverfin)
	}
	if e.Next != "" {
		text += "      → " + clean(e.Next) + "\n"
	}
	return text, nil
}

func modelText(m balance.Model) string {
	if m == "" {
		return "model not known"
	}
	return string(m)
}

// decide takes the decision of a person on a dossier that differs.
func (d *demoRun) decide(ctx context.Context, one sandbox.DemoDossier) error {
	q := ledger.Query{States: []ledger.State{ledger.Differs}, Dossier: one.DossierID}
	for e, err := range d.node.Entries(ctx, q) {
		if err != nil {
			return err
		}
		if _, err := d.node.Decide(ctx, daemon.Decision{Number: e.Number, Choice: "use_finbox", By: "Els"}); err != nil {
			return err
		}
		d.printf("Els looks at %s and decides: use the data from Finbox.\n", one.Name)
	}
	return nil
}

// linkByHand links a dossier to the first of its companies in Silverfin.
func (d *demoRun) linkByHand(ctx context.Context, one sandbox.DemoDossier) error {
	l := ledger.DossierLink{Connection: d.made.ConnectionID, DossierID: one.DossierID, FirmID: d.made.FirmID, CompanyID: one.CompanyIDs[0]}
	if _, err := d.node.Link(ctx, daemon.LinkRequest{DossierLink: l, By: "Els"}); err != nil {
		return err
	}
	d.printf("Silverfin has %s twice: Els links its dossier to company %d by hand.\n", one.Name, l.CompanyID)
	return nil
}

// nightTime returns when nightly run n begins.
func (d *demoRun) nightTime(n int) time.Time {
	return d.day.AddDate(0, 0, n).Add(2*time.Hour + 31*time.Minute)
}

// catchUp runs the nights since the second one, so that none is missed when the daemon goes
// on, and returns the link with which a person signs in to the web pages.
func (d *demoRun) catchUp(ctx context.Context) (link string, err error) {
	for n := 3; d.nightTime(n).Before(time.Now()); n++ {
		d.clock.set(d.nightTime(n))
		if _, err := d.node.RunNight(ctx); err != nil {
			return "", err
		}
	}
	d.clock.back.Store(0)
	people, _ := d.node.people(d.cfg)
	invitation, err := people.Invite(ctx, "Els", accounts.Admin, "")
	return invitation.Link, err
}

// keepRunning leaves everything running until it is stopped. The log goes to a file, so
// that the instructions stay visible.
func (d *demoRun) keepRunning(ctx context.Context, dir, link string) error {
	info := d.sandbox.Info()
	logFile := filepath.Join(dir, "balansd.log")
	output, err := logs.Open(logs.Config{Level: d.cfg.Log.Level, Format: "console", File: logFile, Stderr: d.env.Stderr, Environ: d.env.Environ})
	if err != nil {
		return err
	}
	defer func() { _ = output.Close() }()
	d.title("It goes on running; stop it with Ctrl-C")
	d.printf("Open this link, once, to sign in to the web pages as Els, an admin:\n\n  %s\n\n", link)
	d.printf("web pages         %s\nFinbox settings   %s/settings/%s?lang=nl\nSilverfin         %s\ncontrol           %s\nlog               %s\n",
		pagesURL(d.cfg), info.Finbox.URL, info.Finbox.ConnectionID, info.Silverfin.URL, info.Control.URL, logFile)
	d.printf("\nIn another terminal:\n")
	for _, command := range []string{"status", "ledger list", "sync --dry-run"} {
		d.printf("  %s %s --config %q\n", programName(), command, d.cfg.File())
	}
	d.printf("\n")
	return d.newDaemonProcess(d.cfg, output.Logger(), false).serve(ctx)
}

// programName returns what to type to call this program again.
func programName() string {
	exe, err := os.Executable()
	if err != nil {
		return "balansd"
	}
	here, _ := os.Getwd()
	cache, _ := os.UserCacheDir()
	return programAt(exe, here, []string{os.TempDir(), cache, os.Getenv("GOCACHE")}, exec.LookPath)
}

// programAt returns what to type in the folder here to call exe. An executable in a
// temporary folder was built by go run, which removes it at its end.
func programAt(exe, here string, temporary []string, find func(string) (string, error)) string {
	for _, dir := range temporary {
		if in, err := filepath.Rel(dir, exe); dir != "" && err == nil && filepath.IsLocal(in) {
			return "go run ."
		}
	}
	base := filepath.Base(exe)
	if filepath.Dir(exe) == here {
		return "." + string(filepath.Separator) + base
	}
	if found, err := find(base); err == nil && found == exe {
		return base
	}
	if strings.Contains(exe, " ") {
		return strconv.Quote(exe)
	}
	return exe
}

func (d *demoRun) title(format string, args ...any) {
	d.printf("\n%s\n", d.styled(d.env.Stdout, bold, "== "+fmt.Sprintf(format, args...)+" =="))
}

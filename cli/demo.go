package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
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

// demoClock is a clock that can be set, so that two nights pass in a second.
// It starts some days back and so never runs ahead of the real one.
type demoClock struct{ back atomic.Int64 }

func (c *demoClock) now() time.Time { return time.Now().Add(-time.Duration(c.back.Load())) }

// set moves the clock to a time.
func (c *demoClock) set(t time.Time) { c.back.Store(int64(time.Since(t))) }

// demoNights is how many days the demo lies back, so that with --keep the pages
// show a week.
const demoNights = 7

// journey is one run of the demo.
type journey struct {
	*App
	clock demoClock
	box   *sandbox.Sandbox
	cast  *sandbox.Demo
	cfg   *config.Config
	node  *node
	day   time.Time // the first day, at midnight
}

func (app *App) demo(ctx context.Context, keep bool) (err error) {
	dir, err := os.MkdirTemp("", "balansd-demo-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	j := &journey{App: app}
	if err := j.prepare(ctx, dir); err != nil {
		return err
	}
	defer func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), sandboxGrace)
		defer cancel()
		err = errors.Join(err, j.box.Close(grace))
	}()
	link := ""
	err = j.story(ctx, dir)
	if err == nil && keep {
		link, err = j.untilToday(ctx)
	}
	if err := errors.Join(err, j.node.Close()); err != nil {
		return err
	}
	if !keep {
		app.printf("\nThat was the demo; nothing of it stays. %s demo --keep leaves it running.\n", program())
		return nil
	}
	return j.keep(ctx, dir, link)
}

// prepare starts the simulators, fills them, and writes a configuration that
// points at them.
func (j *journey) prepare(ctx context.Context, dir string) error {
	today := time.Now().In(config.Default().TimeZone)
	j.day = time.Date(today.Year(), today.Month(), today.Day()-demoNights, 0, 0, 0, 0, today.Location())
	j.clock.set(j.day.Add(16 * time.Hour))
	listen, err := freeAddress()
	if err != nil {
		return err
	}
	portalURL := "http://" + listen + "/connection"
	if j.box, err = sandbox.Start(sandbox.Options{Now: j.clock.now, Log: zerolog.Nop(), Finbox: fakefinbox.Options{PortalURL: portalURL}}); err != nil {
		return err
	}
	if j.cast, err = j.box.Demo(); err != nil {
		return err
	}
	folder := filepath.Join(dir, "payroll")
	if err := j.cast.WriteFolder(folder); err != nil {
		return err
	}
	path, err := demoConfig(dir, folder, listen, j.box.Info())
	if err != nil {
		return err
	}
	if j.cfg, err = config.Load(config.LoadOptions{Path: path}); err != nil {
		return err
	}
	j.node, err = newNode(ctx, j.cfg, nodeOptions{version: j.version(), process: "balansd demo", log: j.quietLog(j.cfg), now: j.clock.now})
	return err
}

// freeAddress finds a loopback address that nothing listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// demoConfig writes the configuration of the demo, secrets in files of their
// own, as a real one has them.
func demoConfig(dir, folder, listen string, box sandbox.Info) (path string, err error) {
	for name, secret := range map[string]string{"finbox.secret": box.Finbox.ClientSecret, "silverfin.secret": box.Silverfin.ClientSecret} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(secret), 0o600); err != nil {
			return "", err
		}
	}
	socket := ""
	if runtime.GOOS == "windows" {
		socket = `socket: \\.\pipe\` + filepath.Base(dir) + "\n"
	}
	yaml := fmt.Sprintf(`data_dir: %q
%slanguage: nl
night: {at: "02:30", spread: 0s}
portal: {listen: %q}
finbox: {base_url: %q, token_url: %q, client_id: %q, client_secret_file: finbox.secret}
folders: [{name: payroll, path: %q}]
silverfin: {base_url: %q, client_id: %q, client_secret_file: silverfin.secret, requests_per_second: 100, burst: 100}
`, filepath.Join(dir, "data"), socket, listen, box.Finbox.URL, box.Finbox.TokenURL, box.Finbox.ClientID, folder, box.Silverfin.URL, box.Silverfin.ClientID)
	path = filepath.Join(dir, "balansd.yaml")
	return path, os.WriteFile(path, []byte(yaml), 0o600)
}

// story is what is told: link, a night, what people do during the day, another
// night.
func (j *journey) story(ctx context.Context, dir string) error {
	j.title("An accounting firm with %d made-up dossiers", len(j.cast.Dossiers)+len(j.cast.Folder))
	j.printf("A simulated Finbox and Silverfin run on this machine; %d dossiers are in Finbox,\n%d in a folder on the server. Everything of the demo is in %s.\n",
		len(j.cast.Dossiers), len(j.cast.Folder), dir)
	if err := j.link(ctx); err != nil {
		return err
	}
	if err := j.night(ctx, 1); err != nil {
		return err
	}
	j.title("The next day")
	j.clock.set(j.day.Add(33 * time.Hour))
	for _, one := range j.cast.Find(sandbox.SituationWorkflowClosed) {
		j.box.OpenWorkflow(one)
		j.printf("The accountant opens the workflow %q of %s in Silverfin.\n", one.Workflow, one.Name)
	}
	corrected := j.cast.Find(sandbox.SituationNew)[0]
	if err := j.box.CorrectCost(corrected); err != nil {
		return err
	}
	j.printf("The payroll bureau corrects the balance of %s: a new revision in Finbox.\n", corrected.Name)
	for _, one := range j.cast.Find(sandbox.SituationChanged) {
		if err := j.decide(ctx, one); err != nil {
			return err
		}
	}
	return j.night(ctx, 2)
}

// link does what a person does once.
func (j *journey) link(ctx context.Context) error {
	j.title("Linking, once")
	c, notes, err := j.node.ConnectFinbox(ctx, j.cast.ConnectionID, "Els")
	if err != nil {
		return err
	}
	j.printf("Els links Finbox with connection id %s: %s, active, start date %s.\n", c.ID, c.Name, c.StartDate)
	j.notes(notes)
	signIn, err := j.node.BeginSilverfin(ctx, j.cast.FirmID, "")
	if err != nil {
		return err
	}
	f, notes, err := j.node.EndSilverfin(ctx, signIn.State, j.box.Silverfin.Grant(j.cast.FirmID), j.cast.FirmID, "Els")
	if err != nil {
		return err
	}
	j.printf("Els signs in to Silverfin: firm %s (%d) is linked.\n", f.Name, f.ID)
	j.notes(notes)
	return nil
}

// night runs a nightly pass and says what became of each dossier that it
// moved.
func (j *journey) night(ctx context.Context, n int) error {
	j.clock.set(j.wake(n))
	before, err := j.states(ctx)
	if err != nil {
		return err
	}
	j.title("Night %d, %s", n, j.clock.now().Format("2 January 2006, 15:04"))
	ran, err := j.node.RunNight(ctx)
	if err != nil {
		return err
	}
	if !ran {
		return errors.New("the night was not due")
	}
	passes, err := j.node.store.Runs(ctx, 1)
	if err != nil {
		return err
	}
	j.printf("%s.\n\n", passSummary(passes[0]))
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
		if err := j.group(ctx, before, group.heading, group.states); err != nil {
			return err
		}
	}
	j.problems(passes[0])
	return nil
}

// states returns the state of every entry, to see what a night changed.
func (j *journey) states(ctx context.Context) (map[uint64]ledger.State, error) {
	states := map[uint64]ledger.State{}
	for e, err := range j.node.Entries(ctx, ledger.Query{}) {
		if err != nil {
			return nil, err
		}
		states[e.Number] = e.State
	}
	return states, nil
}

// group tells of the entries in some states, those that did not move left out
// when they are settled.
func (j *journey) group(ctx context.Context, before map[uint64]ledger.State, heading string, states []ledger.State) error {
	var lines []string
	for e, err := range j.node.Entries(ctx, ledger.Query{States: states}) {
		if err != nil {
			return err
		}
		if !e.Unsettled() && before[e.Number] == e.State {
			continue
		}
		line, err := j.line(ctx, e)
		if err != nil {
			return err
		}
		lines = append([]string{line}, lines...)
	}
	if len(lines) > 0 {
		j.printf("%s\n%s\n", j.styled(j.env.Stdout, bold, heading), strings.Join(lines, ""))
	}
	return nil
}

// line says in plain words what became of one dossier, and why.
func (j *journey) line(ctx context.Context, e ledger.Entry) (string, error) {
	story, err := j.node.store.History(ctx, e.Number)
	if err != nil {
		return "", err
	}
	what := e.Detail
	if what == "" && len(story) > 0 {
		what = story[len(story)-1].Text
	}
	source := "Finbox"
	if e.Connection != j.cast.ConnectionID {
		source = "folder " + e.Connection
	}
	text := fmt.Sprintf("  %-30s %s, %s, %s\n", clean(e.Dossier.Name), e.Dossier.EnterpriseNumber.Pretty(), modelText(e.Model), source)
	text += "      " + clean(what) + ".\n"
	for _, d := range e.Differences {
		r, _ := balance.RubricOf(d.Cell.Code)
		text += fmt.Sprintf("      %s %s: Finbox %s, Silverfin %s\n", d.Cell, r.Label(balance.English), d.Finbox, d.Silverfin)
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

// decide shows a person's decision.
func (j *journey) decide(ctx context.Context, one sandbox.DemoDossier) error {
	q := ledger.Query{States: []ledger.State{ledger.Differs}, Dossier: one.DossierID}
	for e, err := range j.node.Entries(ctx, q) {
		if err != nil {
			return err
		}
		if _, err := j.node.Decide(ctx, daemon.Decision{Number: e.Number, Choice: "use_finbox", By: "Els"}); err != nil {
			return err
		}
		j.printf("Els looks at %s and decides: use the data from Finbox.\n", one.Name)
	}
	return nil
}

// wake is when the nightly run with number n begins.
func (j *journey) wake(n int) time.Time {
	return j.day.AddDate(0, 0, n).Add(2*time.Hour + 31*time.Minute)
}

// untilToday runs the nights between the second one and now, so that a daemon
// that goes on finds none missed, and returns the link with which a person signs
// in to the web pages.
func (j *journey) untilToday(ctx context.Context) (link string, err error) {
	for n := 3; j.wake(n).Before(time.Now()); n++ {
		j.clock.set(j.wake(n))
		if _, err := j.node.RunNight(ctx); err != nil {
			return "", err
		}
	}
	j.clock.back.Store(0)
	people, _ := j.node.people(j.cfg)
	invitation, err := people.Invite(ctx, "Els", accounts.Admin, "")
	return invitation.Link, err
}

// keep leaves everything running until a person stops it. The log goes to a
// file, so that what to do next stays in sight.
func (j *journey) keep(ctx context.Context, dir, link string) error {
	info := j.box.Info()
	logFile := filepath.Join(dir, "balansd.log")
	output, err := logs.Open(logs.Config{Level: j.cfg.Log.Level, Format: "console", File: logFile, Stderr: j.env.Stderr, Environ: j.env.Environ})
	if err != nil {
		return err
	}
	defer func() { _ = output.Close() }()
	j.title("It goes on running; stop it with Ctrl-C")
	j.printf("Open this link, once, to sign in to the web pages as Els, an admin:\n\n  %s\n\n", link)
	j.printf("web pages         %s\nFinbox settings   %s/settings/%s?lang=nl\nSilverfin         %s\ncontrol           %s\nlog               %s\n",
		pagesURL(j.cfg), info.Finbox.URL, info.Finbox.ConnectionID, info.Silverfin.URL, info.Control.URL, logFile)
	j.printf("\nIn another terminal:\n")
	for _, command := range []string{"status", "ledger list", "sync --dry-run"} {
		j.printf("  %s %s --config %q\n", program(), command, j.cfg.File())
	}
	j.printf("\n")
	return j.newRunning(j.cfg, output.Logger(), false).work(ctx)
}

// program is what a person types to call this program again.
func program() string {
	exe, err := os.Executable()
	if err != nil {
		return "balansd"
	}
	here, _ := os.Getwd()
	cache, _ := os.UserCacheDir()
	return programAt(exe, here, []string{os.TempDir(), cache, os.Getenv("GOCACHE")}, exec.LookPath)
}

// programAt names the executable exe as a person in the folder here does. One
// in a passing folder was built by go run, and is gone when it ends.
func programAt(exe, here string, passing []string, find func(string) (string, error)) string {
	for _, dir := range passing {
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

func (j *journey) title(format string, args ...any) {
	j.printf("\n%s\n", j.styled(j.env.Stdout, bold, "== "+fmt.Sprintf(format, args...)+" =="))
}

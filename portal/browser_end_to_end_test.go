package portal

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"balansd/balance"
	"balansd/internal/testenv"
	"balansd/sandbox"
	"balansd/sandbox/faults"
	fakefinbox "balansd/sandbox/finbox"

	"github.com/chromedp/chromedp"
)

// endToEnd is the real balansd in a process of its own, a simulated Finbox and Silverfin,
// and a browser on its pages.
type endToEnd struct {
	*chrome

	sandbox      *sandbox.Sandbox
	connectionID string
	firm         int64
	inviteLink   string // for the first admin
}

// newEndToEnd builds balansd and runs it until the test ends. behind starts a reverse proxy
// for an address, and returns that of the pages; nil for none.
func newEndToEnd(t *testing.T, behind func(listen string) string) *endToEnd {
	t.Helper()
	listen := testenv.UnusedAddress(t)
	base, portal := "http://"+listen, fmt.Sprintf("{listen: %q}", listen)
	if behind != nil {
		base = behind(listen)
		portal = fmt.Sprintf("{listen: %q, url: %q, trusted_proxies: [127.0.0.1]}", listen, base)
	}
	browser, dir := newChrome(t, base, chromedp.Flag("ignore-certificate-errors", behind != nil)), t.TempDir()
	j := &endToEnd{chrome: browser}
	var err error
	j.sandbox, err = sandbox.Start(sandbox.Options{Finbox: fakefinbox.Options{PortalURL: j.base + "/connection"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = j.sandbox.Close(ctx)
	})
	info := j.sandbox.Info()
	j.connectionID, j.firm = info.Finbox.ConnectionID, info.Silverfin.Firms[0].ID
	if err := j.sandbox.Finbox.Deactivate(j.connectionID); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("finbox.secret", info.Finbox.ClientSecret)
	write("silverfin.secret", info.Silverfin.ClientSecret)
	config := write("balansd.yaml", fmt.Sprintf(`data_dir: data
socket: %s
night: {at: "02:30", spread: 0s}
portal: %s
finbox: {base_url: %q, token_url: %q, client_id: %q, client_secret_file: finbox.secret}
silverfin: {base_url: %q, client_id: %q, client_secret_file: silverfin.secret, requests_per_second: 100, burst: 100}
`, shortPath(t), portal, info.Finbox.URL, info.Finbox.TokenURL, info.Finbox.ClientID, info.Silverfin.URL, info.Silverfin.ClientID))
	j.start(dir, config)
	return j
}

// shortPath returns the path of a socket, which may have at most about 100 bytes.
func shortPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "bd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

// start builds and starts balansd, and reads the first admin's link from its log.
func (j *endToEnd) start(dir, config string) {
	j.t.Helper()
	program := filepath.Join(dir, "balansd")
	if out, err := exec.Command("go", "build", "-o", program, "balansd").CombinedOutput(); err != nil {
		j.t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command(program, "run", "--config", config)
	cmd.Env = append(os.Environ(), "BALANSD_LOG_FORMAT=json")
	log, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		j.t.Fatal(err)
	}
	j.t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			j.t.Errorf("balansd ends with %v", err)
		}
	})
	lines := bufio.NewScanner(log)
	for j.inviteLink == "" && lines.Scan() {
		var line struct{ Link string }
		_ = json.Unmarshal(lines.Bytes(), &line)
		j.inviteLink = strings.TrimPrefix(line.Link, j.base)
	}
	go func() { _, _ = io.Copy(io.Discard, log) }()
	if j.inviteLink == "" {
		j.t.Fatalf("balansd ended without a link for the first admin: %s", lines.Text())
	}
}

// acceptFirstInvitation creates the first admin, in a language.
func (j *endToEnd) acceptFirstInvitation(lang string) {
	j.t.Helper()
	// The link is in the log before the pages are served.
	for chromedp.Do(j.ctx, chromedp.Navigate(j.base+j.inviteLink)) != nil {
		j.do(chromedp.Sleep(50 * time.Millisecond))
	}
	j.setLanguage("fr")
	j.checkAccessibility("invite-first-fr")
	j.setLanguage(lang)
	j.checkPage("invite-first-" + lang)
	j.fill("#name", annName)
	j.fill("#new-password", testPassword)
	j.fill("#again", testPassword)
	j.click("main form button")
}

// connect links Finbox and Silverfin, from Finbox's own settings page on.
func (j *endToEnd) connect(lang string) {
	j.t.Helper()
	j.do(chromedp.Navigate(j.sandbox.Info().Finbox.URL + "/settings/" + j.connectionID + "?lang=" + lang))
	j.click(`button[value="activate"]`)
	id := value[string](j.chrome, `document.querySelector("#id").value`)
	j.click("a.button")
	j.do(chromedp.WaitVisible(chromedp.CSS("#id"))) // behind the page that answers links of other sites
	if j.path() != "/connection" {
		j.t.Fatalf("Finbox leads to %s", j.path())
	}
	j.inDutchAndFrench("connection-wrong", "Deze connectie-id is niet bekend", func() {
		j.visit("/connection")
		j.fill("#id", "no-such-connection")
		j.click(`form[action$="/connection/finbox"] button`)
	})
	j.inDutchAndFrench("connection-validated", "De connectie-id is gevalideerd", func() { j.validate(id) })
	today := balance.DateOf(time.Now())
	if err := j.sandbox.Finbox.SetStartDate(j.connectionID, today.AddDays(-30)); err != nil {
		j.t.Fatal(err)
	}
	j.inDutchAndFrench("connection-not-today", "De startdatum is", func() { j.validate(id) })
	if err := j.sandbox.Finbox.SetStartDate(j.connectionID, today); err != nil {
		j.t.Fatal(err)
	}
	j.validate(id)
	// To Silverfin's own sign-in, and back.
	j.do(chromedp.Click(chromedp.CSS(`form[action$="/connection/silverfin"] > button.button`)))
	j.do(chromedp.WaitVisible(chromedp.CSS(`button[value="allow"]`)))
	j.do(chromedp.Click(chromedp.CSS(`button[value="allow"]`)))
	j.do(chromedp.WaitVisible(chromedp.CSS(`form[action$="/connection/silverfin/remove"]`)))
	j.waitForJob()
}

// validate enters a connection id.
func (j *endToEnd) validate(id string) {
	j.t.Helper()
	j.visit("/connection")
	j.fill("#id", id)
	j.click(`form[action$="/connection/finbox"] button`)
	j.do(chromedp.WaitVisible(chromedp.CSS(".note.well")))
}

// inDutchAndFrench does something in Dutch and in French, and checks the page that it
// leads to.
func (j *endToEnd) inDutchAndFrench(name, says string, do func()) {
	j.t.Helper()
	do()
	j.expectText(says)
	j.checkPage(name + "-nl")
	j.visit("/connection")
	j.setLanguage("fr")
	do()
	j.checkAccessibility(name + "-fr")
	j.visit("/connection")
	j.setLanguage("nl")
}

// connectByCode links the firm again with a pasted code.
func (j *endToEnd) connectByCode() {
	j.t.Helper()
	begin := func() {
		j.visit("/connection")
		j.do(chromedp.Click(chromedp.CSS("#step2 ~ details > summary")))
		j.fill("#firm", fmt.Sprintf("https://live.getsilverfin.com/f/%d/home", j.firm))
		j.click(`details form[action$="/connection/silverfin"] button`)
	}
	j.inDutchAndFrench("connection-code", "Plak hier de code", begin)
	begin()
	j.fill("#code", j.sandbox.Silverfin.Grant(j.firm))
	j.click(`form[action$="/connection/silverfin/end"] button`)
	j.expectText("is gekoppeld")
	j.waitForJob()
}

// syncAll syncs all dossiers and waits for the result.
func (j *endToEnd) syncAll() {
	j.t.Helper()
	j.visit("/")
	j.click(`form[action$="/sync"] button`)
	j.waitForJob()
}

// waitForJob waits until the page of a job shows its result.
func (j *endToEnd) waitForJob() {
	j.t.Helper()
	j.do(chromedp.WaitVisible(chromedp.CSS("#job:not([hx-get])")))
}

// TestEndToEndInBrowser sets balansd up as an accountant does, syncs, and decides.
func TestEndToEndInBrowser(t *testing.T) {
	j := newEndToEnd(t, nil)
	j.allowError("404") // the simulators have no icon, and an id is not known
	j.allowError("401") // the link from Finbox comes without the cookie of the session
	j.acceptFirstInvitation("nl")
	j.expectText("nog niet klaar")
	for _, lang := range []string{"fr", "nl"} {
		j.setLanguage(lang)
		check := j.checkAccessibility
		if lang == "nl" {
			check = j.checkPage
		}
		for name, path := range map[string]string{"home": "/", "connection": "/connection", "dossiers": "/dossiers",
			"decisions": "/decisions", "runs": "/nights"} {
			j.visit(path)
			check("empty-" + name + "-" + lang)
		}
	}
	j.connect("nl")
	j.expectText("Bestaande koppelingen")
	j.expectText("De koppeling is gelegd")
	j.connectByCode()
	demo, err := j.sandbox.Demo()
	if err == nil {
		err = j.sandbox.TypeByHand(demo.Find(sandbox.SituationChanged)[0], "1013", "5")
	}
	if err != nil {
		t.Fatal(err)
	}
	j.syncAll()
	j.expectText("in Silverfin")
	for _, lang := range []string{"nl", "fr", "en", "de"} {
		check := j.checkAccessibility
		if lang == "nl" {
			check = j.checkPage
		}
		j.setLanguage(lang)
		check("sync-" + lang)
		for name, path := range map[string]string{"home": "/", "dossiers": "/dossiers?sort=state", "decisions": "/decisions",
			"runs": "/nights", "connection": "/connection", "dossiers-waiting": "/dossiers?state=waiting"} {
			j.visit(path)
			check("full-" + name + "-" + lang)
		}
		for name, state := range map[string]string{"done": "done", "differs": "differs", "failed": "failed", "waiting": "waiting"} {
			j.visit("/dossiers?state=" + state)
			j.click(`tbody th a`)
			check("dossier-" + name + "-" + lang)
		}
		j.click(`a[href$="/others"]`)
		check("others-" + lang)
	}
	j.setLanguage("nl")
	j.decideAndSync()
	j.syncWithoutSilverfin()
}

// decideAndSync decides one figure, then the others, and syncs.
func (j *endToEnd) decideAndSync() {
	j.t.Helper()
	j.visit("/decisions")
	differ := value[int](j.chrome, `document.querySelectorAll("input[name=cell]").length`)
	if differ < 2 {
		j.t.Fatalf("%d figures differ", differ)
	}
	j.do(chromedp.Click(chromedp.CSS("input[name=cell]")))
	j.click(`button[value="keep_silverfin"]`)
	j.expectText("Je beslissing is bewaard")
	if left := value[int](j.chrome, `document.querySelectorAll("input[name=cell]").length`); left != differ-1 {
		j.t.Errorf("%d of %d figures are left to decide", left, differ)
	}
	writes := len(j.sandbox.Silverfin.Writes())
	j.syncAll()
	if n := len(j.sandbox.Silverfin.Writes()); n != writes {
		j.t.Errorf("%d writes before all is decided", n-writes)
	}
	j.visit("/decisions")
	j.click(`button[value^="use_finbox:"]`)
	j.expectText("Er valt niets te beslissen")
	j.syncAll()
	if n := len(j.sandbox.Silverfin.Writes()); n == writes {
		j.t.Error("nothing was written after all was decided")
	}
	j.visit("/dossiers?state=differs")
	j.expectText("Geen dossiers gevonden")
}

// syncWithoutSilverfin syncs one dossier while Silverfin drops every connection.
func (j *endToEnd) syncWithoutSilverfin() {
	j.t.Helper()
	j.visit("/dossiers?state=done")
	j.sandbox.Silverfin.Faults().Add(faults.Fault{Kind: faults.LostBefore, Times: -1})
	j.do(chromedp.Click(chromedp.CSS("td form.sync button")))
	j.do(chromedp.WaitVisible(chromedp.CSS("td div.sync:not([hx-get])")))
	j.click("td div.sync a")
	j.expectText("Silverfin is niet bereikbaar")
	j.checkPage("sync-down-nl")
	j.setLanguage("fr")
	j.checkAccessibility("sync-down-fr")
	j.setLanguage("nl")
	j.sandbox.Silverfin.Faults().Clear()
}

package silverfin_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"balansd/internal/testenv"
	"balansd/sandbox/silverfin"
)

// TestSilverfinCLI runs Silverfin's public command-line client against the sandbox, with
// only its host overridden. BALANSD_SILVERFIN_CLI is the folder of the client, with
// bin/cli.js in it; without it a silverfin on the PATH is used.
func TestSilverfinCLI(t *testing.T) {
	cli := newCLI(t)
	cli.authorize()
	if kept := cli.credentials(); strings.Count(kept, "accessToken") != 1 || !strings.Contains(kept, "Kantoor Peeters") {
		t.Fatalf("the client kept no token or not the firm's name:\n%s", cli.output)
	}
	cli.changeTemplate()
	cli.createTemplate()

	// The refresh that was asked for, then the one after a 401.
	before := cli.credentials()
	cli.run("config", "--refresh-token", idText(cli.office.firm))
	if cli.credentials() == before {
		t.Fatalf("the tokens were not refreshed:\n%s", cli.output)
	}
	cli.office.clock.Add(3 * time.Hour)
	before = cli.credentials()
	cli.readFile()
	if cli.credentials() == before {
		t.Error("an expired token was not refreshed")
	}

	// The other way to override its host is saved in its own file.
	cli.run("config", "--set-host", cli.host)
	cli.env = slices.DeleteFunc(cli.env, func(v string) bool { return strings.HasPrefix(v, "SF_HOST=") })
	cli.run("config", "--update-name", idText(cli.office.firm))
	if !strings.Contains(cli.output, "name set to Kantoor Peeters") {
		t.Errorf("the client did not read the firm's name:\n%s", cli.output)
	}

	// At each start it asks the web for its newest version, and nothing else.
	cli.mu.Lock()
	defer cli.mu.Unlock()
	t.Logf("refused: %q", cli.left)
	for _, target := range cli.left {
		if !strings.Contains(target, "githubusercontent.com") {
			t.Errorf("the client wanted to reach %s", target)
		}
	}
}

// changeTemplate imports the firm's own template and uploads a changed one.
func (c *cliFixture) changeTemplate() {
	c.t.Helper()
	x := c.office
	c.run("import-reconciliation", "--firm", idText(x.firm), "--handle", "social_balance", "--yes")
	main := filepath.Join(c.work, "reconciliation_texts", "social_balance", "main.liquid")
	text, err := os.ReadFile(main)
	if err != nil || !strings.Contains(string(text), "social balance") {
		c.t.Fatalf("the template was not imported: %v\n%s\n%s", err, text, c.output)
	}
	// create-test looks up what the template's text refers to.
	const changed = "{{ company.name }}{{ company.custom.office.manager }}" +
		"{{ period.reconciliations.staff_costs.results.code_620 }}{{ period.reconciliations.staff_costs.custom.costs.code_621 }}"
	if err := os.WriteFile(main, []byte(changed), 0o600); err != nil {
		c.t.Fatal(err)
	}
	c.run("update-reconciliation", "--firm", idText(x.firm), "--handle", "social_balance", "--yes")
	if got := x.call("GET", "/reconciliations/"+idText(c.template), "").is(200).text("text"); got != changed {
		c.t.Fatalf("the template is %q\n%s", got, c.output)
	}
}

// createTemplate creates a template from an empty folder and looks up its id.
func (c *cliFixture) createTemplate() {
	c.t.Helper()
	const handle = "made_by_client"
	firm := idText(c.office.firm)
	folder := filepath.Join(c.work, "reconciliation_texts", handle)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		c.t.Fatal(err)
	}
	c.run("create-reconciliation", "--firm", firm, "--handle", handle)
	c.run("get-reconciliation-id", "--firm", firm, "--handle", handle, "--yes")
	config, err := os.ReadFile(filepath.Join(folder, "config.json"))
	if id := c.templateID(handle); err != nil || id == 0 || !strings.Contains(string(config), `"`+firm+`": `+idText(id)) {
		c.t.Fatalf("the client made template %d and kept: %v\n%s\n%s", id, err, config, c.output)
	}
}

// readFile reads a reconciliation and everything that its text refers to.
func (c *cliFixture) readFile() {
	c.t.Helper()
	x := c.office
	c.run("create-test", "--test", "from_sandbox", "--url", fmt.Sprintf("%s/f/%d/%d/ledgers/%d/workflows/%d/reconciliation_texts/%d",
		c.host, x.firm, x.company, x.period, c.workflow, x.recon))
	wrote := c.yaml("from_sandbox")
	for _, part := range []string{
		"2024-12-31", "sb.code_1003", "114.4", "sb.row", "nine", "pit_integration.code_1002",
		"Bakkerij Janssens", "office.manager", "code_620: 8.5", "costs.code_621",
	} {
		if !strings.Contains(wrote, part) {
			c.t.Errorf("the client's file lacks %s:\n%s\n%s", part, wrote, c.output)
		}
	}
}

// cliFixture is the client with its own home and work folder.
type cliFixture struct {
	t                  *testing.T
	office             *fixture
	command            []string
	home, work, host   string
	env                []string
	template, workflow int64
	opened             chan string
	output             string // of the last command

	mu   sync.Mutex
	left []string // the hosts beyond this machine that it tried to reach
}

func newCLI(t *testing.T) *cliFixture {
	t.Helper()
	c := &cliFixture{t: t, home: t.TempDir(), work: t.TempDir(), opened: make(chan string, 1)}
	c.command = findCLI(t)
	x := newFixture(t, silverfin.Options{})
	c.office = x
	c.workflow = x.sf.OpenWorkflow(x.company, x.period, workflowName)
	c.template = c.templateID("social_balance")
	x.call("POST", "/companies/{c}/periods/{p}/reconciliations/{r}/custom",
		`{"properties":[{"namespace":"sb","key":"code_1003","value":"114.4"},{"namespace":"sb","key":"row","value":{"field":"nine"}}]}`).is(201)
	x.call("POST", "/companies/{c}/periods/{p}/custom", `{"properties":[{"namespace":"pit_integration","key":"code_1002","value":"yes"},{"namespace":"pit_integration","key":"account","value":"#12"}]}`).is(201)
	x.call("POST", "/companies/{c}/custom", `{"namespace":"office","key":"manager","value":"An"}`).is(201)
	costs := x.sf.AddReconciliation(x.company, "staff_costs", workflowName)
	x.call("POST", "/companies/{c}/periods/{p}/reconciliations/"+idText(costs)+"/custom",
		`{"properties":[{"namespace":"costs","key":"code_620","value":8.5},{"namespace":"costs","key":"code_621","value":7}]}`).is(201)

	server := httptest.NewServer(x.sf)
	t.Cleanup(server.Close)
	browser := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { c.opened <- r.FormValue("url") }))
	t.Cleanup(browser.Close)
	outside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.left = append(c.left, r.Method+" "+r.RequestURI)
		w.WriteHeader(http.StatusForbidden)
	}))
	t.Cleanup(outside.Close)

	c.host = server.URL
	c.env = append(slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.Contains(strings.ToUpper(v), "PROXY=") || strings.HasPrefix(v, "DISPLAY=") || strings.HasPrefix(v, "SF_")
	}),
		"HOME="+c.home, "SF_HOST="+server.URL, "SF_API_CLIENT_ID="+clientID, "SF_API_SECRET="+clientSecret, "SF_FIRM_ID="+idText(x.firm),
		"BROWSER="+c.browser(browser.URL), "HTTPS_PROXY="+outside.URL, "https_proxy="+outside.URL, "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
	return c
}

// findCLI returns the command that starts the client. The client is in no package
// registry: clone github.com/silverfin/silverfin-cli, run npm install in it and set
// BALANSD_SILVERFIN_CLI to its folder.
func findCLI(t *testing.T) []string {
	t.Helper()
	testenv.Need(t, testenv.SilverfinCLI, "node", "script")
	if runtime.GOOS != "linux" {
		t.Fatal("the client is driven through a Linux terminal")
	}
	if folder := os.Getenv("BALANSD_SILVERFIN_CLI"); folder != "" {
		file := filepath.Join(folder, "bin", "cli.js")
		if _, err := os.Stat(file); err != nil {
			t.Fatalf("BALANSD_SILVERFIN_CLI holds no bin/cli.js: %v", err)
		}
		return []string{"node", file}
	}
	file, err := exec.LookPath("silverfin")
	if err != nil {
		t.Fatalf("%v, and BALANSD_SILVERFIN_CLI names no folder of it", err)
	}
	return []string{file}
}

// templateID returns the id of the firm's own template, 0 if there is none.
func (c *cliFixture) templateID(handle string) int64 {
	c.t.Helper()
	for _, item := range c.office.call("GET", "/reconciliations", "").is(200).list() {
		if item["handle"] == handle && item["text"] != nil {
			return int64(item["id"].(float64))
		}
	}
	return 0
}

// browser makes a browser program that tells the test which page it should open.
func (c *cliFixture) browser(tell string) string {
	c.t.Helper()
	file := filepath.Join(c.home, "browser")
	program := "#!/bin/sh\nexec node -e 'require(\"http\").get(process.argv[1] + \"?url=\" + encodeURIComponent(process.argv[2]))' '" + tell + "' \"$1\"\n"
	if err := os.WriteFile(file, []byte(program), 0o700); err != nil {
		c.t.Fatal(err)
	}
	return file
}

func (c *cliFixture) start(command ...string) *exec.Cmd {
	cmd := exec.CommandContext(c.t.Context(), command[0], command[1:]...)
	cmd.Dir, cmd.Env = c.work, c.env
	return cmd
}

func (c *cliFixture) run(args ...string) {
	c.t.Helper()
	cmd := c.start(slices.Concat(c.command, args)...)
	out, err := cmd.CombinedOutput()
	c.output = string(out)
	c.t.Logf("silverfin %s\n%s", strings.Join(args, " "), out)
	if err != nil {
		c.t.Fatalf("%s: %v", args[0], err)
	}
}

// authorize signs in as a person with a terminal and a browser: the client opens the page,
// the page shows the code, and the code is typed in.
func (c *cliFixture) authorize() {
	c.t.Helper()
	cmd := c.start("script", "-qefc", "'"+strings.Join(append(c.command, "authorize"), "' '")+"'", "/dev/null")
	in, err := cmd.StdinPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	screen := &screen{changed: make(chan struct{}, 1)}
	cmd.Stdout, cmd.Stderr = screen, screen
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	// When ended is closed the client has exited; err says why.
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		err = cmd.Wait()
	}()
	enter := func(text string) {
		if _, err := io.WriteString(in, text); err != nil {
			c.t.Fatalf("%v\n%s", err, screen)
		}
	}
	screen.wait(c.t, ended, "Enter the firm ID")
	enter("\r")
	var page string
	select {
	case page = <-c.opened:
	case <-ended:
		c.t.Fatalf("no page was opened:\n%s", screen)
	}
	code := c.allow(page)
	screen.wait(c.t, ended, "authorization code: ")
	enter(code)
	screen.wait(c.t, ended, "authorization code: "+strings.Repeat("*", len(code)))
	enter("\r")
	<-ended
	c.output = screen.String()
	c.t.Logf("silverfin authorize\n%s", c.output)
	if err != nil || !strings.Contains(c.output, "Authentication successful") {
		c.t.Fatalf("authorize: %v\n%s", err, c.output)
	}
}

// allow opens the page, gives consent and reads the code.
func (c *cliFixture) allow(page string) string {
	c.t.Helper()
	u, err := url.Parse(page)
	if err != nil {
		c.t.Fatal(err)
	}
	shown := c.office.send(httptest.NewRequest("GET", u.RequestURI(), nil)).is(200)
	done := c.office.submit(u.RequestURI(), shown.body, "allow", c.office.firm).is(200)
	found := regexp.MustCompile(`<code id="authorization_code">([^<]+)<`).FindStringSubmatch(done.body)
	if found == nil {
		c.t.Fatalf("the page shows no code: %.300s", done.body)
	}
	return found[1]
}

// credentials reads the file in which the client keeps its tokens.
func (c *cliFixture) credentials() string {
	c.t.Helper()
	data, err := os.ReadFile(filepath.Join(c.home, ".silverfin", "config.json"))
	if err != nil {
		c.t.Fatal(err)
	}
	return string(data)
}

// yaml reads the file that the client wrote for a test.
func (c *cliFixture) yaml(name string) string {
	c.t.Helper()
	files, err := filepath.Glob(filepath.Join(c.work, "reconciliation_texts", "social_balance", "tests", "*.yml"))
	if err != nil {
		c.t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err == nil && bytes.Contains(data, []byte(name)) {
			return string(data)
		}
	}
	c.t.Fatalf("no file about %s among %v\n%s", name, files, c.output)
	return ""
}

// screen is the output of a terminal.
type screen struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.changed <- struct{}{}:
	default:
	}
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// wait returns when the terminal has shown text, and fails the test if the client exits
// first.
func (s *screen) wait(t *testing.T, ended <-chan struct{}, text string) {
	t.Helper()
	for !strings.Contains(s.String(), text) {
		select {
		case <-s.changed:
		case <-ended:
			t.Fatalf("the terminal never showed %q:\n%s", text, s)
		}
	}
}

package portal

import (
	"context"
	_ "embed"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"balansd/internal/testenv"

	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// axe is axe-core 4.14.1, of Deque, which checks accessibility. Its licence is beside it.
//
//go:embed testdata/axe/axe.min.js
var axe string

// The sizes in which pages are checked, in CSS pixels. Zoomed is 1280 by 1024 at 400 %,
// as WCAG 2.2 requires in 1.4.10.
var (
	desktop = [2]int64{1280, 1024}
	phone   = [2]int64{360, 740}
	zoomed  = [2]int64{320, 256}
	// pictured is the size of the pictures in the manuals.
	pictured = [2]int64{860, 640}
)

// chrome is a real browser. Its test fails when a page logs to the console, violates its
// security policy, or throws.
type chrome struct {
	t    *testing.T
	ctx  context.Context
	base string

	mu       sync.Mutex
	expected []string // parts of messages that are allowed
	errors   []string
}

// newChrome starts Chromium; the test needs testenv.Browser.
func newChrome(t *testing.T, base string, more ...chromedp.ExecAllocatorOption) *chrome {
	t.Helper()
	testenv.Need(t, testenv.Browser)
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Fatal("there is no Chromium (Debian package chromium)")
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.WSURLReadTimeout(24*time.Hour), // the test binary's own timeout ends a browser that hangs
		chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(int(desktop[0]), int(desktop[1])),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	alloc, stop := chromedp.NewExecAllocator(context.Background(), append(options, more...)...)
	ctx, cancel := chromedp.NewContext(alloc)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx)
		cancel()
		stop()
	})
	c := &chrome{t: t, ctx: ctx, base: base}
	// A test may type into the first field of a page before the browser focuses it. Then the
	// browser does not, and logs that.
	c.allowError("Autofocus processing was blocked")
	c.do(chromedp.EmulateViewport(desktop[0], desktop[1]))
	c.call(cdplog.CommandEnable, func() error {
		_, err := chromedp.Call(c.ctx, cdplog.Enable, struct{}{})
		return err
	})
	if err := chromedp.Listen(ctx, c.onEvent); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.reportErrors)
	return c
}

// onEvent collects errors of the pages.
func (c *chrome) onEvent(event any) {
	text := ""
	switch e := event.(type) {
	case *cdplog.EventEntryAdded:
		text = strings.TrimSpace(e.Entry.Text + " " + e.Entry.URL)
	case *runtime.EventExceptionThrown:
		text = e.ExceptionDetails.Text
	}
	if text != "" {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.errors = append(c.errors, text)
	}
}

func (c *chrome) reportErrors() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, text := range c.errors {
		if !slices.ContainsFunc(c.expected, func(part string) bool { return strings.Contains(text, part) }) {
			c.t.Errorf("the browser says: %s", text)
		}
	}
}

// allowError allows console messages that contain part.
func (c *chrome) allowError(part string) { c.expected = append(c.expected, part) }

func (c *chrome) call(what string, do func() error) {
	c.t.Helper()
	if err := do(); err != nil {
		c.t.Fatalf("%s: %v", what, err)
	}
}

func (c *chrome) do(steps ...chromedp.Action[chromedp.Void]) {
	c.t.Helper()
	c.call("the browser", func() error { return chromedp.Do(c.ctx, steps...) })
}

// value evaluates an expression in the page.
func value[T any](c *chrome, expression string) T {
	c.t.Helper()
	v, err := chromedp.Run(c.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		c.t.Fatalf("%.100s: %v", expression, err)
	}
	return v
}

// visit opens a page.
func (c *chrome) visit(path string) {
	c.t.Helper()
	c.do(chromedp.Navigate(c.base + path))
	if status := value[int](c, `performance.getEntriesByType("navigation")[0].responseStatus`); status >= http.StatusInternalServerError {
		c.t.Fatalf("%s answers with %d", path, status) // nothing that the test waits for will come
	}
}

// click clicks the element of a CSS selector, and waits for the next page.
func (c *chrome) click(selector string) {
	c.t.Helper()
	_, err := chromedp.Run(c.ctx, chromedp.WaitEvent(page.LoadEventFired,
		func(page.EventLoadEventFired) bool { return true }, chromedp.Click(chromedp.CSS(selector))))
	if err != nil {
		c.t.Fatalf("click %s: %v", selector, err)
	}
}

// fill types into a field.
func (c *chrome) fill(selector, text string) {
	c.t.Helper()
	c.do(chromedp.SendKeys(chromedp.CSS(selector), text))
}

// text returns the visible text of the page.
func (c *chrome) text() string {
	c.t.Helper()
	return value[string](c, "document.body.innerText")
}

// path returns the path of the page, without that of the base.
func (c *chrome) path() string {
	c.t.Helper()
	return strings.TrimPrefix(value[string](c, "location.href"), c.base)
}

// expectText fails the test when the page lacks text.
func (c *chrome) expectText(text string) {
	c.t.Helper()
	if body := c.text(); !strings.Contains(body, text) {
		c.t.Errorf("%s does not show %q but:\n%s", c.path(), text, body)
	}
}

// signIn signs a person in, with the password of the tests.
func (c *chrome) signIn(name string) {
	c.t.Helper()
	c.visit("/sign-in")
	c.fill("#name", name)
	c.fill("#password", testPassword)
	c.click("main form button")
	if c.path() != "/" {
		c.t.Fatalf("%s signs in and gets to %s:\n%s", name, c.path(), c.text())
	}
}

// setLanguage chooses the language of the pages.
func (c *chrome) setLanguage(lang string) {
	c.t.Helper()
	c.click(`footer button[value="` + lang + `"]`)
}

// setViewport sets the size of the page, in CSS pixels.
func (c *chrome) setViewport(s [2]int64) { c.t.Helper(); c.do(chromedp.EmulateViewport(s[0], s[1])) }

// setDarkMode has the browser prefer dark pages, or light ones.
func (c *chrome) setDarkMode(on bool) {
	c.t.Helper()
	scheme := "light"
	if on {
		scheme = "dark"
	}
	c.call("prefers-color-scheme", func() error {
		_, err := chromedp.Call(c.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		return err
	})
}

// enableScripts turns scripts on or off.
func (c *chrome) enableScripts(on bool) {
	c.t.Helper()
	c.call("scripts", func() error {
		_, err := chromedp.Call(c.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
		return err
	})
}

// checkPage checks what every page promises: axe-core finds nothing, in light and dark
// mode, and on a phone and at 400 % nothing is wider than the screen. Screenshots go to
// the folder BALANSD_TEST_ARTEFACTS.
func (c *chrome) checkPage(name string) {
	c.t.Helper()
	defer c.setViewport(desktop)
	for kind, s := range map[string][2]int64{"phone": phone, "400": zoomed} {
		c.setViewport(s)
		if wide := value[int](c, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); wide > 0 {
			c.t.Errorf("%s is %d pixels too wide at %d", name, wide, s[0])
		}
		if kind == "phone" {
			c.screenshot(name + "-phone")
		}
	}
	c.setViewport(desktop)
	for _, dark := range []bool{false, true} {
		c.setDarkMode(dark)
		c.axe(name)
		if dark {
			c.screenshot(name + "-dark")
		} else {
			c.screenshot(name)
		}
	}
	c.setDarkMode(false)
}

// checkAccessibility is checkPage without the dark mode, which is the same in every
// language.
func (c *chrome) checkAccessibility(name string) {
	c.t.Helper()
	c.axe(name)
	c.screenshot(name)
	defer c.setViewport(desktop)
	for _, s := range [][2]int64{phone, zoomed} {
		c.setViewport(s)
		if wide := value[int](c, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); wide > 0 {
			c.t.Errorf("%s is %d pixels too wide at %d", name, wide, s[0])
		}
	}
}

// axe runs axe-core.
func (c *chrome) axe(name string) {
	c.t.Helper()
	if !value[bool](c, "typeof window.axe === 'object'") {
		c.do(chromedp.Evaluate[chromedp.Void](axe))
	}
	found := value[[]string](c, `axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations.map(v =>
		v.id + ": " + v.help + ": " + v.nodes.map(n => n.target.join(" ") + " " + (n.any[0] || n.all[0] || n.none[0]).message).join("; ")))`)
	for _, f := range found {
		c.t.Errorf("axe-core finds on %s: %s", name, f)
	}
}

// screenshot saves the whole page as a picture.
func (c *chrome) screenshot(name string) {
	c.t.Helper()
	dir := os.Getenv("BALANSD_TEST_ARTEFACTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(c.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		c.t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("portal-%s.png", name)), png, 0o644); err != nil {
		c.t.Fatal(err)
	}
}

// picture saves a part of the page for a manual, if BALANSD_TEST_PICTURES names the folder.
func (c *chrome) picture(name, selector string) {
	c.t.Helper()
	dir := os.Getenv("BALANSD_TEST_PICTURES")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(c.ctx, chromedp.Screenshot(chromedp.CSS(selector)))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// pressKeys presses keys.
func (c *chrome) pressKeys(keys string) { c.t.Helper(); c.do(chromedp.KeyEvent(keys)) }

package portal

import (
	"strings"
	"testing"

	"balansd/sandbox"

	"github.com/chromedp/chromedp"
)

// maxFirstSyncClicks is how many clicks there may be from the invitation to the first
// balance in Silverfin, that at Silverfin included.
const maxFirstSyncClicks = 5

// TestFirstSyncInBrowser takes the six steps as a new admin does: invitation, password,
// Finbox, Silverfin, and on the same page the first sync and what it delivered.
func TestFirstSyncInBrowser(t *testing.T) {
	j := newEndToEnd(t, nil)
	j.allowError("404") // the simulators have no icon
	j.allowError("502") // a folder that is not there
	demo, err := j.sandbox.Demo()
	if err == nil {
		err = j.sandbox.Finbox.Activate(j.connectionID)
	}
	if err != nil {
		t.Fatal(err)
	}
	clicks := 0
	click := func(selector, leadsTo string) {
		t.Helper()
		clicks++
		j.do(chromedp.Click(chromedp.CSS(selector)))
		j.do(chromedp.WaitVisible(chromedp.CSS(leadsTo)))
	}
	for chromedp.Do(j.ctx, chromedp.Navigate(j.base+j.inviteLink)) != nil {
		j.do(chromedp.WaitReady("body"))
	}
	j.setLanguage("nl")
	j.fill("#name", annName)
	j.fill("#new-password", testPassword)
	j.fill("#again", testPassword)
	click("main form button", `main a[href="/connection"]`)
	click(`main a[href="/connection"]`, "#id")
	j.fill("#id", j.connectionID)
	click(`form[action="/connection/finbox"] button`, ".note.well")
	click(`form[action="/connection/silverfin"] > button.button`, `button[value="allow"]`)
	click(`button[value="allow"]`, "#job")
	j.waitForJob()
	if at := j.path(); !strings.HasPrefix(at, "/connection?job=") {
		t.Errorf("the first sync is at %s", at)
	}
	j.expectText("in Silverfin")
	if len(j.sandbox.Silverfin.Writes()) == 0 {
		t.Errorf("nothing was delivered of %d dossiers", len(demo.Dossiers))
	}
	if clicks > maxFirstSyncClicks {
		t.Errorf("it takes %d clicks, want at most %d", clicks, maxFirstSyncClicks)
	}
	j.checkPage("first-sync-nl")
	j.addFolder(demo)
}

// addFolder adds a folder of the catalogue: first with a slip in its path.
func (j *endToEnd) addFolder(demo *sandbox.Demo) {
	j.t.Helper()
	dir := j.t.TempDir()
	if err := demo.WriteFolder(dir); err != nil {
		j.t.Fatal(err)
	}
	j.visit("/connection")
	j.do(chromedp.Click(chromedp.CSS("#catalogue > summary")))
	j.checkPage("catalogue-nl")
	j.click(`a[href="/connection/add/acerta"]`)
	j.inDutchAndFrench("connection-add", "Er is niets bewaard", func() {
		j.visit("/connection/add/acerta")
		j.do(chromedp.Click(chromedp.CSS("form.card summary")))
		j.fill("#path", dir+"/nothing")
		j.click("main form button")
	})
	for _, lang := range []string{"fr", "en", "de", "nl"} {
		j.setLanguage(lang)
		for name, path := range map[string]string{"finbox": "/connection/add/finbox", "wings": "/connection/add/wings", "catalogue": "/connection"} {
			j.visit(path)
			j.do(chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("details").forEach(d => d.open = true)`))
			j.checkAccessibility("form-" + name + "-" + lang)
		}
	}
	j.visit("/connection/add/acerta")
	j.fill("#path", dir)
	j.click("main form button")
	j.waitForJob()
	j.expectText("sociale balansen: 3")
	j.checkPage("connection-added-nl")
}

package portal

import (
	"fmt"
	"testing"

	"balansd/administration"
	"balansd/daemon"
	"balansd/internal/testenv"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"
)

// TestAdministrationInBrowser: the list of names and addresses, the page of a company and the
// yellow bar on a dossier are accessible and fit any screen, and a person decides on them.
func TestAdministrationInBrowser(t *testing.T) {
	testenv.Need(t, testenv.Browser)
	f, d := withAdministration(t)
	c := newChrome(t, f.server.URL)
	c.signIn(benName)
	for _, lang := range []string{"nl", "fr"} {
		c.setLanguage(lang)
		for name, path := range map[string]string{"list": "/administration", "company": "/administration/1/2", "dossier": "/dossiers/5", "lost": "/dossiers/6"} {
			c.visit(path)
			name = "administration-" + name + "-" + lang
			c.checkAccessibility(name)
			c.checkWidths(name, 1920, 1280, 390)
		}
	}
	c.setLanguage("nl")
	c.visit("/administration/1/3")
	c.checkPage("administration-kept-nl")
	c.visit("/dossiers/5")
	c.do(chromedp.Click(chromedp.CSS(`input[value="1/2/7:city"]`)))
	c.click(`button[value="keep"]`)
	c.expectText("Gedaan.")
	if c.path() != "/dossiers/5" {
		t.Errorf("a decision on a dossier leads to %s", c.path())
	}
	c.click(`button[value="use:1/2/8"]`)
	c.visit("/administration")
	c.do(chromedp.Click(chromedp.CSS(`input[name="company"][value="1/3/7"]`)))
	c.click(`button[value="keep"]`)
	want := []daemon.AdministrationDecision{
		{Companies: []daemon.SeenAdministration{{FirmID: 1, CompanyID: 2, Version: 7}}, Fields: []administration.Field{administration.City}, Choice: daemon.KeepCompanies, By: benName},
		{Companies: []daemon.SeenAdministration{{FirmID: 1, CompanyID: 2, Version: 8}}, Choice: daemon.UseSource, By: benName},
		{Companies: []daemon.SeenAdministration{{FirmID: 1, CompanyID: 3, Version: 7}}, Choice: daemon.KeepCompanies, By: benName},
	}
	if diff := cmp.Diff(want, d.decisions()); diff != "" {
		t.Errorf("decided (-want +got)\n%s", diff)
	}
	c.expectText("1 dossier") // a director, which is copied by hand
}

// checkWidths checks that a page is no wider than screens of some widths, and saves a picture
// of each.
func (c *chrome) checkWidths(name string, widths ...int64) {
	c.t.Helper()
	defer c.setViewport(desktop)
	for _, w := range widths {
		c.setViewport([2]int64{w, 1024})
		if wide := value[int](c, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); wide > 0 {
			c.t.Errorf("%s is %d pixels too wide at %d", name, wide, w)
		}
		c.screenshot(fmt.Sprintf("%s-%d", name, w))
	}
}

package portal

import (
	"testing"

	"balansd/internal/testenv"

	"github.com/chromedp/chromedp"
)

// TestYearsInBrowser: the page of a dossier whose financial year differs gets the years
// of Silverfin by itself, and without scripts by a link.
func TestYearsInBrowser(t *testing.T) {
	testenv.Need(t, testenv.Browser)
	f, d := withYears(t)
	c := newChrome(t, f.server.URL)
	c.signIn(benName)
	for _, lang := range []string{"nl", "fr"} {
		c.setLanguage(lang)
		c.visit("/dossiers/5")
		c.do(chromedp.WaitVisible(chromedp.CSS(`form[action="/dossiers/5/tie"]`))) // from Silverfin, after the page
		c.checkPage("years-" + lang)
	}
	c.enableScripts(false)
	c.visit("/dossiers/5")
	c.click(`a[href="/dossiers/5/years"]`)
	c.expectText("31/12/2024")
	c.click(`form[action="/dossiers/5/tie"] button`)
	if c.path() != "/dossiers/5" || len(d.tied) != 1 || d.tied[0].PeriodID != 70 {
		t.Errorf("at %s, tied %+v", c.path(), d.tied)
	}
}

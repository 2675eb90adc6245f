package portal

import (
	"fmt"
	"testing"
	"time"

	"balansd/balance"
	"balansd/sandbox"
	fakefinbox "balansd/sandbox/finbox"
	"balansd/sandbox/madeup"
	fakesilverfin "balansd/sandbox/silverfin"

	"github.com/chromedp/chromedp"
)

// bigFirm is balansd in the middle of March: 3,000 dossiers, of which delivered are in
// Silverfin, the first of those with figures that somebody typed; named have a company in
// Silverfin with their name alone; the others have none.
const (
	bigFirm   = 3000
	delivered = 40
	typed     = 25
	named     = 60
)

// newBigFirm starts it, and syncs once.
func newBigFirm(t *testing.T) *endToEnd {
	t.Helper()
	j := newEndToEnd(t, nil)
	j.allowError("404") // the simulators have no icon
	j.must(j.sandbox.FillWith(sandbox.FillOptions{Companies: delivered, Dossiers: bigFirm - named, Balances: bigFirm}))
	companies := j.sandbox.Silverfin.Companies(j.firm)
	for _, c := range companies[len(companies)-typed:] {
		for _, period := range j.sandbox.Silverfin.Periods(c.ID) {
			j.must(j.sandbox.Silverfin.Set(c.ID, period.ID, fakesilverfin.Namespace, "code_1003", "98765"))
		}
	}
	for i := range named {
		name, number := fmt.Sprintf("Zaak %03d BV", i), madeup.CompanyOf(int64(900_000+i)).Number
		id, err := j.sandbox.Finbox.AddDossier(j.connectionID, fakefinbox.Dossier{Name: name, EnterpriseNumber: number})
		j.must(err)
		_, _, err = j.sandbox.Finbox.AddBalance(fakefinbox.NewBalance{ConnectionID: j.connectionID, DossierID: id,
			Made: &fakefinbox.Recipe{Seed: int64(900_000 + i), Model: balance.Abbreviated, Year: time.Now().Year() - 1}, Layouts: []balance.Layout{balance.NBBCSV}})
		j.must(err)
		j.sandbox.Silverfin.AddCompany(j.firm, fakesilverfin.Company{Name: name})
	}
	j.must(j.sandbox.Finbox.Activate(j.connectionID))
	for chromedp.Do(j.ctx, chromedp.Navigate(j.base+j.inviteLink)) != nil {
		continue // the link is in the log before the pages are served
	}
	j.setLanguage("nl")
	j.fill("#name", annName)
	j.fill("#new-password", testPassword)
	j.fill("#again", testPassword)
	j.click("main form button")
	j.validate(j.connectionID)
	j.do(chromedp.Click(chromedp.CSS(`form[action$="/connection/silverfin"] > button.button`)))
	j.do(chromedp.WaitVisible(chromedp.CSS(`button[value="allow"]`)))
	j.do(chromedp.Click(chromedp.CSS(`button[value="allow"]`)))
	j.do(chromedp.WaitVisible(chromedp.CSS(`form[action$="/connection/silverfin/remove"]`)))
	j.waitForJob()
	j.syncAll()
	return j
}

// must fails the test when what it prepares goes wrong.
func (j *endToEnd) must(err error) {
	j.t.Helper()
	if err != nil {
		j.t.Fatal(err)
	}
}

// step chooses a step for what the list of dossiers shows, and checks the page of its
// effect.
func (j *endToEnd) step(list, step, which, name string) {
	j.t.Helper()
	j.visit(list)
	j.do(chromedp.Click(chromedp.CSS(`#bulk input[value="` + which + `"]`)))
	j.do(chromedp.SetValue(chromedp.CSS("#step"), step))
	j.click("#bulk button")
	j.look(name)
}

// confirmStep confirms a step, and waits for the page of its result.
func (j *endToEnd) confirmStep(name string) {
	j.t.Helper()
	j.click(`form[action$="/bulk/do"] button`)
	j.do(chromedp.WaitVisible(chromedp.CSS("#result")))
	j.look(name)
}

// look checks a page, and saves pictures of it at the sizes of a large screen, a small one
// and a phone.
func (c *chrome) look(name string) {
	c.t.Helper()
	c.checkAccessibility(name)
	for _, s := range [][2]int64{{1920, 1080}, {390, 844}} {
		c.setViewport(s)
		c.screenshot(fmt.Sprintf("%s-%d", name, s[0]))
	}
	c.setViewport(desktop)
}

// counts returns the figures of the tiles: done or to be done, and left.
func (j *endToEnd) counts() [2]int {
	j.t.Helper()
	list := value[[]int](j.chrome, `[...document.querySelectorAll(".tiles strong")].map(e => Number(e.innerText.replace(/\D/g, "")))`)
	if len(list) != 2 {
		j.t.Fatalf("%s has the counts %v:\n%s", j.path(), list, j.text())
	}
	return [2]int{list[0], list[1]}
}

func (j *endToEnd) wantCounts(what string, done, left int) {
	j.t.Helper()
	if got := j.counts(); got != [2]int{done, left} {
		j.t.Errorf("%s: %v, want %d and %d", what, got, done, left)
	}
}

// TestBulkStepsInBrowser works on 3,000 dossiers at once, in Dutch and French, as an
// accountant in March does.
func TestBulkStepsInBrowser(t *testing.T) {
	j := newBigFirm(t)
	j.decideMany()
	j.setLanguage("nl")
	waiting := bigFirm - delivered
	j.visit("/dossiers?state=waiting")
	j.look("bulk-list-nl")

	// Ticks outlast the pages of the list.
	j.do(chromedp.Click(chromedp.CSS("tbody tr:nth-child(2) input")), chromedp.Click(chromedp.CSS("tbody tr:nth-child(3) input")))
	j.click("a[rel=next]")
	j.do(chromedp.Click(chromedp.CSS("tbody tr:nth-child(1) input")))
	j.expectText("(3, waarvan 2 op andere pagina's)")
	j.do(chromedp.SetValue(chromedp.CSS("#step"), "dismiss"))
	j.click("#bulk button")
	j.wantCounts("ticked on two pages", 3, 0)
	j.confirmStep("bulk-dismissed-nl")
	j.wantCounts("ignored", 3, 0)
	waiting -= 3

	j.step("/dossiers?state=waiting", "link", "all", "bulk-link-nl")
	linked := j.counts()
	if linked[0] < named-3 || linked[0]+linked[1] != waiting { // two of the ignored ones may be among them
		t.Errorf("the suggestions are %v of %d", linked, waiting)
	}
	j.do(chromedp.Click(chromedp.CSS("input[name=link]"))) // not this one
	j.confirmStep("bulk-linked-nl")
	j.wantCounts("linked", linked[0]-1, 0)
	j.click(`form[action$="/bulk"] button`)
	j.confirmStep("bulk-synced-nl")
	j.wantCounts("synced", linked[0]-1, 0)

	for lang, step := range map[string]string{"nl": "retry", "fr": "dismiss"} {
		j.setLanguageAt("/dossiers", lang)
		j.step("/dossiers", step, "all", "bulk-"+step+"-"+lang)
		before := j.counts()
		if before[0] < waiting-named || before[0]+before[1] != bigFirm {
			t.Errorf("%s of all: %v", step, before)
		}
		j.confirmStep("bulk-" + step + "-done-" + lang)
		j.wantCounts(step, before[0], 0)
		if step == "retry" {
			j.click(`form[action$="/bulk"] button`)
			j.confirmStep("bulk-retry-synced-" + lang)
		}
	}
}

// setLanguageAt chooses the language on a page.
func (j *endToEnd) setLanguageAt(path, lang string) {
	j.t.Helper()
	j.visit(path)
	j.setLanguage(lang)
}

// decideMany decides many at once, without scripts too, in Dutch and French.
func (j *endToEnd) decideMany() {
	j.t.Helper()
	j.visit("/decisions")
	j.look("bulk-decisions-nl")
	j.do(chromedp.Click(chromedp.CSS(`section:nth-of-type(1) input[name=entry]`)), chromedp.Click(chromedp.CSS(`section:nth-of-type(2) input[name=entry]`)))
	j.click(`button[value="use_finbox"]`)
	j.wantCounts("two ticked", 2, 0)
	j.confirmStep("bulk-decided-nl")
	j.enableScripts(false)
	j.setLanguageAt("/decisions", "fr")
	j.do(chromedp.Click(chromedp.CSS(`input[name=which]`)))
	j.click(`button[value="keep_silverfin"]`)
	j.wantCounts("all others", typed-2, 0)
	j.click(`form[action$="/bulk/do"] button`)
	j.do(chromedp.WaitVisible(chromedp.CSS("#result")))
	j.wantCounts("decided", typed-2, 0)
	j.enableScripts(true)
	j.look("bulk-decided-fr")
	j.visit("/decisions")
	j.expectText("Il n'y a rien à décider")
}

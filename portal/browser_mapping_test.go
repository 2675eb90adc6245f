package portal

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"balansd/sandbox"

	"github.com/chromedp/chromedp"
)

// TestMappingInBrowser finds, uses, shows, checks and tries the mapping of each made-up
// template. With BALANSD_TEST_PICTURES it writes the pictures of the manual to that folder.
func TestMappingInBrowser(t *testing.T) {
	j := newEndToEnd(t, nil)
	j.allowError("404") // the simulators have no icon
	j.acceptFirstInvitation("nl")
	if err := j.sandbox.Finbox.Activate(j.connectionID); err != nil {
		t.Fatal(err)
	}
	j.validate(j.connectionID)
	var firms []*sandbox.TemplateFirm
	for _, kind := range sandbox.TemplateKinds() {
		f, err := j.sandbox.AddTemplateFirm(kind)
		if err != nil {
			t.Fatal(err)
		}
		j.linkFirm(f)
		firms = append(firms, f)
	}
	j.syncAll()
	j.visit("/mapping")
	j.checkPage("mapping-nl")
	j.inLanguages("mapping", "/mapping")
	for i, f := range firms {
		j.findMapping(f, i == 1)
	}
}

// linkFirm links a firm with a pasted code.
func (j *endToEnd) linkFirm(f *sandbox.TemplateFirm) {
	j.t.Helper()
	j.visit("/connection")
	if value[bool](j.chrome, `!document.querySelector('#firm').checkVisibility()`) {
		j.do(chromedp.Click(chromedp.CSS("#step2 ~ details > summary")))
	}
	j.fill("#firm", fmt.Sprint(f.FirmID))
	j.click(`details form[action$="/connection/silverfin"] button`)
	j.fill("#code", j.sandbox.Silverfin.Grant(f.FirmID))
	j.click(`form[action$="/connection/silverfin/end"] button`)
	j.expectText("is gekoppeld")
}

// findMapping finds the mapping of a firm and uses, shows, checks and tries it.
func (j *endToEnd) findMapping(f *sandbox.TemplateFirm, pictured bool) {
	j.t.Helper()
	name := string(f.Template)
	form := func(what string) string { return fmt.Sprintf(`form[action$="/mapping/%d/%s"]`, f.FirmID, what) }
	open := func() {
		j.visit("/mapping")
		j.do(chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("details").forEach(d => d.open = true)`))
	}
	open()
	for i, d := range f.Dossiers[:3] {
		j.fill(fmt.Sprintf("#d%d-%d", f.FirmID, i+1), d.EnterpriseNumber.Pretty())
	}
	j.picture(pictured, "mapping-search", form("learn"))
	j.submit(form("learn"), "#learnt")
	j.checkPage("mapping-learnt-" + name)
	j.picture(pictured, "mapping-found", "#learnt")
	j.click("#learnt " + form("use") + " button")
	j.expectText("is bewaard")
	j.visit(fmt.Sprintf("/mapping/%d", f.FirmID))
	shown := j.text()
	for cell, property := range f.Properties {
		if code := cell.Code; (code == "1003" || code == "1023") && !strings.Contains(shown, property) {
			j.t.Errorf("%s: rubric %s is not at %s", name, cell, property)
		}
	}
	open()
	j.submit(form("check"), "#checked")
	j.checkAccessibility("mapping-checked-" + name)
	j.picture(pictured, "mapping-checked", "#checked")
	open()
	j.fill(fmt.Sprintf("#t%d", f.FirmID), f.Dossiers[0].EnterpriseNumber.Pretty())
	j.submit(form("try"), "#trial")
	j.expectText(f.Dossiers[0].Name)
	j.picture(pictured, "mapping-try", "#trial")
	before := j.sandbox.Silverfin.CustomIn(f.Dossiers[0].CompanyID, f.Dossiers[0].PeriodID, f.Dossiers[0].ReconciliationID)
	j.submit("#trial form", "#trial .note")
	j.checkPage("mapping-tried-" + name)
	j.picture(pictured, "mapping-tried", "#trial")
	if !strings.Contains(j.text(), "toont deze cijfers") {
		j.t.Errorf("%s: the trial shows no template", name)
	}
	after := j.sandbox.Silverfin.CustomIn(f.Dossiers[0].CompanyID, f.Dossiers[0].PeriodID, f.Dossiers[0].ReconciliationID)
	if fmt.Sprint(before) != fmt.Sprint(after) {
		j.t.Errorf("%s: the dossier holds other figures", name)
	}
}

// submit sends a form whose answer may take a while, and waits for it.
func (j *endToEnd) submit(form, answer string) {
	j.t.Helper()
	j.do(chromedp.Click(chromedp.CSS(form + " button")))
	j.do(chromedp.WaitVisible(chromedp.CSS(answer)))
}

// inLanguages checks a page in the other languages.
func (j *endToEnd) inLanguages(name, path string) {
	j.t.Helper()
	for _, lang := range []string{"fr", "en", "de"} {
		j.visit(path)
		j.setLanguage(lang)
		j.checkAccessibility(name + "-" + lang)
	}
	j.visit(path)
	j.setLanguage("nl")
}

// picture saves a part of the page for the manual, in English.
func (j *endToEnd) picture(wanted bool, name, selector string) {
	j.t.Helper()
	dir := os.Getenv("BALANSD_TEST_PICTURES")
	if dir == "" || !wanted {
		return
	}
	png, err := chromedp.Run(j.ctx, chromedp.Screenshot(chromedp.CSS(selector)))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644)
	}
	if err != nil {
		j.t.Fatal(err)
	}
}

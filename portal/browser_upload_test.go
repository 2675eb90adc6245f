package portal

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"balansd/balance"
	"balansd/sandbox"
	"balansd/sandbox/madeup"

	"github.com/chromedp/chromedp"
)

// connectSilverfinOnly links the firm in Silverfin and not Finbox, with which a firm may begin.
func (j *endToEnd) connectSilverfinOnly() {
	j.t.Helper()
	j.visit("/connection")
	j.do(chromedp.Click(chromedp.CSS(`form[action="/connection/silverfin"] > button.button`)))
	j.do(chromedp.WaitVisible(chromedp.CSS(`button[value="allow"]`)))
	j.do(chromedp.Click(chromedp.CSS(`button[value="allow"]`)))
	j.do(chromedp.WaitVisible(chromedp.CSS(`form[action="/connection/silverfin/remove"]`)))
}

// file writes a file to upload, and returns its path.
func (j *endToEnd) file(dir, name string, content []byte, err error) string {
	j.t.Helper()
	path := filepath.Join(dir, name)
	if err == nil {
		err = os.WriteFile(path, content, 0o600)
	}
	if err != nil {
		j.t.Fatal(err)
	}
	return path
}

// uploadFiles writes the files of the test: a CSV of Excel, a ZIP of two balances and a
// letter, a balance whose figures differ from those in Silverfin, and what is none.
func (j *endToEnd) uploadFiles(demo *sandbox.Demo) []string {
	j.t.Helper()
	dir := j.t.TempDir()
	made := func(one sandbox.DemoDossier) *balance.Balance {
		b, err := j.sandbox.Finbox.Figures(one.BalanceID)
		if err != nil {
			j.t.Fatal(err)
		}
		return b
	}
	ready := demo.Find(sandbox.SituationNew)
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	add := func(name string, content []byte, err error) {
		to, createErr := w.Create(name)
		if err == nil {
			err = createErr
		}
		if err == nil {
			_, err = to.Write(content)
		}
		if err != nil {
			j.t.Fatal(err)
		}
	}
	for _, one := range ready[1:] {
		doc, err := madeup.Document(balance.CBSOXBRL, made(one))
		add("klanten 2025/"+one.Name+".xbrl", doc, err)
	}
	add("lees mij.txt", []byte("Met vriendelijke groeten\r\n"), nil)
	if err := w.Close(); err != nil {
		j.t.Fatal(err)
	}
	excel, err := madeup.ExcelCSV(made(ready[0]))
	list := []string{j.file(dir, "Sociale balans bakkerij.csv", excel, err), j.file(dir, "alle-klanten.zip", archive.Bytes(), nil)}
	differs, err := madeup.Document(balance.NBBPDF, made(demo.Find(sandbox.SituationChanged)[0]))
	list = append(list, j.file(dir, "bilan-social.pdf", differs, err), j.file(dir, "sociale balans scan.pdf", []byte("%PDF-1.4 cut"), nil))
	several, err := madeup.Document(balance.NBBCSV, made(demo.Find(sandbox.SituationSeveral)[0]))
	return append(list, j.file(dir, "garage.csv", several, err))
}

// TestUploadInBrowser uploads files before Finbox is linked, chooses a client, confirms,
// and sees on the same page what became of them.
func TestUploadInBrowser(t *testing.T) {
	j := newEndToEnd(t, nil)
	j.allowError("404") // the simulators have no icon
	j.acceptFirstInvitation("nl")
	j.connectSilverfinOnly()
	demo, err := j.sandbox.Demo()
	if err != nil {
		t.Fatal(err)
	}
	files := j.uploadFiles(demo)
	j.visit("/upload")
	j.inBoth("upload-form")
	j.do(chromedp.SetUploadFiles(chromedp.CSS("#files"), files))
	j.click("form.drop button")
	j.do(chromedp.WaitVisible(chromedp.CSS("#upload:not([hx-get])")))
	j.inBoth("upload-check")
	for _, want := range []string{"Sociale balans bakkerij.csv", "alle-klanten.zip", "Bakkerij Van Hoolwegen BV", "Nog niets ingevuld"} {
		j.expectText(want)
	}
	if strings.Contains(j.text(), "alle-klanten.zip!/lees mij.txt") {
		t.Error("what lies in the ZIP beside the balances is a document")
	}
	// Nothing replaces what a person ticked.
	if got := value[int](j.chrome, `document.querySelectorAll("[name=item]:checked").length`); got != 3 {
		t.Errorf("%d documents are ticked, want 3", got)
	}
	j.click(`tr:has(.state.warn) th a`)
	j.expectText("Cijfers die verschillen")
	j.inBoth("upload-item")
	j.click(`main p > a[href^="/upload/"]`)
	j.click("a.choose")
	j.inBoth("upload-choose")
	j.click(`section form[action$="/client"] button`)
	j.click(`form[action$="/confirm"] button`)
	j.do(chromedp.WaitVisible(chromedp.CSS("#upload:not([hx-get])")))
	j.inBoth("upload-result")
	j.expectText("in Silverfin")
	if len(j.sandbox.Silverfin.Writes()) == 0 {
		t.Error("nothing was written")
	}
	j.dropFile("brief.csv")
	j.visit("/upload")
	j.inBoth("upload-list")
}

// dropFile drops a file on the form, as from a folder that is open beside the browser.
func (j *endToEnd) dropFile(name string) {
	j.t.Helper()
	j.visit("/upload")
	value[bool](j.chrome, `(() => {
		const files = new DataTransfer();
		files.items.add(new File(["Met vriendelijke groeten"], "`+name+`"));
		document.querySelector("form.drop").dispatchEvent(new DragEvent("drop", {dataTransfer: files, bubbles: true, cancelable: true}));
		return true;
	})()`)
	j.do(chromedp.WaitVisible(chromedp.CSS("#upload:not([hx-get])")))
	j.expectText(name)
}

// inBoth checks the page in Dutch and in French.
func (j *endToEnd) inBoth(name string) {
	j.t.Helper()
	j.setLanguage("fr")
	j.checkAccessibility(name + "-fr")
	j.setLanguage("nl")
	j.checkPage(name + "-nl")
}

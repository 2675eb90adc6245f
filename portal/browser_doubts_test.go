package portal

import (
	"fmt"
	"strings"
	"testing"

	"balansd/internal/testenv"
)

// somePDF is a PDF of pages that say their number.
func somePDF(pages int) string {
	objects := []string{"<</Type/Catalog/Pages 2 0 R>>", "", "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"}
	kids := make([]string, pages)
	for i := range pages {
		text := fmt.Sprintf("BT /F 40 Tf 80 700 Td (Sociale balans, pagina %d) Tj ET", i+1)
		kids[i] = fmt.Sprintf("%d 0 R", len(objects)+1)
		objects = append(objects, fmt.Sprintf("<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F 3 0 R>>>>/Contents %d 0 R>>", len(objects)+2),
			fmt.Sprintf("<</Length %d>>stream\n%s\nendstream", len(text), text))
	}
	objects[1] = fmt.Sprintf("<</Type/Pages/Count %d/Kids[%s]>>", pages, strings.Join(kids, " "))
	doc, table := "%PDF-1.4\n", ""
	for i, o := range objects {
		table += fmt.Sprintf("%010d 00000 n \n", len(doc))
		doc += fmt.Sprintf("%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	return fmt.Sprintf("%sxref\n0 %d\n0000000000 65535 f \n%strailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", doc, len(objects)+1, table, len(objects)+1, len(doc))
}

// TestDoubtsInBrowser: a person sees the doubtful figures beside the original in the
// browser's own viewer, which no policy blocks, and the page is accessible.
func TestDoubtsInBrowser(t *testing.T) {
	testenv.Need(t, testenv.Browser)
	f, _ := inDoubt(t, somePDF(5))
	c := newChrome(t, f.server.URL)
	c.signIn(benName)
	for _, lang := range []string{"nl", "fr"} {
		c.setLanguage(lang)
		c.visit("/dossiers/5")
		c.checkPage("doubts-" + lang)
	}
}

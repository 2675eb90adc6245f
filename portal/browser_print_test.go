package portal

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"balansd/ledger"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/ledongthuc/pdf"
)

// TestPrintInBrowser prints a dossier: everything is open, with the firm, the date and the
// numbers of the pages, and without what only a screen needs.
func TestPrintInBrowser(t *testing.T) {
	at := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
	d := listedAPI()
	d.since = &ledger.Event{By: annName, At: at, State: ledger.Done, Text: "The sentence in a folded part."}
	f := newStubFixture(t, d, func(c *Config) { c.Now = func() time.Time { return at } })
	c := newChrome(t, f.server.URL)
	c.signIn(annName)
	c.setLanguage("nl")
	c.visit("/dossiers/3")
	got, err := chromedp.Call(c.ctx, page.PrintToPDF, page.PrintToPDFParams{PreferCSSPageSize: new(true)})
	if err != nil {
		t.Fatal(err)
	}
	if dir := os.Getenv("BALANSD_TEST_ARTEFACTS"); dir != "" {
		_ = os.MkdirAll(dir, 0o755)
		_ = os.WriteFile(filepath.Join(dir, "portal-print.pdf"), got.Data, 0o644)
	}
	r, err := pdf.NewReader(bytes.NewReader(got.Data), int64(len(got.Data)))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := r.GetPlainText()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := b.ReadFrom(plain); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(b.String()), " ")
	for _, want := range []string{"Bakkerij", "Kantoor Noord", "afgedrukt op", "The sentence in a folded part.", "114,4", "1 / "} {
		if !strings.Contains(strings.ReplaceAll(text, " ", ""), strings.ReplaceAll(want, " ", "")) {
			t.Errorf("what is printed lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(strings.ReplaceAll(text, " ", ""), "Afmelden") {
		t.Errorf("what is printed has buttons:\n%s", text)
	}
}

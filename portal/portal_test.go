package portal

import (
	"net/http"
	"strings"
	"testing"
)

// TestEveryPageIsShown visits each page of the table as an admin, in each
// language.
func TestEveryPageIsShown(t *testing.T) {
	f := newFixture(t)
	ann := f.signedIn(annName)
	for _, lang := range languages {
		ann.post("/language", "language", lang, "next", "/")
		for path, methods := range f.web.routes {
			r, ok := methods[http.MethodGet]
			if !ok || r.noSession || r.access == open || strings.Contains(path, "{") && path != "/{$}" || strings.HasSuffix(path, ".csv") {
				continue
			}
			path = strings.TrimSuffix(path, "{$}")
			got := ann.get(path)
			if got.code != http.StatusOK || !strings.Contains(got.body, `<html lang="`+lang+`">`) || !strings.Contains(got.body, "</html>") {
				t.Errorf("GET %s in %s gives %d: %.300s", path, lang, got.code, got.body)
			}
		}
	}
}

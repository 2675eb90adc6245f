package finbox

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// press submits the form of the settings page and follows the redirect.
func press(t *testing.T, f *Finbox, target string, form url.Values) string {
	t.Helper()
	r := httptest.NewRequest("POST", target, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	if w.Code != http.StatusSeeOther {
		t.Fatalf("%s answers %d", target, w.Code)
	}
	return page(t, f, w.Header().Get("Location"))
}

func page(t *testing.T, f *Finbox, target string) string {
	t.Helper()
	w := httptest.NewRecorder()
	f.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
	if w.Code != 200 {
		t.Fatalf("%s answers %d", target, w.Code)
	}
	return w.Body.String()
}

func has(t *testing.T, page string, want bool, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(page, text) != want {
			t.Errorf("on the page: %v, want %v: %q", !want, want, text)
		}
	}
}

func TestSettingsPage(t *testing.T) {
	f := New(Options{PortalURL: "http://127.0.0.1:9/koppeling"})
	id := f.AddConnection(Environment{ID: "env-a", Name: "Kantoor <Proef>", Inactive: true})
	got := page(t, f, "/settings/env-a")
	has(t, got, true, "Stap 1: Startdatum synchronisatie selecteren", "Activeer externe connectie", "Inactief",
		"Kantoor &lt;Proef&gt;", `lang="nl"`)
	has(t, got, false, id, "Deactiveer", "http://127.0.0.1:9/koppeling", "<script")

	got = press(t, f, "/settings/env-a", url.Values{"start_date": {"2026-02-01"}, "do": {"activate"}, "lang": {"nl"}})
	has(t, got, true, "Connectie-id", id, "Actief", "Deactiveer externe connectie", "Ga naar koppeling Silverfin",
		`href="http://127.0.0.1:9/koppeling"`, `value="2026-02-01"`)

	got = press(t, f, "/settings/"+id, url.Values{"start_date": {"2026-02-30"}, "do": {"deactivate"}, "lang": {"fr"}})
	has(t, got, true, "Choisissez une date valable.", "Désactiver la connexion externe", "Identifiant d&#39;appariement", `value="2026-02-01"`)

	got = press(t, f, "/settings/env-a", url.Values{"do": {"deactivate"}, "lang": {"fr"}})
	has(t, got, true, "Activer la connexion externe", "Inactif", "Accéder au lien Silverfin", `lang="fr"`)
	if e := f.Environments()[0]; !e.Inactive || e.StartDate.String() != "2026-02-01" {
		t.Errorf("the environment is %+v", e)
	}

	unknown := New(Options{}) // it does not know the address of the portal
	unknown.AddConnection(Environment{ID: "env-b", Name: "Kantoor"})
	got = page(t, unknown, "/settings/env-b")
	has(t, got, true, "Open het koppelingsportaal van balansd", "http://127.0.0.1:8417/connection")
	has(t, got, false, "href=\"#\"", "class=\"button\"")

	w := httptest.NewRecorder()
	f.ServeHTTP(w, httptest.NewRequest("GET", "/settings/none", nil))
	if w.Code != 404 {
		t.Errorf("an unknown environment answers %d", w.Code)
	}
}

package finbox

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"net/url"

	"balansd/balance"
)

//go:embed templates/settings.html
var settingsHTML string

// settingsWords are the words of the settings page, as Finbox itself uses
// them, by language.
var settingsWords = map[string]map[string]string{
	"nl": {
		"menu": "Instellingen", "title": "Silverfin connectie voor sociale balans", "tsp": "Connectie voor TSP: Silverfin",
		"step1": "Stap 1: Startdatum synchronisatie selecteren", "save": "Bewaar startdatum",
		"step2":    "Stap 2: Unieke connectie-id genereren om te koppelen met Silverfin",
		"activate": "Activeer externe connectie", "deactivate": "Deactiveer externe connectie",
		"id": "Connectie-id", "active": "Actief", "inactive": "Inactief", "baddate": "Kies een geldige datum.",
		"step3": "Stap 3: Klik op de knop om naar het koppelingsportaal te gaan (Kopieer eerst de connectie-id)",
		"go":    "Ga naar koppeling Silverfin",
		"open":  "Open het koppelingsportaal van balansd op de server van het kantoor: http://127.0.0.1:8417/connection, of het adres bij portal.hostnames.",
		"other": "fr", "otherName": "Français",
	},
	"fr": {
		"menu": "Paramètres", "title": "Connexion Silverfin pour le bilan social", "tsp": "Connexion pour le TSP : Silverfin",
		"step1": "Étape 1 : Sélectionner la date de début de la synchronisation", "save": "Enregistrer la date de début",
		"step2":    "Étape 2 : Générer un identifiant d'appariement unique pour se connecter à Silverfin",
		"activate": "Activer la connexion externe", "deactivate": "Désactiver la connexion externe",
		"id": "Identifiant d'appariement", "active": "Actif", "inactive": "Inactif", "baddate": "Choisissez une date valable.",
		"step3": "Étape 3 : Cliquez sur le bouton pour accéder au portail de liaison (copiez d'abord l'identifiant d'appariement)",
		"go":    "Accéder au lien Silverfin",
		"open":  "Ouvrez le portail de liaison de balansd sur le serveur du bureau : http://127.0.0.1:8417/connection, ou l'adresse de portal.hostnames.",
		"other": "nl", "otherName": "Nederlands",
	},
}

// environment finds a connection by its id or by the id of its environment.
// The lock is held.
func (f *Finbox) environment(id string) (*connection, bool) {
	if c, ok := f.connections[id]; ok {
		return c, true
	}
	for _, c := range f.connections {
		if c.ID == id {
			return c, true
		}
	}
	return nil, false
}

// settingsLanguage is what the address asks for, else the environment's own.
func settingsLanguage(r *http.Request, e Environment) string {
	for _, lang := range []string{r.FormValue("lang"), e.Language} {
		if _, ok := settingsWords[lang]; ok {
			return lang
		}
	}
	return "nl"
}

// serveSettings shows the page on which an accountant opens the connection.
func (f *Finbox) serveSettings(w http.ResponseWriter, r *http.Request) {
	f.mu.RLock()
	c, ok := f.environment(r.PathValue("id"))
	var e Environment
	if ok {
		e = c.Environment
	}
	f.mu.RUnlock()
	if !ok {
		http.Error(w, msgNoConnection["nl"]+" / "+msgNoConnection["fr"], http.StatusNotFound)
		return
	}
	page, err := template.New("settings").Parse(settingsHTML)
	if err != nil {
		http.Error(w, "the page cannot be made", http.StatusInternalServerError)
		return
	}
	lang := settingsLanguage(r, e)
	var out bytes.Buffer
	err = page.Execute(&out, map[string]any{
		"Lang": lang, "W": settingsWords[lang], "E": e, "Start": e.StartDate.String(),
		"Link": f.opt.PortalURL, "BadDate": r.FormValue("bad") == "date",
	})
	if err != nil {
		http.Error(w, "the page cannot be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(out.Bytes())
}

// changeSettings does what a button of the page says and shows the page again.
func (f *Finbox) changeSettings(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
	back := url.Values{}
	f.mu.RLock()
	c, ok := f.environment(r.PathValue("id"))
	var e Environment
	if ok {
		e = c.Environment
	}
	f.mu.RUnlock()
	if !ok {
		http.Error(w, msgNoConnection["nl"]+" / "+msgNoConnection["fr"], http.StatusNotFound)
		return
	}
	back.Set("lang", settingsLanguage(r, e))
	if date := r.PostFormValue("start_date"); date != "" {
		if d, err := balance.ParseDate(date); err == nil {
			_ = f.SetStartDate(e.ConnectionID, d)
		} else {
			back.Set("bad", "date")
		}
	}
	if !back.Has("bad") {
		switch r.PostFormValue("do") {
		case "activate":
			_ = f.Activate(e.ConnectionID)
		case "deactivate":
			_ = f.Deactivate(e.ConnectionID)
		}
	}
	http.Redirect(w, r, r.URL.Path+"?"+back.Encode(), http.StatusSeeOther)
}

package finbox

import (
	"encoding/json"
	"net/http"
	"strings"
)

// A message is what Finbox says about a call that it refuses, by language.
type message map[string]string

// The messages of the API.
var (
	msgNothingHere = message{
		"nl": "Op dit adres is er niets.", "fr": "Il n'y a rien à cette adresse.",
		"en": "There is nothing at this address.", "de": "Unter dieser Adresse gibt es nichts.",
	}
	msgNoConnection = message{
		"nl": "Er is geen connectie met deze connectie-id.", "fr": "Il n'existe pas de connexion avec cet identifiant d'appariement.",
		"en": "There is no connection with this id.", "de": "Es gibt keine Verbindung mit dieser Kennung.",
	}
	msgInactive = message{
		"nl": "De externe connectie is inactief.", "fr": "La connexion externe est inactive.",
		"en": "The external connection is inactive.", "de": "Die externe Verbindung ist inaktiv.",
	}
	msgBadToken = message{
		"nl": "De page_token is niet gekend.", "fr": "Le page_token n'est pas connu.",
		"en": "The page_token is not known.", "de": "Das page_token ist nicht bekannt.",
	}
	msgBadTime = message{
		"nl": "created_after is geen tijdstip zoals 2026-01-31T00:00:00Z (RFC 3339).",
		"fr": "created_after n'est pas un instant comme 2026-01-31T00:00:00Z (RFC 3339).",
		"en": "created_after is not a time such as 2026-01-31T00:00:00Z (RFC 3339).",
		"de": "created_after ist kein Zeitpunkt wie 2026-01-31T00:00:00Z (RFC 3339).",
	}
	msgNoBalance = message{
		"nl": "Er is geen sociale balans met deze revisie.", "fr": "Il n'existe pas de bilan social avec cette révision.",
		"en": "There is no social balance with this revision.", "de": "Es gibt keine Sozialbilanz mit dieser Revision.",
	}
	msgNotOffered = message{
		"nl": "Deze sociale balans bestaat niet in de gevraagde vorm.", "fr": "Ce bilan social n'existe pas dans la forme demandée.",
		"en": "This social balance does not exist in the form that was asked for.",
		"de": "Diese Sozialbilanz gibt es nicht in der gewünschten Form.",
	}
	msgNoDocument = message{
		"nl": "Het document kon niet worden gemaakt.", "fr": "Le document n'a pas pu être créé.",
		"en": "The document could not be made.", "de": "Das Dokument konnte nicht erstellt werden.",
	}
	msgSignIn = message{
		"nl": "Het toegangstoken ontbreekt, is onbekend of is verlopen.", "fr": "Le jeton d'accès manque, est inconnu ou a expiré.",
		"en": "The access token is missing, unknown or expired.", "de": "Das Zugangstoken fehlt, ist unbekannt oder abgelaufen.",
	}
)

// language returns the language to answer in: the first of Accept-Language that
// Finbox speaks, else English.
func language(r *http.Request) string {
	for _, one := range strings.Split(r.Header.Get("Accept-Language"), ",") {
		tag, _, _ := strings.Cut(one, ";")
		lang, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
		switch lang {
		case "nl", "fr", "en", "de":
			return lang
		}
	}
	return "en"
}

// writeProblem answers with problem+json (RFC 9457).
func writeProblem(w http.ResponseWriter, r *http.Request, status int, m message) {
	lang := language(r)
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Content-Language", lang)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{"about:blank", http.StatusText(status), status, m[lang]})
}

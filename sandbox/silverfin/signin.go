package silverfin

import (
	"embed"
	"html/template"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

//go:embed templates/*.html
var pages embed.FS

// signInWords are the texts of the sign-in pages, by language.
var signInWords = map[string]map[string]string{
	"nl": {
		"title": "Toegang verlenen", "lead": "Een toepassing vraagt toegang tot uw Silverfin-gegevens.",
		"firm": "Voor welke firma?", "scopes": "De toepassing mag dan", "allow": "Toestaan", "deny": "Weigeren",
		"code": "Autorisatiecode", "copy": "Kopieer deze code naar de toepassing. Ze werkt één keer, tien minuten lang.",
		"denied": "U hebt de toegang geweigerd.", "trouble": "Dit kan niet", "sandbox": "Dit is een namaak-Silverfin om te proberen.",
		"client": "Deze toepassing is onbekend.", "redirect": "Dit terugkeeradres is niet geregistreerd.",
		"type": "Alleen response_type=code wordt ondersteund.", "choice": "Kies een firma uit de lijst.",
	},
	"fr": {
		"title": "Autoriser l’accès", "lead": "Une application demande l’accès à vos données Silverfin.",
		"firm": "Pour quel cabinet ?", "scopes": "L’application pourra alors", "allow": "Autoriser", "deny": "Refuser",
		"code": "Code d’autorisation", "copy": "Copiez ce code dans l’application. Il sert une seule fois, pendant dix minutes.",
		"denied": "Vous avez refusé l’accès.", "trouble": "Impossible", "sandbox": "Ceci est un faux Silverfin pour essayer.",
		"client": "Cette application est inconnue.", "redirect": "Cette adresse de retour n’est pas enregistrée.",
		"type": "Seul response_type=code est pris en charge.", "choice": "Choisissez un cabinet de la liste.",
	},
	"en": {
		"title": "Authorize access", "lead": "An application asks for access to your Silverfin data.",
		"firm": "For which firm?", "scopes": "The application may then", "allow": "Allow", "deny": "Deny",
		"code": "Authorization code", "copy": "Copy this code to the application. It works once, for ten minutes.",
		"denied": "You denied the access.", "trouble": "This cannot be done", "sandbox": "This is a make-believe Silverfin to try things with.",
		"client": "This application is unknown.", "redirect": "This return address is not registered.",
		"type": "Only response_type=code is supported.", "choice": "Choose a firm from the list.",
	},
}

// signInPage is what a sign-in page shows.
type signInPage struct {
	Lang      string
	Words     map[string]string
	Languages []languageLink
	Firms     []Firm
	Selected  int64
	Scopes    []string
	Hidden    map[string]string // the request's parameters, posted back with the choice
	Code      string
	Error     string
}

type languageLink struct{ Code, URL string }

// An authRequest is an authorization request: what the application asked for.
type authRequest struct {
	redirect, state string
	scopes          []string
}

// authorize shows the consent page. The firm in the address is only
// pre-selected: the person may choose another one.
func (s *Silverfin) authorize(w http.ResponseWriter, r *http.Request) {
	in := r.URL.Query()
	ask, trouble := s.readRequest(in)
	if trouble != "" {
		s.showError(w, r, trouble)
		return
	}
	if bad := badScope(ask.scopes); bad {
		s.sendBack(w, r, ask, url.Values{"error": {"invalid_scope"},
			"error_description": {"The requested scope is invalid, unknown, or malformed."}})
		return
	}
	page := s.page(r)
	page.Firms, page.Scopes, page.Hidden = s.Firms(), ask.scopes, map[string]string{}
	page.Selected, _ = strconv.ParseInt(r.PathValue("firm"), 10, 64)
	for _, key := range []string{"client_id", "redirect_uri", "response_type", "scope", "state"} {
		if in.Has(key) {
			page.Hidden[key] = in.Get(key)
		}
	}
	page.Hidden["lang"] = page.Lang
	showSignIn(w, http.StatusOK, "authorize.html", page)
}

// decide carries out what the person chose on the consent page.
func (s *Silverfin) decide(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		s.showError(w, r, "choice")
		return
	}
	ask, trouble := s.readRequest(r.Form)
	if trouble == "" && badScope(ask.scopes) {
		trouble = "choice"
	}
	if trouble != "" {
		s.showError(w, r, trouble)
		return
	}
	if r.PostForm.Get("decision") != "allow" {
		s.sendBack(w, r, ask, url.Values{"error": {"access_denied"},
			"error_description": {"The resource owner or authorization server denied the request."}})
		return
	}
	firm, _ := strconv.ParseInt(r.PostForm.Get("authorized_firm_id"), 10, 64)
	s.mu.Lock()
	known := s.index.firms[firm] != nil
	code := ""
	if known {
		code = s.newCode(firm, ask.scopes, ask.redirect)
	}
	s.mu.Unlock()
	if !known {
		s.showError(w, r, "choice")
		return
	}
	s.sendBack(w, r, ask, url.Values{"code": {code}, "authorized_firm_id": {strconv.FormatInt(firm, 10)}})
}

// sendBack brings the answer to the application, or shows it where the
// application has no address.
func (s *Silverfin) sendBack(w http.ResponseWriter, r *http.Request, ask authRequest, answer url.Values) {
	if ask.redirect == OutOfBand {
		page := s.page(r)
		page.Code = answer.Get("code")
		if page.Code == "" {
			page.Error = page.Words["denied"]
		}
		showSignIn(w, http.StatusOK, "code.html", page)
		return
	}
	if ask.state != "" {
		answer.Set("state", ask.state)
	}
	to, err := url.Parse(ask.redirect)
	if err != nil {
		s.showError(w, r, "redirect")
		return
	}
	query := to.Query()
	for key := range answer {
		query.Set(key, answer.Get(key))
	}
	to.RawQuery = query.Encode()
	w.Header().Set("Location", to.String())
	w.WriteHeader(http.StatusFound)
}

// readRequest checks what must be right before anything is sent to the
// address in the request; the second result names the error.
func (s *Silverfin) readRequest(in url.Values) (authRequest, string) {
	ask := authRequest{redirect: in.Get("redirect_uri"), state: in.Get("state"), scopes: strings.Fields(in.Get("scope"))}
	switch {
	case in.Get("client_id") != s.options.ClientID:
		return ask, "client"
	case !registered(ask.redirect):
		return ask, "redirect"
	case in.Get("response_type") != "code":
		return ask, "type"
	}
	return ask, ""
}

func registered(address string) bool {
	if address == OutOfBand {
		return true
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Fragment != "" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

func badScope(scopes []string) bool {
	return slices.ContainsFunc(scopes, func(scope string) bool { return !slices.Contains(allScopes, scope) })
}

func (s *Silverfin) showError(w http.ResponseWriter, r *http.Request, word string) {
	page := s.page(r)
	page.Error = page.Words[word]
	showSignIn(w, http.StatusBadRequest, "code.html", page)
}

// page prepares a page in the language that was asked for.
func (s *Silverfin) page(r *http.Request) signInPage {
	lang := r.FormValue("lang")
	if signInWords[lang] == nil {
		lang = acceptedLanguage(r.Header.Get("Accept-Language"))
	}
	p := signInPage{Lang: lang, Words: signInWords[lang]}
	for _, code := range []string{"nl", "fr", "en"} {
		query := r.URL.Query()
		query.Set("lang", code)
		p.Languages = append(p.Languages, languageLink{code, "?" + query.Encode()})
	}
	return p
}

// acceptedLanguage takes the first language of the header that there is a
// translation for, else English.
func acceptedLanguage(header string) string {
	for part := range strings.SplitSeq(header, ",") {
		tag, _, _ := strings.Cut(strings.TrimSpace(part), ";")
		base, _, _ := strings.Cut(strings.ToLower(tag), "-")
		if signInWords[base] != nil {
			return base
		}
	}
	return "en"
}

func showSignIn(w http.ResponseWriter, status int, name string, page signInPage) {
	t, err := template.ParseFS(pages, "templates/"+name)
	if err != nil {
		http.Error(w, "the page is missing", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = t.Execute(w, page)
}

package portal

import (
	"embed"
	"fmt"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"balansd/accounts"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"github.com/pelletier/go-toml/v2"
	"golang.org/x/text/language"
)

// languages are the languages of the pages; the first one is the default.
var languages = []string{"nl", "fr", "en", "de"}

// localeFiles are the messages, a file for each group of pages and language.
//
//go:embed locale/*.toml
var localeFiles embed.FS

// locale has the messages of a language, and formats dates and numbers. It is safe for
// concurrent use.
type locale struct {
	Lang string
	zone *time.Location
	i18n *i18n.Localizer
	// cache has the messages without placeholders by id: a long table repeats the same
	// ones in each row.
	cache sync.Map
}

// loadLocales reads the messages of every language.
func loadLocales(zone *time.Location) (map[string]*locale, error) {
	bundle := i18n.NewBundle(language.Dutch)
	bundle.RegisterUnmarshalFunc("toml", toml.Unmarshal)
	files, err := localeFiles.ReadDir("locale")
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		text, err := localeFiles.ReadFile(path.Join("locale", f.Name()))
		if err != nil {
			return nil, err
		}
		if _, err := bundle.ParseMessageFileBytes(text, f.Name()); err != nil {
			return nil, fmt.Errorf("messages %s: %w", f.Name(), err)
		}
	}
	all := map[string]*locale{}
	for _, lang := range languages {
		all[lang] = &locale{Lang: lang, zone: zone, i18n: i18n.NewLocalizer(bundle, lang)}
	}
	return all, nil
}

// t returns a message. pairs are the names and values of its placeholders. A message
// that is missing is an error, and never replaced by another language's.
func (l *locale) t(id string, pairs ...any) (string, error) {
	if len(pairs) == 0 {
		if text, ok := l.cache.Load(id); ok {
			return text.(string), nil
		}
		text, err := l.localize(id, nil)
		if err == nil {
			l.cache.Store(id, text)
		}
		return text, err
	}
	return l.localize(id, pairsOf(pairs))
}

func (l *locale) localize(id string, data map[string]any) (string, error) {
	for name, value := range data {
		if text, ok := value.(string); ok {
			data[name] = strings.Map(removeBidiControls, text)
		}
	}
	return l.i18n.Localize(&i18n.LocalizeConfig{MessageID: id, TemplateData: data})
}

// removeBidiControls drops the characters with which a name could reverse the text
// around it (Unicode Standard Annex 9).
func removeBidiControls(r rune) rune {
	if r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' {
		return -1
	}
	return r
}

// outcome returns the text of the outcome of an audit log record: of a message, or of
// the code of a problem.
func (l *locale) outcome(what string) (string, error) {
	if strings.Contains(what, ".") {
		return l.t(what)
	}
	return l.t("problem." + what + ".title")
}

// n is t for a message with plural forms. Its placeholder Count is the number, formatted.
func (l *locale) n(id string, count int, pairs ...any) (string, error) {
	with := pairsOf(pairs)
	if with == nil {
		with = map[string]any{}
	}
	with["Count"] = l.number(count)
	return l.i18n.Localize(&i18n.LocalizeConfig{MessageID: id, PluralCount: count, TemplateData: with})
}

// pairsOf converts names and values to a map.
func pairsOf(pairs []any) map[string]any {
	if len(pairs) == 0 {
		return nil
	}
	m := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		m[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return m
}

// languageCookie has the language of a browser without a session.
const languageCookie = "balansd-language"

// localeOf returns the language of a request without a session: the one chosen in this
// browser, else the first one of Accept-Language that the pages have.
func (h *Handler) localeOf(r *http.Request) *locale {
	if c, err := r.Cookie(h.cookieName(languageCookie)); err == nil {
		if chosen := h.locales[c.Value]; chosen != nil {
			return chosen
		}
	}
	tags, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	if err == nil {
		for _, tag := range tags {
			base, _ := tag.Base()
			if asked := h.locales[strings.ToLower(base.String())]; asked != nil {
				return asked
			}
		}
	}
	return h.locales[h.Language]
}

// setLanguage saves the language in the browser, and for a signed-in person for good.
func setLanguage(rq *request) error {
	lang := rq.r.PostForm.Get("language")
	if rq.locales[lang] == nil {
		return accounts.Refusal{Status: http.StatusBadRequest}
	}
	http.SetCookie(rq.w, &http.Cookie{ //nolint:gosec // over plain HTTP, on loopback, it cannot be Secure
		Name: rq.cookieName(languageCookie), Value: lang, Path: rq.cookiePath(), MaxAge: 365 * 24 * 3600,
		HttpOnly: true, Secure: rq.secure, SameSite: http.SameSiteLaxMode})
	if rq.person.Key != "" {
		if err := rq.People.SetLanguage(rq.r.Context(), rq.person.Key, lang); err != nil {
			return err
		}
	}
	return rq.redirect(localPath(rq.r.PostForm.Get("next")))
}

// Titles returns functions for the texts of pages that others show too, by language: what
// an entry needs a person for, by the reason or the kind of failure, and what a problem is,
// by its code.
func Titles() (caseTitle, problemTitle func(lang, code string) (string, error), err error) {
	all, err := loadLocales(time.UTC)
	if err != nil {
		return nil, nil, err
	}
	title := func(group string) func(lang, code string) (string, error) {
		return func(lang, code string) (string, error) {
			l, ok := all[lang]
			if !ok {
				return "", fmt.Errorf("there are no texts in %q", lang)
			}
			return l.t(group + "." + code + ".title")
		}
	}
	return title("case"), title("problem"), nil
}

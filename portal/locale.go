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

// languages are those that the pages speak, the first one where nothing else
// is known.
var languages = []string{"nl", "fr", "en", "de"}

// localeFiles are the messages, a file for each page and language.
//
//go:embed locale/*.toml
var localeFiles embed.FS

// locale is one language: its messages, and how it writes dates and numbers.
// It is safe for concurrent use.
type locale struct {
	Lang string
	zone *time.Location
	i18n *i18n.Localizer
	// cache keeps the messages that nothing is filled in to, by id: a long
	// table has the same ones in each row.
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

// t is the message with an id. The pairs fill in what it names: "Name", value.
// A message that is missing is an error, and never another language's.
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

// removeBidiControls takes away the marks by which a name could turn around the words that
// it is put among (Unicode Standard Annex 9).
func removeBidiControls(r rune) rune {
	if r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' {
		return -1
	}
	return r
}

// outcome tells in words what the trail keeps of an outcome: a message, or the
// code of a problem.
func (l *locale) outcome(what string) (string, error) {
	if strings.Contains(what, ".") {
		return l.t(what)
	}
	return l.t("problem." + what + ".title")
}

// n is t for a message that depends on a number. The message names it Count,
// written as the language writes it.
func (l *locale) n(id string, count int, pairs ...any) (string, error) {
	with := pairsOf(pairs)
	if with == nil {
		with = map[string]any{}
	}
	with["Count"] = l.number(count)
	return l.i18n.Localize(&i18n.LocalizeConfig{MessageID: id, PluralCount: count, TemplateData: with})
}

// pairsOf makes a map of names and values.
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

// languageCookie remembers the language of who is not signed in.
const languageCookie = "balansd-language"

// localeOf is the language for a request, before it is known whose it is: what
// the person chose in this browser, else what the browser asks for.
func (h *Handler) localeOf(r *http.Request) *locale {
	if c, err := r.Cookie(languageCookie); err == nil {
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

// setLanguage chooses the language of the pages in this browser, and for good
// for who is signed in.
func setLanguage(rq *request) error {
	lang := rq.r.PostForm.Get("language")
	if rq.locales[lang] == nil {
		return accounts.Refusal{Status: http.StatusBadRequest}
	}
	http.SetCookie(rq.w, &http.Cookie{ //nolint:gosec // over plain HTTP, on loopback, it cannot be Secure
		Name: languageCookie, Value: lang, Path: "/", MaxAge: 365 * 24 * 3600,
		HttpOnly: true, Secure: rq.Secure, SameSite: http.SameSiteLaxMode})
	if rq.person.Key != "" {
		if err := rq.People.SetLanguage(rq.r.Context(), rq.person.Key, lang); err != nil {
			return err
		}
	}
	return rq.redirect(localPath(rq.r.PostForm.Get("next")))
}

package portal

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"maps"
	"path"
	"strings"

	"balansd/accounts"
	"balansd/balance"
)

// templateFiles are the pages. layout.html is around each of them, parts.html
// has what several use, and every other file is one page that defines "title"
// and "main".
//
//go:embed templates/*.html
var templateFiles embed.FS

// pageTemplates are the parsed pages, by language and name.
type pageTemplates struct {
	byLanguage map[string]map[string]*template.Template
}

// loadTemplates parses every page for every language, with the functions that
// write in it.
func loadTemplates(locales map[string]*locale, files map[string]staticFile) (*pageTemplates, error) {
	names, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, err
	}
	s := &pageTemplates{byLanguage: map[string]map[string]*template.Template{}}
	for lang, w := range locales {
		around, err := template.New("layout.html").Funcs(functions(w, files)).
			ParseFS(templateFiles, "templates/layout.html", "templates/parts.html")
		if err != nil {
			return nil, err
		}
		s.byLanguage[lang] = map[string]*template.Template{}
		for _, file := range names {
			name := strings.TrimSuffix(path.Base(file), ".html")
			if name == "layout" || name == "parts" {
				continue
			}
			page, err := around.Clone()
			if err == nil {
				page, err = page.ParseFS(templateFiles, file)
			}
			if err != nil {
				return nil, err
			}
			s.byLanguage[lang][name] = page
		}
	}
	return s, nil
}

// functions are what templates can call:
//
//	t ID [NAME VALUE]...         a message
//	n ID COUNT [NAME VALUE]...   a message that depends on a number
//	date day clock night stamp   a time or a date, see locale
//	number V                     a count or a decimal
//	lang                         the language: nl, fr, en or de
//	static NAME                  the address of a file of ours
//	said NOTICE                  what a notice tells
//	outcome TEXT                 what came of something, as the trail has it
//	dict [NAME VALUE]...         several values for one template
//	label figure finding ...     what is in a balance, see balanceFunctions
func functions(w *locale, files map[string]staticFile) template.FuncMap {
	all := template.FuncMap{
		"t": w.t, "n": w.n,
		"date": w.date, "day": w.day, "clock": w.clock, "night": w.night, "stamp": w.stamp,
		"number": w.number,
		"lang":   func() string { return w.Lang },
		"static": func(name string) (string, error) {
			for address, f := range files {
				if f.name == name {
					return "/static/" + address, nil
				}
			}
			return "", fmt.Errorf("there is no static file %s", name)
		},
		"said":    func(n notice) (string, error) { return w.with(n.ID, n.With) },
		"outcome": w.outcome,
		"dict":    func(pairs ...any) map[string]any { return pairsOf(pairs) },
	}
	maps.Copy(all, balanceFunctions(balance.Lang(w.Lang)))
	return all
}

// view is what a page's templates see as $.
type view struct {
	Person    accounts.Person
	Path      string
	Nav       []navItem
	Said      []notice
	Languages []string
	Version   string
	Accounts  bool // people sign in with accounts of ours
	Data      any
}

// navItem is one page in the navigation.
type navItem struct {
	Path, ID string
	Here     bool
}

// view gathers what the layout shows.
func (rq *request) view(data any) view {
	out := view{Person: rq.person, Path: rq.r.URL.RequestURI(), Said: rq.notices(!rq.partial()), Languages: languages,
		Version: rq.Version, Accounts: rq.OIDC == nil, Data: data}
	for _, r := range rq.nav {
		if rq.person.Key == "" || r.may == admin && rq.person.Role != accounts.Admin {
			continue
		}
		at := strings.TrimSuffix(r.path, "{$}")
		here := at == rq.r.URL.Path || at != "/" && strings.HasPrefix(rq.r.URL.Path, at+"/")
		out.Nav = append(out.Nav, navItem{Path: at, ID: r.nav, Here: here})
	}
	return out
}

// writePage answers with a whole page.
func (rq *request) writePage(status int, name string, data any) error {
	return rq.render(status, name, "layout.html", data)
}

// writePart answers with one template of a page.
func (rq *request) writePart(status int, name, template string, data any) error {
	return rq.render(status, name, template, data)
}

// render writes the page as a whole or not at all: a fault in the middle must
// not leave half a page that looks like a whole one.
func (rq *request) render(status int, name, part string, data any) error {
	page := rq.pages.byLanguage[rq.locale.Lang][name]
	if page == nil {
		return fmt.Errorf("there is no page %s", name)
	}
	var b bytes.Buffer
	if err := page.ExecuteTemplate(&b, part, rq.view(data)); err != nil {
		return err
	}
	h := rq.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", rq.locale.Lang)
	h.Add("Vary", "Accept-Language, Cookie")
	rq.w.WriteHeader(status)
	_, _ = io.Copy(rq.w, &b)
	return nil
}

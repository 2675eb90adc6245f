package portal

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"balansd/accounts"
	"balansd/administration"
	"balansd/balance"
	"balansd/ledger"
)

// templateFiles are the pages. layout.html surrounds each of them, parts.html has shared
// templates, and every other file is a page that defines "title" and "main".
//
//go:embed templates/*.html
var templateFiles embed.FS

// pageTemplates are the parsed pages, by language and name.
type pageTemplates struct {
	byLanguage map[string]map[string]*template.Template
}

// loadTemplates parses every page for every language.
func loadTemplates(locales map[string]*locale, files map[string]staticFile) (*pageTemplates, error) {
	names, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, err
	}
	s := &pageTemplates{byLanguage: map[string]map[string]*template.Template{}}
	for lang, l := range locales {
		around, err := template.New(layoutTemplate).Funcs(functions(l, files)).
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

// functions returns the functions of the templates:
//
//	t ID [NAME VALUE]...         a message
//	n ID COUNT [NAME VALUE]...   a message with plural forms
//	date day clock night stamp   a time or a date, see locale
//	number V                     a count or a decimal
//	month N                      the name of a month, from 1
//	lang                         the language: nl, fr, en or de
//	static NAME                  the address of a static file
//	flash MESSAGE                the text of a flash message
//	outcome TEXT                 the outcome of an audit log record
//	mappingfinding KIND          the kind of a finding on a mapping, as far as it is known
//	skipreason REASON            why a file was not read, as far as it is known
//	dict [NAME VALUE]...         a map, to pass several values to a template
//	label figure finding ...     parts of a social balance, see balanceFunctions
func functions(l *locale, files map[string]staticFile) template.FuncMap {
	all := template.FuncMap{
		"t": l.t, "n": l.n,
		"date": l.date, "day": l.day, "clock": l.clock, "night": l.night, "stamp": l.stamp,
		"number": l.number, "month": l.month,
		"lang": func() string { return l.Lang },
		"static": func(name string) (string, error) {
			for address, f := range files {
				if f.name == name {
					return "/static/" + address, nil
				}
			}
			return "", fmt.Errorf("there is no static file %s", name)
		},
		"flash":   func(n flashMessage) (string, error) { return l.localize(n.ID, n.With) },
		"outcome": l.outcome, "mappingfinding": knownMappingFinding, "skipreason": knownSkipReason,
		"adminfield": func(f administration.Field) (string, error) { return l.t(administrationFieldKey(f)) },
		"adminact":   func(a ledger.AdministrationAct) (string, error) { return l.t(administrationActKey(a)) },
		"dict":       func(pairs ...any) map[string]any { return pairsOf(pairs) },
	}
	maps.Copy(all, balanceFunctions(balance.Lang(l.Lang)))
	return all
}

// layoutData is $ in the templates of a page.
type layoutData struct {
	Person    accounts.Person
	Path      string
	Nav       []navItem
	AdminNav  []navItem // the pages of admins, in a menu of their own
	Flash     []flashMessage
	Languages []string
	Version   string
	Accounts  bool   // people sign in with a password, not at a provider
	Firms     string // the names of the Silverfin firms, for what is printed
	Now       time.Time
	Data      any
}

// navItem is a page in the navigation.
type navItem struct {
	Path, ID string
	Here     bool
}

// layout returns the data of the layout.
func (rq *request) layout(data any) layoutData {
	out := layoutData{Person: rq.person, Path: rq.r.URL.RequestURI(), Flash: rq.flashMessages(!rq.isPartial()), Languages: languages,
		Version: rq.Version, Accounts: rq.OIDC == nil, Data: data}
	if back := rq.r.PostForm.Get("back"); rq.r.Method == http.MethodPost && back != "" {
		out.Path = localPath(back) // what answers a form cannot be loaded again
	}
	for _, r := range rq.nav {
		if rq.person.Key == "" || r.access == admin && rq.person.Role != accounts.Admin {
			continue
		}
		at := strings.TrimSuffix(r.path, "{$}")
		here := at == rq.r.URL.Path || at != "/" && strings.HasPrefix(rq.r.URL.Path, at+"/")
		item := navItem{Path: at, ID: r.nav, Here: here}
		if r.access == admin {
			out.AdminNav = append(out.AdminNav, item)
		} else {
			out.Nav = append(out.Nav, item)
		}
	}
	return out
}

// IsAdminPage reports whether the page is one of the admins'.
func (d layoutData) IsAdminPage() bool {
	return slices.ContainsFunc(d.AdminNav, func(n navItem) bool { return n.Here })
}

// firmNames returns the names of the Silverfin firms, as far as they are known.
func (rq *request) firmNames() string {
	firms, err := rq.API.Firms(rq.r.Context())
	if err != nil {
		return "" // the page says itself what is in the way
	}
	names := make([]string, len(firms))
	for i, f := range firms {
		names[i] = f.Name
	}
	return strings.Join(names, ", ")
}

// layoutTemplate is the template of a whole page.
const layoutTemplate = "layout.html"

// renderPageStatus answers with a page and a status.
func (rq *request) renderPageStatus(status int, name string, data any) error {
	return rq.render(status, name, layoutTemplate, data)
}

// render executes a template before it writes, so that an error leaves no partial page.
func (rq *request) render(status int, name, part string, data any) error {
	page := rq.pages.byLanguage[rq.locale.Lang][name]
	if page == nil {
		return fmt.Errorf("there is no page %s", name)
	}
	layout := rq.layout(data)
	if status == http.StatusOK && part == layoutTemplate && rq.person.Key != "" {
		layout.Firms, layout.Now = rq.firmNames(), rq.Now()
	}
	var b bytes.Buffer
	if err := page.ExecuteTemplate(&b, part, layout); err != nil {
		return err
	}
	h := rq.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", rq.locale.Lang)
	h.Add("Vary", "Accept-Language, Cookie")
	rq.w.WriteHeader(status)
	if rq.base != "" {
		_, _ = rq.rebase.WriteString(rq.w, b.String())
		return nil
	}
	_, _ = io.Copy(rq.w, &b)
	return nil
}

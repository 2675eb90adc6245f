package portal

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"html/template"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/template/parse"
	"time"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"

	"github.com/pelletier/go-toml/v2"
)

// messages returns the messages of a language, by id and plural form.
func messages(t *testing.T, lang string) map[string]map[string]string {
	t.Helper()
	out := map[string]map[string]string{}
	files, err := fs.Glob(localeFiles, "locale/*."+lang+".toml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no messages in %s: %v", lang, err)
	}
	for _, file := range files {
		text, err := localeFiles.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var tree map[string]any
		if err := toml.Unmarshal(text, &tree); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		var walk func(id string, branch map[string]any)
		walk = func(id string, branch map[string]any) {
			for key, v := range branch {
				name := strings.TrimPrefix(id+"."+key, ".")
				switch x := v.(type) {
				case map[string]any:
					walk(name, x)
				case string:
					form := "other"
					if slices.Contains([]string{"zero", "one", "two", "few", "many", "other"}, key) {
						name, form = id, key
					}
					if out[name] == nil {
						out[name] = map[string]string{}
					}
					if out[name][form] != "" {
						t.Errorf("%s: %s is there twice", file, name)
					}
					out[name][form] = x
				default:
					t.Errorf("%s: %s is no text", file, name)
				}
			}
		}
		walk("", tree)
	}
	return out
}

var placeholder = regexp.MustCompile(`\{\{\.(\w+)\}\}`)

// TestMessagesInEveryLanguage: all languages have the same messages, with the same
// placeholders, in the plural forms of the language.
func TestMessagesInEveryLanguage(t *testing.T) {
	dutch := messages(t, "nl")
	for _, lang := range languages {
		have := messages(t, lang)
		for id := range dutch {
			if have[id] == nil {
				t.Errorf("%s lacks %s", lang, id)
			}
		}
		for id, forms := range have {
			if dutch[id] == nil {
				t.Errorf("%s has %s, which Dutch has not", lang, id)
				continue
			}
			plural := len(dutch[id]) > 1
			want := []string{"other"}
			if plural {
				want = []string{"one", "other"}
				if lang == "fr" { // un million de …
					want = append(want, "many")
				}
			}
			for _, form := range want {
				if strings.TrimSpace(forms[form]) == "" {
					t.Errorf("%s: %s lacks the form %s", lang, id, form)
				}
			}
			if len(forms) != len(want) {
				t.Errorf("%s: %s has %d forms, and the language %d", lang, id, len(forms), len(want))
			}
			for form, text := range forms {
				if got, want := placeholders(text), placeholders(dutch[id]["other"]); !slices.Equal(got, want) {
					t.Errorf("%s: %s (%s) fills in %v and Dutch %v", lang, id, form, got, want)
				}
			}
		}
	}
}

func placeholders(text string) []string {
	var names []string
	for _, m := range placeholder.FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// TestMessagesAreTranslated: a text of several words differs between languages.
func TestMessagesAreTranslated(t *testing.T) {
	all := map[string]map[string]map[string]string{}
	for _, lang := range languages {
		all[lang] = messages(t, lang)
	}
	for id := range all["nl"] {
		for i, a := range languages {
			for _, b := range languages[i+1:] {
				x, y := all[a][id]["other"], all[b][id]["other"]
				if x == y && strings.Count(x, " ") > 2 {
					t.Errorf("%s is the same in %s and %s: %s", id, a, b, x)
				}
			}
		}
	}
}

// TestFrenchPunctuation: French has a no-break space (U+00A0) before : ; ? ! and
// inside « ».
func TestFrenchPunctuation(t *testing.T) {
	wrong := regexp.MustCompile("[ \u202f][:;?!»]|«[^\u00a0]|[^\u00a0]»|’")
	for id, forms := range messages(t, "fr") {
		for _, text := range forms {
			if at := wrong.FindString(text); at != "" {
				t.Errorf("%s has %q: %s", id, at, text)
			}
		}
	}
}

// TestWords: the pages and the manual of the accountant use the words of an accountant in
// Belgium, je and vous, and none of those that mean something else at their desk.
func TestWords(t *testing.T) {
	for lang, wrong := range map[string]*regexp.Regexp{
		"nl": regexp.MustCompile(`(?i)\b(u|uw|doorloop|doorlopen|vanzelf|met de hand|opzij\w*|vaststelling\w*|firma|dienst|nakijken|probeer opnieuw)\b`),
		"fr": regexp.MustCompile(`(?i)\b(tu|toi|passage|essai|constatations?|administrateur informatique|entreprise silverfin|mis de côté)\b`),
	} {
		for id, forms := range messages(t, lang) {
			for _, text := range forms {
				if at := wrong.FindString(text); at != "" {
					t.Errorf("%s: %s says %q: %s", lang, id, at, text)
				}
			}
		}
		manual, err := os.ReadFile("../docs/accountant." + lang + ".md")
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range wrong.FindAllString(string(manual), -1) {
			t.Errorf("the manual of the accountant in %s says %q", lang, at)
		}
	}
}

// messageUses returns the message ids in templates and code: whole ones, and the prefixes
// of those that are composed.
func messageUses(t *testing.T) (ids, beginnings map[string]bool) {
	t.Helper()
	ids, beginnings = map[string]bool{}, map[string]bool{}
	for name, tree := range parseTemplates(t) {
		var walk func(n parse.Node)
		command := func(c *parse.CommandNode) {
			if f, ok := c.Args[0].(*parse.IdentifierNode); ok && len(c.Args) > 1 && (f.Ident == "t" || f.Ident == "n") {
				switch id := c.Args[1].(type) {
				case *parse.StringNode:
					ids[id.Text] = true
				case *parse.PipeNode:
					first, ok := id.Cmds[0].Args[1].(*parse.StringNode)
					if !ok || !strings.Contains(first.Text, ".") {
						t.Errorf("%s: %s: a message that is composed begins with text up to a dot", name, c)
						return
					}
					beginnings[first.Text] = true
				}
			}
			for _, a := range c.Args {
				walk(a)
			}
		}
		walk = func(n parse.Node) {
			walkTree(n, walk, command)
		}
		walk(tree.Root)
	}
	// The refusals of accounts are message ids, too.
	files, _ := filepath.Glob("*.go")
	refusals, _ := filepath.Glob("../accounts/*.go")
	for _, name := range append(files, refusals...) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		collect := func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if text, err := strconv.Unquote(lit.Value); err == nil {
					ids[text] = true
				}
			}
			return true
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if sum, ok := n.(*ast.BinaryExpr); ok && sum.Op == token.ADD {
				if lit, ok := sum.X.(*ast.BasicLit); ok && beginsID.MatchString(lit.Value) { // what a name follows
					beginnings[strings.Trim(lit.Value, `"`)] = true
					ast.Inspect(sum.Y, collect)
					return false
				}
			}
			return collect(n)
		})
	}
	return ids, beginnings
}

// beginsID matches the beginning of the id of a message.
var beginsID = regexp.MustCompile(`^"[a-z]+\.[a-z-]+-"$`)

// parseTemplates returns the parsed templates, by file and name.
func parseTemplates(t *testing.T) map[string]*parse.Tree {
	t.Helper()
	out := map[string]*parse.Tree{}
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := templateFiles.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		set, err := template.New(path.Base(file)).Funcs(functions(&locale{Lang: "nl", zone: time.UTC}, nil)).Parse(string(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range set.Templates() {
			if one.Tree != nil {
				out[path.Base(file)+" "+one.Name()] = one.Tree
			}
		}
	}
	return out
}

// walkTree visits the children of a node.
func walkTree(n parse.Node, walk func(parse.Node), command func(*parse.CommandNode)) {
	branch := func(b *parse.BranchNode) {
		walk(b.Pipe)
		walk(b.List)
		if b.ElseList != nil {
			walk(b.ElseList)
		}
	}
	switch x := n.(type) {
	case *parse.ListNode:
		for _, c := range x.Nodes {
			walk(c)
		}
	case *parse.ActionNode:
		walk(x.Pipe)
	case *parse.PipeNode:
		if x != nil {
			for _, c := range x.Cmds {
				command(c)
			}
		}
	case *parse.IfNode:
		branch(&x.BranchNode)
	case *parse.RangeNode:
		branch(&x.BranchNode)
	case *parse.WithNode:
		branch(&x.BranchNode)
	case *parse.TemplateNode:
		walk(x.Pipe)
	}
}

// TestMessagesAreUsed: every id in use has a message, and every message is used.
func TestMessagesAreUsed(t *testing.T) {
	dutch := messages(t, "nl")
	ids, beginnings := messageUses(t)
	groups := map[string]bool{}
	for id := range dutch {
		group, _, _ := strings.Cut(id, ".")
		groups[group] = true
		used := ids[id]
		for b := range beginnings {
			used = used || strings.HasPrefix(id, b)
		}
		if !used {
			t.Errorf("the message %s is not used", id)
		}
	}
	looksLike := regexp.MustCompile(`^[a-z]+\.[a-z0-9.-]+$`)
	for id := range ids {
		group, rest, _ := strings.Cut(id, ".")
		notOurs := slices.Contains([]string{"html", "css", "js", "svg", "txt", "toml"}, rest) || strings.HasPrefix(id, "portal.")
		if looksLike.MatchString(id) && groups[group] && dutch[id] == nil && !notOurs {
			t.Errorf("there is no message %s", id)
		}
	}
	for b := range beginnings {
		if !slices.ContainsFunc(slices.Collect(keysOf(dutch)), func(id string) bool { return strings.HasPrefix(id, b) }) {
			t.Errorf("no message begins with %s", b)
		}
	}
	for _, reason := range problem.Reasons() {
		if id := fmt.Sprintf("reason.%s", reason); dutch[id] == nil {
			t.Errorf("there is no message %s", id)
		}
	}
	for _, cause := range balance.Causes() {
		if id := fmt.Sprintf("upload.cause-%s", cause); dutch[id] == nil {
			t.Errorf("there is no message %s", id)
		}
	}
	for _, code := range ledger.LinkMistakeCodes() {
		if id := "mistake." + code; dutch[id] == nil {
			t.Errorf("there is no message %s", id)
		}
	}
	for _, kind := range daemon.MappingFindingKinds() {
		if id := "mappingcheck." + kind; dutch[id] == nil {
			t.Errorf("there is no message %s", id)
		}
	}
	for _, code := range problem.Codes() {
		for _, part := range []string{"title", "next"} {
			if id := fmt.Sprintf("problem.%s.%s", code, part); dutch[id] == nil {
				t.Errorf("there is no message %s", id)
			}
		}
	}
}

func keysOf[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

var (
	htmlTags       = regexp.MustCompile(`(?s)<!--.*?-->|<[^>]*>|<[^>]*$|^[^<]*>`)
	htmlEntities   = regexp.MustCompile(`&[a-z]+;`)
	textAttributes = regexp.MustCompile(`\b(?:title|alt|placeholder|aria-label)="([^"{]*\pL[^"{]*)"`)
)

// TestTemplatesHaveNoText: texts are messages, except for names and symbols.
func TestTemplatesHaveNoText(t *testing.T) {
	files, _ := fs.Glob(templateFiles, "templates/*.html")
	actions := regexp.MustCompile(`(?s)\{\{.*?\}\}`)
	allowed := map[string]bool{"balansd": true, "a": true, "true": true, "false": true, "staff": true, "admin": true, "Finbox": true, "Silverfin": true}
	for _, file := range files {
		text, err := templateFiles.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		plain := actions.ReplaceAllString(string(text), "\x01")
		for _, m := range textAttributes.FindAllStringSubmatch(plain, -1) {
			if !allowed[m[1]] {
				t.Errorf("%s: an attribute says %q", file, m[1])
			}
		}
		plain = htmlEntities.ReplaceAllString(htmlTags.ReplaceAllString(plain, "\x01"), "")
		for _, word := range regexp.MustCompile(`\pL+`).FindAllString(plain, -1) {
			if !allowed[word] {
				t.Errorf("%s holds the word %q", file, word)
			}
		}
	}
}

func TestDatesAndNumbers(t *testing.T) {
	locales, err := loadLocales(brussels(t))
	if err != nil {
		t.Fatal(err)
	}
	night := time.Date(2026, time.March, 1, 1, 30, 0, 0, time.UTC)
	summer := time.Date(2026, time.July, 31, 22, 30, 0, 0, time.UTC) // the 1st in Brussels
	for lang, want := range map[string][]string{
		"nl": {"1 maart 2026", "zondag 1 maart 2026", "01/03/2026 02:30", "1 augustus 2026", "31 december 2025", "1.234.567,50", "−12"},
		"fr": {"1er mars 2026", "dimanche 1er mars 2026", "01/03/2026 02:30", "1er août 2026", "31 décembre 2025", "1\u202f234\u202f567,50", "−12"},
		"en": {"1 March 2026", "Sunday 1 March 2026", "01/03/2026 02:30", "1 August 2026", "31 December 2025", "1,234,567.50", "−12"},
		"de": {"1. März 2026", "Sonntag, 1. März 2026", "01.03.2026 02:30", "1. August 2026", "31. Dezember 2025", "1.234.567,50", "−12"},
	} {
		w := locales[lang]
		var got []string
		for _, f := range []func() (string, error){
			func() (string, error) { return w.date(night) },
			func() (string, error) { return w.night(night) },
			func() (string, error) { return w.clock(night) },
			func() (string, error) { return w.date(summer) },
			func() (string, error) { return w.date(balance.Date{Year: 2025, Month: time.December, Day: 31}) },
			func() (string, error) { return w.number("1234567.50"), nil },
			func() (string, error) { return w.number(-12), nil },
		} {
			s, err := f()
			if err != nil {
				t.Error(err)
			}
			got = append(got, s)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s:\n got %q\nwant %q", lang, got, want)
		}
		if never, _ := w.clock(time.Time{}); never != dash {
			t.Errorf("%s: the zero time is %q", lang, never)
		}
		if odd := w.number("12 or so"); odd != "12 or so" {
			t.Errorf("%s: %q", lang, odd)
		}
	}
}

func TestPlurals(t *testing.T) {
	locales, err := loadLocales(time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	for lang, want := range map[string]map[int]string{
		"nl": {0: "0 actieve sessies", 1: "1 actieve sessie.", 2: "2 actieve sessies", 1000: "1.000 actieve sessies"},
		"fr": {0: "0 session active.", 1: "1 session active.", 2: "2 sessions actives", 1_000_000: "1\u202f000\u202f000 de sessions"},
		"en": {0: "0 active sessions", 1: "1 active session.", 2: "2 active sessions", 1_000_000: "1,000,000 active sessions"},
		"de": {0: "0 aktive Sitzungen", 1: "1 aktive Sitzung.", 2: "2 aktive Sitzungen"},
	} {
		for count, part := range want {
			got, err := locales[lang].n("account.sessions-count", count)
			if err != nil || !strings.Contains(got, part) {
				t.Errorf("%s, %d: %q, %v", lang, count, got, err)
			}
		}
	}
}

func TestLanguageOfRequest(t *testing.T) {
	f := newFixture(t)
	page := func(b *browser) string {
		body := b.get("/sign-in").body
		_, rest, _ := strings.Cut(body, `<html lang="`)
		lang, _, _ := strings.Cut(rest, `"`)
		return lang
	}
	for asked, want := range map[string]string{
		"": "nl", "fr-BE,fr;q=0.9,en;q=0.5": "fr", "es, de;q=0.3": "de", "en-US": "en", "zh": "nl", "nonsense;;;": "nl", "nl;q=0.1,fr;q=0.9": "fr"} {
		b := f.browser()
		b.header.Set("Accept-Language", asked)
		if got := page(b); got != want {
			t.Errorf("%q gets %s, not %s", asked, got, want)
		}
	}
	b := f.browser()
	b.header.Set("Accept-Language", "fr")
	b.post("/language", "language", "de", "next", "/sign-in")
	if got := page(b); got != "de" {
		t.Errorf("after choosing German: %s", got)
	}
	if got := b.post("/language", "language", "xx"); got.code != http.StatusBadRequest {
		t.Errorf("an unknown language gives %d", got.code)
	}
	// The language of a signed-in person applies in every browser.
	ann := f.signedIn(annName)
	ann.post("/language", "language", "en", "next", "/")
	if body := f.signedIn(annName).get("/account").body; !strings.Contains(body, "My account") {
		t.Error("the language was not saved")
	}
}

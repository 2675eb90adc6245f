package notify

import (
	"embed"
	"fmt"
	"path"
	"strings"

	"balansd/internal/clip"
	"balansd/ledger"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"github.com/pelletier/go-toml/v2"
	"golang.org/x/text/language"
)

// Languages are the languages of messages.
func Languages() []string { return []string{"nl", "fr", "en", "de"} }

//go:embed locale/*.toml
var localeFiles embed.FS

// words are the texts of a language.
type words struct {
	language string
	i18n     *i18n.Localizer
	cfg      Config
}

func loadWords(cfg Config) (map[string]*words, error) {
	bundle := i18n.NewBundle(language.Dutch)
	bundle.RegisterUnmarshalFunc("toml", toml.Unmarshal)
	all := map[string]*words{}
	for _, lang := range Languages() {
		name := "notify." + lang + ".toml"
		text, err := localeFiles.ReadFile(path.Join("locale", name))
		if err == nil {
			_, err = bundle.ParseMessageFileBytes(text, name)
		}
		if err != nil {
			return nil, fmt.Errorf("messages %s: %w", name, err)
		}
		all[lang] = &words{lang, i18n.NewLocalizer(bundle, lang), cfg}
	}
	return all, nil
}

// t returns a text. One that is missing, which a test excludes, is its id.
func (w *words) t(id string, data map[string]any) string {
	return w.localize(&i18n.LocalizeConfig{MessageID: id, TemplateData: data})
}

// n is t for a text with plural forms. Its placeholder Count is the number.
func (w *words) n(id string, count int, data map[string]any) string {
	data["Count"] = count
	return w.localize(&i18n.LocalizeConfig{MessageID: id, PluralCount: count, TemplateData: data})
}

func (w *words) localize(c *i18n.LocalizeConfig) string {
	text, err := w.i18n.Localize(c)
	if err != nil {
		return c.MessageID
	}
	return text
}

func (w *words) subject(m Message) string {
	count, id := 0, "subject.open"
	for _, i := range m.New {
		count += i.Count
	}
	switch {
	case count > 0:
		return w.n("subject.new", count, map[string]any{"Host": m.Host})
	case len(m.Solved) > 0 && len(m.Open) == 0:
		id = "subject.solved-all"
	case len(m.Solved) > 0:
		id = "subject.solved"
	case len(m.Open) == 0:
		id = "subject.test"
	}
	return w.t(id, map[string]any{"Host": m.Host})
}

// item says what an item is about, and what to do unless the page that shows it says so:
// a sentence each.
func (w *words) item(i Item, c ledger.Condition) (text, next string) {
	data := map[string]any{"Name": i.Name, "Subject": clip.Line(c.Subject)}
	for name, value := range c.Params {
		data[strings.ToUpper(name[:1])+name[1:]] = value
	}
	if !c.Since.IsZero() {
		data["Since"] = c.Since.Format(dateForm(w.language))
	}
	id := string(c.Kind)
	switch {
	case c.Kind == ledger.BalanceDiffers:
		data["What"] = w.title(w.cfg.CaseTitle, "differs")
	case c.Kind.OfBalance():
		data["What"] = w.title(w.cfg.CaseTitle, c.Reason)
	case c.Kind == ledger.RunProblem && c.Name == "":
		id += "-other"
	case c.Kind == ledger.StateWrong || c.Kind == ledger.RunProblem || c.Kind == ledger.FirmRefuses:
		data["What"] = w.title(w.cfg.ProblemTitle, c.Reason)
	}
	if c.Kind.OfBalance() {
		return w.n("item."+id, i.Count, data), ""
	}
	return w.t("item."+id, data), w.t("next."+id, data)
}

// dateForm is the form of a date, as the pages have it.
func dateForm(lang string) string {
	switch lang {
	case "de":
		return "02.01.2006"
	case "en":
		return "2 January 2006"
	}
	return "02/01/2006"
}

func (w *words) title(of func(language, code string) (string, error), code string) string {
	if of == nil {
		return code
	}
	text, err := of(w.language, code)
	if err != nil {
		return code
	}
	return strings.TrimSuffix(text, ".")
}

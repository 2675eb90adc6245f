package sandbox

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"balansd/balance"
	"balansd/sandbox/silverfin"

	"github.com/shopspring/decimal"
)

// A TemplateKind is one way in which a firm's template could take a social balance. All
// of them are made up.
type TemplateKind string

// The kinds of templates.
const (
	TemplateBanner TemplateKind = "banner" // offers what it finds in the custom properties of the period
	TemplateInputs TemplateKind = "inputs" // inputs of its own, and a result for each
	TemplateHidden TemplateKind = "hidden" // of the marketplace, its text hidden; whole euros
	TemplateTwice  TemplateKind = "twice"  // the handle of the firm's copy is that of the marketplace's template, too
	TemplateComma  TemplateKind = "comma"  // figures as text with a decimal comma, blank for zero
	TemplateDutch  TemplateKind = "dutch"  // keys that are Dutch words, in several namespaces, not for each rubric
)

// TemplateKinds lists the kinds of templates.
func TemplateKinds() []TemplateKind { return slices.Sorted(maps.Keys(templateDesigns())) }

// NumberText says how a template writes numbers.
type NumberText struct {
	DecimalComma bool `json:"decimal_comma,omitempty"`
	BlankForZero bool `json:"blank_for_zero,omitempty"`
	WholeEuros   bool `json:"whole_euros,omitempty"` // amounts of money, rounded half up
}

// Write writes a figure as a person types it in the template.
func (n NumberText) Write(cell balance.Cell, d decimal.Decimal) string {
	if r, _ := balance.RubricOf(cell.Code); n.WholeEuros && r.Unit == balance.Money {
		d = d.Round(0)
	}
	if n.BlankForZero && d.IsZero() {
		return ""
	}
	text := balance.Canonical(d)
	if n.DecimalComma {
		text = strings.Replace(text, ".", ",", 1)
	}
	return text
}

// A templateDesign is what distinguishes the template of a kind.
type templateDesign struct {
	firm       string
	language   string // of the firm's workflow
	handle     string
	period     bool // figures are custom properties of the period
	hidden     bool // of the marketplace
	twice      bool
	text       NumberText
	properties func() map[balance.Cell]silverfin.Property
	results    []string // rubrics that have a result; nil means the totals
}

func templateDesigns() map[TemplateKind]templateDesign {
	return map[TemplateKind]templateDesign{
		TemplateBanner: {
			firm: "Kantoor Banderol (verzonnen sjabloon)", language: "nl", handle: "sociale_balans_banner", period: true,
			properties: keyed("sociaal_secretariaat", "sb_%s", "sb_%sP"),
		},
		TemplateInputs: {
			firm: "Bureau Encart (modèle inventé)", language: "fr", handle: "bilan_social_bureau",
			properties: keyed("bilan", "r%s_n", "r%s_n1"), results: allRubrics(),
		},
		TemplateHidden: {
			firm: "Kantoor Verborgen (verzonnen sjabloon)", language: "nl", handle: "be_social_balance_sheet", hidden: true,
			properties: keyed("social_balance", "rub_%s", "rub_%sP"), text: NumberText{WholeEuros: true},
		},
		TemplateTwice: {
			firm: "Kantoor Dubbel (verzonnen sjabloon)", language: "nl", handle: "sociale_balans", twice: true,
			properties: keyed("sociale_balans", "code_%s", "code_%sP"),
		},
		TemplateComma: {
			firm: "Bureau Virgule (modèle inventé)", language: "fr", handle: "bilan_social_texte",
			properties: keyed("sb", "c%s", "c%sP"), text: NumberText{DecimalComma: true, BlankForZero: true},
		},
		TemplateDutch: {
			firm: "Kantoor Voluit (verzonnen sjabloon)", language: "nl", handle: "sociale_balans_voluit",
			properties: dutchProperties,
		},
	}
}

func allRubrics() []string {
	var codes []string
	for _, r := range balance.Rubrics() {
		codes = append(codes, r.Code)
	}
	return codes
}

// keyed returns the properties of a template with one key for each cell: patterns with
// %s for the code, of this year and of last year.
func keyed(namespace, current, previous string) func() map[balance.Cell]silverfin.Property {
	return func() map[balance.Cell]silverfin.Property {
		all := map[balance.Cell]silverfin.Property{}
		for _, r := range balance.Rubrics() {
			all[balance.Cell{Code: r.Code}] = silverfin.Property{Namespace: namespace, Key: fmt.Sprintf(current, r.Code)}
			if r.HasPrevious() {
				all[balance.Cell{Code: r.Code, Previous: true}] = silverfin.Property{Namespace: namespace, Key: fmt.Sprintf(previous, r.Code)}
			}
		}
		return all
	}
}

// dutchProperties are keys that follow no pattern, and not for every rubric: the
// columns for men and women in rows 100 to 103 and the reasons of departures have none.
func dutchProperties() map[balance.Cell]silverfin.Property {
	all := map[balance.Cell]silverfin.Property{}
	add := func(code, namespace, key string, previous bool) {
		all[balance.Cell{Code: code}] = silverfin.Property{Namespace: namespace, Key: key}
		if previous {
			all[balance.Cell{Code: code, Previous: true}] = silverfin.Property{Namespace: namespace, Key: key + "_vorig_jaar"}
		}
	}
	columns := []struct{ digit, word string }{{"1", "voltijds"}, {"2", "deeltijds"}, {"3", "totaal"}}
	for _, row := range []struct{ code, namespace, key string }{
		{"100", "vte", ""}, {"101", "uren", ""}, {"102", "sociale_balans", "personeelskosten_"},
		{"105", "personeel", "einde_jaar_"}, {"110", "personeel", "onbepaalde_duur_"}, {"111", "personeel", "bepaalde_duur_"},
		{"112", "personeel", "bepaald_werk_"}, {"113", "personeel", "vervanging_"}, {"120", "personeel", "mannen_"},
		{"121", "personeel", "vrouwen_"}, {"130", "categorie", "directie_"}, {"134", "categorie", "bedienden_"},
		{"132", "categorie", "arbeiders_"}, {"133", "categorie", "andere_"}, {"205", "verloop", "in_"}, {"305", "verloop", "uit_"},
	} {
		for _, column := range columns {
			key := row.key + column.word
			if row.code == "102" && column.word == "totaal" {
				key = "personeelskosten"
			}
			add(row.code+column.digit, row.namespace, key, row.code < "103" && column.digit == "3")
		}
	}
	add("1033", "sociale_balans", "voordelen", true)
	for kind, word := range []string{"formeel", "informeel", "initieel"} {
		for sex, of := range []string{"mannen", "vrouwen"} {
			code := fmt.Sprintf("58%d", 2*kind+sex)
			for i, what := range []string{"aantal", "uren", "kosten"} {
				add(fmt.Sprintf("%s%d", code, i+1), "opleiding", fmt.Sprintf("%s_%s_%s", word, of, what), false)
			}
		}
	}
	return all
}

// An addedTemplate is a template of a firm that each of its dossiers has.
type addedTemplate struct {
	handle  string
	id      int64
	starred bool
}

// otherTemplates are in the same workflow as the social balance.
func otherTemplates() []silverfin.Template {
	return []silverfin.Template{
		{Handle: "resultatenrekening", Names: map[string]string{"nl": "Resultatenrekening", "fr": "Compte de résultats", "en": "Income statement"}},
		{Handle: "identificatiegegevens", Names: map[string]string{"nl": "Identificatiegegevens", "fr": "Données d’identification", "en": "Identification"}},
	}
}

// addTemplates adds the templates of a design to a firm. Where a handle occurs twice,
// the one that people fill in comes last.
func (d templateDesign) addTemplates(s *silverfin.Silverfin, firm int64) []addedTemplate {
	names := map[string]string{"nl": "Sociale balans", "fr": "Bilan social", "en": "Social balance sheet"}
	one := silverfin.Template{Handle: d.handle, Names: names, Text: d.liquid()}
	if d.hidden {
		one.Marketplace = 501
	}
	var added []addedTemplate
	if d.twice {
		id := s.AddTemplate(firm, silverfin.Template{Handle: d.handle, Names: names, Text: d.liquid(), Marketplace: 502})
		added = append(added, addedTemplate{d.handle, id, false})
	}
	added = append(added, addedTemplate{d.handle, s.AddTemplate(firm, one), true})
	for _, t := range otherTemplates() {
		t.Text = madeUpLine
		added = append(added, addedTemplate{t.Handle, s.AddTemplate(firm, t), true})
	}
	return added
}

// madeUpLine labels the text of every template.
const madeUpLine = "{% comment %} Made up for the sandbox of balansd: no template of Silverfin or of any firm. {% endcomment %}\n"

// liquid returns the text of the template: an input for each property, and its results.
func (d templateDesign) liquid() string {
	var text strings.Builder
	text.WriteString(madeUpLine)
	properties := d.properties()
	cells := slices.SortedFunc(maps.Keys(properties), balance.CompareCells)
	for _, cell := range cells {
		p := properties[cell].String()
		if d.period {
			fmt.Fprintf(&text, "{%% if period.custom.%s != blank %%}{{ period.custom.%s }}{%% endif %%}\n", p, p)
		} else {
			fmt.Fprintf(&text, "{%% input custom.%s as:text %%}\n", p)
		}
	}
	before := "custom."
	if d.period {
		before = "period.custom."
		text.WriteString("{% input custom.banner.aanvaard as:boolean %}\n")
	}
	results := d.results
	if results == nil {
		results = []string{"1003", "1013", "1023", "1033"}
		fmt.Fprintf(&text, "{%% result 'personeel' %s%s+%s%s %%}\n",
			before, properties[balance.Cell{Code: "1051"}], before, properties[balance.Cell{Code: "1052"}])
	}
	for _, code := range results {
		if p, ok := properties[balance.Cell{Code: code}]; ok {
			fmt.Fprintf(&text, "{%% result 'rubriek_%s' %s%s %%}\n", code, before, p)
		}
	}
	return text.String()
}

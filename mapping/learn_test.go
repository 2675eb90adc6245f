package mapping_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"balansd/balance"
	"balansd/mapping"
)

func TestReferences(t *testing.T) {
	const period, own = mapping.LevelPeriod, mapping.LevelReconciliation
	for text, want := range map[string][]mapping.Reference{
		`{% input custom.vte.totaal as:currency %}`:                                                  {{Level: own, Namespace: "vte", Key: "totaal"}},
		`| Totaal | 1003 | {% input custom.vte.totaal %} |`:                                          {{Level: own, Namespace: "vte", Key: "totaal", Rubric: "1003"}},
		`| 1003 | {% input custom.vte.n %} | {% input custom.vte.n1 %}`:                              {{Level: own, Namespace: "vte", Key: "n"}, {Level: own, Namespace: "vte", Key: "n1"}},
		`{{ period.custom.sb.code_1003 }}`:                                                           {{Level: period, Namespace: "sb", Key: "code_1003"}},
		`{% assign k = "1003" %}{{ custom.sb[k] }}{{ custom["sb"].[k] }}`:                            {{Level: own, Namespace: "sb", Key: "1003"}},
		`{% assign k = "code_" | append: code %}{% input custom.sb.[k] %}`:                           {{Level: own, Namespace: "sb", Key: "code_{code}"}},
		`{% capture k %}r{{ code }}_n{% endcapture %}{% input custom.sb.[k] %}`:                      {{Level: own, Namespace: "sb", Key: "r{code}_n"}},
		`{% input custom.sb.[code] %}`:                                                               {{Level: own, Namespace: "sb"}},
		`{% input custom.[ns].[code] %}`:                                                             nil,
		`{% assign sb = period.custom.sociale_balans %}{{ sb.vte }}`:                                 {{Level: period, Namespace: "sociale_balans"}, {Level: period, Namespace: "sociale_balans", Key: "vte"}},
		`{{ company.custom.sb.code_1003 }}{{ period.minus_1y.custom.sb.code_1003 }}`:                 nil,
		`{{ period.reconciliations.bilan.custom.sb.code_1003 }}`:                                     {{Level: own, Handle: "bilan", Namespace: "sb", Key: "code_1003"}},
		`{% comment %}{% input custom.old.code_1003 %}{% endcomment %}`:                              nil,
		`{% assign k = "a" %}{% assign k = "b" %}{{ custom.sb[k] }}`:                                 {{Level: own, Namespace: "sb"}},
		`{% assign k = "x" | append: a | append: b %}{{ custom.sb[k] }}{{ custom.x | size }}{{ y }}`: {{Level: own, Namespace: "sb"}, {Level: own, Namespace: "x"}},
	} {
		if diff := cmp.Diff(want, mapping.References(text)); diff != "" {
			t.Errorf("%s\n%s", text, diff)
		}
	}
}

func FuzzReferences(f *testing.F) {
	f.Add(`{% assign k = "code_" | append: code %}{% input custom.sb.[k] %}`)
	f.Add(`{% assign custom = custom.custom %}{{ custom.custom[custom] }}`)
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 10_000 {
			return
		}
		for _, r := range mapping.References(text) {
			if r.Namespace == "" {
				t.Errorf("a reference without a namespace: %+v", r)
			}
		}
	})
}

// filled makes a dossier with one reconciliation: figures by cell, and values by
// property.
func filled(t *testing.T, name string, figures, values map[string]string) mapping.Filled {
	t.Helper()
	d := mapping.Filled{Name: name, Figures: balance.Values{}}
	for text, figure := range figures {
		c, err := balance.ParseCell(text)
		if err != nil {
			t.Fatal(err)
		}
		d.Figures[c] = decimal.RequireFromString(figure)
	}
	r := mapping.Reconciliation{ID: 1, Handle: "sociale_balans", Names: []string{"Sociale balans"}}
	for property, text := range values {
		r.Custom = append(r.Custom, valueAt(property, text))
	}
	d.Reconciliations = append(d.Reconciliations, r)
	return d
}

// learntOf returns the rubric of a cell in the first candidate.
func learntOf(l mapping.Learnt, cell string) mapping.LearntRubric {
	if len(l.Candidates) > 0 {
		for _, r := range l.Candidates[0].Rubrics {
			if r.Cell.String() == cell {
				return r
			}
		}
	}
	return mapping.LearntRubric{}
}

// basis are figures that establish the pattern sb.code_{code}.
var basis = map[string]string{"1011": "15230", "1012": "2713", "1013": "17943", "1021": "812345.67", "1022": "93210.1", "1023": "905555.77"}

func with(base map[string]string, prefix string, pairs ...string) map[string]string {
	all := map[string]string{}
	for code, figure := range base {
		all[prefix+code] = figure
	}
	for i := 0; i < len(pairs); i += 2 {
		all[pairs[i]] = pairs[i+1]
	}
	return all
}

func TestLearnConfidence(t *testing.T) {
	const key = "sb.code_"
	for name, tc := range map[string]struct {
		dossiers   []mapping.Filled
		cell       string
		confidence mapping.Confidence
		property   string
	}{
		"pattern and a figure of its own": {[]mapping.Filled{filled(t, "a", basis, with(basis, key))}, "1021", mapping.Certain, key + "1021"},
		"pattern, and the figure is two rubrics'": {[]mapping.Filled{filled(t, "a", with(basis, "", "1001", "7", "1003", "7"), with(basis, key, key+"1001", "7", key+"1003", "7"))},
			"1003", mapping.Likely, key + "1003"},
		"a second dossier tells them apart": {[]mapping.Filled{
			filled(t, "a", with(basis, "", "1001", "7", "1003", "7"), with(basis, key, key+"1001", "7", key+"1003", "7")),
			filled(t, "b", with(basis, "", "1001", "6", "1003", "9.5"), with(basis, key, key+"1001", "6", key+"1003", "9.5"))}, "1003", mapping.Certain, key + "1003"},
		"pattern, only zeros":  {[]mapping.Filled{filled(t, "a", with(basis, "", "1131", "0"), with(basis, key, key+"1131", "0"))}, "1131", mapping.Likely, key + "1131"},
		"pattern, never typed": {[]mapping.Filled{filled(t, "a", basis, with(basis, key))}, "1131", mapping.Likely, key + "1131"},
		"pattern, mistyped":    {[]mapping.Filled{filled(t, "a", with(basis, "", "1003", "44.3"), with(basis, key, key+"1003", "43.4"))}, "1003", mapping.Likely, key + "1003"},
		"the key of another rubric": {[]mapping.Filled{filled(t, "a", with(basis, "", "1003", "44.3", "1053", "51.2"), with(basis, key, key+"1003", "51.2"))},
			"1003", mapping.Ambiguous, ""},
		"a word, one dossier": {[]mapping.Filled{filled(t, "a", with(basis, "", "1003", "44.37"), with(basis, key, "vte.totaal", "44.37"))}, "1003", mapping.Likely, "vte.totaal"},
		"a word, two dossiers": {[]mapping.Filled{filled(t, "a", with(basis, "", "1003", "44.37"), with(basis, key, "vte.totaal", "44.37")),
			filled(t, "b", with(basis, "", "1003", "1018.3"), with(basis, key, "vte.totaal", "1018.3"))}, "1003", mapping.Certain, "vte.totaal"},
		"a word, small figures": {[]mapping.Filled{filled(t, "a", with(basis, "", "1003", "4.5"), with(basis, key, "vte.totaal", "4.5")),
			filled(t, "b", with(basis, "", "1003", "6.5"), with(basis, key, "vte.totaal", "6.5"))}, "1003", mapping.Likely, "vte.totaal"},
		"a word, and one digit tells it from another rubric": {[]mapping.Filled{
			filled(t, "a", with(basis, "", "1003", "81234.56", "1053", "81234.56"), with(basis, key, "vte.totaal", "81234.56")),
			filled(t, "b", with(basis, "", "1003", "7", "1053", "8"), with(basis, key, "vte.totaal", "7"))}, "1003", mapping.Likely, "vte.totaal"},
		"small numbers are no evidence": {[]mapping.Filled{filled(t, "a", map[string]string{"1001": "5"}, map[string]string{"a.b": "5"})}, "1001", "", ""},
		"last year's suffix": {[]mapping.Filled{filled(t, "a", with(basis, "", "1003P", "44.37", "1013P", "70123"), with(basis, key, key+"1003_n1", "44.37", key+"1013_n1", "70123"))},
			"1003P", mapping.Certain, key + "1003_n1"},
	} {
		r := learntOf(mapping.Learn(tc.dossiers, nil), tc.cell)
		if r.Confidence != tc.confidence || r.Property != tc.property {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestLearnNotation(t *testing.T) {
	figures := with(basis, "", "1131", "0", "1132", "0")
	for name, tc := range map[string]struct {
		write func(c balance.Cell, d decimal.Decimal) string
		want  mapping.Format
	}{
		"plain": {func(_ balance.Cell, d decimal.Decimal) string { return d.String() }, mapping.Format{}},
		"comma, blank": {func(_ balance.Cell, d decimal.Decimal) string {
			return mapping.Format{Decimal: mapping.DecimalComma, Zero: mapping.ZeroBlank}.Text(balance.Cell{}, d)
		}, mapping.Format{Decimal: mapping.DecimalComma, Zero: mapping.ZeroBlank}},
		"whole euros, one sign turned": {mapping.Format{Amounts: mapping.AmountsWhole, Negative: []string{"1022"}}.Text,
			mapping.Format{Amounts: mapping.AmountsWhole, Negative: []string{"1022"}}},
	} {
		values := map[string]string{}
		for text, figure := range figures {
			c, _ := balance.ParseCell(text)
			values["sb.r"+text] = tc.write(c, decimal.RequireFromString(figure))
		}
		learnt := mapping.Learn([]mapping.Filled{filled(t, "a", figures, values)}, nil)
		if len(learnt.Candidates) == 0 {
			t.Errorf("%s: nothing is found", name)
			continue
		}
		got := learnt.Candidates[0].Target
		want := mapping.Target{Level: mapping.LevelReconciliation, Handle: "sociale_balans", Namespace: "sb", Key: "r{code}", Values: tc.want}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestLearnFromTheTextAlone checks that a template whose text names the keys, in a dossier
// that nobody filled in, is proposed as too little to go by, and says nothing of zeros.
func TestLearnFromTheTextAlone(t *testing.T) {
	text := ""
	for _, code := range []string{"1001", "1002", "1003", "1011", "1012", "1013", "1021", "1022", "1023", "1051", "1052"} {
		text += "{% input custom.sb.r" + code + " %}\n"
	}
	figures := with(basis, "", "1131", "0", "1132", "0", "1133", "0")
	learnt := mapping.Learn([]mapping.Filled{filled(t, "a", figures, nil)}, []mapping.Template{{ID: 1, Handle: "sociale_balans", Readable: true, Text: text}})
	if len(learnt.Candidates) != 1 {
		t.Fatalf("%+v", learnt)
	}
	c := learnt.Candidates[0]
	if c.Telling || c.Certain != 0 || c.Target.Key != "r{code}" || c.Target.Values.BlankZero() {
		t.Errorf("%+v", c)
	}
}

// TestLearnUse checks which templates are said to use what was found, and that a star
// tells two reconciliations of one handle apart.
func TestLearnUse(t *testing.T) {
	d := filled(t, "a", basis, with(basis, "sb.code_"))
	r := &d.Reconciliations[0]
	r.Starred, r.Results = true, map[string]string{"uren": "17943", "kosten": "905555.77", "voltijds": "812345.67"}
	d.Reconciliations = append([]mapping.Reconciliation{{ID: 9, Handle: r.Handle}}, d.Reconciliations...)
	learnt := mapping.Learn([]mapping.Filled{d}, []mapping.Template{{ID: 1, Handle: "sociale_balans", Readable: true, Text: `{% assign k = "code_" | append: c %}{{ custom.sb[k] }}`}})
	c := learnt.Candidates[0]
	if !c.Target.RequireStarred || !c.Doubled || fmt.Sprint(c.ReadBy, c.ShownBy) != "[sociale_balans] [sociale_balans]" {
		t.Errorf("%+v", c)
	}
	bare := filled(t, "a", basis, nil)
	bare.Period = d.Reconciliations[1].Custom
	text := `{% for c in codes %}{{ period.custom.sb[c] }}{% endfor %}`
	for _, code := range []string{"1011", "1012", "1013"} {
		text += "{{ period.custom.sb.code_" + code + " }}"
	}
	c = mapping.Learn([]mapping.Filled{bare}, []mapping.Template{{ID: 1, Handle: "sociale_balans", Readable: true, Text: text}}).Candidates[0]
	if c.Target.Level != mapping.LevelPeriod || fmt.Sprint(c.ReadBy) != "[sociale_balans]" {
		t.Errorf("%+v", c)
	}
}

// Data of the period that no template reads is not said to be shown by a template whose
// results come from its own inputs.
func TestLearnUseNamesNoTemplateThatHasFiguresOfItsOwn(t *testing.T) {
	d := filled(t, "a", basis, with(basis, "sb.code_"))
	d.Period = nil
	for code, figure := range basis {
		d.Period = append(d.Period, valueAt("other.sb_"+code, figure))
	}
	d.Reconciliations[0].Results = map[string]string{"uren": "17943", "voltijds": "15230", "kosten": "905555.77", "lonen": "812345.67"}
	for _, c := range mapping.Learn([]mapping.Filled{d}, nil).Candidates {
		if c.Target.Level == mapping.LevelPeriod && len(c.ShownBy) > 0 {
			t.Errorf("%s is said to be shown by %v", c.Target.Namespace, c.ShownBy)
		}
	}
	d.Reconciliations[0].Custom = nil
	c := mapping.Learn([]mapping.Filled{d}, nil).Candidates[0]
	if c.Target.Level != mapping.LevelPeriod || fmt.Sprint(c.ShownBy) != "[sociale_balans]" {
		t.Errorf("without inputs: %+v", c)
	}
}

// A mapping with a wrong namespace is told which keys the templates use: those of the
// template that is called a social balance, and the inputs of the mapping's own template.
func TestUnknownKeysOfAWrongNamespace(t *testing.T) {
	d := filled(t, "a", basis, with(basis, "sb.code_"))
	templates := []mapping.Template{
		{Handle: "sociale_balans", Names: []string{"Sociale balans"}, Text: `{% assign k = "r" | append: c %}{{ period.custom.sb[k] }}{{ period.custom.sb.totaal }}`},
		{Handle: "voorraad", Text: `{{ period.custom.stock.total }}`}}
	period := mapping.Target{Level: mapping.LevelPeriod, Namespace: "bogus", Key: "k_{code}"}
	if got := fmt.Sprint(period.UnknownKeys(templates, d, 30)); got != "[sb.r{code} sb.totaal]" {
		t.Error(got)
	}
	own := mapping.Target{Level: mapping.LevelReconciliation, Handle: "sociale_balans", Namespace: "bogus", Key: "k_{code}"}
	if got := own.UnknownKeys(nil, d, 30); len(got) != len(basis) {
		t.Error(got)
	}
}

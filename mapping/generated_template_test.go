package mapping_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"balansd/balance"
	"balansd/mapping"
	"balansd/sandbox/madeup"

	"github.com/shopspring/decimal"
)

// generated is a made-up template, with dossiers that a person filled in.
type generated struct {
	rng       *rand.Rand
	style     string
	target    mapping.Target // how it is meant; Map holds all cells
	truth     map[balance.Cell]string
	copies    map[string]balance.Cell // properties that show a figure once more
	filled    []mapping.Filled
	templates []mapping.Template
	typed     map[balance.Cell]bool // a figure other than zero was typed without a slip
}

var generatedStyles = []string{"code", "code", "code", "code", "mixed", "swapped", "words", "words", "opaque"}

// generate makes a template and its dossiers from a seed.
func generate(seed uint64) *generated {
	rng := rand.New(rand.NewPCG(seed, 0x1ea2))
	g := &generated{rng: rng, style: pick(rng, generatedStyles), truth: map[balance.Cell]string{}, copies: map[string]balance.Cell{}, typed: map[balance.Cell]bool{}}
	g.target.Level = pick(rng, []string{mapping.LevelPeriod, mapping.LevelReconciliation, mapping.LevelReconciliation})
	handle := pick(rng, []string{"sociale_balans", "bilan_social_2", "be_social_balance_sheet", "sozialbilanz", "form_77"})
	if g.target.Level == mapping.LevelReconciliation {
		g.target.Handle = handle
	}
	g.place()
	g.target.Values = mapping.Format{}
	if rng.IntN(3) == 0 {
		g.target.Values.Decimal = mapping.DecimalComma
	}
	if rng.IntN(3) == 0 {
		g.target.Values.Zero = mapping.ZeroBlank
	}
	if rng.IntN(4) == 0 {
		g.target.Values.Amounts = mapping.AmountsWhole
	}
	if rng.IntN(5) == 0 {
		for range 1 + rng.IntN(3) {
			g.target.Values.Negative = append(g.target.Values.Negative, pick(rng, []string{"1021", "1022", "1023", "1033", "5803", "5853"}))
		}
	}
	for i := range 1 + rng.IntN(3) {
		g.fill(handle, int64(seed)*10+int64(i))
	}
	text := ""
	if rng.IntN(5) < 2 {
		text = g.liquid()
	}
	g.templates = append(g.templates, mapping.Template{ID: 1, Handle: handle, Names: []string{"Sociale balans"}, Readable: text != "", Text: text},
		mapping.Template{ID: 2, Handle: "resultatenrekening", Names: []string{"Resultatenrekening"}})
	return g
}

func pick[T any](rng *rand.Rand, list []T) T { return list[rng.IntN(len(list))] }

// place chooses the property of each cell.
func (g *generated) place() {
	rng := g.rng
	ns := pick(rng, []string{"sociale_balans", "sb", "bilan", "social_balance", "x1"})
	key := pick(rng, []string{"code_%s", "r%s_n", "c%s", "%s", "rub_%s", "rubriek_%s_bedrag", "k2_%s"})
	previous := pick(rng, []string{strings.Replace(key, "%s", "%sP", 1), strings.Replace(key, "%s", "%sp", 1), key + "_n1", key + "_vorig_jaar"})
	leftOut := pick(rng, []int{0, 0, 10, 30})
	for i, r := range balance.Rubrics() {
		if rng.IntN(100) < leftOut {
			continue
		}
		for _, c := range []balance.Cell{{Code: r.Code}, {Code: r.Code, Previous: true}} {
			if c.Previous && !r.HasPrevious() {
				continue
			}
			at := ns + "." + fmt.Sprintf(key, c.Code)
			if c.Previous {
				at = ns + "." + fmt.Sprintf(previous, c.Code)
			}
			switch {
			case g.style == "words" || g.style == "mixed" && rng.IntN(8) == 0:
				at = wordKey(r, c.Previous)
			case g.style == "opaque":
				at = fmt.Sprintf("%s.veld_%d%t", ns, 500+i, c.Previous)
			}
			g.truth[c] = at
		}
	}
	if g.style == "swapped" { // an author's mistake: two keys in each other's place
		cells := slices.SortedFunc(maps.Keys(g.truth), balance.CompareCells)
		for range 2 {
			a, b := pick(rng, cells), pick(rng, cells)
			g.truth[a], g.truth[b] = g.truth[b], g.truth[a]
		}
	}
}

// wordKey makes a key of Dutch words, which some rubrics of a section share words in.
func wordKey(r balance.Rubric, previous bool) string {
	words := strings.FieldsFunc(strings.ToLower(r.Label(balance.Dutch)), func(c rune) bool { return !(c >= 'a' && c <= 'z') })
	key := strings.ReplaceAll(r.Section, "_", "") + "." + strings.Join(words, "_")
	if previous {
		key += "_vorig_jaar"
	}
	return key
}

// fill adds a dossier as a person types it, with slips, ties, zeros and empty fields,
// and with other templates beside.
func (g *generated) fill(handle string, seed int64) {
	rng := g.rng
	b := madeup.Balance(seed, pick(rng, []balance.Model{balance.Full, balance.Abbreviated, balance.Abbreviated, balance.Micro}), 2025)
	d := mapping.Filled{Name: fmt.Sprintf("dossier %d", len(g.filled)+1), Figures: b.Values}
	untouched := rng.IntN(3)
	var custom []mapping.Value
	for _, c := range slices.SortedFunc(maps.Keys(g.truth), balance.CompareCells) {
		figure, stated := b.Values[c]
		text := g.target.Values.Text(c, figure)
		switch {
		case !stated && rng.IntN(3) >= untouched, stated && rng.IntN(40) == 0:
			continue
		case stated && rng.IntN(40) == 0:
			text = g.slip(c, b.Values)
		case !figure.IsZero():
			g.typed[c] = true
			if rng.IntN(4) == 0 && g.target.Values.Comma() {
				text = grouped(text)
			}
		}
		custom = append(custom, valueAt(g.truth[c], text))
	}
	if len(custom) > 1 && rng.IntN(10) == 0 { // two figures typed in each other's field
		i, j := rng.IntN(len(custom)), rng.IntN(len(custom))
		custom[i].Text, custom[j].Text = custom[j].Text, custom[i].Text
	}
	custom = append(custom, g.decoys(b.Values)...)
	other := g.otherTemplate(b.Values)
	own := mapping.Reconciliation{ID: 1, Handle: handle, Starred: true, Results: map[string]string{}}
	if g.target.Level == mapping.LevelPeriod {
		d.Period = custom
	} else {
		own.Custom = custom
	}
	d.Reconciliations = []mapping.Reconciliation{other, own}
	g.filled = append(g.filled, d)
}

func valueAt(property, text string) mapping.Value {
	ns, key, _ := strings.Cut(property, ".")
	return mapping.Value{Property: mapping.Property{Namespace: ns, Key: key}, Text: text}
}

// slip mistypes a figure: two digits in each other's place, one more, or the figure of
// another rubric.
func (g *generated) slip(c balance.Cell, figures balance.Values) string {
	figure := figures[c]
	switch g.rng.IntN(3) {
	case 0:
		figure = figure.Add(decimal.New(1, 0))
	case 1:
		figure = figures[pick(g.rng, figures.Cells())]
	default:
		figure = figure.Mul(decimal.New(10, 0))
	}
	return g.target.Values.Text(c, figure)
}

// grouped writes points between groups of three digits.
func grouped(text string) string {
	whole, fraction, has := strings.Cut(text, ",")
	if n := len(whole); n > 3 && whole[0] != '-' {
		whole = whole[:n-3] + "." + whole[n-3:]
	}
	if has {
		return whole + "," + fraction
	}
	return whole
}

// decoys are other properties in the same place: of another year under the same codes,
// small numbers, texts, and figures shown once more.
func (g *generated) decoys(figures balance.Values) []mapping.Value {
	rng := g.rng
	var all []mapping.Value
	if rng.IntN(2) == 0 {
		old := madeup.Balance(int64(rng.IntN(100000)), balance.Abbreviated, 2021)
		for _, c := range old.Values.Cells() {
			if !c.Previous {
				all = append(all, valueAt("archief.code_"+c.Code, balance.Canonical(old.Values[c])))
			}
		}
	}
	for i := range 30 {
		all = append(all, valueAt(fmt.Sprintf("andere.aantal_%c%c", 'a'+i/26, 'a'+i%26), fmt.Sprint(rng.IntN(12))))
	}
	all = append(all, valueAt("pit_integration.code_1002", "yes"), valueAt("pit_integration.code_1003", fmt.Sprint(rng.IntN(30))),
		valueAt("notas.toelichting", "nagekeken in 2025"), valueAt("notas.lijst", `{"field":"1003"}`))
	for _, code := range []string{"1003", "1023", "1013"} {
		if c := (balance.Cell{Code: code}); rng.IntN(4) == 0 {
			at := "controle.totaal_" + string('a'+rune(code[2]-'0'))
			g.copies[at] = c
			all = append(all, valueAt(at, balance.Canonical(figures[c])))
		}
	}
	return all
}

// otherTemplate is a template that is no social balance and has two of its figures.
func (g *generated) otherTemplate(figures balance.Values) mapping.Reconciliation {
	g.copies["resultaten.r62"], g.copies["criteria.personeel"] = balance.Cell{Code: "1023"}, balance.Cell{Code: "1003"}
	r := mapping.Reconciliation{ID: 2, Handle: "resultatenrekening", Starred: true, Custom: []mapping.Value{
		valueAt("resultaten.r62", balance.Canonical(figures[balance.Cell{Code: "1023"}])),
		valueAt("criteria.personeel", balance.Canonical(figures[balance.Cell{Code: "1003"}])),
	}}
	for i := range 60 {
		r.Custom = append(r.Custom, valueAt(fmt.Sprintf("resultaten.p%d", i), balance.Canonical(decimal.New(int64(g.rng.IntN(1e8)), -2))),
			valueAt(fmt.Sprintf("resultaten.n%d", i), fmt.Sprint(g.rng.IntN(50))))
	}
	return r
}

// liquid writes the text of the template.
func (g *generated) liquid() string {
	var text strings.Builder
	before := "custom."
	if g.target.Level == mapping.LevelPeriod {
		before = "period.custom."
	}
	for _, c := range slices.SortedFunc(maps.Keys(g.truth), balance.CompareCells) {
		label := ""
		if g.rng.IntN(2) == 0 {
			label = c.Code
		}
		fmt.Fprintf(&text, "| %s | {%% input %s%s as:currency %%} |\n", label, before, g.truth[c])
	}
	return text.String()
}

package balance

import (
	_ "embed"
	"strings"
	"sync"

	"github.com/shopspring/decimal"
)

var (
	//go:embed findings_check.tsv
	checkSentences string
	//go:embed findings_read.tsv
	readSentences string
)

// Finding is something about a balance that a person should know: a check that
// fails, a fact that could not be used. It never stops a delivery by itself.
//
// It stores the rule and the arguments of its sentence, so that In can write
// it in any language later.
type Finding struct {
	Rule string `json:"rule"` // stable name of the rule, one for each sentence
	// Assertions are the checks of the National Bank that it fails, such as
	// cs_11.00.0_0051; empty where the rule is ours.
	Assertions []string `json:"assertions,omitempty"`
	Codes      []string `json:"codes"` // the cells it is about, may be empty
	// Figures are the figures of those cells, in canonical form, by cell. A cell
	// that is empty has none, which is not the same as zero.
	Figures map[string]string `json:"figures,omitempty"`
	// Args are what the sentence names besides, by the names in its braces.
	Args map[string]string `json:"args,omitempty"`
	// Message is the sentence, in English unless whoever shows it has put
	// another language there.
	Message string `json:"message"`
}

// IsRemark reports whether the finding is about how the document was read, and
// not about its figures. People see a remark; it does not count as a finding of
// a balance, and holds none back.
func (f Finding) IsRemark() bool { return f.Rule == "inferred" || f.Rule == "table_read" }

// newFinding makes a finding of a rule of findings_check.tsv or
// findings_read.tsv, with its sentence in English. args holds what the sentence
// has in braces.
func newFinding(rule string, codes []string, args map[string]string) Finding {
	if codes == nil {
		codes = []string{}
	}
	f := Finding{Rule: rule, Codes: codes, Args: args}
	f.Message = f.In(English)
	return f
}

// In writes the finding in a language; one that is not known counts as English. A
// finding of a rule that this version does not know returns its saved Message.
func (f Finding) In(l Lang) string {
	sentence, ok := sentences()[f.Rule][l]
	if !ok {
		sentence, ok = sentences()[f.Rule][English]
	}
	if !ok {
		return f.Message
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(sentence, "{")
		b.WriteString(before)
		name, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			return b.String()
		}
		word, ok := f.word(name, l)
		if !ok {
			return f.Message // saved by a version with another sentence
		}
		b.WriteString(word)
		sentence = after
	}
}

// word returns what stands for a name in braces. A name alone is an argument as
// it is. =name is a figure and $name an amount of money, written as the language
// does; where there is none it says that the cell is empty. @name is the label
// of the cell that the argument names, #name that of its section.
func (f Finding) word(name string, l Lang) (string, bool) {
	kind := name[:min(len(name), 1)]
	switch kind {
	case "=", "$":
		return f.figure(name[1:], l, kind == "$")
	case "@", "#":
		c, err := ParseCell(f.Args[name[1:]])
		if err == nil && kind == "#" {
			r, _ := RubricOf(c.Code)
			return r.SectionLabel(l), true
		}
		return c.Label(l), err == nil
	default:
		word, ok := f.Args[name]
		return word, ok
	}
}

// figure writes the figure that an argument holds.
func (f Finding) figure(name string, l Lang, money bool) (string, bool) {
	text, filled := f.Args[name]
	if !filled {
		return "0 (" + l.empty() + ")", true
	}
	d, err := ParseDecimal(text)
	if err != nil {
		return "", false
	}
	decimals := 0
	if money && !d.IsInteger() {
		decimals = 2
	}
	return l.Figure(d, decimals), true
}

// empty says that a cell holds nothing.
func (l Lang) empty() string { return loaded().label("empty", l) }

// Figure writes a figure as the language does in Belgium, with at least this
// many decimals, so that points can stand below one another. No digit is
// dropped.
func (l Lang) Figure(d decimal.Decimal, decimals int) string {
	point, thousands := ",", "."
	switch l {
	case French:
		thousands = "\u00a0"
	case English:
		point, thousands = ".", ","
	}
	whole, fraction, _ := strings.Cut(Canonical(d), ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + thousands + whole[i:]
	}
	if missing := decimals - len(fraction); missing > 0 {
		fraction += strings.Repeat("0", missing)
	}
	if fraction != "" {
		fraction = point + fraction
	}
	return sign + whole + fraction
}

// sentences holds the sentence of each rule, by language. The tests hold the
// files to their form, so that nothing can go wrong here.
var sentences = sync.OnceValue(func() map[string]map[Lang]string {
	all := map[string]map[Lang]string{}
	for _, text := range []string{checkSentences, readSentences} {
		for f := range tsvRows(text) {
			all[f[0]] = map[Lang]string{Dutch: f[1], French: f[2], English: f[3], German: f[4]}
		}
	}
	return all
})

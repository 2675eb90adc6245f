package balance

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// pdfTable is a table of a page: what stands below a line with the word "Codes".
type pdfTable struct {
	page        int
	rows        []textWord // its codes, from top to bottom
	doubtful    bool       // not all heads are understood
	codes       []textWord // the word itself, twice for men and women in the part about training
	heads       []pdfHead
	top, bottom float64 // its rows stand between, top is above
}

// pdfHead is the head of a column.
type pdfHead struct {
	x, end   float64
	kind     string
	number   string // that is printed before it
	suffix   string // what its rubrics have behind the code of the row
	previous bool
}

func (h pdfHead) middle() float64 { return (h.x + h.end) / 2 }

// headKinds are the words by which the heads of columns are known.
var headKinds = []struct {
	kind, suffix string
	words        []string
}{
	{"full-time", "1", []string{"voltijds", "temps plein", "vollzeit", "vollzeitbeschäftigte", "vollzeitkräfte"}},
	{"part-time", "2", []string{"deeltijds", "temps partiel", "teilzeit", "teilzeitbeschäftigte", "teilzeitkräfte"}},
	{"men", "1", []string{"mannen", "hommes", "männer"}},
	{"women", "2", []string{"vrouwen", "femmes", "frauen"}},
	{"total", "", []string{"totaal", "total", "gesamt", "insgesamt", "gesamtzahl", "summe"}},
	{"agency", "1", []string{"uitzendkrachten", "uitzendkracht", "personnel intérimaire", "intérimaires", "leiharbeitskräfte", "leiharbeitnehmer", "zeitarbeitskräfte", "leihpersonal"}},
	{"seconded", "2", []string{"ter beschikking", "personnes mises à", "zur verfügung", "dem unternehmen", "überlassene"}},
}

var (
	headNumber = regexp.MustCompile(`^(?:([123])(p)?|(p))\s*[.)]\s*(.*)$`)
	rowCode    = regexp.MustCompile(`^\d{3,5}$`)
)

// tablesOf finds the tables of the social balance on a page: those whose heads
// are those of its columns.
func tablesOf(p *textPage) []*pdfTable {
	var tables []*pdfTable
	for _, line := range linesOfWords(p.words, 3) {
		var codes []textWord
		for _, w := range line {
			if t := strings.ToLower(strings.Trim(w.text, ".:")); t == "codes" || t == "code" || t == "kodes" {
				codes = append(codes, w)
			}
		}
		if len(codes) == 0 {
			continue
		}
		if n := len(tables) - 1; n >= 0 {
			tables[n].bottom = codes[0].y
		}
		tables = append(tables, &pdfTable{page: p.number, codes: codes, top: codes[0].y, bottom: math.Inf(-1)})
	}
	lowest := math.Inf(1) // the height of the last row of the table before
	for _, t := range tables {
		t.findRows(p)
		t.findHeads(p, min(t.top+40, lowest))
		if n := len(t.rows); n > 0 {
			lowest = t.rows[n-1].y
		}
	}
	return tables
}

// findRows finds the codes of the rows of a table.
func (t *pdfTable) findRows(p *textPage) {
	for _, w := range p.words {
		if t.isRowCode(w) && w.y < t.top-2 && w.y > t.bottom+2 {
			t.rows = append(t.rows, w)
		}
	}
}

// findHeads finds the heads of the columns of a table: above its first row, and
// to the right of the codes. Above a height there is something else.
func (t *pdfTable) findHeads(p *textPage, above float64) {
	if len(t.rows) == 0 {
		return
	}
	var band []textWord
	for _, line := range linesOfWords(p.words, 1) {
		if y := line[0].y; y < t.rows[0].y+2 || y > above-2 {
			continue
		}
		for _, w := range headPhrases(slices.DeleteFunc(slices.Clone(line), func(w textWord) bool { return slices.Contains(t.codes, w) })) {
			if w.x > t.codes[0].end {
				band = append(band, w)
			}
		}
	}
	for _, numbered := range []bool{true, false} {
		for _, w := range band {
			if h, ok := headOf(w); ok && (h.number != "") == numbered && !slices.ContainsFunc(t.heads, h.overlaps) {
				t.heads = append(t.heads, h)
			}
		}
	}
	slices.SortFunc(t.heads, func(a, b pdfHead) int { return cmp.Compare(a.x, b.x) })
	for i := range t.heads {
		t.heads[i].complete(band, t.heads)
	}
	t.doubtful = !t.isTraining() && !t.understood(band)
}

// understood tells whether the heads of a table are all those that stand there:
// each text belongs to one of them, and they come in the order of the form. A
// column that is not known could pass its amounts to its neighbour.
func (t *pdfTable) understood(band []textWord) bool {
	numbered := slices.ContainsFunc(t.heads, func(h pdfHead) bool { return h.number != "" })
	for i, h := range t.heads {
		if numbered && h.number == "" && h.kind != "total" || h.suffix == "?" {
			return false
		}
		rank := func(h pdfHead) string { return fmt.Sprint(h.previous, h.suffix) }
		if i > 0 && rank(t.heads[i-1]) >= rank(h) {
			return false
		}
	}
	for _, w := range band {
		if !slices.ContainsFunc(t.heads, func(h pdfHead) bool { return h.overlaps(pdfHead{x: w.x, end: w.end}) }) {
			return false
		}
	}
	return true
}

// splitHeads takes a phrase apart that is several heads.
func splitHeads(p textWord) (apart []textWord) {
	words := strings.Fields(p.text)
	from, at := 0, p.x
	width := (p.end - p.x) / float64(max(1, len(p.text)))
	for i := 1; i <= len(words); i++ {
		if i < len(words) && !headNumber.MatchString(strings.ToLower(words[i])) {
			continue
		}
		part := p
		part.text, part.x = strings.Join(words[from:i], " "), at
		part.end = min(p.end, at+width*float64(len(part.text)))
		at, from = part.end+width, i
		apart = append(apart, part)
	}
	return apart
}

// headOf reads the first line of a head.
func headOf(w textWord) (h pdfHead, ok bool) {
	text := strings.ToLower(w.text)
	h = pdfHead{x: w.x, end: w.end}
	if m := headNumber.FindStringSubmatch(text); m != nil {
		h.number, h.previous, text = m[1], m[2]+m[3] != "", m[4]
		if m[3] != "" {
			h.number = "p"
		}
	}
	for _, k := range headKinds {
		if slices.ContainsFunc(k.words, func(word string) bool { return startsWithWord(text, word) }) {
			h.kind, h.suffix = k.kind, k.suffix
			return h, true
		}
	}
	h.suffix = strings.Trim(h.number, "p")
	return h, h.number != "" // the number says what the column is in any language
}

func startsWithWord(text, word string) bool {
	rest, ok := strings.CutPrefix(text, word)
	next, _ := utf8.DecodeRuneInString(rest)
	return ok && !unicode.IsLetter(next)
}

func endsInLetter(text string) bool {
	last, _ := utf8.DecodeLastRuneInString(text)
	return unicode.IsLetter(last)
}

func (h pdfHead) overlaps(o pdfHead) bool { return h.x < o.end && o.x < h.end }

// complete reads the other lines of a head, and says what the rubrics of its
// column have behind the code of the row.
func (h *pdfHead) complete(band []textWord, all []pdfHead) {
	for _, w := range band {
		text := strings.ToLower(w.text)
		if w.middle() > h.x && w.middle() < h.end && speaksOfYearBefore(text) {
			h.previous = true
		}
	}
	if h.kind == "total" && (h.number == "3" || h.number == "" && slices.ContainsFunc(all, func(o pdfHead) bool { return o.kind == "full-time" || o.kind == "part-time" })) {
		h.suffix = "3"
	}
	if h.number != "" && h.number != "p" && h.number != h.suffix && h.kind != "" {
		h.kind, h.suffix = "", "?" // the head contradicts itself
	}
}

// codeText gives a word as a code, without the dots that lead to it.
func codeText(w textWord) string { return strings.Trim(w.text, ". ") }

// isRowCode tells whether a word is a code in a column of codes.
func (t *pdfTable) isRowCode(w textWord) bool {
	code := codeText(w)
	if !rowCode.MatchString(code) {
		return false
	}
	start := w.end - float64(len(code))*0.5*w.size
	return slices.ContainsFunc(t.codes, func(c textWord) bool { return w.end > c.x && w.end < c.end+18 && start > c.x-20 })
}

// isSocial tells whether a table is one that no other part of annual accounts
// has.
func (t *pdfTable) isSocial() bool {
	has := func(kind string) bool {
		return slices.ContainsFunc(t.heads, func(h pdfHead) bool { return h.kind == kind })
	}
	return has("full-time") || has("part-time") || has("men") && has("women") || has("agency")
}

// amounts puts the parts of amounts together that have blanks in them, within
// their columns.
func (t *pdfTable) amounts(words []textWord) []textWord {
	var all []textWord
	for _, w := range words {
		if n := len(all) - 1; n >= 0 && w.x-all[n].end < 0.5*w.size && t.nearest(all[n]) == t.nearest(w) {
			all[n].text += " " + w.text
			all[n].end = w.end
			continue
		}
		all = append(all, w)
	}
	return all
}

// nearest gives the head that is nearest to an amount.
func (t *pdfTable) nearest(w textWord) int {
	best := 0
	for i, h := range t.heads {
		if math.Abs(h.middle()-w.middle()) < math.Abs(t.heads[best].middle()-w.middle()) {
			best = i
		}
	}
	return best
}

// spacing gives about the distance of the columns, in points.
func (t *pdfTable) spacing() float64 {
	n := len(t.heads)
	if n < 2 {
		return 130
	}
	return (t.heads[n-1].middle() - t.heads[0].middle()) / float64(n-1)
}

// isTraining tells whether the code of a row is that of its rubric, as in the
// part about training.
func isTraining(code string) bool { return strings.HasPrefix(code, "58") }

func (t *pdfTable) isTraining() bool { return isTraining(codeText(t.rows[0])) }

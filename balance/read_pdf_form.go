package balance

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// pdfForm reads the social balance on the pages of a PDF in the layout of the
// National Bank's forms. A row has its code in the column "Codes" and its amounts
// in columns to the right of it, whose heads are numbered: row 105 in column 2 is
// rubric 1052. Rows leave columns empty, so that only the place of an amount says
// which rubric it is of.
type pdfForm struct {
	*builder
	pages  []*textPage
	social []*textPage // those of the social balance
	tables []*pdfTable
	cells  []amount
}

// socialTitles are words of the titles of the pages of the social balance.
var socialTitles = []string{"sociale balans", "personeelsverloop", "tewerkgestelde personen", "opleidingen voor de werknemers",
	"bilan social", "mouvements du personnel", "personnes occupées", "formations pour les travailleurs",
	"sozialbilanz", "personalbewegung", "personalfluktuation", "beschäftigten personen", "beschäftigte personen", "ausbildung", "weiterbildung", "fortbildung"}

// read reads the balance. form says that the PDF is one to fill in.
func (f *pdfForm) read(form bool) (*Balance, error) {
	f.findPages()
	if len(f.social) == 0 {
		return nil, f.nothing(form)
	}
	for _, p := range f.social {
		if err := f.readPage(p); err != nil {
			return nil, err
		}
	}
	for i, p := range f.pages {
		next := i > 0 && slices.Contains(f.social, f.pages[i-1]) || i+1 < len(f.pages) && slices.Contains(f.social, f.pages[i+1])
		if next && !slices.Contains(f.social, p) {
			if err := f.beside(p); err != nil {
				return nil, err
			}
		}
	}
	if len(f.tables) == 0 {
		return nil, &ReadError{Layout: NBBPDF, What: fmt.Sprintf("%s of this PDF speak of a social balance, but have no table in the layout of the National Bank's forms", f.where()) + elsewhere, cause: errOtherHeads}
	}
	if err := f.identify(); err != nil {
		return nil, err
	}
	f.settleAmounts(f.cells, notation{comma: 1}) // the form is written as Belgians write
	return f.done(), nil
}

// where names the pages of the social balance.
func (f *pdfForm) where() string {
	var numbers []int
	for _, p := range f.social {
		numbers = append(numbers, p.number)
	}
	return "pages " + strings.TrimPrefix(strings.TrimPrefix(linesOf(numbers), "lines "), "line ")
}

// nothing says why a PDF has no figures.
func (f *pdfForm) nothing(form bool) error {
	picture, hidden, words := false, false, 0
	for _, p := range f.pages {
		picture, hidden, words = picture || p.picture, hidden || p.hidden, words+len(p.words)
	}
	switch {
	case form:
		return &ReadError{Kind: CauseForm, What: "this is a PDF form" + elsewhere}
	case words < 20*len(f.pages) && hidden:
		return &ReadError{Kind: CauseScan, What: "this PDF is a picture of a document (a scan) with text that a program guessed, which is not safe to use" + elsewhere}
	case words < 5*len(f.pages) && picture:
		return &ReadError{Kind: CauseScan, What: "this PDF is a picture of a document (a scan), of which no figures can be read" + elsewhere}
	}
	return &ReadError{Kind: CauseNoBalance, What: "this is a PDF without a social balance in the layout of the National Bank's forms, and without an attachment" + elsewhere, cause: errNoSocialBalance}
}

// findPages finds the pages of the social balance: those with tables that only
// it has, those with one of its titles, and those of the same section of the
// form.
func (f *pdfForm) findPages() {
	sections := map[string]bool{}
	found := map[*textPage]bool{}
	for _, p := range f.pages {
		tables := tablesOf(p)
		known := slices.ContainsFunc(tables, func(t *pdfTable) bool { return len(t.heads) > 0 })
		found[p] = known && isTitled(p) || slices.ContainsFunc(tables, (*pdfTable).isSocial)
		if s := sectionOf(p); found[p] && s != "" {
			sections[s] = true
		}
	}
	for _, p := range f.pages {
		if found[p] || sections[sectionOf(p)] {
			f.social = append(f.social, p)
		}
	}
}

// isTitled tells whether a page has a title of the social balance.
func isTitled(p *textPage) bool {
	for _, line := range linesOfWords(p.words, 3) {
		text := strings.ToLower(lineText(line))
		if slices.ContainsFunc(socialTitles, func(t string) bool { return strings.Contains(text, t) }) {
			return true
		}
	}
	return false
}

// readPage reads the tables of a page.
func (f *pdfForm) readPage(p *textPage) error {
	tables := tablesOf(p)
	read := map[textWord]bool{} // as amounts
	for _, t := range tables {
		if len(t.rows) == 0 {
			continue
		}
		if len(t.heads) == 0 || t.doubtful {
			return f.otherHeads(p.number, t)
		}
		f.tables = append(f.tables, t)
		if err := f.readRows(t, p, read); err != nil {
			return err
		}
	}
	return f.unread(p, tables, read)
}

// readRows reads the rows of a table, and adds to read what was read as amounts.
func (f *pdfForm) readRows(t *pdfTable, p *textPage, read map[textWord]bool) error {
	used := map[textWord]bool{} // in the lines of the rows
	highest, lowest := t.rows[0].y+4, t.rows[len(t.rows)-1].y
	for _, line := range linesOfWords(p.words, 3) {
		first := slices.IndexFunc(line, t.isRowCode)
		if y := line[0].y; first < 0 || y > highest || y < lowest-4 {
			continue
		}
		if err := f.readRow(t, line); err != nil {
			return err
		}
		for i, w := range line {
			used[w] = true
			read[w] = i >= first && !f.isTrainingRubric(t, codeText(w))
		}
	}
	for _, w := range p.words {
		between := w.y < highest && w.y > lowest-6
		if between && !used[w] && w.x > t.codes[0].end && amountText.MatchString(w.text) && strings.ContainsAny(w.text, "0123456789") {
			return f.fault(p.number, "an amount stands beside no row of the form")
		}
	}
	return nil
}

func (f *pdfForm) fault(page int, what string) *ReadError {
	return &ReadError{Layout: NBBPDF, What: fmt.Sprintf("page %d: %s", page, what) + elsewhere}
}

// otherHeads refuses a table whose heads are not those of the form.
func (f *pdfForm) otherHeads(page int, t *pdfTable) error {
	return &ReadError{Kind: CauseHeads, Layout: NBBPDF, What: fmt.Sprintf("page %d: the table of row %s has heads of columns that are not known", page, codeText(t.rows[0])) + elsewhere, cause: errOtherHeads}
}

// readRow reads the amounts of a row.
func (f *pdfForm) readRow(t *pdfTable, line []textWord) error {
	for k := 0; k < len(line); k++ {
		if !t.isRowCode(line[k]) {
			continue
		}
		code, next := codeText(line[k]), k+1
		for next < len(line) && !t.isRowCode(line[next]) {
			next++
		}
		if err := f.readAmounts(t, code, line[k+1:next]); err != nil {
			return err
		}
		k = next - 1
	}
	return nil
}

// readAmounts reads what stands to the right of the code of a row.
func (f *pdfForm) readAmounts(t *pdfTable, code string, words []textWord) error {
	if !f.isRow(t, code) {
		return f.fault(t.page, "the table of the social balance has a row "+code+" that is not known")
	}
	for _, a := range t.amounts(words) {
		text := strings.TrimSpace(a.text)
		if !amountText.MatchString(text) {
			return f.fault(t.page, "what stands in row "+code+" is not a number")
		}
		if text = printedAmount(text); text == "" {
			continue
		}
		if len(readings(text)) == 0 {
			return f.fault(t.page, "what stands in row "+code+" is not a number")
		}
		places := f.places(t, code, a)
		if len(places) == 0 {
			return f.fault(t.page, "an amount in row "+code+" stands in a column that the form does not have there")
		}
		f.cells = append(f.cells, amount{at: place{page: t.page}, cells: places, text: text})
	}
	return nil
}

// isRow tells whether a table can have a row.
func (f *pdfForm) isRow(t *pdfTable, code string) bool {
	if isTraining(code) != t.isTraining() {
		return false
	}
	if isTraining(code) {
		_, ok := f.data.byCode[code]
		return ok
	}
	return slices.ContainsFunc(t.heads, func(h pdfHead) bool { _, ok := f.data.byCode[code+h.suffix]; return ok })
}

// places gives the cells that an amount can be of: that of the nearest column,
// and where the amount stands about halfway to another column, that one's.
func (f *pdfForm) places(t *pdfTable, code string, a textWord) []Cell {
	if isTraining(code) {
		return []Cell{{Code: code}}
	}
	heads := slices.Clone(t.heads)
	far := func(h pdfHead) float64 { return math.Abs(h.middle() - a.middle()) }
	slices.SortStableFunc(heads, func(x, y pdfHead) int { return cmp.Compare(far(x), far(y)) })
	var places []Cell
	for i, h := range heads {
		if i > 0 && far(heads[0]) < 0.8*far(h) {
			break
		}
		rubric, ok := f.data.byCode[code+h.suffix]
		ok = ok && (!h.previous || f.data.rubrics[rubric].HasPrevious())
		if i == 0 && (!ok || far(h) > 0.75*t.spacing()) {
			return nil
		}
		if ok {
			places = append(places, Cell{code + h.suffix, h.previous})
		}
	}
	return places
}

// unread refuses a page that has rows of the social balance outside its tables,
// of which the columns are not known: a table may go on there without its heads.
// What was read as an amount is no row, even if it looks like one.
func (f *pdfForm) unread(p *textPage, tables []*pdfTable, read map[textWord]bool) error {
	for _, line := range linesOfWords(p.words, 3) {
		text := lineText(line)
		if strings.Contains(strings.ToLower(text), "parit") || committees.MatchString(text) && strings.Contains(text, " - ") {
			continue // the numbers of joint committees look like codes
		}
		for i, w := range line {
			code := codeText(w)
			if read[w] || !f.isSocialRow(code) || slices.ContainsFunc(tables, func(t *pdfTable) bool { return slices.Contains(t.rows, w) }) {
				continue
			}
			inTable := slices.ContainsFunc(tables, func(t *pdfTable) bool { return w.y < t.top && w.y > t.bottom })
			amount := !inTable && slices.ContainsFunc(line[i+1:], func(a textWord) bool { return amountText.MatchString(a.text) && len(readings(plainText(a.text))) > 0 })
			if isTraining(code) || amount && i > 0 {
				fault := f.fault(p.number, "row "+code+" stands in a table whose columns are not known")
				if sectionOf(p) == "" { // another print of the same, in which a table may go on without its heads
					fault.cause = errOtherHeads
				}
				return fault
			}
		}
	}
	return nil
}

// isTrainingRubric tells whether a word of the part about training is a rubric's
// code. It stands there where its column of codes is not known.
func (f *pdfForm) isTrainingRubric(t *pdfTable, code string) bool {
	_, ok := f.data.byCode[code]
	return ok && t.isTraining() && isTraining(code)
}

// isSocialRow tells whether a code is one of a row of the form.
func (f *pdfForm) isSocialRow(code string) bool {
	return rowCode.MatchString(code) && slices.ContainsFunc([]string{"", "1", "2", "3"}, func(suffix string) bool { _, ok := f.data.byCode[code+suffix]; return ok })
}

// ownRows are rows of which no other part of annual accounts has the code.
var ownRows = []string{"1003", "1013", "105", "1200", "1203", "1210", "1213", "134", "151", "205", "305", "340"}

// beside refuses a page next to those of the social balance that has a table of
// rows of it, whose heads are not known.
func (f *pdfForm) beside(p *textPage) error {
	for _, t := range tablesOf(p) {
		unknown := slices.ContainsFunc(t.rows, func(w textWord) bool { return !f.isSocialRow(codeText(w)) })
		own := slices.ContainsFunc(t.rows, func(w textWord) bool { return slices.Contains(ownRows, codeText(w)) })
		if own && !unknown {
			return f.otherHeads(p.number, t)
		}
	}
	return nil
}

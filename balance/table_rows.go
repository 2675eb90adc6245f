package balance

import (
	"cmp"
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// dataTable is a table of codes and amounts on a page, under one set of heads.
type dataTable struct {
	page    *textPage
	pages   int // how many pages after that it goes on for
	columns []*tableColumn
	rows    []tableRow
	read    []tableAmount // what amounts returned for so many rows
	readOf  int
}

// tableRow is a row of a table: a code and what stands beside it.
type tableRow struct {
	code  string
	word  textWord
	cells []textWord
}

// anyCode is what stands in the column of codes of annual accounts.
var anyCode = regexp.MustCompile(`^(\d{1,6}(?:/\d{1,6})?)(P?)$`)

// isKnownCode reports whether a text is the code of a rubric or of a row of the
// form, also with the P of the previous year.
func (d *dictionary) isKnownCode(text string) bool {
	code, _ := strings.CutSuffix(text, "P")
	_, rubric := d.byCode[code]
	return rubric || d.rows[text]
}

// codeColumn is where codes stand below one another.
type codeColumn struct {
	textWord
	training bool // they are of the part about training alone
}

// holds reports whether a word is a code of the column.
func (c codeColumn) holds(w textWord, d *dictionary) bool {
	return w.overlaps(c.textWord) && d.isKnownCode(codeText(w)) && (!c.training || isTraining(codeText(w)))
}

// codeColumns finds the columns in which codes stand: the leftmost one, and others
// that have codes of the part about training alone.
func (d *dictionary) codeColumns(p *textPage) []codeColumn {
	var found []codeColumn
	for _, column := range columnsOfWords(p, func(w textWord) bool { return d.isKnownCode(codeText(w)) }) {
		reach, codes := column[0], map[string]bool{}
		training := true
		for _, w := range column {
			reach.x, reach.end = min(reach.x, w.x), max(reach.end, w.end)
			codes[codeText(w)] = true
			training = training && isTraining(codeText(w))
		}
		amounts, headed := 0, false
		for _, w := range p.words {
			if !w.overlaps(reach) {
				continue
			}
			headed = headed || w.y > reach.y && codeHead.MatchString(strings.ToLower(w.text))
			if between := w.y <= column[0].y && w.y >= column[len(column)-1].y; between && isAmount(w) && !anyCode.MatchString(codeText(w)) {
				amounts++
			}
		}
		enough := (len(codes) > 1 || headed) && amounts*2 < len(codes)
		if enough && (len(found) == 0 || training || headed) {
			found = append(found, codeColumn{reach, training})
		}
	}
	return found
}

// columnsOfWords puts the words that fit together that stand below one another, from
// left to right and each from top to bottom.
func columnsOfWords(p *textPage, fits func(textWord) bool) [][]textWord {
	var fitting []textWord
	for _, w := range p.words {
		if fits(w) {
			fitting = append(fitting, w)
		}
	}
	slices.SortStableFunc(fitting, func(a, b textWord) int { return cmp.Compare(a.x, b.x) })
	var columns [][]textWord
	end := 0.0
	for _, w := range fitting {
		if n := len(columns); n > 0 && w.x < end {
			columns[n-1] = append(columns[n-1], w)
			end = max(end, w.end)
			continue
		}
		columns, end = append(columns, []textWord{w}), w.end
	}
	for _, c := range columns {
		slices.SortStableFunc(c, func(a, b textWord) int { return cmp.Compare(b.y, a.y) })
	}
	return columns
}

// isAmount reports whether a word is a number, or can be read as one.
func isAmount(w textWord) bool {
	return w.exact != nil || amountText.MatchString(w.text) && strings.ContainsAny(w.text, "0123456789")
}

// tablesBeside finds the tables whose codes stand in the first of some columns; what
// is beyond a code of another one belongs to that. Rows over which no head is known
// are in a table without columns.
func (d *dictionary) tablesBeside(p *textPage, columns []codeColumn) []*dataTable {
	codes, limit := columns[0], math.Inf(1)
	var tables []*dataTable
	var above [][]textWord
	part := &dataTable{page: p}
	finish := func() {
		switch n := len(tables); {
		case len(part.rows) == 0:
			return
		case part.headed(headsOf(p, above, codes.textWord, limit)) || n == 0:
			tables = append(tables, part)
		default: // what stands above them is a title within the table
			tables[n-1].rows = append(tables[n-1].rows, part.rows...)
		}
		part, above, limit = &dataTable{page: p}, nil, math.Inf(1)
	}
	for _, line := range linesOfWords(p.words, 3) {
		end := math.Inf(1)
		for _, w := range line {
			if slices.ContainsFunc(columns[1:], func(c codeColumn) bool { return c.holds(w, d) }) {
				end = min(end, w.x)
			}
		}
		row, ok := rowOf(p, line, codes.textWord, end)
		if ok {
			part.rows, limit = append(part.rows, row), min(limit, end)
			continue
		}
		finish()
		above = append(above, line)
	}
	finish()
	return tables
}

// rowOf takes a line as a row, if it has a code.
func rowOf(p *textPage, line []textWord, codes textWord, limit float64) (row tableRow, ok bool) {
	for _, w := range line {
		switch {
		case w.overlaps(codes) && anyCode.MatchString(codeText(w)) && !ok:
			row.code, row.word, ok = codeText(w), w, true
		case w.x < limit && (p.cells || w.x > codes.end):
			row.cells = append(row.cells, w)
		}
	}
	if !p.cells {
		row.cells = joinDigits(row.cells)
	}
	return row, ok
}

var (
	firstDigits = regexp.MustCompile(`^[-+(]?\d{1,3}(?: \d{3})*$|^[-+(]$`)
	nextDigits  = regexp.MustCompile(`^\d{3}(?:[.,]\d+)?\)?-?$`)
)

// joinDigits puts the groups of digits of a number together that have blanks between
// them, and a sign before it.
func joinDigits(words []textWord) []textWord {
	var all []textWord
	for _, w := range words {
		if n := len(all) - 1; n >= 0 && w.x-all[n].end < 0.5*w.size && firstDigits.MatchString(all[n].text) &&
			(nextDigits.MatchString(w.text) || len(all[n].text) == 1 && !strings.ContainsAny(all[n].text, "0123456789") && isAmount(w)) {
			all[n].text += " " + w.text
			all[n].end = w.end
			continue
		}
		all = append(all, w)
	}
	return all
}

// headed gives a table its columns, if an amount of it stands in one that is known.
func (t *dataTable) headed(columns []*tableColumn) bool {
	t.columns, t.readOf = columns, 0
	t.leaveOutTexts()
	for _, a := range t.amounts() {
		if slices.ContainsFunc(a.columns, func(c *tableColumn) bool { return c.known }) {
			return true
		}
	}
	t.columns, t.readOf = nil, 0
	return false
}

// wholeDate is a text that is a date with the day first.
var wholeDate = regexp.MustCompile(`^\d{1,2}[-/.]\d{1,2}[-/.]\d{4}$`)

// leaveOutTexts leaves out the columns of a sheet that hold texts, such as what each
// row is called under the head "During the financial year", or a date in each row.
func (t *dataTable) leaveOutTexts() {
	if !t.page.cells {
		return
	}
	for _, c := range t.columns {
		texts, dates, others := 0, 0, 0
		for _, r := range t.rows {
			for _, w := range r.cells {
				switch {
				case !w.overlaps(c.textWord):
				case w.date || wholeDate.MatchString(w.text):
					dates++
				case isAmount(w):
					others += len(t.rows)
				case mostlyLetters(w.text) && !isNothing(w.text):
					texts++
				default:
					others++
				}
			}
		}
		if texts > others+dates || dates > 1 && texts+others == 0 {
			c.known, c.unclear = false, false
		}
	}
}

func mostlyLetters(text string) bool {
	letters, digits := 0, 0
	for _, c := range text {
		switch {
		case unicode.IsLetter(c):
			letters++
		case unicode.IsDigit(c):
			digits++
		}
	}
	return letters > digits
}

// continues reports whether a table without heads goes on with one of the page before,
// and gives that its rows then: their codes stand in the same place.
func (t *dataTable) continues(before []*dataTable) bool {
	if len(t.columns) > 0 || t.page.cells {
		return false
	}
	for _, b := range slices.Backward(before) {
		if b.page.number+b.pages != t.page.number-1 || len(b.columns) == 0 || !b.rows[0].word.overlaps(t.rows[0].word) {
			continue
		}
		for _, r := range t.rows {
			r.word.at = place{page: t.page.number}
			r.cells = slices.Clone(r.cells)
			for i := range r.cells {
				r.cells[i].at = r.word.at
			}
			b.rows = append(b.rows, r)
		}
		b.pages++
		return true
	}
	return false
}

// has reports whether a row of the table stands on a page.
func (t *dataTable) has(r tableRow, p *textPage) bool {
	return t.page == p && r.word.at.page == 0 || t.page == p && p.cells || r.word.at.page == p.number && !p.cells
}

// tableAmount is a number in a row, with the columns that it can be in.
type tableAmount struct {
	row     tableRow
	word    textWord
	columns []*tableColumn // those it can be in, none where no head is over it
	unsure  bool           // it may be under no head as well
}

// amounts returns the numbers of a table. What stands below one another is one column,
// whose head is the one over it; where there are as many heads as such columns, they
// come in the same order.
func (t *dataTable) amounts() []tableAmount {
	if t.readOf != len(t.rows) {
		t.read, t.readOf = t.findAmounts(), len(t.rows)
	}
	return t.read
}

func (t *dataTable) findAmounts() []tableAmount {
	var all []tableAmount
	if t.page.cells {
		for _, row := range t.rows {
			for _, w := range row.cells {
				all = append(all, tableAmount{row: row, word: w, columns: t.columnsOver(w)})
			}
		}
		return slices.DeleteFunc(all, func(a tableAmount) bool { return !isAmount(a.word) && len(a.columns) == 0 })
	}
	for _, row := range t.rows {
		for _, w := range row.cells {
			if isAmount(w) {
				all = append(all, tableAmount{row: row, word: w})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b tableAmount) int { return cmp.Compare(a.word.x, b.word.x) })
	var spans []textWord
	var of []int
	for _, a := range all {
		if n := len(spans); n > 0 && a.word.x < spans[n-1].end {
			spans[n-1].end = max(spans[n-1].end, a.word.end)
		} else {
			spans = append(spans, a.word)
		}
		of = append(of, len(spans)-1)
	}
	heads, doubtful := t.assign(spans)
	for i := range all {
		all[i].columns, all[i].unsure = heads[of[i]], doubtful
	}
	return all
}

// columnsOver returns the columns whose heads stand over a word.
func (t *dataTable) columnsOver(w textWord) (over []*tableColumn) {
	for _, c := range t.columns {
		if c.overlaps(w) {
			over = append(over, c)
		}
	}
	return over
}

// assign finds the head of each column of amounts, from left to right: the one over
// it, or where the amounts stand at the right of their columns and the heads at the
// left, the one before it. Where an amount could as well be under another head, all
// of them are in doubt.
func (t *dataTable) assign(spans []textWord) (heads [][]*tableColumn, doubtful bool) {
	heads = make([][]*tableColumn, len(spans))
	own := map[*tableColumn]int{}
	beside, clear, width := false, true, t.width()
	least, most, known := math.Inf(1), math.Inf(-1), 0
	for i, s := range spans {
		if len(t.columns) == 0 || s.end <= t.columns[0].x { // a number in the text before the table
			continue
		}
		heads[i] = t.headsOver(s)
		if len(heads[i]) == 0 {
			heads[i], beside = t.headBefore(s, width), true
		}
		if len(heads[i]) != 1 {
			clear = false
			continue
		}
		c := heads[i][0]
		own[c]++
		clear = clear && own[c] == 1
		if c.known {
			least, most, known = min(least, s.end-c.x), max(most, s.end-c.x), known+1
		}
	}
	sure := !beside || most-least <= 0.3*width && (known > 1 || t.knownColumns() == 1)
	if clear && sure {
		return heads, false
	}
	for i, s := range spans {
		heads[i] = t.near(s, width)
	}
	return heads, true
}

// headsOver returns the columns whose heads stand over a good part of something.
func (t *dataTable) headsOver(s textWord) (over []*tableColumn) {
	for _, c := range t.columns {
		if common := min(c.end, s.end) - max(c.x, s.x); common > 0.3*min(c.end-c.x, s.end-s.x) {
			over = append(over, c)
		}
	}
	return over
}

// headBefore returns the column whose head starts before something that ends before
// the next head.
func (t *dataTable) headBefore(s textWord, width float64) []*tableColumn {
	for i, c := range t.columns {
		if c.x <= s.x && (i+1 == len(t.columns) || s.end <= t.columns[i+1].x) && s.x-c.end < width {
			return t.columns[i : i+1]
		}
	}
	return nil
}

func (t *dataTable) knownColumns() (n int) {
	for _, c := range t.columns {
		if c.known {
			n++
		}
	}
	return n
}

// near returns the columns that something could be in which is under no head.
func (t *dataTable) near(s textWord, width float64) (near []*tableColumn) {
	if len(t.columns) == 0 || s.end <= t.columns[0].x {
		return nil
	}
	for _, c := range t.columns {
		if c.end > s.x-width && c.x < s.end+width {
			near = append(near, c)
		}
	}
	return near
}

// width is the distance of two columns, at the most.
func (t *dataTable) width() (most float64) {
	for i := 1; i < len(t.columns); i++ {
		most = max(most, t.columns[i].x-t.columns[i-1].x)
	}
	return max(most, 60)
}

package balance

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// tableReader reads the social balance of any table that has a column of codes and
// columns of amounts under heads that are known: on the pages of a PDF, on the sheets
// of a workbook, in a CSV. Number, name, model and financial year are in the lines
// around it.
type tableReader struct {
	*builder
	pages  []*textPage
	cells  []amount
	tables []*dataTable
	codes  map[string]bool // those that figures were read of
	left   []string        // what was not understood and is left out
}

// errNoTable says that a document has no table of a social balance.
var errNoTable = fmt.Errorf("no table of a social balance")

// read reads the balance. Without a table of one it returns errNoTable.
func (t *tableReader) read() error {
	t.codes = map[string]bool{}
	for _, p := range t.pages {
		columns := t.data.codeColumns(p)
		for i := range columns {
			t.tables = append(t.tables, t.data.tablesBeside(p, columns[i:])...)
		}
	}
	if err := t.identify(); err != nil {
		return err
	}
	t.settleYears()
	for _, table := range t.tables {
		if err := t.readTable(table); err != nil {
			return err
		}
	}
	if len(t.cells) == 0 {
		return errNoTable
	}
	t.inferModel()
	t.settleAmounts(t.cells, notation{})
	t.tellWhatWasRead()
	return nil
}

// fault makes the error about what stands at a place of a table.
func (t *tableReader) fault(at place, what string) error {
	e := &ReadError{Layout: t.balance.Layout, What: what}
	if at.sheet == "" && at.page == 0 {
		e.Line = at.line
	} else {
		e.What = at.String() + ": " + what
	}
	return e
}

// readTable reads the amounts of a table.
func (t *tableReader) readTable(table *dataTable) error {
	if len(table.columns) == 0 {
		return t.withoutHeads(table)
	}
	kind := t.kindOf(table)
	var cells []amount
	rubrics := map[string]bool{}
	for _, a := range table.amounts() {
		read, err := t.readAmount(table, kind, a)
		if err != nil {
			return err
		}
		for _, one := range read {
			rubrics[one.cells[0].Code] = true
		}
		cells = append(cells, read...)
	}
	if len(rubrics) == 1 && !isTitled(table.page) && !slices.ContainsFunc(table.rows, func(r tableRow) bool { return isOwnRow(r.code) }) {
		return nil // a code of annual accounts may be that of a rubric
	}
	for code := range rubrics {
		t.codes[code] = true
	}
	t.cells = append(t.cells, cells...)
	for _, c := range table.columns {
		if !c.known && !slices.Contains(t.left, c.text) && slices.ContainsFunc(table.amounts(), func(a tableAmount) bool { return slices.Contains(a.columns, c) && isAmount(a.word) }) {
			t.left = append(t.left, c.text)
		}
	}
	return nil
}

// isOwnRow reports whether a code is of a row of the social balance and of no other
// part of annual accounts.
func isOwnRow(code string) bool { return slices.Contains(ownRows, code) || isTraining(code) }

// withoutHeads refuses a table of a social balance whose columns are not known.
func (t *tableReader) withoutHeads(table *dataTable) error {
	known, own := map[string]bool{}, false
	for _, r := range table.rows {
		if t.data.isKnownCode(r.code) && slices.ContainsFunc(r.cells, isAmount) {
			known[r.code] = true
			own = own || isOwnRow(r.code)
		}
	}
	if own || len(known) > 1 && isTitled(table.page) {
		return t.fault(table.page.place(table.rows[0].word), fmt.Sprintf("the table of row %s has heads of columns that are not known; %d codes stand in it", table.rows[0].code, len(known)))
	}
	return nil
}

// readAmount reads one amount, of the cells that it can be.
func (t *tableReader) readAmount(table *dataTable, kind tableKind, a tableAmount) ([]amount, error) {
	at := table.page.place(a.word)
	cells, other, err := t.cellsUnder(kind, a, at)
	switch {
	case err != nil || len(cells) == 0:
		return nil, err
	case a.word.date:
		return nil, t.fault(at, "the amount of rubric "+cells[0].String()+" is a date, which a spreadsheet made of a number; type it again")
	case a.word.exact != nil:
		return []amount{{at: at, cells: cells, other: other, exact: a.word.exact}}, nil
	}
	text := printedAmount(a.word.text)
	switch {
	case text == "" || isNothing(text):
		return nil, nil
	case exponent.MatchString(text):
		return nil, t.fault(at, "a spreadsheet has shortened the value of rubric "+cells[0].String()+", so that digits are lost; take the file as it was made")
	case len(text) > 2*maxDigits || len(readings(text)) == 0:
		return nil, t.fault(at, "the value of rubric "+cells[0].String()+" is not a number")
	}
	return []amount{{at: at, cells: cells, other: other, text: text}}, nil
}

// cellsUnder returns the cells that an amount can be of by the heads that it can be
// under. other says that it may be of none as well.
func (t *tableReader) cellsUnder(kind tableKind, a tableAmount, at place) (cells []Cell, other bool, err error) {
	other = a.unsure
	known, lacksPrevious := false, false
	for _, c := range a.columns {
		if c.unclear && t.data.isKnownCode(a.row.code) && isAmount(a.word) {
			return nil, false, t.fault(at, fmt.Sprintf("an amount of row %s stands under the head %q, which says two things", a.row.code, clip(c.text)))
		}
		if !c.known {
			other = other || len(a.columns) > 1
			continue
		}
		known = true
		for _, cell := range t.cellsOf(kind, a.row.code, c) {
			r, _ := RubricOf(cell.Code)
			switch {
			case cell.Previous && !r.HasPrevious():
				lacksPrevious = true
			case !slices.Contains(cells, cell):
				cells = append(cells, cell)
			}
		}
	}
	if len(cells) == 0 && known && !lacksPrevious && isOwnRow(a.row.code) && isAmount(a.word) {
		return nil, false, t.fault(at, fmt.Sprintf("the amount of row %s stands under the head %q, which does not say which rubric it is of", a.row.code, clip(a.columns[0].text)))
	}
	return cells, other, nil
}

// isNothing reports whether a text in the place of an amount says that there is none.
func isNothing(text string) bool {
	return slices.Contains([]string{"nihil", "néant", "nul", "geen", "n.v.t.", "nvt", "n/a", "n.a.", "s.o.", "sans objet", "keine", "none", "/", "x"}, strings.ToLower(text))
}

// tellWhatWasRead adds a remark about where the figures come from.
func (t *tableReader) tellWhatWasRead() {
	var places []string
	for _, p := range t.pages {
		if !slices.ContainsFunc(t.cells, func(a amount) bool { return a.at.page == p.number && !p.cells || p.cells && a.at.sheet == p.name }) {
			continue
		}
		switch {
		case !p.cells:
			places = append(places, "p. "+strconv.Itoa(p.number))
		case p.name != "":
			places = append(places, p.name)
		default:
			places = append(places, "CSV")
		}
	}
	left := "–"
	if len(t.left) > 0 {
		left = clip(strings.Join(t.left, ", "))
	}
	if !t.pages[0].cells {
		places = append(places, "/ "+strconv.Itoa(len(t.pages)))
	}
	t.addFinding("table_read", nil, args{"codes": strconv.Itoa(len(t.codes)), "places": clip(strings.Join(places, " ")), "left": left})
}

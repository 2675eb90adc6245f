package balance

import (
	"fmt"
	"regexp"
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
	codes  map[string]bool    // those that figures were read of
	left   []string           // what was not understood and is left out
	mapped mappedIdentity     // what the columns of a table that a person described say
	inRows []EnterpriseNumber // that stand in the rows of the tables
	titled bool               // the document says that it is a social balance
	scaled error              // it says that its amounts are in thousands
}

// errNoTable says that a document has no table of a social balance.
var errNoTable = fmt.Errorf("no table of a social balance")

// read reads the balance, from a table that a person described if there is one.
// Without a table of a social balance it returns errNoTable.
func (t *tableReader) read(described []Table) error {
	t.codes = map[string]bool{}
	t.titled = slices.ContainsFunc(t.pages, isTitledBalance)
	found, err := t.readMapped(described)
	switch {
	case err != nil:
		return err
	case found:
		t.identify()
		t.identifyMapped()
	default:
		err = t.readUnknown()
	}
	if err != nil {
		return err
	}
	switch {
	case len(t.cells) == 0:
		return errNoTable
	case t.scaled != nil:
		return t.scaled
	}
	t.inferModel()
	t.settleAmounts(t.cells, notation{})
	t.tellWhatWasRead()
	return nil
}

// readUnknown finds the tables and reads them by their heads.
func (t *tableReader) readUnknown() error {
	for _, p := range t.pages {
		columns := t.data.codeColumns(p)
		before := t.tables
		for i := range columns {
			found := t.data.tablesBeside(p, columns[i:])
			if len(found) > 0 && found[0].continues(before) {
				found = found[1:]
			}
			t.tables = append(t.tables, found...)
		}
	}
	if err := t.severalClients(); err != nil {
		return err
	}
	t.identify()
	if !slices.ContainsFunc(t.tables, func(table *dataTable) bool { return len(table.columns) > 0 }) {
		if found, err := t.readWide(); found {
			return err
		}
	}
	t.settleYears()
	for _, table := range t.tables {
		if err := t.readTable(table); err != nil {
			return err
		}
	}
	return nil
}

// fault makes the error about what stands at a place of a table.
func (t *tableReader) fault(at place, kind Cause, what string) error {
	e := &ReadError{Layout: t.balance.Layout, What: what, Kind: kind}
	if at.sheet == "" && at.page == 0 {
		e.Line = at.line
	} else {
		e.What = at.String() + ": " + what
	}
	return e
}

// readTable reads the amounts of a table.
func (t *tableReader) readTable(table *dataTable) error {
	switch {
	case !t.isSocial(table):
		return nil
	case len(table.columns) == 0:
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

// isSocial reports whether a table is of a social balance and not, say, a list of
// accounts, some of which have the number of a rubric: its page or its heads say so,
// or most of its codes are of rubrics and those of the first part of the form, or a
// title elsewhere in the document, speak for it.
func (t *tableReader) isSocial(table *dataTable) bool {
	if isTitledBalance(table.page) || slices.ContainsFunc(table.columns, func(c *tableColumn) bool { return c.time != "" || c.gender != "" || c.hired != "" }) {
		return true
	}
	known, first, other := map[string]bool{}, map[string]bool{}, 0
	for _, r := range table.rows {
		code := strings.TrimSuffix(r.code, "P")
		i, rubric := t.data.byCode[code]
		if !rubric && !isOwnRow(code) {
			other++
			continue
		}
		known[code] = true
		if rubric && t.data.rubrics[i].Section == "during" {
			first[code] = true
		}
	}
	most := len(known) > 1 && len(known) > other
	return most && (t.titled || len(first) > 0) || first["1003"] && first["1013"] && first["1023"]
}

// balanceTitle is what a social balance is called.
var balanceTitle = regexp.MustCompile(`(?i)soci(?:a|aa)le? balans|bilan social|sozialbilanz|social balance`)

func isTitledBalance(p *textPage) bool {
	return slices.ContainsFunc(linesOfWords(p.words, 3), func(line []textWord) bool { return balanceTitle.MatchString(lineText(line)) })
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
	if own || len(known) > 1 {
		return t.fault(table.page.place(table.rows[0].word), CauseHeads, fmt.Sprintf("the table of row %s has heads of columns that are not known; %d codes stand in it", table.rows[0].code, len(known)))
	}
	return nil
}

// readAmount reads one amount, of the cells that it can be.
func (t *tableReader) readAmount(table *dataTable, kind tableKind, a tableAmount) ([]amount, error) {
	at := table.page.place(a.word)
	cells, other, err := t.cellsUnder(kind, a, at)
	if err != nil || len(cells) == 0 {
		return nil, err
	}
	return t.amountOf(a.word, cells, other, at)
}

// amountOf reads the amount in a cell of a table; other says that it may be no figure
// of the balance. It returns none for a cell that says that there is none.
func (t *tableReader) amountOf(w textWord, cells []Cell, other bool, at place) ([]amount, error) {
	if w.date {
		return nil, t.fault(at, CauseShortened, "the amount of rubric "+cells[0].String()+" is a date, which a spreadsheet made of a number; type it again")
	}
	if w.exact != nil {
		return []amount{{at: at, cells: cells, other: other, exact: w.exact}}, nil
	}
	text := printedAmount(w.text)
	switch {
	case text == "" || isNothing(text):
		return nil, nil
	case exponent.MatchString(text):
		return nil, t.fault(at, CauseShortened, "a spreadsheet has shortened the value of rubric "+cells[0].String()+", so that digits are lost; take the file as it was made")
	case len(text) > 2*maxDigits || len(readings(text)) == 0:
		return nil, t.fault(at, CauseNumber, "the value of rubric "+cells[0].String()+" is not a number")
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
			return nil, false, t.fault(at, CauseHeads, fmt.Sprintf("an amount of row %s stands under the head %q, which says two things", a.row.code, clip(c.text)))
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
		return nil, false, t.fault(at, CauseHeads, fmt.Sprintf("the amount of row %s stands under the head %q, which does not say which rubric it is of", a.row.code, clip(a.columns[0].text)))
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

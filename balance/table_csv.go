package balance

import (
	"errors"
	"strings"
)

// The bounds of a table that is kept in memory, in cells: of a CSV that has rows of
// the National Bank's, and of any other.
const (
	maxNBBCells   = 5000
	maxTableCells = 100_000
)

// csvTable collects the fields of a CSV, as it may be a table of another form.
type csvTable struct {
	page  textPage
	line  int
	large bool // it has more than a table may have, and is no longer collected
}

// add collects the row that was read last.
func (t *csvTable) add(c *csvReader) {
	most := maxTableCells
	if c.known {
		most = maxNBBCells
	}
	if t.large = t.large || len(t.page.words) > most; t.large {
		t.page.words = nil
		return
	}
	t.line++
	fields := c.fields
	if len(fields) == 1 && c.quotes { // a spreadsheet has put the row into one cell
		if inner := splitFields(fields[0]); len(inner) > 2 {
			fields = inner
		}
	}
	for i, f := range fields {
		if text := strings.TrimSpace(decodeWestern(f)); text != "" {
			w := newCell(i+1, t.line, clipTo(text, maxCellText))
			w.at = place{line: c.at.line}
			t.page.words = append(t.page.words, w)
		}
	}
}

// maxCellText bounds the text of a cell, in bytes.
const maxCellText = 500

// readTable reads what was collected as a table. other is the error where it is none,
// broken what ended the document too early.
func (c *csvReader) readTable(other, broken error) error {
	page := &c.table.page
	page.number, page.cells = 1, true
	if len(page.words) == 0 {
		return other
	}
	t := &tableReader{builder: newBuilder(c.builder.table), pages: []*textPage{page}}
	t.chosenYear = c.chosenYear
	t.balance.Layout = TableCSV
	err := t.read(c.described)
	*c.builder = *t.builder
	switch {
	case errors.Is(err, errNoTable) || err != nil && c.known:
		c.balance.Layout = ""
		if c.known {
			c.balance.Layout = NBBCSV
		}
		return other
	case err != nil:
		return err
	}
	return broken
}

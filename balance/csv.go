package balance

import (
	"bytes"
	"strings"
)

// The bounds of a row of CSV. Rows of the National Bank have two fields, of
// which the longest is an address.
const (
	maxField  = 8 << 10 // bytes
	maxFields = 64
)

// csvReader reads the CSV that the National Bank's Consult offers: two
// columns, a key and a value; first keys about the document, then rubrics of
// the whole annual accounts in no order. Copies that went through a spreadsheet
// have semicolons, no quotes or comma decimals; they are read too.
type csvReader struct {
	*draft
	*window
	separator byte
	known     bool // a row was there that only the National Bank's CSV has
	rows      int
	fields    [][]byte
	text      []byte // what the fields are in
	at        place  // where the row starts
}

// readCSV reads a CSV document.
func (d *draft) readCSV(w *window) error {
	c := &csvReader{draft: d, window: w}
	c.separator = separatorOf(w.peek(windowSize))
	for {
		more, err := c.row()
		if err == nil && more {
			err = c.take()
		}
		c.rows++
		const header = 30 // the keys about the document come first
		switch {
		case !c.known && (err != nil || !more || c.rows == header):
			if w.err != nil && !w.complete() {
				return w.ended()
			}
			return &ReadError{What: "this is text of no known layout" + accepted}
		case err != nil || !more:
			return err
		}
	}
}

// row reads the next row into fields. Rows without anything are left out.
func (c *csvReader) row() (more bool, err error) {
	c.skipSpaceOfRows()
	if !c.fill() {
		if !c.complete() {
			return false, c.ended()
		}
		return false, nil
	}
	c.at = c.place()
	c.text, c.fields = c.text[:0], c.fields[:0]
	for {
		from := len(c.text)
		quoted := c.head() == '"'
		if quoted {
			err = c.quoted()
		} else {
			err = c.plain()
		}
		if err != nil {
			return false, err
		}
		if len(c.fields) == maxFields {
			return false, c.at.fault("a row has too many fields")
		}
		c.fields = append(c.fields, c.text[from:])
		b, ok := c.next()
		switch {
		case !ok && !c.complete():
			return false, c.ended()
		case !ok && !quoted:
			return false, c.place().fault("the last row has no line end, so that the document may break off here; add one if it is whole")
		case ok && b == c.separator:
			continue
		case b == '\r' && ok && c.head() == '\n':
			_, _ = c.next()
		}
		return true, nil
	}
}

// skipSpaceOfRows takes the line ends between rows.
func (c *csvReader) skipSpaceOfRows() {
	for b := c.head(); b == '\n' || b == '\r' || b == ' ' || b == '\t' && c.separator != '\t'; b = c.head() {
		_, _ = c.next()
	}
}

// plain reads a field without quotes, up to the separator or the line end.
func (c *csvReader) plain() error {
	for c.fill() {
		b := c.buf[c.r]
		if b == c.separator || b == '\n' || b == '\r' {
			return nil
		}
		if b == '"' {
			return c.place().fault("a quote stands within a field that has none around it")
		}
		c.r++
		if c.text = append(c.text, b); len(c.text) > maxField {
			return c.at.fault("a row is too long")
		}
	}
	return nil
}

// quoted reads a field in quotes; two quotes in it are one.
func (c *csvReader) quoted() error {
	at := c.place()
	_, _ = c.next()
	for {
		b, ok := c.next()
		switch {
		case !ok && !c.complete():
			return c.ended()
		case !ok:
			return at.fault("a quote is opened and never closed")
		case b == '"' && c.head() == '"':
			_, _ = c.next()
		case b == '"':
			if end := c.head(); c.fill() && end != c.separator && end != '\n' && end != '\r' {
				return c.place().fault("a field goes on after its closing quote")
			}
			return nil
		}
		if c.text = append(c.text, b); len(c.text) > maxField {
			return at.fault("a field in quotes is too long; its closing quote may be missing")
		}
	}
}

// take reads what a row says.
func (c *csvReader) take() error {
	fields := c.fields
	for len(fields) > 2 && len(fields[len(fields)-1]) == 0 {
		fields = fields[:len(fields)-1] // a spreadsheet pads rows
	}
	key, value := strings.TrimSpace(western(fields[0])), ""
	if len(fields) > 1 {
		value = strings.TrimSpace(western(fields[1]))
	}
	rubric, previous, ok := c.cell(key)
	if !ok && key != incomeStatement {
		return c.header(key, value, len(fields) == 1)
	}
	if len(fields) == 1 {
		return c.at.fault("rubric " + key + " has no field for its value")
	}
	if len(fields) > 2 && ok {
		return c.at.fault("the value of rubric " + key + " is cut in two by a separator")
	}
	if c.separator != ',' {
		value = strings.Replace(value, ",", ".", 1)
	}
	if !ok {
		c.personnelCosts(value)
		return nil
	}
	return c.put(rubric, previous, value, c.at)
}

// header takes a row about the document, or about other rubrics. alone says
// that the row has a single field, which then must not be a rubric with its
// value.
func (c *csvReader) header(key, value string, alone bool) error {
	if i := strings.IndexAny(key, ",;\t"); alone && i > 0 {
		if _, _, ok := c.cell(strings.Trim(key[:i], `" `)); ok {
			return c.at.fault("the row of rubric " + strings.Trim(key[:i], `" `) + " is separated in another way than the first row")
		}
	}
	b := &c.balance
	switch key = strings.ToLower(key); key {
	case "reference number", "entity number", "model code", "accounting period end date":
		c.known = true
		b.Layout = NBBCSV
	}
	switch key {
	case "entity number":
		c.enterprise(value)
	case "entity name":
		b.Name = value
	case "model code":
		c.model(value)
	case "deposit type":
		b.Correction = b.Correction || strings.EqualFold(value, "correction")
	case "correction flag":
		b.Correction = b.Correction || strings.EqualFold(value, "true")
	case "currency":
		b.Currency = clip(value)
	case "accounting period start date":
		b.FiscalYear.Start = c.date("fiscal_year_start", value)
	case "accounting period end date":
		b.FiscalYear.End = c.date("fiscal_year_end", value)
	}
	return nil
}

// separatorOf tells what separates the two columns: whichever comes first in
// the first row, outside quotes.
func separatorOf(text []byte) byte {
	quoted := false
	for _, c := range bytes.TrimLeft(text, " \t\r\n") {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == ',' || c == ';' || c == '\t':
			return c
		case c == '\n':
			return ','
		}
	}
	return ','
}

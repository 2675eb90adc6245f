package balance

import (
	"bytes"
	"errors"
	"slices"
	"strings"
)

// The bounds of a row of CSV. Rows of the National Bank have two fields, of
// which the longest is an address; a table may have one for each rubric.
const (
	maxField  = 8 << 10 // bytes
	maxFields = 512
)

// csvReader reads a CSV: that of the National Bank, or any table of codes and
// amounts. Copies that went through a spreadsheet have semicolons, no quotes or comma
// decimals; they are read too.
type csvReader struct {
	*nbbRows
	*window
	separator byte
	quotes    bool // the field read last stands in quotes
	fields    [][]byte
	text      []byte // what the fields are in
	table     csvTable
	described []Table
}

// readCSV reads a CSV document.
func (d *builder) readCSV(w *window, described []Table) error {
	c := &csvReader{nbbRows: newNBBRows(d, NBBCSV), window: w, described: described}
	c.separator = separatorOf(w.peek(windowSize))
	var wrong error // the first row that cannot be used
	for {
		more, err := c.row()
		if err != nil || !more {
			return c.end(wrong, err)
		}
		c.table.add(c)
		if err := c.parseRow(); wrong == nil {
			wrong = err
		}
		if c.known && wrong != nil && !errors.Is(wrong, errMoreFields) {
			return wrong
		}
	}
}

// end finishes a document: wrong is about the first row that cannot be used, broken
// about why there are no more rows.
func (c *csvReader) end(wrong, broken error) error {
	switch {
	case c.known && errors.Is(wrong, errMoreFields):
		return c.readTable(wrong, broken)
	case c.known && broken == nil:
		return c.finish()
	case c.known:
		return broken
	case c.err != nil && !c.complete():
		return c.endError()
	}
	return c.readTable(&ReadError{Kind: CauseFormat, What: "this is text of no known layout" + readableLayouts}, broken)
}

// row reads the next row into fields. Rows without anything are left out.
func (c *csvReader) row() (more bool, err error) {
	c.skipSpaceOfRows()
	if !c.fill() {
		if !c.complete() {
			return false, c.endError()
		}
		return false, nil
	}
	c.at = c.position()
	c.text, c.fields = c.text[:0], c.fields[:0]
	for {
		from := len(c.text)
		quoted := c.head() == '"'
		c.quotes = quoted
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
			return false, c.endError()
		case !ok && !quoted:
			return false, c.position().fault("the last row has no line end, so that the document may break off here; add one if it is whole")
		case ok && b == c.separator:
			continue
		case b == '\r' && ok && c.head() == '\n':
			_, _ = c.next()
		}
		return true, nil
	}
}

// skipSpaceOfRows skips the line ends between rows.
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
			return c.position().fault("a quote stands within a field that has none around it")
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
	at := c.position()
	_, _ = c.next()
	for {
		b, ok := c.next()
		switch {
		case !ok && !c.complete():
			return c.endError()
		case !ok:
			return at.fault("a quote is opened and never closed")
		case b == '"' && c.head() == '"':
			_, _ = c.next()
		case b == '"':
			if end := c.head(); c.fill() && end != c.separator && end != '\n' && end != '\r' {
				return c.position().fault("a field goes on after its closing quote")
			}
			return nil
		}
		if c.text = append(c.text, b); len(c.text) > maxField {
			return at.fault("a field in quotes is too long; its closing quote may be missing")
		}
	}
}

// parseRow reads what a row says.
func (c *csvReader) parseRow() error {
	fields := c.fields
	if c.quotes {
		fields = unwrapped(fields)
	}
	for len(fields) > 2 && len(fields[len(fields)-1]) == 0 {
		fields = fields[:len(fields)-1] // a spreadsheet pads rows
	}
	key, value := strings.TrimSpace(decodeWestern(fields[0])), ""
	if len(fields) > 1 {
		value = strings.TrimSpace(decodeWestern(fields[1]))
	}
	return c.readRow(key, value, nil, len(fields))
}

// unwrapped returns the fields of a row that a spreadsheet has put into a single
// cell.
func unwrapped(fields [][]byte) [][]byte {
	text := fields[0]
	for _, rest := range fields[1:] {
		if len(rest) > 0 {
			return fields
		}
	}
	inner := splitFields(text)
	key := strings.ToLower(strings.TrimSpace(decodeWestern(inner[0])))
	if len(inner) > 1 && len(inner) <= maxFields && (isAccount(key) || slices.Contains(csvKeys, key)) {
		return inner
	}
	return fields
}

// splitFields takes a row apart that stands in one field.
func splitFields(text []byte) [][]byte { return splitFieldsAt(text, firstSeparator(text)) }

// splitFieldsAt takes a row apart at a separator.
func splitFieldsAt(text []byte, separator byte) (inner [][]byte) {
	for quoted, from, i := false, 0, 0; i <= len(text); i++ {
		switch {
		case i < len(text) && text[i] == '"':
			quoted = !quoted
		case i == len(text) || text[i] == separator && !quoted:
			field := text[from:i]
			if n := len(field); n > 1 && field[0] == '"' && field[n-1] == '"' {
				field = bytes.ReplaceAll(field[1:n-1], []byte(`""`), []byte(`"`))
			}
			inner, from = append(inner, field), i+1
		}
	}
	return inner
}

// separatorOf reports what separates the two columns: what follows the key in the
// first row that has a key of the layout, or else whatever comes first outside
// quotes.
func separatorOf(text []byte) byte {
	for line := range bytes.Lines(text) {
		line = bytes.TrimLeft(line, " \t\"")
		end := bytes.IndexAny(line, ",;\t")
		if end < 0 {
			continue
		}
		key := strings.ToLower(string(bytes.Trim(line[:end], " \"")))
		if _, _, rubric := newBuilder(nil).cell(key); rubric || slices.Contains(csvKeys, key) {
			return line[end]
		}
	}
	return commonSeparator(text)
}

// commonSeparator returns the separator that most lines have, of equal ones the first
// in this order: semicolon, tab, comma.
func commonSeparator(text []byte) byte {
	best, most := firstSeparator(text), 0
	for _, c := range []byte(";\t,") {
		lines := 0
		for line := range bytes.Lines(text) {
			if bytes.IndexByte(line, c) >= 0 {
				lines++
			}
		}
		if lines > most {
			best, most = c, lines
		}
	}
	return best
}

// firstSeparator returns the first separator outside quotes.
func firstSeparator(text []byte) byte {
	quoted := false
	for _, c := range text {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == ',' || c == ';' || c == '\t':
			return c
		}
	}
	return ','
}

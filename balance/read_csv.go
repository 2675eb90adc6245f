package balance

import (
	"bytes"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
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
	*builder
	*window
	separator byte
	known     bool              // a row was there that only the National Bank's CSV has
	heads     map[string]string // what the rows that identify the filing say, by their keys in lower case
	dates     [2]string         // the first and the last day of the year, as they are written
	cells     []csvCell
	notation  notation
	quotes    bool // the field read last stands in quotes
	body      bool // a row of a rubric was there
	fields    [][]byte
	text      []byte   // what the fields are in
	at        position // where the row starts
}

// csvCell is what a row says of a rubric.
type csvCell struct {
	rubric   int // -1 for rubric 62
	previous bool
	text     string // of plainText
	at       position
}

// readCSV reads a CSV document.
func (d *builder) readCSV(w *window) error {
	c := &csvReader{builder: d, window: w, heads: map[string]string{}}
	c.separator = separatorOf(w.peek(windowSize))
	var wrong error // the first row that cannot be used
	for {
		more, err := c.row()
		if err == nil && more {
			if err = c.parseRow(); wrong == nil {
				wrong = err
			}
			err = nil
		}
		switch {
		case c.known && wrong != nil:
			return wrong
		case err == nil && more:
		case c.known && err == nil:
			return c.finish()
		case c.known:
			return err
		case w.err != nil && !w.complete():
			return w.endError()
		default:
			return &ReadError{What: "this is text of no known layout" + readableLayouts}
		}
	}
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
	rubric, previous, ok := c.cell(key)
	if !ok && key != incomeStatement {
		if isAccount(key) {
			c.body = true
			c.notation.learn(plainText(value))
		}
		return c.header(key, value, len(fields) == 1)
	}
	c.body = true
	if len(fields) == 1 {
		return c.at.fault("rubric " + key + " has no field for its value")
	}
	if len(fields) > 2 && ok {
		return c.at.fault("the value of rubric " + key + " is cut in two by a separator")
	}
	if !ok {
		rubric = -1
	}
	return c.addCell(rubric, previous, key, value)
}

// addCell saves what a row says of a rubric until the notation of the document is
// known.
func (c *csvReader) addCell(rubric int, previous bool, key, value string) error {
	text := plainText(value)
	switch {
	case exponent.MatchString(text):
		return c.at.fault("a spreadsheet has shortened the value of rubric " + key + ", so that digits are lost; take the file as it was downloaded")
	case text != "" && (len(text) > 2*maxDigits || len(readings(text)) == 0) && rubric >= 0:
		return c.at.fault("the value of rubric " + key + " is not a number")
	case len(c.cells) == maxRows:
		return c.at.fault("there are more rows of rubrics than any filing has")
	}
	if text != "" {
		c.notation.learn(text)
	}
	c.cells = append(c.cells, csvCell{rubric, previous, text, c.at})
	return nil
}

// maxRows bounds the rows of rubrics, of which a filing has one a cell.
const maxRows = 1 << 15

// finish reads the dates and the figures, each in the one notation that the
// document has.
func (c *csvReader) finish() error {
	dates, ok := readDates(c.dates[0], c.dates[1])
	c.balance.FiscalYear = Period{dates[0], dates[1]}
	if !ok[0] && c.dates[0] != "" {
		c.addFinding("fiscal_year_start", nil, args{"text": clip(c.dates[0])})
	}
	if !ok[1] && c.dates[1] != "" {
		c.addFinding("fiscal_year_end", nil, args{"text": clip(c.dates[1])})
	}
	if n := &c.notation; n.point == 0 && n.comma == 0 {
		learned := *n
		for _, cell := range c.cells {
			if cell.rubric >= 0 && len(readings(cell.text)) == 2 {
				learned.learnByForm(&c.data.rubrics[cell.rubric], cell.text)
			}
		}
		*n = learned
	}
	var open []csvCell
	for _, cell := range c.cells {
		values := readings(cell.text)
		switch {
		case len(values) == 2 && cell.rubric < 0:
			continue // rubric 62 is no figure of the balance
		case len(values) == 2:
			which := c.notation.choose(&c.data.rubrics[cell.rubric], cell.text)
			if which < 0 {
				open = append(open, cell)
				continue
			}
			values = values[which : which+1]
		}
		if err := c.figure(cell, values); err != nil {
			return err
		}
	}
	for _, cell := range open { // last, as another row may decide
		if err := c.figure(cell, readings(cell.text)); err != nil {
			return err
		}
	}
	return nil
}

// figure states a cell: with one value, with two that are a doubt, or none.
func (c *csvReader) figure(cell csvCell, values []decimal.Decimal) error {
	if len(values) == 0 {
		return nil
	}
	text := Canonical(values[0])
	if cell.rubric < 0 {
		c.personnelCosts(text)
		return nil
	}
	return c.put(cell.rubric, cell.previous, text, cell.at, func(s *statement) {
		if len(values) > 1 {
			s.readings, s.unclear = values, true
		}
	})
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
	separator := firstSeparator(text)
	var inner [][]byte
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
	key := strings.ToLower(strings.TrimSpace(decodeWestern(inner[0])))
	if len(inner) > 1 && len(inner) <= maxFields && (isAccount(key) || slices.Contains(csvKeys, key)) {
		return inner
	}
	return fields
}

// header reads a row about the document, or about other rubrics. alone says
// that the row has a single field, which then must not be a rubric with its
// value.
func (c *csvReader) header(key, value string, alone bool) error {
	if i := strings.IndexAny(key, ",;\t"); alone && i > 0 {
		if _, _, ok := c.cell(strings.Trim(key[:i], `" `)); ok {
			return c.at.fault("the row of rubric " + strings.Trim(key[:i], `" `) + " is separated in another way than the first row")
		}
	}
	b := &c.balance
	key = strings.ToLower(key)
	if err := c.checkFiling(key, value); err != nil {
		return err
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
		c.dates[0] = value
	case "accounting period end date":
		c.dates[1] = value
	}
	return nil
}

// checkFiling records a row that identifies the filing. One that was there
// before starts a second filing, unless it says the same ahead of all rubrics.
func (c *csvReader) checkFiling(key, value string) error {
	switch key {
	case "entity number":
		if n, err := ParseEnterpriseNumber(value); err == nil {
			value = n.String()
		}
		fallthrough
	case "reference number", "model code", "accounting period end date":
		c.known = true
		c.balance.Layout = NBBCSV
	case "accounting period start date":
	default:
		return nil
	}
	first, again := c.heads[key]
	if again && (c.body || value != first) {
		return c.at.fault("a second filing starts here; save each as a file of its own")
	}
	c.heads[key] = value
	return nil
}

// isAccount reports whether a key is a rubric of the annual accounts, such as
// 10/49 or 8391P.
func isAccount(key string) bool {
	return key != "" && key[0] >= '0' && key[0] <= '9'
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
	return firstSeparator(text)
}

// csvKeys are the keys of the rows about the document that are used.
var csvKeys = []string{"reference number", "entity number", "entity name", "model code", "deposit type", "correction flag",
	"currency", "accounting period start date", "accounting period end date"}

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

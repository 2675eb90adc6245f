package balance

import (
	"errors"
	"strings"

	"github.com/shopspring/decimal"
)

// nbbRows reads the rows of the CSV that the National Bank's Consult offers: two
// columns, a key and a value; first keys about the document, then rubrics of the
// whole annual accounts in no order. They may stand in a text or on a sheet.
type nbbRows struct {
	*builder
	layout   Layout
	known    bool              // a row was there that only the National Bank's CSV has
	heads    map[string]string // what the rows that identify the filing say, by their keys in lower case
	dates    [2]string         // the first and the last day of the year, as they are written
	cells    []nbbCell
	notation notation
	body     bool     // a row of a rubric was there
	at       position // where the row starts
}

func newNBBRows(d *builder, layout Layout) *nbbRows {
	return &nbbRows{builder: d, layout: layout, heads: map[string]string{}}
}

// nbbCell is what a row says of a rubric.
type nbbCell struct {
	rubric   int // -1 for rubric 62
	previous bool
	text     string           // of plainText
	exact    *decimal.Decimal // the value, where the document has a number and no text
	at       position
}

// readRow reads a row: its key, the value and how many fields it has. exact is the value
// of a cell of a sheet that holds a number.
func (c *nbbRows) readRow(key, value string, exact *decimal.Decimal, fields int) error {
	rubric, previous, ok := c.cell(key)
	if !ok && key != incomeStatement {
		if isAccount(key) {
			c.body = true
			if exact == nil {
				c.notation.learn(plainText(value))
			}
		}
		return c.header(key, value, fields == 1)
	}
	c.body = true
	if fields == 1 {
		return c.at.fault("rubric " + key + " has no field for its value")
	}
	if fields > 2 && ok {
		return &ReadError{Line: c.at.line, Column: c.at.column, What: "the value of rubric " + key + " is cut in two by a separator", cause: errMoreFields}
	}
	if !ok {
		rubric = -1
	}
	return c.addCell(rubric, previous, key, value, exact)
}

// errMoreFields says that a row has more fields than the National Bank's CSV, and may
// be one of another table.
var errMoreFields = errors.New("a row has more than two fields")

// addCell saves what a row says of a rubric until the notation of the document is
// known.
func (c *nbbRows) addCell(rubric int, previous bool, key, value string, exact *decimal.Decimal) error {
	text := plainText(value)
	switch {
	case exponent.MatchString(text):
		return c.at.faultOf(CauseShortened, "a spreadsheet has shortened the value of rubric "+key+", so that digits are lost; take the file as it was downloaded")
	case text != "" && (len(text) > 2*maxDigits || len(readings(text)) == 0) && rubric >= 0:
		return c.at.faultOf(CauseNumber, "the value of rubric "+key+" is not a number")
	case len(c.cells) == maxRows:
		return c.at.fault("there are more rows of rubrics than any filing has")
	}
	if text != "" && exact == nil {
		c.notation.learn(text)
	}
	c.cells = append(c.cells, nbbCell{rubric, previous, text, exact, c.at})
	return nil
}

// maxRows bounds the rows of rubrics, of which a filing has one a cell.
const maxRows = 1 << 15

// finish reads the dates and the figures, each in the one notation that the
// document has.
func (c *nbbRows) finish() error {
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
			if cell.rubric >= 0 && len(cell.values()) == 2 {
				learned.learnByForm(&c.data.rubrics[cell.rubric], cell.text)
			}
		}
		*n = learned
	}
	var open []nbbCell
	for _, cell := range c.cells {
		values := cell.values()
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
		if err := c.figure(cell, cell.values()); err != nil {
			return err
		}
	}
	return nil
}

// values returns what a cell can mean.
func (c nbbCell) values() []decimal.Decimal {
	if c.exact != nil {
		return []decimal.Decimal{*c.exact}
	}
	return readings(c.text)
}

// figure states a cell: with one value, with two that are a doubt, or none.
func (c *nbbRows) figure(cell nbbCell, values []decimal.Decimal) error {
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

// header reads a row about the document, or about other rubrics. alone says
// that the row has a single field, which then must not be a rubric with its
// value.
func (c *nbbRows) header(key, value string, alone bool) error {
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
func (c *nbbRows) checkFiling(key, value string) error {
	switch key {
	case "entity number":
		if n, err := ParseEnterpriseNumber(value); err == nil {
			value = n.String()
		}
		fallthrough
	case "reference number", "model code", "accounting period end date":
		c.known = true
		c.balance.Layout = c.layout
	case "accounting period start date":
	default:
		return nil
	}
	first, again := c.heads[key]
	if again && (c.body || value != first) {
		return c.at.faultOf(CauseClients, "a second filing starts here; save each as a file of its own")
	}
	c.heads[key] = value
	return nil
}

// isAccount reports whether a key is a rubric of the annual accounts, such as
// 10/49 or 8391P.
func isAccount(key string) bool {
	return key != "" && key[0] >= '0' && key[0] <= '9'
}

// csvKeys are the keys of the rows about the document that are used.
var csvKeys = []string{"reference number", "entity number", "entity name", "model code", "deposit type", "correction flag",
	"currency", "accounting period start date", "accounting period end date"}

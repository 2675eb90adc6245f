package balance

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Table names the columns of a table by their heads, for a layout that balansd does
// not know by itself. It has either a row for each rubric, with Code and Current, or
// one row with a column for each rubric, which Columns names. Upper and lower case and
// blanks around and between the words of a head do not count.
type Table struct {
	Name     string            // for people
	Code     string            // head of the column with the codes, such as 1003 or 1003P
	Current  string            // of the amounts of the financial year
	Previous string            // of those of the year before; may be empty, as all that follow
	Columns  map[string]string // the head of each rubric, by its code, such as 1003 or 1003P
	Number   string            // of the enterprise number
	Client   string            // of the name of the enterprise
	Year     string            // of the financial year: a calendar year such as 2024, or its last day
	Start    string            // of its first day
	End      string            // of its last day, which goes before Year
}

// TableMistake is what is wrong with a Table.
type TableMistake struct {
	Column string // the field, in lower case; columns.1003 for one of Columns
	What   string
	Right  string // what to do
}

// Mistakes returns what is wrong with the table, in a fixed order.
func (t Table) Mistakes() (all []TableMistake) {
	add := func(column, what, right string) { all = append(all, TableMistake{column, what, right}) }
	switch {
	case strings.TrimSpace(t.Code) == "" && len(t.Columns) == 0:
		add("code", "is missing", "name the head of the column with the codes of the rubrics, or set columns where each rubric has a column")
	case t.Code != "" && len(t.Columns) > 0:
		add("columns", "code is set as well", "keep code for a table with a row for each rubric, columns for one with a column for each")
	case t.Code != "" && t.Current == "" && t.Previous == "":
		add("current", "is missing", "name the head of the column with the amounts of the financial year")
	case len(t.Columns) > 0 && t.Current+t.Previous != "":
		add("current", "columns is set as well", "leave it out: the code says of which year a column is, such as 1003P")
	}
	for _, code := range slices.Sorted(maps.Keys(t.Columns)) {
		if _, err := ParseCell(code); err != nil {
			add("columns."+code, err.Error(), "write a code as on the form, such as 1003, or 1003P for the previous year")
		}
	}
	if t.Start != "" && t.End == "" {
		add("end", "is missing", "name the head of the column with the last day of the financial year")
	}
	seen := map[string]string{}
	for _, h := range t.heads() {
		head := plainHeadText(h.text)
		if first, ok := seen[head]; ok {
			add(h.key, fmt.Sprintf("%q is the head of %s as well", h.text, first), "name each column once")
		}
		seen[head] = h.key
	}
	return all
}

// mappedHead is a head of a Table: key is the field that names it.
type mappedHead struct{ key, text string }

// heads lists the heads that a table names.
func (t Table) heads() (heads []mappedHead) {
	for _, h := range []mappedHead{{"code", t.Code}, {"current", t.Current}, {"previous", t.Previous}, {"number", t.Number},
		{"client", t.Client}, {"year", t.Year}, {"start", t.Start}, {"end", t.End}} {
		if strings.TrimSpace(h.text) != "" {
			heads = append(heads, h)
		}
	}
	for _, code := range slices.Sorted(maps.Keys(t.Columns)) {
		heads = append(heads, mappedHead{"columns." + code, t.Columns[code]})
	}
	return heads
}

func plainHeadText(s string) string { return strings.Join(strings.Fields(strings.ToLower(s)), " ") }

// readMapped reads the table that a person has described, if the document has it: a
// line with all its heads.
func (t *tableReader) readMapped(tables []Table) (found bool, err error) {
	for _, m := range tables {
		for _, p := range t.pages {
			lines := linesOfWords(p.words, 3)
			for i, line := range lines {
				columns := m.columnsIn(p, line)
				switch {
				case columns == nil:
					continue
				case p.cells:
					err = t.readMappedRows(m, p, columns, lines[i+1:])
				default:
					err = t.readMappedPage(p, columns, line, lines[i+1:])
				}
				if found = true; err != nil {
					return true, err
				}
				break
			}
		}
		if found {
			return true, nil
		}
	}
	return false, nil
}

// columnsIn finds the heads of a table in a line, by the fields that name them. It
// returns nil where one is not there.
func (t Table) columnsIn(p *textPage, line []textWord) map[string]textWord {
	if len(t.Columns) > 0 && !p.cells { // a page has no room for that
		return nil
	}
	columns := map[string]textWord{}
	texts := wholeTexts(p, line)
	for _, h := range t.heads() {
		i := slices.IndexFunc(texts, func(w textWord) bool { return plainHeadText(w.text) == plainHeadText(h.text) })
		if i < 0 {
			return nil
		}
		columns[h.key] = texts[i]
	}
	return columns
}

// readMappedPage reads the rows below the heads on a page, where amounts stand beside
// their heads rather than right under them.
func (t *tableReader) readMappedPage(p *textPage, columns map[string]textWord, heads []textWord, lines [][]textWord) error {
	table := &dataTable{page: p}
	for _, w := range wholeTexts(p, heads) {
		if w.x <= columns["code"].x {
			continue
		}
		c := &tableColumn{textWord: w}
		switch w {
		case columns["current"]:
			c.known, c.year = true, yearCurrent
		case columns["previous"]:
			c.known, c.year = true, yearPrevious
		}
		table.columns = append(table.columns, c)
	}
	for _, line := range lines {
		if row, ok := rowOf(p, line, columns["code"], math.Inf(1)); ok {
			table.rows = append(table.rows, row)
		}
	}
	t.tables = append(t.tables, table)
	return t.readTable(table)
}

// readMappedRows reads the rows below the heads of a sheet or a CSV.
func (t *tableReader) readMappedRows(m Table, p *textPage, columns map[string]textWord, lines [][]textWord) error {
	table := &dataTable{page: p}
	var about mappedIdentity
	for _, line := range lines {
		in := func(key string) textWord {
			head, ok := columns[key]
			i := slices.IndexFunc(line, func(w textWord) bool { return ok && w.overlaps(head) })
			if i < 0 {
				return textWord{}
			}
			return line[i]
		}
		before := len(t.cells)
		if err := t.readMappedRow(m, p, in); err != nil {
			return err
		}
		if len(t.cells) == before {
			continue
		}
		table.rows = append(table.rows, tableRow{word: line[0]})
		if m.Code == "" && len(table.rows) > 1 {
			return t.fault(p.place(line[0]), CauseClients, "a second client starts here in the table "+clip(m.Name)+"; save the row of each client, with the heads, as a file of its own")
		}
		if err := about.add(t, m, p, in); err != nil {
			return err
		}
	}
	t.tables = append(t.tables, table)
	if t.mapped == (mappedIdentity{}) {
		t.mapped = about
	}
	return nil
}

// readMappedRow reads the amounts of a row.
func (t *tableReader) readMappedRow(m Table, p *textPage, in func(string) textWord) error {
	add := func(cell Cell, w textWord) error {
		read, err := t.amountOf(w, []Cell{cell}, false, p.place(w))
		t.cells = append(t.cells, read...)
		for _, a := range read {
			t.codes[a.cells[0].Code] = true
		}
		return err
	}
	for code := range m.Columns {
		if cell, err := ParseCell(code); err == nil && in("columns."+code).text != "" {
			if err := add(cell, in("columns."+code)); err != nil {
				return err
			}
		}
	}
	code := codeText(in("code"))
	rubric, previous, ok := t.cell(code)
	if !ok {
		return nil
	}
	r := t.data.rubrics[rubric]
	if w := in("current"); w.text != "" && (!previous || r.HasPrevious()) {
		if err := add(Cell{r.Code, previous}, w); err != nil {
			return err
		}
	}
	if w := in("previous"); w.text != "" && !previous && r.HasPrevious() {
		return add(Cell{r.Code, true}, w)
	}
	return nil
}

// mappedIdentity is what the rows of a table say of the filing they are of.
type mappedIdentity struct{ number, client, year, start, end string }

// add takes what a row says. Rows of a second client, or of a second year, are
// refused.
func (i *mappedIdentity) add(t *tableReader, m Table, p *textPage, in func(string) textWord) error {
	for _, f := range []struct {
		key   string
		value *string
	}{{"number", &i.number}, {"client", &i.client}, {"year", &i.year}, {"start", &i.start}, {"end", &i.end}} {
		w := in(f.key)
		text := strings.TrimSpace(w.text)
		if text == "" {
			continue
		}
		if n, err := ParseEnterpriseNumber(text); err == nil && f.key == "number" {
			text = n.String()
		}
		switch {
		case *f.value == "":
			*f.value = text
		case *f.value != text && f.key != "client":
			return t.fault(p.place(w), CauseClients, "the figures of a second client or year start here in the table "+clip(m.Name)+"; save the rows of each, with the heads, as a file of its own")
		}
	}
	return nil
}

// identifyMapped takes what the columns of a described table say of the filing, which
// goes before the lines around it.
func (t *tableReader) identifyMapped() {
	i := t.mapped
	if i.number != "" {
		t.balance.EnterpriseNumber = ""
		t.enterprise(i.number)
	}
	if i.client != "" {
		t.balance.Name = clip(i.client)
	}
	if y, err := strconv.Atoi(i.year); err == nil && y > 1900 && y < 3000 && i.end == "" {
		t.takeYear(Period{Date{y, 1, 1}, Date{y, 12, 31}})
		return
	}
	if i.year != "" && i.end == "" { // a column of years may hold their last days
		i.end = i.year
	}
	if dates, ok := readDates(i.start, i.end); ok[1] {
		t.takeYear(Period{dates[0], dates[1]})
	} else if i.end != "" {
		t.addFinding("fiscal_year_end", nil, args{"text": clip(i.end)})
	}
}

// takeYear takes the financial year that a column says, whatever the lines around the
// table left open.
func (t *tableReader) takeYear(p Period) {
	t.balance.FiscalYear = p
	t.balance.Doubts = slices.DeleteFunc(t.balance.Doubts, func(d Doubt) bool { return d.Kind == DoubtfulYear })
	t.balance.Findings = slices.DeleteFunc(t.balance.Findings, func(f Finding) bool { return f.Rule == "year_alone" || f.Rule == "year_unsure" })
}

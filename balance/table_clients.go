package balance

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// maxClientsTable bounds a table of several clients, in bytes.
const maxClientsTable = 8 << 20

// clientRows is what a table of several clients says of one of them, as a table of
// its own.
type clientRows struct {
	number EnterpriseNumber
	text   []byte
}

// clientsTable returns the table of each client, where a CSV has rows of several:
// then one of its columns is that of their enterprise numbers, and it has a row or a
// column for each rubric. Of any other document it returns none.
func clientsTable(src io.ReaderAt, size int64, head []byte, limits ArchiveLimits) []clientRows {
	start := bytes.ReplaceAll(trimStart(head), []byte{0}, nil)
	if size > maxClientsTable || len(start) == 0 || bytes.ContainsAny(start[:1], "<{[%") || len(EnterpriseNumbersIn(string(start))) == 0 {
		return nil
	}
	decoded, err := decodeText(io.NewSectionReader(src, 0, size), head)
	if err != nil {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(decoded, maxClientsTable))
	if err != nil {
		return nil
	}
	return splitClients(text, limits)
}

// splitClients takes the text of a table apart. What would exceed the limits stays
// whole.
func splitClients(text []byte, limits ArchiveLimits) []clientRows {
	separator := commonSeparator(text)
	var lines [][]byte
	var fields [][]string
	for line := range bytes.Lines(text) {
		var texts []string
		for _, f := range splitFieldsAt(bytes.TrimRight(line, "\r\n"), separator) {
			texts = append(texts, strings.TrimSpace(decodeWestern(f)))
		}
		lines, fields = append(lines, line), append(fields, texts)
	}
	column := numberColumn(fields)
	first := slices.IndexFunc(fields, func(f []string) bool { return numberAt(f, column) != "" })
	if column < 0 || !haveRubrics(fields, first, column) {
		return nil
	}
	above := bytes.Join(lines[:first], nil)
	var all []clientRows
	index := map[EnterpriseNumber]int{}
	total := int64(len(text))
	for i := first; i < len(lines); i++ {
		n := numberAt(fields[i], column)
		if n == "" { // a blank line, or a sum
			continue
		}
		k, known := index[n]
		if !known {
			about := identityLines(fields, first, i, column, separator)
			if total += int64(len(about) + len(above) + 1); total > limits.Unpacked || len(all) == limits.Files {
				return nil
			}
			k, index[n] = len(all), len(all)
			all = append(all, clientRows{n, slices.Concat(about, above)})
		}
		all[k].text = append(all[k].text, lines[i]...)
		if !bytes.HasSuffix(lines[i], []byte("\n")) {
			all[k].text = append(all[k].text, '\n')
		}
	}
	return all
}

// numberAt returns the enterprise number in a column of a row, if there is one.
func numberAt(row []string, column int) EnterpriseNumber {
	if column < 0 || column >= len(row) {
		return ""
	}
	n, err := ParseEnterpriseNumber(row[column])
	if err != nil {
		return ""
	}
	return n
}

// numberColumn returns the column in which most rows have an enterprise number, of two
// or more enterprises; -1 for none.
func numberColumn(fields [][]string) int {
	rows := map[int]int{}
	numbers := map[int][]EnterpriseNumber{}
	best := -1
	for _, row := range fields {
		for c := range row {
			n := numberAt(row, c)
			if n == "" {
				continue
			}
			rows[c]++
			if len(numbers[c]) < 2 && !slices.Contains(numbers[c], n) {
				numbers[c] = append(numbers[c], n)
			}
		}
	}
	for c := range rows {
		if len(numbers[c]) > 1 && (best < 0 || rows[c] > rows[best] || rows[c] == rows[best] && c < best) {
			best = c
		}
	}
	return best
}

// haveRubrics reports whether rows, from the first one with an enterprise number on,
// have a column of rubric codes, or stand under heads that are some.
func haveRubrics(fields [][]string, first, column int) bool {
	data := loaded()
	heads := 0
	if first > 0 {
		for _, text := range fields[first-1] {
			if data.isKnownCode(text) {
				heads++
			}
		}
	}
	rows, codes := 0, map[int]int{}
	for _, row := range fields[first:] {
		if numberAt(row, column) == "" {
			continue
		}
		rows++
		for c, text := range row {
			if c != column && data.isKnownCode(text) {
				codes[c]++
			}
		}
	}
	coded := false
	for _, n := range codes {
		coded = coded || n*2 > rows
	}
	return heads > 2 || coded
}

// identityLines writes what the columns of a table say of the client of a row as lines
// above a table: the number, and the name and the financial year under heads that are
// known.
func identityLines(fields [][]string, first, row, column int, separator byte) []byte {
	var name, start, end, year string
	if first > 0 {
		for c, head := range fields[first-1][:min(len(fields[first-1]), len(fields[row]))] {
			text, head := fields[row][c], strings.ToLower(head)
			_, isDate := readDate(text, false)
			switch {
			case strings.ContainsAny(text, string(separator)+`"`): // it would be read as something else
			case nameLabel.MatchString(head):
				name = text
			case plainYear.MatchString(text) && headedYear(head) == yearCurrent:
				year = text
			case isDate && endLabel.MatchString(head):
				end = text
			case isDate && startLabel.MatchString(head):
				start = text
			}
		}
	}
	lines := [][]string{{"Ondernemingsnummer", numberAt(fields[row], column).String()}}
	if name != "" {
		lines = append(lines, []string{"Naam", name})
	}
	if start != "" && end != "" {
		lines = append(lines, []string{"Boekjaar van", start, "tot", end})
	} else if year != "" {
		lines = append(lines, []string{"Boekjaar", year})
	}
	var b bytes.Buffer
	for _, words := range lines {
		b.WriteString(strings.Join(words, string(separator)) + "\n")
	}
	return b.Bytes()
}

var plainYear = regexp.MustCompile(`^(?:19|20)\d{2}$`)

// readWide reads a table with a column for each rubric, of which the codes are the
// heads, and one row. It reports whether there is one.
func (t *tableReader) readWide() (bool, error) {
	for _, p := range t.pages {
		lines := linesOfWords(p.words, 3)
		for i := 0; p.cells && i+1 < len(lines); i++ {
			heads := slices.DeleteFunc(slices.Clone(lines[i]), func(w textWord) bool { return !t.data.isKnownCode(codeText(w)) })
			if len(heads) < 3 || len(lines[i+1]) < 3 {
				continue
			}
			if i+2 < len(lines) && len(lines[i+2]) > 2 {
				return true, t.fault(p.place(lines[i+2][0]), CauseClients, "a second row starts here in a table with a column for each rubric; save the row of each client, with the heads, as a file of its own")
			}
			return true, t.readWideRow(p, heads, lines[i+1])
		}
	}
	return false, nil
}

func (t *tableReader) readWideRow(p *textPage, heads, row []textWord) error {
	for _, h := range heads {
		rubric, previous, ok := t.cell(codeText(h))
		i := slices.IndexFunc(row, h.overlaps)
		if !ok || i < 0 {
			continue
		}
		read, err := t.amountOf(row[i], []Cell{{t.data.rubrics[rubric].Code, previous}}, false, p.place(row[i]))
		if err != nil {
			return err
		}
		t.cells = append(t.cells, read...)
		t.codes[t.data.rubrics[rubric].Code] = true
	}
	return nil
}

// severalClients refuses a table whose rows, or a document whose sheets or pages, are
// of several clients: their figures would be taken for those of one.
func (t *tableReader) severalClients() error {
	var of []EnterpriseNumber
	for _, p := range t.pages {
		for _, line := range t.linesInside(p) {
			for _, w := range line {
				if n, err := ParseEnterpriseNumber(w.text); err == nil && !slices.Contains(of, n) {
					of = append(of, n)
				}
			}
		}
	}
	if len(of) > 1 {
		return t.fault(t.tables[0].page.place(t.tables[0].rows[0].word), CauseClients, fmt.Sprintf("the table has rows of %d clients; save it as a CSV, of which each client's rows are read, or save those of each client as a file of its own", len(of)))
	}
	t.inRows = slices.Clone(of)
	for _, p := range t.pages {
		if !slices.ContainsFunc(t.tables, func(table *dataTable) bool { return table.page == p && len(table.columns) > 0 && t.isSocial(table) }) {
			continue
		}
		for _, line := range t.linesOutside(p) {
			if !numberLabel.MatchString(strings.ToLower(lineText(line))) {
				continue
			}
			if found := EnterpriseNumbersIn(lineText(line)); len(found) == 1 && !slices.Contains(of, found[0]) {
				of = append(of, found[0])
			}
		}
	}
	if len(of) > 1 && len(t.pages) > 1 {
		return &ReadError{Kind: CauseClients, Layout: t.balance.Layout, What: fmt.Sprintf("the document has social balances of %d clients; save the pages or the sheet of each as a file of its own", len(of))}
	}
	return nil
}

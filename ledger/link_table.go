package ledger

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"balansd/balance"
)

// LinkRow is a dossier with its link: a row of a table that people edit.
type LinkRow struct {
	Line int
	Link DossierLink
	// Given are the columns that the table has: what it lacks stays as it is.
	Given map[string]bool

	DossierName   string
	DossierNumber balance.EnterpriseNumber
	CompanyName   string
	CompanyNumber balance.EnterpriseNumber
	GoesTo        string // the company of the newest balance
}

// LinkMistake is what is wrong with a row.
type LinkMistake struct {
	Line  int    `json:"line"`            // from 1; the first has the headings
	What  string `json:"what"`            // a clause
	Right string `json:"right,omitempty"` // what would be right
	// Code and Values tell it in another language: one of LinkMistakeCodes with what
	// What names, in its order. Code is empty for a problem, whose code is Problem.
	Code    string   `json:"code,omitempty"`
	Values  []string `json:"values,omitempty"`
	Problem string   `json:"problem,omitempty"`
}

// Error returns what is wrong.
func (m *LinkMistake) Error() string { return m.What }

// LinkMistakeCodes lists the codes of mistakes.
func LinkMistakeCodes() []string {
	return []string{"not_utf8", "no_headings", "unreadable", "too_many", "unknown_column", "column_twice", "column_missing", "firm_or_company",
		"field_count", "no_dossier", "company_without_firm", "bad_id", "bad_start", "bad_yes", "long_note", "bad_number", "twice",
		"dossier_number", "dossier_name", "company_number", "company_name", "unknown_dossier", "unknown_company", "configured"}
}

// NewLinkMistake returns a mistake: its code, what is wrong, what would be right, and the
// values that What names.
func NewLinkMistake(code, what, right string, values ...any) *LinkMistake {
	m := &LinkMistake{Code: code, What: what, Right: right}
	for _, v := range values {
		m.Values = append(m.Values, fmt.Sprint(v))
	}
	return m
}

// at returns the mistake in a line.
func (m *LinkMistake) at(line int) LinkMistake {
	m.Line = line
	return *m
}

// The columns of a table of links. Those after ColumnNote are for people: a name or
// number that contradicts the rest is a mistake, and the last two are not read.
const (
	ColumnConnection    = "connection"
	ColumnDossier       = "dossier"
	ColumnFirm          = "firm"
	ColumnCompany       = "company"
	ColumnFrom          = "from"
	ColumnPaused        = "paused"
	ColumnNote          = "note"
	ColumnNumberDiffers = "number_differs"
	ColumnDossierName   = "dossier_name"
	ColumnDossierNumber = "dossier_number"
	ColumnCompanyName   = "company_name"
	ColumnCompanyNumber = "company_number"
	columnGoesTo        = "goes_to"
	columnSetIn         = "set_in"
)

// linkColumns returns the columns in the order in which they are written.
func linkColumns() []string {
	return []string{ColumnConnection, ColumnDossier, ColumnDossierName, ColumnDossierNumber, ColumnFirm, ColumnCompany, ColumnCompanyName,
		ColumnCompanyNumber, ColumnFrom, ColumnPaused, ColumnNote, ColumnNumberDiffers, columnGoesTo, columnSetIn}
}

// WriteLinks writes a table of links, as Export does: for Excel with Belgian settings.
func WriteLinks(w io.Writer, rows []LinkRow) error {
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return err
	}
	table := csv.NewWriter(w)
	table.Comma, table.UseCRLF = ';', true
	if err := table.Write(linkColumns()); err != nil {
		return err
	}
	number := func(n balance.EnterpriseNumber) string {
		if n == "" {
			return ""
		}
		return "BE " + n.Pretty() // else Excel would take it for a figure
	}
	id := func(n int64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	for _, r := range rows {
		l := r.Link
		paused, setIn, word := "", "", ""
		if l.Paused {
			paused = "yes"
		}
		if !l.SaysNothing() {
			setIn = "state"
		}
		if l.Configured {
			setIn = "configuration"
		}
		if l.NumberDiffers.Confirmed() {
			word = l.NumberDiffers.Company
		}
		row := []string{l.Connection, l.DossierID, r.DossierName, number(r.DossierNumber), id(l.FirmID), id(l.CompanyID), r.CompanyName,
			number(r.CompanyNumber), l.FromText(), paused, l.Note, word, r.GoesTo, setIn}
		for i, text := range row {
			row[i] = Harmless(text)
		}
		if err := table.Write(row); err != nil {
			return err
		}
	}
	table.Flush()
	return table.Error()
}

// maxLinkRows bounds a table of links.
const maxLinkRows = 100_000

// ReadLinks reads a table of links: with semicolons, commas or tabs between its columns,
// which may stand in any order. Only connection and dossier must be there.
func ReadLinks(data []byte) (rows []LinkRow, mistakes []LinkMistake) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) {
		return nil, []LinkMistake{NewLinkMistake("not_utf8", "the file is not UTF-8", "save it as CSV UTF-8").at(1)}
	}
	head, _, _ := bytes.Cut(data, []byte("\n"))
	table := csv.NewReader(bytes.NewReader(data))
	table.Comma, table.FieldsPerRecord = separator(string(head)), -1
	columns, err := table.Read()
	if err != nil {
		return nil, []LinkMistake{NewLinkMistake("no_headings", "the file has no row of headings", "export the links, and change that file").at(1)}
	}
	if mistakes = checkLinkColumns(columns); len(mistakes) > 0 {
		return nil, mistakes
	}
	seen := map[[2]string]int{}
	for {
		fields, err := table.Read()
		if errors.Is(err, io.EOF) {
			return rows, mistakes
		}
		line, _ := table.FieldPos(0)
		switch {
		case err != nil:
			bad := &csv.ParseError{}
			if errors.As(err, &bad) {
				line = bad.Line
			}
			return rows, append(mistakes, NewLinkMistake("unreadable", "the row cannot be read: "+csvCause(err), "write a field that holds quotation marks in quotation marks").at(line))
		case len(rows) == maxLinkRows:
			return rows, append(mistakes, NewLinkMistake("too_many", fmt.Sprintf("the table has more than %d rows", maxLinkRows), "split it", maxLinkRows).at(line))
		case !slices.ContainsFunc(fields, func(f string) bool { return strings.TrimSpace(f) != "" }):
			continue
		}
		r, wrong := readLinkRow(columns, fields)
		r.Line = line
		key := [2]string{r.Link.Connection, FoldName(r.Link.DossierID)}
		if first, twice := seen[key]; wrong == nil && twice {
			wrong = NewLinkMistake("twice", fmt.Sprintf("dossier %.60q of %.60q is in line %d already", r.Link.DossierID, r.Link.Connection, first),
				"keep one of the two rows", r.Link.DossierID, r.Link.Connection, first)
		}
		seen[key] = line
		if wrong != nil {
			mistakes = append(mistakes, wrong.at(line))
			continue
		}
		rows = append(rows, r)
	}
}

func csvCause(err error) string {
	if bad := (*csv.ParseError)(nil); errors.As(err, &bad) {
		return bad.Err.Error()
	}
	return err.Error()
}

// separator returns the sign that stands between most headings.
func separator(head string) rune {
	best := ';'
	for _, sign := range []rune{',', '\t'} {
		if strings.Count(head, string(sign)) > strings.Count(head, string(best)) {
			best = sign
		}
	}
	return best
}

// checkLinkColumns cleans the headings in place, and returns what is wrong with them.
func checkLinkColumns(columns []string) (mistakes []LinkMistake) {
	known := linkColumns()
	for i, c := range columns {
		columns[i] = strings.ToLower(strings.TrimSpace(c))
		switch {
		case !slices.Contains(known, columns[i]):
			mistakes = append(mistakes, NewLinkMistake("unknown_column", fmt.Sprintf("there is no column %.40q", c), "known are "+strings.Join(known, ", "), c, strings.Join(known, ", ")).at(1))
		case slices.Contains(columns[:i], columns[i]):
			mistakes = append(mistakes, NewLinkMistake("column_twice", fmt.Sprintf("the column %s is there twice", columns[i]), "keep one of the two", columns[i]).at(1))
		}
	}
	for _, needed := range []string{ColumnConnection, ColumnDossier} {
		if !slices.Contains(columns, needed) {
			mistakes = append(mistakes, NewLinkMistake("column_missing", "the column "+needed+" is missing", "export the links, and change that file", needed).at(1))
		}
	}
	if slices.Contains(columns, ColumnFirm) != slices.Contains(columns, ColumnCompany) {
		mistakes = append(mistakes, NewLinkMistake("firm_or_company", "of the columns firm and company only one is there", "give both, or neither").at(1))
	}
	return mistakes
}

// readLinkRow reads one row; wrong is nil for nothing.
func readLinkRow(columns, fields []string) (r LinkRow, wrong *LinkMistake) {
	if len(fields) != len(columns) {
		return r, NewLinkMistake("field_count", fmt.Sprintf("the row has %d fields, and there are %d headings", len(fields), len(columns)),
			"put a field under each heading", len(fields), len(columns))
	}
	r.Given = map[string]bool{}
	for i, column := range columns {
		text := unescape(strings.TrimSpace(fields[i]))
		r.Given[column] = true
		if wrong = r.set(column, text); wrong != nil {
			return r, wrong
		}
	}
	switch l := r.Link; {
	case l.Connection == "" || l.DossierID == "":
		return r, NewLinkMistake("no_dossier", "the row names no connection or no dossier", "name both")
	case l.CompanyID != 0 && l.FirmID == 0:
		return r, NewLinkMistake("company_without_firm", "a company is named without its firm", "give the firm, the number after /f/ in Silverfin's address bar")
	}
	return r, nil
}

// set sets a field by its text; it returns what is wrong with it, nil for nothing.
func (r *LinkRow) set(column, text string) *LinkMistake {
	var err error
	l := &r.Link
	switch column {
	case ColumnConnection:
		l.Connection = text
	case ColumnDossier:
		l.DossierID = text
	case ColumnFirm, ColumnCompany:
		id := &l.FirmID
		if column == ColumnCompany {
			id = &l.CompanyID
		}
		if *id, err = strconv.ParseInt("0"+text, 10, 64); err != nil || *id == 0 && text != "" {
			return NewLinkMistake("bad_id", fmt.Sprintf("%.40q is no %s", text, column), "take the number from Silverfin's address bar", text, column)
		}
	case ColumnFrom:
		if l.From, l.All, err = ParseFrom(text); err != nil {
			return NewLinkMistake("bad_start", fmt.Sprintf("%.40q is no start", text), "write activation, all, or a date as 2025-07-01", text)
		}
	case ColumnPaused:
		var ok bool
		if l.Paused, ok = readYes(text); !ok {
			return NewLinkMistake("bad_yes", fmt.Sprintf("%.40q in the column paused is neither yes nor no", text), "write yes, or leave it empty", text)
		}
	case ColumnNote:
		l.Note = text
		if utf8.RuneCountInString(text) > MaxNote {
			return NewLinkMistake("long_note", fmt.Sprintf("the note has more than %d characters", MaxNote), "shorten it", MaxNote)
		}
	case ColumnNumberDiffers:
		l.NumberDiffers.Company = text
	default:
		return r.setSide(column, text)
	}
	return nil
}

// setSide sets a field that is for people by its text; it returns what is wrong with it,
// nil for nothing.
func (r *LinkRow) setSide(column, text string) *LinkMistake {
	var err error
	switch column {
	case ColumnDossierName:
		r.DossierName = text
	case ColumnCompanyName:
		r.CompanyName = text
	case ColumnDossierNumber:
		r.DossierNumber, err = balance.ParseEnterpriseNumber(text)
	case ColumnCompanyNumber:
		r.CompanyNumber, err = balance.ParseEnterpriseNumber(text)
	}
	if err != nil && text != "" {
		return NewLinkMistake("bad_number", fmt.Sprintf("%.40q in the column %s is no enterprise number", text, column),
			"write it as BE 0402.754.886, or leave it empty", text, column)
	}
	return nil
}

// readYes reads a yes or no in the languages of the pages; an empty text is a no.
func readYes(text string) (yes, ok bool) {
	switch strings.ToLower(text) {
	case "yes", "ja", "oui", "true", "1", "x":
		return true, true
	case "", "no", "nee", "non", "nein", "false", "0":
		return false, true
	default:
		return false, false
	}
}

// unescape takes away what Harmless put before a text.
func unescape(text string) string {
	if rest, ok := strings.CutPrefix(text, "'"); ok && Harmless(rest) != rest {
		return rest
	}
	return text
}

// Contradicts says what in a row, written for people, is not so of its two sides: a table
// that was moved by a row must link nothing. An empty field contradicts nothing.
func (r LinkRow) Contradicts(d Dossier, c Company) *LinkMistake {
	const right = "correct the row, or leave that field empty"
	differ := func(a, b balance.EnterpriseNumber) bool { return a != "" && b != "" && a != b }
	switch {
	case differ(r.DossierNumber, d.EnterpriseNumber):
		return NewLinkMistake("dossier_number", fmt.Sprintf("the row says enterprise number %s of dossier %.60q, which has %s", r.DossierNumber.Pretty(), d.ID, d.EnterpriseNumber.Pretty()),
			right, r.DossierNumber.Pretty(), d.ID, d.EnterpriseNumber.Pretty())
	case r.DossierName != "" && d.Name != "" && FoldName(r.DossierName) != FoldName(d.Name):
		return NewLinkMistake("dossier_name", fmt.Sprintf("the row calls dossier %.60q %.60q, and it is %.60q", d.ID, r.DossierName, d.Name), right, d.ID, r.DossierName, d.Name)
	case c.ID == 0:
		return nil
	case differ(r.CompanyNumber, c.NumberBeside(r.CompanyNumber)):
		return NewLinkMistake("company_number", fmt.Sprintf("the row says enterprise number %s of company %d, %s, which has %s", r.CompanyNumber.Pretty(), c.ID, c.Name, c.NumberBeside(r.CompanyNumber).Pretty()),
			right, r.CompanyNumber.Pretty(), c.Name, c.NumberBeside(r.CompanyNumber).Pretty())
	case r.CompanyName != "" && FoldName(strings.Join(strings.Fields(r.CompanyName), " ")) != FoldName(strings.Join(strings.Fields(c.Name), " ")):
		return NewLinkMistake("company_name", fmt.Sprintf("the row calls company %d %.60q, and in Silverfin it is %.60q", c.ID, r.CompanyName, c.Name), right, c.ID, r.CompanyName, c.Name)
	default:
		return nil
	}
}

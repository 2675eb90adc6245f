package source

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"balansd/administration"
	"balansd/balance"
	"balansd/internal/clip"
	"balansd/problem"
)

const (
	// maxListFile bounds a list, in bytes. 100,000 clients are about 15 MB of CSV.
	maxListFile = 128 << 20
	// maxListValue bounds a value of a list, in characters. The longest name in the KBO
	// has 320.
	maxListValue = 500
)

// Sheets reads the rows of workbooks: a documentreader.Reader does so in a process of its
// own.
type Sheets interface {
	ReadSheets(ctx context.Context, document io.Reader, sheet string, each func(balance.SheetRow) error) error
}

// ClientListConfig says where a list of clients is, and what its columns hold.
type ClientListConfig struct {
	Name    string            // of the source
	File    string            // a CSV or a workbook (.xlsx)
	Sheet   string            // of a workbook; empty for the first that has the columns
	Columns map[string]string // heads that are not known by themselves, by what the column holds
	Sheets  Sheets
}

// Mistake is what is wrong with a setting of a source.
type Mistake struct{ Setting, What, Right string }

// Mistakes returns what is wrong with the columns.
func (c ClientListConfig) Mistakes() []Mistake { return columnMistakes(c.Columns) }

// ClientList is a list of clients that an administration package exports.
type ClientList struct{ cfg ClientListConfig }

// NewClientList returns the source of a list.
func NewClientList(cfg ClientListConfig) (*ClientList, error) {
	if m := cfg.Mistakes(); len(m) > 0 {
		return nil, problem.New(problem.ConfigInvalid, fmt.Sprintf("the columns of the list %s cannot be used: %s %s", cfg.Name, m[0].Setting, m[0].What), "Change the configuration: "+m[0].Right+".")
	}
	return &ClientList{cfg}, nil
}

// Info implements administration.Source. Which of the fields a list has its heads say.
func (l *ClientList) Info() administration.Info {
	fields := slices.DeleteFunc(administration.Fields(), func(f administration.Field) bool { return f == administration.Directors })
	return administration.Info{Name: l.cfg.Name, Kind: administration.ClientList, Fields: fields}
}

// List implements administration.Source: it lists every client of the file.
func (l *ClientList) List(ctx context.Context, _ administration.Query, yield func(administration.Record) error) (administration.Report, error) {
	report := administration.Report{From: []string{filepath.Base(l.cfg.File)}}
	data, changed, err := l.readFile()
	if err != nil {
		return report, err
	}
	report.AsOf = changed
	rows := &listRows{columns: l.cfg.Columns, file: filepath.Base(l.cfg.File), report: &report, asOf: changed, byKey: map[string]int{}}
	if balance.FormatOf(data) == balance.FormatWorkbook {
		err = l.cfg.Sheets.ReadSheets(ctx, bytes.NewReader(data), l.cfg.Sheet, rows.addSheetRow)
	} else {
		err = readDelimited(ctx, data, rows.add)
	}
	if err == nil {
		err = rows.finish()
	}
	if err != nil {
		return report, l.unreadable(ctx, err)
	}
	return report, yieldAll(ctx, &report, rows.records, yield)
}

// yieldAll lists the records that were read.
func yieldAll(ctx context.Context, report *administration.Report, records []administration.Record, yield func(administration.Record) error) error {
	for _, r := range records {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := yield(r); err != nil {
			return err
		}
		report.Found++
	}
	return nil
}

// readFile reads the file, and returns when it was changed last. One that is written to
// meanwhile is not whole.
func (l *ClientList) readFile() (data []byte, changed time.Time, err error) {
	fail := func(err error) ([]byte, time.Time, error) {
		next := "Check administration.lists in the configuration, and that the account of the service may read the file."
		if errors.Is(err, fs.ErrNotExist) {
			next = "Export the list again to that place, or name another file in administration.lists of the configuration."
		}
		return nil, time.Time{}, problem.Wrap(pathless(err), problem.AdministrationDown, fmt.Sprintf("the list %s of clients, %s, cannot be read", l.cfg.Name, l.cfg.File), next)
	}
	f, err := os.Open(l.cfg.File)
	if err != nil {
		return fail(err)
	}
	defer func() { _ = f.Close() }()
	before, err := f.Stat()
	switch {
	case err != nil:
		return fail(err)
	case !before.Mode().IsRegular():
		return fail(errors.New("it is no file"))
	case before.Size() > maxListFile:
		return fail(fmt.Errorf("it is larger than %d MiB", maxListFile>>20))
	}
	data, err = io.ReadAll(io.LimitReader(f, maxListFile+1))
	if err != nil {
		return fail(err)
	}
	if after, err := f.Stat(); err != nil || after.Size() != int64(len(data)) || !after.ModTime().Equal(before.ModTime()) {
		return fail(errors.New("it is being written to; it is read again at the next run"))
	}
	return data, before.ModTime(), nil
}

// unreadable is the error of a list that could not be read to its end.
func (l *ClientList) unreadable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if p, ok := errors.AsType[*problem.Problem](err); ok {
		return p
	}
	return problem.Wrap(err, problem.AdministrationDown, fmt.Sprintf("nothing was taken from the list %s of clients, %s", l.cfg.Name, filepath.Base(l.cfg.File)),
		"Export the list again; if its columns have other heads, name them in administration.lists of the configuration.")
}

// pathless returns the cause of an error of a file, without its path.
func pathless(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}

// listRows makes records of the rows of a list.
type listRows struct {
	columns map[string]string // as configured
	file    string
	report  *administration.Report
	asOf    time.Time

	sheet   string // of which the heads are
	before  int    // rows before the heads
	heads   map[column]int
	width   int
	records []administration.Record
	byKey   map[string]int // of records, by number or else by reference
	lines   []int          // of the records
	dropped []bool         // records that contradict one another
}

// maxHeadRows bounds the rows in which the heads may stand.
const maxHeadRows = 30

// addSheetRow adds a row of a workbook. Once a sheet has the heads, no other counts.
func (l *listRows) addSheetRow(r balance.SheetRow) error {
	switch {
	case l.heads == nil && r.Sheet != l.sheet:
		l.sheet, l.before = r.Sheet, 0
	case r.Sheet != l.sheet:
		return nil
	}
	return l.add(r.Line, r.Cells)
}

// add adds a row, the heads among them.
func (l *listRows) add(line int, cells []string) error {
	if l.heads == nil {
		if l.before++; l.before <= maxHeadRows {
			l.heads = findHeads(cells, l.columns)
			l.width = len(cells)
		}
		return nil
	}
	l.report.Read++
	leave := func(reason administration.Reason, value string) {
		l.report.Leave(administration.LeftAside{Reason: reason, File: l.file, Line: line, Value: clip.Line(value)})
	}
	for i, c := range cells {
		switch {
		case strings.ContainsRune(c, utf8.RuneError) || i >= l.width && strings.TrimSpace(c) != "":
			leave(administration.NotReadable, c)
			return nil
		case utf8.RuneCountInString(c) > maxListValue:
			leave(administration.TooLong, c)
			return nil
		}
	}
	r, written, err := l.record(cells)
	switch {
	case err != nil:
		leave(administration.DamagedNumber, written)
		return nil
	case r.EnterpriseNumber == "" && len(r.Names) == 0:
		if slices.ContainsFunc(cells, func(c string) bool { return strings.TrimSpace(c) != "" }) {
			leave(administration.Nameless, "")
		}
		return nil
	}
	l.addRecord(r, line, leave)
	return nil
}

// addRecord adds a record, unless the client is there already.
func (l *listRows) addRecord(r administration.Record, line int, leave func(administration.Reason, string)) {
	key := cmp.Or(string(r.EnterpriseNumber), "\x00"+r.Reference)
	first, again := l.byKey[key]
	switch {
	case !again:
		l.byKey[key] = len(l.records)
		l.records, l.lines, l.dropped = append(l.records, r), append(l.lines, line), append(l.dropped, false)
	case sameClient(l.records[first], r):
		leave(administration.Doubled, cmp.Or(r.EnterpriseNumber.Pretty(), r.Reference))
	default:
		if !l.dropped[first] {
			l.dropped[first] = true
			l.report.Leave(administration.LeftAside{Reason: administration.Contradicts, File: l.file, Line: l.lines[first], Value: clip.Line(r.EnterpriseNumber.Pretty())})
		}
		leave(administration.Contradicts, cmp.Or(r.EnterpriseNumber.Pretty(), r.Reference))
	}
}

// sameClient reports whether two rows state the same. A client that has two references
// in the package is one.
func sameClient(a, b administration.Record) bool {
	text := func(r administration.Record) string {
		return strings.Join(slices.Concat(r.Names.All(), r.Streets.All(), r.Cities.All(), r.LegalForms.All(),
			[]string{r.Number, r.Box, r.PostalCode, r.Country, r.GeneralMeeting}), "\x00")
	}
	return text(a) == text(b)
}

// finish drops the records that contradict one another.
func (l *listRows) finish() error {
	if l.heads == nil {
		return errors.New("in its first rows there are no heads of columns that are known, such as ondernemingsnummer and naam")
	}
	kept := l.records[:0]
	for i, r := range l.records {
		if !l.dropped[i] {
			kept = append(kept, r)
		}
	}
	l.records = kept
	return nil
}

// record makes a record of a row. Where its enterprise number is damaged, it returns
// that as it is written.
func (l *listRows) record(cells []string) (r administration.Record, written string, err error) {
	in := func(c column) string {
		if i, ok := l.heads[c]; ok && i < len(cells) {
			return strings.Join(strings.Fields(cells[i]), " ")
		}
		return ""
	}
	text := func(plain, nl, fr, de column) administration.Text {
		t := administration.Text{}
		for language, c := range map[string]column{"": plain, "nl": nl, "fr": fr, "de": de} {
			if s := in(c); s != "" {
				t[language] = s
			}
		}
		if len(t) == 0 {
			return nil
		}
		return t
	}
	if written = in(colNumberOfEnterprise); written != "" {
		if r.EnterpriseNumber, err = balance.ParseEnterpriseNumber(written); err != nil {
			return r, written, err
		}
	}
	r.Names = text(colName, colNameNL, colNameFR, colNameDE)
	r.Streets, r.Cities = text(colStreet, colStreetNL, colStreetFR, ""), text(colCity, colCityNL, colCityFR, "")
	r.Number, r.Box, r.PostalCode, r.Country = in(colHouseNumber), in(colBox), in(colPostalCode), in(colCountry)
	if s := in(colLegalForm); s != "" {
		r.LegalForms = administration.Text{"": s}
	}
	r.GeneralMeeting = monthAndDay(in(colGeneralMeeting))
	r.Reference = cmp.Or(in(colReference), string(r.EnterpriseNumber), r.Names.In(""))
	r.AsOf = l.asOf
	l.splitAddress(&r)
	r.Known = statedFields(r, l.has)
	return r, written, nil
}

// has reports whether the list has a column.
func (l *listRows) has(c column) bool {
	_, ok := l.heads[c]
	return ok
}

// splitAddress takes house number and box out of the street, and the postal code out of
// the city, where they have no columns of their own.
func (l *listRows) splitAddress(r *administration.Record) {
	if !l.has(colHouseNumber) {
		for language, s := range r.Streets {
			street, number, box, ok := administration.SplitStreet(s)
			if !ok {
				continue
			}
			r.Streets[language], r.Number = street, number
			if !l.has(colBox) {
				r.Box = box
			}
		}
	} else if _, number, box, ok := administration.SplitStreet("x " + r.Number); ok && box != "" && !l.has(colBox) {
		r.Number, r.Box = number, box
	}
	if !l.has(colPostalCode) {
		for language, s := range r.Cities {
			if code, city := splitCity(s); code != "" {
				r.Cities[language], r.PostalCode = city, code
			}
		}
	}
}

// statedFields are the fields that a row states. A cell that is empty states nothing,
// except that a seat has no box.
func statedFields(r administration.Record, has func(column) bool) (known []administration.Field) {
	add := func(f administration.Field, states bool) {
		if states {
			known = append(known, f)
		}
	}
	add(administration.Name, len(r.Names) > 0)
	add(administration.Street, len(r.Streets) > 0)
	add(administration.Number, r.Number != "")
	add(administration.Box, r.Box != "" || r.Number != "" && len(r.Streets) > 0 && has(colBox))
	add(administration.PostalCode, r.PostalCode != "")
	add(administration.City, len(r.Cities) > 0)
	add(administration.Country, r.Country != "")
	add(administration.LegalForm, len(r.LegalForms) > 0)
	add(administration.GeneralMeeting, r.GeneralMeeting != "")
	return known
}

package balance

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"
	"github.com/xuri/excelize/v2"
)

// readZIP reads a workbook, and names whatever else is packed as a ZIP.
func (r *Reader) readZIP(raw io.Reader, head []byte) (*Balance, error) {
	data, err := io.ReadAll(raw)
	var known *ReadError
	switch {
	case errors.As(err, &known):
		return nil, known
	case err != nil:
		return nil, &ReadError{What: "the document cannot be read to its end", cause: err}
	}
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return nil, &ReadError{Kind: CauseDamaged, What: "this is " + otherFormat(head) + " that is damaged or not complete; take it again from where it came"}
	}
	switch format := officeFormat(archive); format {
	case workbook:
		return r.readWorkbook(data, archive)
	case "":
		return nil, &ReadError{Kind: CauseFormat, What: "this is " + otherFormat(head) + readableLayouts}
	default:
		return nil, &ReadError{Kind: CauseFormat, What: "this is " + format + readableLayouts}
	}
}

// readWorkbook reads the social balance of a workbook (.xlsx): rows as the National
// Bank's CSV has them, or any table of codes and amounts. Only sheets that can be seen
// are read. A cell that holds a number is exact: what the format of the cell shows of
// it does not matter.
func (r *Reader) readWorkbook(data []byte, archive *zip.Reader) (*Balance, error) {
	var pages []*textPage
	err := guarded(func() error {
		f, err := openWorkbook(data, archive, balanceWorkbook())
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		pages, err = sheetsOf(f)
		return err
	})
	var known *ReadError
	switch {
	case errors.As(err, &known):
		return nil, known
	case errors.Is(err, errWorkbookLimit), errors.Is(err, errWorkbookDamaged):
		return nil, &ReadError{What: err.Error()}
	case err != nil: // a panic of the library
		return nil, &ReadError{What: errWorkbookDamaged.Error()}
	}
	return r.readSheets(pages)
}

// readSheets reads what stands on the sheets of a workbook.
func (r *Reader) readSheets(pages []*textPage) (*Balance, error) {
	d := newBuilder(r.members)
	d.chosenYear = r.year
	known, err := d.readNBBSheets(pages)
	if !known || errors.Is(err, errMoreFields) {
		t := &tableReader{builder: newBuilder(r.members), pages: pages}
		t.chosenYear = r.year
		t.balance.Layout = TableXLSX
		tableErr := errNoTable
		if len(pages) > 0 {
			tableErr = t.read(r.tables)
		}
		switch {
		case tableErr == nil:
			return t.done(), nil
		case known:
		case errors.Is(tableErr, errNoTable):
			return nil, &ReadError{Kind: CauseNoBalance, What: fmt.Sprintf("this is a workbook without a social balance: on none of its %d sheets is a table of rubric codes with amounts under heads that are known (such as Code, Boekjaar, Vorig boekjaar)", len(pages))}
		default:
			return nil, tableErr
		}
	}
	if err != nil {
		return nil, err
	}
	return d.done(), nil
}

// readNBBSheets reads sheets that have the rows of the National Bank's CSV, and
// reports whether there are any.
func (d *builder) readNBBSheets(pages []*textPage) (known bool, err error) {
	rows := newNBBRows(d, TableXLSX)
	var wrong error
	for _, p := range pages {
		for _, line := range linesOfWords(p.words, 3) {
			key, value := strings.TrimSpace(line[0].text), textWord{}
			rows.at = position{line: line[0].at.line}
			if len(line) > 1 {
				value = line[1]
			} else if inner := splitFields([]byte(key)); len(inner) == 2 { // a row in one cell
				key, value.text = strings.TrimSpace(string(inner[0])), strings.TrimSpace(string(inner[1]))
			}
			if err := rows.readRow(key, value.text, value.exact, max(2, len(line))); err != nil && wrong == nil {
				wrong = onSheet(err, p.name)
			}
		}
	}
	switch {
	case !rows.known:
		return false, nil
	case wrong != nil:
		return true, wrong
	}
	return true, rows.finish()
}

// onSheet adds the name of the sheet to an error about a line of it.
func onSheet(err error, sheet string) error {
	var e *ReadError
	if !errors.As(err, &e) {
		return err
	}
	return &ReadError{Layout: TableXLSX, Line: e.Line, What: e.What + " (sheet " + clip(sheet) + ")", cause: e.cause}
}

// sheetsOf reads the cells of all sheets that can be seen.
func sheetsOf(f *excelize.File) (pages []*textPage, err error) {
	names := f.GetSheetList()
	if len(names) > maxSheets {
		return nil, errWorkbookLimit
	}
	w := &workbookCells{file: f, dates: map[int]bool{}}
	if props, err := f.GetWorkbookProps(); err == nil && props.Date1904 != nil {
		w.from1904 = *props.Date1904
	}
	for i, name := range names {
		if visible, err := f.GetSheetVisible(name); err != nil || !visible {
			continue
		}
		page := &textPage{number: i + 1, name: clip(name), cells: true}
		rows, err := f.GetRows(name, excelize.Options{RawCellValue: true})
		if err != nil {
			continue // a sheet of a picture of figures alone
		}
		for r, row := range rows {
			for c, text := range row {
				cell, ok, err := w.cell(page.name, name, c+1, r+1, text)
				if err != nil {
					return nil, err
				}
				if ok {
					page.words = append(page.words, cell)
				}
			}
		}
		pages = append(pages, page)
	}
	return pages, nil
}

// workbookCells reads the cells of a workbook.
type workbookCells struct {
	file     *excelize.File
	dates    map[int]bool // by style: it shows a date
	from1904 bool         // its days are counted from 1904
	text     int          // bytes of text so far
}

// cell reads a cell, of which raw is the text or the number in the file. A cell
// without anything is left out.
func (w *workbookCells) cell(title, sheet string, column, row int, raw string) (cell textWord, ok bool, err error) {
	name, err := excelize.CoordinatesToCellName(column, row)
	if err != nil {
		return cell, false, errWorkbookDamaged
	}
	if w.text += len(raw); w.text > maxSheetText {
		return cell, false, errWorkbookLimit
	}
	raw = strings.TrimSpace(clipTo(raw, maxCellText))
	at := place{sheet: title, cell: name, line: row}
	if raw == "" {
		if formula, err := w.file.GetCellFormula(sheet, name); err == nil && formula != "" {
			if kind, err := w.file.GetCellType(sheet, name); err == nil && kind == excelize.CellTypeUnset {
				return cell, false, &ReadError{Layout: TableXLSX, What: at.String() + ": a formula has never been calculated; open the workbook and save it again"}
			}
		}
		return cell, false, nil
	}
	cell = newCell(column, row, strings.Clone(raw))
	cell.at = at
	kind, err := w.file.GetCellType(sheet, name)
	if err != nil {
		return cell, false, errWorkbookDamaged
	}
	switch kind {
	case excelize.CellTypeUnset, excelize.CellTypeNumber:
		w.number(&cell, sheet, name)
	case excelize.CellTypeDate: // written as ISO 8601
		if len(raw) >= len("2024-12-31") {
			cell.text, cell.date = raw[:len("2024-12-31")], true
		}
	}
	return cell, true, nil
}

// number reads a cell that holds a number, or a date, which is one as well.
func (w *workbookCells) number(cell *textWord, sheet, name string) {
	v, err := strconv.ParseFloat(cell.text, 64)
	if err != nil || v > 1e15 || v < -1e15 {
		return
	}
	if w.showsDate(sheet, name) {
		if t, err := excelize.ExcelDateToTime(v, w.from1904); err == nil && v >= 1 {
			cell.text, cell.date = DateOf(t).String(), true
			return
		}
	}
	// Spreadsheets calculate with 15 digits; what a file has beyond them is how a
	// binary number is written.
	text := strconv.FormatFloat(v, 'g', 15, 64)
	exact, err := decimal.NewFromString(text)
	if err != nil || exact.Exponent() < -maxDigits/2 {
		return
	}
	cell.text, cell.exact = Canonical(exact), &exact
}

// The letters of a number format that show a day, a month or a year, and the parts of
// it that are none of its letters.
var (
	dateLetters = regexp.MustCompile(`(?i)[dmyj]`)
	quotedPart  = regexp.MustCompile(`"[^"]*"|\\.|\[[^\]]*\]|_.|\*.`)
)

// showsDate reports whether the style of a cell shows its number as a date.
func (w *workbookCells) showsDate(sheet, name string) bool {
	id, err := w.file.GetCellStyle(sheet, name)
	if err != nil {
		return false
	}
	if known, ok := w.dates[id]; ok {
		return known
	}
	style, err := w.file.GetStyle(id)
	isDate := false
	switch {
	case err != nil:
	case style.CustomNumFmt != nil:
		first, _, _ := strings.Cut(*style.CustomNumFmt, ";")
		isDate = dateLetters.MatchString(quotedPart.ReplaceAllString(first, "")) && !strings.Contains(strings.ToLower(first), "general") && !strings.Contains(strings.ToLower(first), "standaard")
	default:
		isDate = slices.Contains([]int{14, 15, 16, 17, 22}, style.NumFmt) || style.NumFmt >= 27 && style.NumFmt <= 36 || style.NumFmt >= 50 && style.NumFmt <= 58
	}
	w.dates[id] = isDate
	return isDate
}

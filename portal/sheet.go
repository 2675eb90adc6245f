package portal

import (
	"encoding/csv"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"balansd/balance"
	"balansd/ledger"

	"github.com/shopspring/decimal"
	"github.com/xuri/excelize/v2"
)

// sheet is a list to take along, in the reader's language. A cell is a text, an int, a
// uint64, a decimal.Decimal, a balance.Date, a time.Time, or nil for an empty one.
type sheet struct {
	name string // of the file, without the date
	head []string
	rows iter.Seq2[[]any, error]
}

// The kinds of a sheet, as files are called.
const (
	csvKind  = "csv"
	xlsxKind = "xlsx"
)

// sheetTypes are the media types of the kinds.
var sheetTypes = map[string]string{
	csvKind:  "text/csv; charset=utf-8",
	xlsxKind: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

// sheetRoutes returns a route for each kind of a list.
func sheetRoutes(path string, who access, list func(*request) (sheet, error)) (routes []route) {
	for _, kind := range []string{csvKind, xlsxKind} {
		routes = append(routes, route{method: http.MethodGet, path: path + "." + kind, access: who, handle: func(rq *request) error {
			s, err := list(rq)
			if err != nil {
				return err
			}
			return rq.sendSheet(s, kind)
		}})
	}
	return routes
}

// sendSheet answers with a sheet as a file.
func (rq *request) sendSheet(s sheet, kind string) error {
	rq.attach(s.name, kind, sheetTypes[kind])
	if rq.r.Method == http.MethodHead {
		return nil
	}
	return rq.sent(s.name, s.write(rq.download(), kind, rq.Zone))
}

// attach sets the headers of a file.
func (rq *request) attach(name, extension, mediaType string) {
	h := rq.w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="balansd-%s-%s.%s"`, name, rq.Now().In(rq.Zone).Format(time.DateOnly), extension))
}

// sent ends the answer with a file. One that was sent in part must not look complete.
func (rq *request) sent(name string, err error) error {
	if err != nil && rq.r.Context().Err() == nil {
		rq.Log.Error().Err(err).Str("list", name).Msg("a list was sent in part")
		panic(http.ErrAbortHandler)
	}
	return nil
}

// write writes a sheet. Times are in zone.
func (s sheet) write(w io.Writer, kind string, zone *time.Location) error {
	if kind == csvKind {
		return s.writeCSV(w, zone)
	}
	return s.writeWorkbook(w, zone)
}

// writeCSV writes a sheet as CSV that Excel with Belgian settings opens by a double click:
// a byte-order mark, semicolons, comma decimals, CRLF. No text is taken for a formula.
func (s sheet) writeCSV(w io.Writer, zone *time.Location) error {
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return err
	}
	c := csv.NewWriter(w)
	c.Comma, c.UseCRLF = ';', true
	if err := c.Write(s.head); err != nil {
		return err
	}
	texts := make([]string, len(s.head))
	for row, err := range s.rows {
		if err != nil {
			return err
		}
		for i, cell := range row {
			texts[i] = csvText(cell, zone)
		}
		if err := c.Write(texts[:len(row)]); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// csvText writes a cell as Excel reads it.
func csvText(cell any, zone *time.Location) string {
	switch v := cell.(type) {
	case nil:
		return ""
	case string:
		return ledger.Harmless(v)
	case int:
		return strconv.Itoa(v)
	case uint64:
		return strconv.FormatUint(v, 10)
	case decimal.Decimal:
		return strings.Replace(v.String(), ".", ",", 1)
	case balance.Date:
		return v.String()
	case time.Time:
		if v.IsZero() {
			return ""
		}
		return v.In(zone).Format(time.DateTime)
	default:
		return ledger.Harmless(fmt.Sprint(v))
	}
}

// writeWorkbook writes a sheet as a workbook: numbers are numbers, dates are dates, and a
// text is never a formula.
func (s sheet) writeWorkbook(w io.Writer, zone *time.Location) error {
	f := excelize.NewFile()
	defer f.Close()
	const name = "Sheet1"
	styles, err := newSheetStyles(f)
	if err != nil {
		return err
	}
	out, err := f.NewStreamWriter(name)
	if err != nil {
		return err
	}
	const width = 18
	if err := out.SetColWidth(1, max(1, len(s.head)), width); err != nil {
		return err
	}
	if err := out.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	cells := make([]any, len(s.head))
	for i, text := range s.head {
		cells[i] = excelize.Cell{StyleID: styles.head, Value: text}
	}
	if err := out.SetRow("A1", cells); err != nil {
		return err
	}
	number := 1
	for row, err := range s.rows {
		if err != nil {
			return err
		}
		number++
		for i, cell := range row {
			cells[i] = styles.cell(cell, zone)
		}
		if err := out.SetRow("A"+strconv.Itoa(number), cells[:len(row)]); err != nil {
			return err
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return f.Write(w)
}

// sheetStyles are the styles of a workbook.
type sheetStyles struct{ head, day, clock int }

func newSheetStyles(f *excelize.File) (s sheetStyles, err error) {
	if s.head, err = f.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}}); err != nil {
		return s, err
	}
	day, clock := "dd/mm/yyyy", "dd/mm/yyyy hh:mm"
	if s.day, err = f.NewStyle(&excelize.Style{CustomNumFmt: &day}); err != nil {
		return s, err
	}
	s.clock, err = f.NewStyle(&excelize.Style{CustomNumFmt: &clock})
	return s, err
}

// cell returns a cell of a workbook.
func (s sheetStyles) cell(cell any, zone *time.Location) any {
	switch v := cell.(type) {
	case decimal.Decimal:
		number, _ := v.Float64() // a workbook has no other numbers
		return number
	case balance.Date:
		if v.IsZero() {
			return nil
		}
		return excelize.Cell{StyleID: s.day, Value: time.Date(v.Year, v.Month, v.Day, 0, 0, 0, 0, time.UTC)}
	case time.Time:
		if v.IsZero() {
			return nil
		}
		at := v.In(zone) // a workbook knows no zones: the time as the clock shows it
		return excelize.Cell{StyleID: s.clock, Value: time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), 0, time.UTC)}
	default:
		return v
	}
}

// texts returns messages of the page.
func (rq *request) texts(ids ...string) ([]string, error) {
	list := make([]string, len(ids))
	for i, id := range ids {
		var err error
		if list[i], err = rq.locale.t(id); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// rowsOf returns the rows of a list.
func rowsOf[T any](list []T, row func(T) ([]any, error)) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for _, one := range list {
			cells, err := row(one)
			if !yield(cells, err) || err != nil {
				return
			}
		}
	}
}

// numberOr returns a text as a number, where it is one.
func numberOr(text string) any {
	if text == "" {
		return nil
	}
	if d, err := balance.ParseDecimal(text); err == nil {
		return d
	}
	return text
}

// takeAlong are the addresses of a list as files; ZIP and Figures are empty for a list
// without figures.
type takeAlong struct{ CSV, Workbook, Figures, ZIP string }

// newTakeAlong returns the addresses for a list with a filter.
func newTakeAlong(path string, asked url.Values, figures bool) takeAlong {
	t := takeAlong{CSV: listAddress(path+"."+csvKind, asked, "page", ""), Workbook: listAddress(path+"."+xlsxKind, asked, "page", "")}
	if figures {
		t.ZIP = listAddress(path+".zip", asked, "page", "")
		t.Figures = t.Workbook + map[bool]string{true: "&", false: "?"}[strings.Contains(t.Workbook, "?")] + "figures=1"
	}
	return t
}

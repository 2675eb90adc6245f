package balance

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/xuri/excelize/v2"
)

// SheetRow is a row of a sheet as it stands there. A number or a date is written as the
// file has it.
type SheetRow struct {
	Sheet string   `json:"sheet"`
	Line  int      `json:"line"` // from 1
	Cells []string `json:"cells"`
}

// listWorkbook has the bounds of a workbook with a list, which may have a row for each
// of many thousand clients.
func listWorkbook() workbookLimits { return workbookLimits{96 << 20, 120_000, 3_000_000} }

// maxSheetColumns bounds the cells of a row of a list.
const maxSheetColumns = 512

// ReadSheets calls each for the rows of a workbook (.xlsx) that have a text, sheet by
// sheet; rows of hidden sheets are left out. sheet is the only sheet that counts, unless
// it is empty. The error is a *ReadError, or one of each.
func ReadSheets(document io.Reader, sheet string, each func(SheetRow) error) error {
	most := listWorkbook()
	data, err := io.ReadAll(io.LimitReader(document, int64(most.bytes)+1))
	if err != nil {
		return &ReadError{What: "the workbook cannot be read to its end", cause: err}
	}
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil || officeFormat(archive) != workbook {
		return &ReadError{Kind: CauseDamaged, What: "this is no workbook, or one that is damaged or not complete"}
	}
	var own error // of each
	err = guarded(func() error {
		f, err := openWorkbook(data, archive, most)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		return eachSheetRow(f, sheet, func(r SheetRow) error {
			own = each(r)
			return own
		})
	})
	var known *ReadError
	switch {
	case err == nil || own != nil:
		return own
	case errors.As(err, &known):
		return known
	case errors.Is(err, errWorkbookLimit):
		return &ReadError{What: fmt.Sprintf("this workbook has more than %d rows or %d million cells; save the sheet as CSV, or take the rows that are not needed out", most.rows, most.cells/1_000_000)}
	default: // also a panic of the library
		return &ReadError{What: errWorkbookDamaged.Error()}
	}
}

func eachSheetRow(f *excelize.File, sheet string, each func(SheetRow) error) error {
	found := false
	for _, name := range f.GetSheetList() {
		visible, err := f.GetSheetVisible(name)
		if sheet == "" && (err != nil || !visible) || sheet != "" && !strings.EqualFold(name, sheet) {
			continue
		}
		found = true
		if err := eachRowOf(f, name, each); err != nil {
			return err
		}
	}
	if !found && sheet != "" {
		return &ReadError{What: "there is no sheet " + clip(sheet) + " in this workbook"}
	}
	return nil
}

func eachRowOf(f *excelize.File, name string, each func(SheetRow) error) error {
	rows, err := f.Rows(name)
	if err != nil {
		return nil // a sheet of a picture of figures alone
	}
	defer func() { _ = rows.Close() }()
	for line := 1; rows.Next(); line++ {
		cells, err := rows.Columns()
		if err != nil {
			return errWorkbookDamaged
		}
		filled := false
		for _, c := range cells {
			filled = filled || c != ""
		}
		switch {
		case len(cells) > maxSheetColumns:
			return errWorkbookLimit
		case !filled:
			continue
		}
		if err := each(SheetRow{Sheet: clip(name), Line: line, Cells: cells}); err != nil {
			return err
		}
	}
	return rows.Error()
}

package balance

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strconv"

	"github.com/xuri/excelize/v2"
)

// The bounds of a workbook. One with the figures of some hundred clients has some
// 100,000 cells and 5 MB.
const (
	maxWorkbookParts = 1000
	maxSheets        = 100
	maxSheetText     = 32 << 20
	maxNesting       = 100 // elements of XML inside one another
)

// workbookLimits are the bounds of a workbook that depend on what it is for.
type workbookLimits struct {
	bytes uint64 // of all parts, unpacked
	rows  int    // of a sheet
	cells int    // of all sheets, with the empty ones before the last of each row
}

// balanceWorkbook has the bounds of a workbook with a social balance.
func balanceWorkbook() workbookLimits { return workbookLimits{24 << 20, 20_000, 150_000} }

// errWorkbookLimit is what a workbook ends in that has more of something than any
// table of social balances.
var errWorkbookLimit = errors.New("this workbook has more cells or text than any table of social balances; copy the table into a workbook of its own")

// errWorkbookDamaged is what a workbook ends in that no spreadsheet program wrote.
var errWorkbookDamaged = errors.New("this workbook is damaged; open it and save it again")

// checkWorkbook holds a workbook to its bounds before the library reads it, which
// makes room for every row up to the last one that is named, and for every cell up to
// the last one of each row.
func checkWorkbook(archive *zip.Reader, most workbookLimits) error {
	if len(archive.File) > maxWorkbookParts {
		return errWorkbookLimit
	}
	var size uint64
	cells := 0
	for _, f := range archive.File {
		if size += f.UncompressedSize64; f.UncompressedSize64 > most.bytes || size > most.bytes {
			return errWorkbookLimit
		}
		part, err := f.Open()
		if err != nil {
			return errWorkbookDamaged
		}
		err = checkPart(part, &cells, most)
		_ = part.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// checkPart counts the cells of a part that is a sheet. What is no XML is none.
func checkPart(part io.Reader, cells *int, most workbookLimits) error {
	d := xml.NewDecoder(io.LimitReader(part, int64(most.bytes)))
	d.Strict = false
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	row, column, depth := 0, 0, 0
	for {
		token, err := d.RawToken()
		if err != nil {
			return nil
		}
		switch e := token.(type) {
		case xml.EndElement:
			depth--
		case xml.StartElement:
			if depth++; depth > maxNesting {
				return errWorkbookLimit
			}
			switch e.Name.Local {
			case "row":
				row, column = row+1, 0
				if n, err := strconv.Atoi(attribute(e, "r")); err == nil {
					row = n
				}
			case "c":
				before := column
				column++
				if name := attribute(e, "r"); name != "" {
					c, r, err := excelize.CellNameToCoordinates(name)
					if err != nil || r != row {
						return errWorkbookDamaged
					}
					column = max(c, before)
				}
				*cells += column - before
			}
			if row > most.rows || *cells > most.cells {
				return errWorkbookLimit
			}
		}
	}
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// openWorkbook opens a workbook whose bounds are checked. Nothing is written to disk:
// both limits are equal.
func openWorkbook(data []byte, archive *zip.Reader, most workbookLimits) (*excelize.File, error) {
	if err := checkWorkbook(archive, most); err != nil {
		return nil, err
	}
	f, err := excelize.OpenReader(bytes.NewReader(data), excelize.Options{
		UnzipSizeLimit: int64(most.bytes), UnzipXMLSizeLimit: int64(most.bytes), RawCellValue: true,
	})
	if err != nil {
		return nil, errWorkbookDamaged
	}
	return f, nil
}

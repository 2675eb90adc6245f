package balance

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"
)

// readCSV reads the CSV that the National Bank's Consult offers: two columns,
// a key and a value; first keys about the document, then rubrics of the whole
// annual accounts in no order. Copies that went through a spreadsheet have
// semicolons, no quotes or comma decimals; they are read too.
func (d *draft) readCSV(text []byte) error {
	separator := separatorOf(text)
	r := csv.NewReader(bytes.NewReader(text))
	r.Comma, r.FieldsPerRecord, r.ReuseRecord = separator, -1, true
	if !knownHeader(text, separator) {
		return &ReadError{What: "this is text of no known layout" + accepted}
	}
	d.balance.Layout = NBBCSV
	for {
		record, err := r.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return d.brokenCSV(err)
		}
		for len(record) > 2 && record[len(record)-1] == "" {
			record = record[:len(record)-1] // a spreadsheet pads rows
		}
		key, value := strings.TrimSpace(record[0]), ""
		if len(record) > 1 {
			value = strings.TrimSpace(record[1])
		}
		rubric, previous, ok := d.cell(key)
		if !ok {
			d.header(key, value)
			continue
		}
		line, column := r.FieldPos(0)
		if len(record) > 2 {
			return d.fail(place{line, column}, "the value of rubric %s is cut in two by a separator", key)
		}
		if separator == ';' {
			value = strings.Replace(value, ",", ".", 1)
		}
		if err := d.put(rubric, previous, value, place{line, column}); err != nil {
			return err
		}
	}
}

// header takes a row about the document.
func (d *draft) header(key, value string) {
	b := &d.balance
	switch strings.ToLower(key) {
	case "entity number":
		d.enterprise(value)
	case "entity name":
		b.Name = value
	case "model code":
		d.model(value)
	case "currency":
		b.Currency = clip(value)
	case "accounting period start date":
		b.FiscalYear.Start = d.date("first day", value)
	case "accounting period end date":
		b.FiscalYear.End = d.date("last day", value)
	}
}

// brokenCSV turns an error of the parser into ours.
func (d *draft) brokenCSV(err error) error {
	var wrong *csv.ParseError
	if !errors.As(err, &wrong) {
		return d.fail(place{}, "the CSV cannot be read")
	}
	return d.fail(place{wrong.Line, wrong.Column}, "the quotes of the CSV do not match")
}

// separatorOf tells what separates the two columns: whichever comes first in
// the first row, outside quotes.
func separatorOf(text []byte) rune {
	quoted := false
	for _, c := range bytes.TrimLeft(text, " \t\r\n") {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == ',' || c == ';' || c == '\t':
			return rune(c)
		case c == '\n':
			return ','
		}
	}
	return ','
}

// knownHeader tells whether one of the first rows has a key that the National
// Bank's CSV starts with.
func knownHeader(text []byte, separator rune) bool {
	const rows = 30
	for range rows {
		line, rest, more := bytes.Cut(text, []byte("\n"))
		key, _, _ := strings.Cut(string(line[:min(len(line), 200)]), string(separator))
		switch strings.ToLower(strings.Trim(key, " \t\r\"")) {
		case "reference number", "entity number", "model code", "accounting period end date":
			return true
		}
		if !more {
			break
		}
		text = rest
	}
	return false
}

package madeup

import (
	"bytes"
	"encoding/csv"
	"strings"

	"balansd/balance"
)

// ExcelCSV writes a balance as the National Bank's CSV that a Belgian Excel saved
// again: semicolons, comma decimals, dates as Belgians write them, a byte order
// mark, and the enterprise number without the zero that it began with.
func ExcelCSV(b *balance.Balance) ([]byte, error) {
	doc, err := Document(balance.NBBCSV, b)
	if err != nil {
		return nil, err
	}
	rows, err := csv.NewReader(bytes.NewReader(doc)).ReadAll()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.WriteString("\ufeff")
	w := csv.NewWriter(&out)
	w.Comma, w.UseCRLF = ';', true
	for _, row := range rows {
		for i, field := range row {
			if date, err := balance.ParseDate(field); err == nil {
				row[i] = strings.Join([]string{field[8:], field[5:7], date.String()[:4]}, "/")
			} else if v, err := balance.ParseDecimal(field); err == nil && i > 0 {
				row[i] = strings.Replace(v.String(), ".", ",", 1)
			}
		}
	}
	err = w.WriteAll(rows)
	return out.Bytes(), err
}

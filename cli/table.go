package cli

import (
	"strings"

	"github.com/rivo/uniseg"
)

// table is text in columns.
type table struct {
	head  []string
	rows  [][]string
	right map[int]bool // the columns aligned to the right
}

// newTable returns a table with headings.
func newTable(head ...string) *table { return &table{head: head, right: map[int]bool{}} }

// alignRight aligns columns to the right and returns t.
func (t *table) alignRight(columns ...int) *table {
	for _, c := range columns {
		t.right[c] = true
	}
	return t
}

// add appends a row.
func (t *table) add(cells ...string) {
	row := make([]string, len(cells))
	for i, c := range cells {
		row[i] = clean(c)
	}
	t.rows = append(t.rows, row)
}

// show prints a table on stdout.
func (app *App) show(t *table) {
	for _, line := range app.lines(t) {
		app.printf("%s\n", line)
	}
}

// lines returns the lines of a table for stdout, the headings first.
func (app *App) lines(t *table) []string {
	widths := make([]int, len(t.head))
	for _, row := range append([][]string{t.head}, t.rows...) {
		for i, c := range row {
			widths[i] = max(widths[i], uniseg.StringWidth(c))
		}
	}
	lines := []string{app.styled(app.env.Stdout, bold, t.line(t.head, widths))}
	for _, row := range t.rows {
		lines = append(lines, t.line(row, widths))
	}
	return lines
}

// line returns one line of the table, without trailing spaces.
func (t *table) line(cells []string, widths []int) string {
	var b strings.Builder
	for i, c := range cells {
		pad := strings.Repeat(" ", widths[i]-uniseg.StringWidth(c))
		if i > 0 {
			b.WriteString("  ")
		}
		if t.right[i] {
			b.WriteString(pad + c)
		} else {
			b.WriteString(c + pad)
		}
	}
	return strings.TrimRight(b.String(), " ")
}

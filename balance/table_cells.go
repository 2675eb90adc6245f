package balance

import (
	"maps"
	"slices"
	"strings"
)

// tableKind is what the codes and the columns of a table have to do with one another.
type tableKind struct {
	byTime   bool // it has columns of full-time and part-time
	byGender bool // it has columns of men and women
	byRow    bool // its codes are those of the rows of the form, to which a column adds a digit
	byRubric bool // its codes are those of rubrics
}

// kindOf finds the kind of a table. Where one code can be both that of a row and that
// of a rubric, such as 1201, the others decide.
func (t *tableReader) kindOf(table *dataTable) tableKind {
	var k tableKind
	for _, c := range table.columns {
		k.byTime = k.byTime || c.known && c.time != ""
		k.byGender = k.byGender || c.known && c.gender != ""
	}
	rows, rubrics := 0, 0
	for _, a := range table.amounts() {
		for _, c := range a.columns {
			if !c.known {
				continue
			}
			row, rubric := t.rubricsByRow(k, a.row.code, c), t.rubricsByCode(k, a.row.code, c)
			switch {
			case len(row) > 0 && len(rubric) == 0:
				rows++
			case len(rubric) > 0 && len(row) == 0:
				rubrics++
			}
		}
	}
	k.byRow, k.byRubric = rows > 0 || rubrics == 0, rubrics > 0 || rows == 0
	return k
}

// cellsOf returns the cells that an amount of a row can be of in a column.
func (t *tableReader) cellsOf(k tableKind, code string, c *tableColumn) (cells []Cell) {
	base, previous := strings.CutSuffix(code, "P")
	if previous && c.year == yearCurrent {
		return nil
	}
	var found []int
	if k.byRow && !previous {
		found = append(found, t.rubricsByRow(k, base, c)...)
	}
	if k.byRubric {
		found = append(found, t.rubricsByCode(k, base, c)...)
	}
	for _, rubric := range found {
		cells = append(cells, Cell{t.data.rubrics[rubric].Code, previous || c.year == yearPrevious})
	}
	return cells
}

// columnKeys returns the keys of the columns of the form that a column of a table
// stands for: full_time, total_fte_men and so on.
func (k tableKind) columnKeys(c *tableColumn) []string {
	gender := ""
	if c.gender != "" {
		gender = "_" + c.gender
	}
	switch {
	case c.hired != "":
		return []string{c.hired}
	case c.time != "":
		return []string{c.time + gender}
	case c.total || k.byTime:
		return []string{"total" + gender, "total_fte" + gender}
	}
	return nil
}

// rubricsByRow returns the rubrics of a row of the form in a column: row 105 under
// full-time is rubric 1051.
func (t *tableReader) rubricsByRow(k tableKind, row string, c *tableColumn) (found []int) {
	for _, key := range k.columnKeys(c) {
		if rubric, ok := t.data.byRow[[2]string{row, key}]; ok {
			found = append(found, rubric)
		}
	}
	return found
}

// rubricsByCode returns the rubrics of a code that is that of a rubric: 1051 under
// full-time, or 1001 under total, men and women, which are 1001, 10011 and 10012.
func (t *tableReader) rubricsByCode(k tableKind, code string, c *tableColumn) []int {
	i, ok := t.data.byCode[code]
	if !ok {
		return nil
	}
	r := t.data.rubrics[i]
	keys := k.columnKeys(c)
	switch {
	case slices.Contains(keys, r.column):
		return []int{i}
	case c.gender != "" && (r.column == c.gender || strings.HasSuffix(r.column, "_"+c.gender)):
		return []int{i}
	case c.gender != "" && c.time == "" && c.hired == "":
		row := strings.TrimPrefix(r.row, "row_")
		if men, ok := t.data.byRow[[2]string{row, r.column + "_" + c.gender}]; ok {
			return []int{men}
		}
		return nil
	case c.time != "" || c.hired != "" || c.total && k.byTime:
		return nil
	case k.byTime || k.byGender && strings.HasSuffix(r.column, "men"): // a column of all, and a rubric of men or women
		return nil
	}
	return []int{i}
}

// settleYears finds out of which year the columns are whose heads name a date or a
// year, by the financial year, or else the latest that they name.
func (t *tableReader) settleYears() {
	ends := map[Date]bool{}
	for _, table := range t.tables {
		for _, c := range table.columns {
			if c.known && c.year == yearUnsaid && !c.date.IsZero() {
				ends[c.date] = true
			}
		}
	}
	if len(ends) == 0 {
		return
	}
	end := t.balance.FiscalYear.End
	if end.IsZero() {
		end = slices.MaxFunc(slices.Collect(maps.Keys(ends)), Date.Compare)
	}
	for _, table := range t.tables {
		for _, c := range table.columns {
			if c.year != yearUnsaid || c.date.IsZero() {
				continue
			}
			switch c.date.Year {
			case end.Year:
				c.year = yearCurrent
			case end.Year - 1:
				c.year = yearPrevious
			default:
				c.known = false
			}
		}
	}
	if t.balance.FiscalYear.End.IsZero() {
		t.yearAlone(end)
	}
}

package balance

import (
	"cmp"
	_ "embed"
	"strings"
	"sync"
)

//go:embed rubrics.tsv
var rubricsTSV string

// Rubric is one coded figure of the social balance form.
type Rubric struct {
	Code     string // such as 1003; never to be taken apart by prefix
	Section  string
	Order    int  // place on the form, from 0
	FullOnly bool // in the full model only; the others have it too when false
	previous bool
}

// HasPrevious tells whether some model has a previous-year cell for it.
func (r Rubric) HasPrevious() bool { return r.previous }

var rubricTable = sync.OnceValue(func() map[string]Rubric {
	table := map[string]Rubric{}
	for i, line := range strings.Split(strings.TrimSpace(rubricsTSV), "\n")[1:] {
		f := strings.Split(line, "\t")
		table[f[0]] = Rubric{Code: f[0], Section: f[1], Order: i, FullOnly: f[3] == "full", previous: f[4] != ""}
	}
	return table
})

// RubricOf finds a rubric by its code. Codes of the annual accounts that are
// no social rubric, such as 1311, are not found.
func RubricOf(code string) (Rubric, bool) {
	r, ok := rubricTable()[code]
	return r, ok
}

// CompareCells orders cells as the form does, current year before previous.
func CompareCells(a, b Cell) int {
	ra, rb := rubricTable()[a.Code], rubricTable()[b.Code]
	if c := cmp.Compare(ra.Order, rb.Order); c != 0 {
		return c
	}
	switch {
	case a.Previous == b.Previous:
		return 0
	case b.Previous:
		return -1
	default:
		return 1
	}
}

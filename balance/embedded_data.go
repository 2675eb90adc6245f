package balance

import (
	_ "embed"
	"iter"
	"slices"
	"strings"
	"sync"
)

var (
	//go:embed rubrics.tsv
	rubricsTSV string
	//go:embed labels.tsv
	labelsTSV string
	//go:embed cbso.tsv
	cbsoTSV string
)

// dictionary is the embedded data, as lookup tables. It is built once
// and never changed.
type dictionary struct {
	rubrics []Rubric
	byCode  map[string]int             // place in rubrics
	pfs     map[string]int             // by element of the pfs taxonomy
	byRow   map[[2]string]int          // by the code of a row of the form and the key of a column
	rows    map[string]bool            // the codes of the rows
	labels  map[string]map[Lang]string // by key
	members []memberRow                // how CBSO XBRL states the rubrics
}

// loaded returns the embedded data. The tests hold the files to their form, so
// that nothing can go wrong here.
var loaded = sync.OnceValue(func() *dictionary {
	d := &dictionary{
		byCode: map[string]int{},
		pfs:    map[string]int{},
		byRow:  map[[2]string]int{},
		rows:   map[string]bool{},
		labels: map[string]map[Lang]string{},
	}
	for f := range tsvRows(labelsTSV) {
		d.labels[f[0]] = map[Lang]string{Dutch: f[1], French: f[2], English: f[3], German: f[4]}
	}
	for f := range tsvRows(rubricsTSV) {
		i := len(d.rubrics)
		d.rubrics = append(d.rubrics, Rubric{
			Code: f[0], Section: f[1], row: f[2], column: f[3],
			FullOnly: f[4] == "full", previous: f[5] != "-",
			Unit: Unit(f[6]), Decimals: int(f[7][0] - '0'), Signed: f[8] == "signed",
			Instant: f[9] == "instant", PFSElement: f[10],
		})
		d.byCode[f[0]] = i
		d.pfs[f[10]] = i
		if row, ok := strings.CutPrefix(f[2], "row_"); ok {
			d.byRow[[2]string{row, f[3]}], d.rows[row] = i, true
		}
	}
	d.members = newMemberTable("cbso.tsv", cbsoTSV, d.byCode).rows
	for _, row := range slices.Backward(d.members) { // the first row of a rubric stays
		if row.term.about == "" {
			d.rubrics[row.term.rubric].CBSO = CBSO{
				Metric: row.metric, Dated: row.dated, Members: row.members, Inferred: row.term.inferred,
			}
		}
	}
	return d
})

// label finds a label; a language that is not known counts as English.
func (d *dictionary) label(key string, l Lang) string {
	labels := d.labels[key]
	if s, ok := labels[l]; ok {
		return s
	}
	return labels[English]
}

// tsvRows returns the rows of an embedded file, without comments and heading.
func tsvRows(text string) iter.Seq[[]string] {
	return func(yield func([]string) bool) {
		heading := true
		for line := range strings.Lines(text) {
			line = strings.TrimRight(line, "\r\n")
			if line == "" || line[0] == '#' {
				continue
			}
			if heading {
				heading = false
				continue
			}
			if !yield(strings.Split(line, "\t")) {
				return
			}
		}
	}
}

package balance

import (
	"cmp"
	"slices"
)

// Unit is what a rubric counts.
type Unit string

// The units of the rubrics.
const (
	FTE   Unit = "fte"   // persons or full-time equivalents, one decimal
	Hours Unit = "hours" // whole hours
	Heads Unit = "heads" // whole persons
	Money Unit = "eur"   // an amount in the currency of the document, two decimals
)

// Lang is a language of the labels.
type Lang string

// The languages of the labels.
const (
	Dutch   Lang = "nl"
	French  Lang = "fr"
	English Lang = "en"
	German  Lang = "de"
)

// Languages lists the languages of the labels.
func Languages() []Lang { return []Lang{Dutch, French, English, German} }

// Rubric is one coded figure of the social balance form. Codes, units, pfs
// elements and most labels are those of the National Bank's taxonomy of
// 2020-02-01.
type Rubric struct {
	Code       string // such as 1003; never to be taken apart by prefix
	Section    string // key of the section, such as closing_contract
	FullOnly   bool   // in the full model only; the others have it too when false
	Unit       Unit
	Decimals   int    // most decimals that the form allows
	Signed     bool   // may be negative
	Instant    bool   // the state at the closing date, not of the whole year
	PFSElement string // local name of its element in the pfs taxonomy
	CBSO       CBSO   // how the CBSO taxonomy states it; zero where unknown

	row, column string // keys of labels
	previous    bool   // has a previous-year cell, in the models that have the rubric
}

// CBSO is how the CBSO taxonomy states a rubric: a metric and the members of
// its dimensions. The period dimension prd is not among the members.
type CBSO struct {
	Metric   string   // local name of the metric, such as int3
	Members  []string // sorted, such as bas:m73: member m73 of dimension bas
	Dated    bool     // filings add prd:m1 for the current year, prd:m2 for the previous
	Inferred bool     // follows the pattern of its neighbours, not seen in a filing
}

// Rubrics lists all 162 rubrics in the order of the form. The slice is the
// caller's; the Members in it are shared and must not be changed.
func Rubrics() []Rubric { return slices.Clone(loaded().rubrics) }

// FormCells lists all cells of the form, in its order.
func FormCells() []Cell {
	var all []Cell
	for _, r := range loaded().rubrics {
		all = append(all, Cell{Code: r.Code})
		if r.HasPrevious() {
			all = append(all, Cell{Code: r.Code, Previous: true})
		}
	}
	return all
}

// RubricOf finds a rubric by its code. Codes of the annual accounts that are
// no social rubric, such as 1311, are not found.
func RubricOf(code string) (Rubric, bool) {
	d := loaded()
	i, ok := d.byCode[code]
	if !ok {
		return Rubric{}, false
	}
	return d.rubrics[i], true
}

// HasPrevious reports whether the rubric has a previous-year cell, in each model
// that has the rubric.
func (r Rubric) HasPrevious() bool { return r.previous }

// Label names the rubric in full, its row and its column, such as "Gemiddeld
// aantal werknemers, voltijds, mannen". An unknown language counts as English.
func (r Rubric) Label(l Lang) string {
	return loaded().label(r.row, l) + ", " + loaded().label(r.column, l)
}

// SectionLabel names the part of the form that the rubric is in.
func (r Rubric) SectionLabel(l Lang) string { return loaded().label(r.Section, l) }

// Label names the cell: its rubric, and the previous year where it is of that.
func (c Cell) Label(l Lang) string {
	r, _ := RubricOf(c.Code)
	if c.Previous {
		return r.Label(l) + ", " + loaded().label("previous_year", l)
	}
	return r.Label(l)
}

// CompareCells orders cells as the form does, current year before previous.
// Cells that are no cell of the form come last, by code.
func CompareCells(a, b Cell) int {
	d := loaded()
	position := func(c Cell) int {
		if i, ok := d.byCode[c.Code]; ok {
			return i
		}
		return len(d.rubrics)
	}
	if c := cmp.Or(cmp.Compare(position(a), position(b)), cmp.Compare(a.Code, b.Code)); c != 0 {
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

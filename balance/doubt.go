package balance

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"
)

// DoubtKind names why a document can be read in more than one way.
type DoubtKind string

// The kinds of doubt.
const (
	TwoAmounts   DoubtKind = "two_amounts"  // the document states a cell with amounts that contradict each other
	TwoReadings  DoubtKind = "two_readings" // a figure means one amount or another, such as 44.300
	DoubtfulYear DoubtKind = "year"         // the dates of the document and those of its figures disagree
)

// A Doubt is something that a document leaves open and that only a person can
// decide. A balance with a Doubt must not be delivered.
//
// A figure in doubt is not among the Values of its Balance. Where the year is in
// doubt, FiscalYear is the first of the readings, and the Values are read by it.
type Doubt struct {
	Kind DoubtKind `json:"kind"`
	Code string    `json:"code,omitempty"` // the cell, such as 1021 or 1003P; empty for the year
	// Readings are the possible values, the most likely first: figures in
	// canonical form, or periods such as 2024-01-01/2024-12-31 whose start is
	// left out where it is not known. An empty one means that the cell is empty.
	Readings []string `json:"readings"`
	Where    string   `json:"where,omitempty"` // in the document, such as "line 12"
	Page     int      `json:"page,omitempty"`  // of a PDF, from 1; 0 where it is not known
	Lines    []int    `json:"lines,omitempty"` // of a text, from 1; of each reading
}

// String writes the doubt in one clause for a person, such as "1023 is 5 or 6
// (lines 3 and 4)".
func (d Doubt) String() string {
	what, where := d.Code, ""
	if d.Kind == DoubtfulYear {
		what = "the financial year"
	}
	if d.Where != "" {
		where = " (" + d.Where + ")"
	}
	readings := slices.Clone(d.Readings)
	for i, r := range readings {
		if r == "" {
			readings[i] = "empty"
		}
	}
	return what + " is " + strings.Join(readings, " or ") + where
}

// String writes a period as the readings of a Doubt do, with a slash between
// its days. A day that is not known is left out.
func (p Period) String() string {
	if p.Start.IsZero() {
		return p.End.String()
	}
	return p.Start.String() + "/" + p.End.String()
}

// YearInDoubt reports whether the financial year is among the Doubts.
func (b *Balance) YearInDoubt() bool {
	return slices.ContainsFunc(b.Doubts, func(d Doubt) bool { return d.Kind == DoubtfulYear })
}

// maxReadings bounds the readings of one Doubt.
const maxReadings = 8

// statement is what a document states for one cell.
type statement struct {
	value    decimal.Decimal
	unit     unit
	accuracy digits // the decimals to which the value is exact; not said: all of them
	fact     *xbrlFact
	readings []decimal.Decimal // those that contradict each other; nil where the cell is not in doubt
	lines    []int             // where the readings stand
	unclear  bool              // the readings are of one figure
}

// addStatement adds what a document states for a cell. Of two statements that agree
// the more exact one stays, of two currencies the euro; what contradicts what
// was stated before puts the cell in doubt.
func (d *builder) addStatement(c Cell, s statement, at position) {
	s.lines = []int{at.line}
	old, ok := d.stated[c]
	switch {
	case !ok || old.otherCurrency(s):
		d.stated[c] = &s
		if s.unclear {
			d.addFinding("two_readings", codesOf(c), args{"line": at.lineNumber(), "cell": c.String(), "first": Canonical(s.readings[0]), "second": Canonical(s.readings[1])})
		}
	case s.unclear && old.allows(s):
	case s.otherCurrency(*old):
	case old.readings != nil:
		old.add(s)
	case old.value.Equal(s.value) || old.rounds(s):
		if s.moreExact(*old) {
			d.stated[c] = &s
		}
	default:
		f := d.addFinding("twice", codesOf(c), args{"line": at.lineNumber(), "cell": c.String(), "value": Canonical(s.value), "first": Canonical(old.value)})
		f.Figures = map[string]string{c.String(): Canonical(old.value)}
		old.readings = []decimal.Decimal{old.value}
		old.add(s)
	}
}

// otherCurrency reports whether s is in a foreign currency and o in euro.
func (s statement) otherCurrency(o statement) bool {
	return o.unit.currency == "EUR" && s.unit.currency != "" && s.unit.currency != "EUR"
}

// rounds reports whether two values are the same as far as the less exact one
// goes (XBRL 2.1 calls such facts consistent duplicates).
func (s statement) rounds(o statement) bool {
	less := s
	if s.moreExact(o) {
		less = o
	}
	if !less.accuracy.said || less.accuracy.n > maxDigits || s.unit != o.unit {
		return false
	}
	half := decimal.New(5, int32(-less.accuracy.n-1))
	return s.value.Sub(o.value).Abs().Cmp(half) <= 0
}

// moreExact reports whether s is exact to more decimals than o.
func (s statement) moreExact(o statement) bool {
	return o.accuracy.said && (!s.accuracy.said || s.accuracy.n > o.accuracy.n)
}

// allows reports whether what is stated is among the readings of another figure
// of the same cell.
func (s statement) allows(o statement) bool {
	same := func(v decimal.Decimal) bool { return v.Equal(s.value) }
	return slices.ContainsFunc(o.readings, same) && (s.readings == nil || s.unclear)
}

// add adds a reading to a cell in doubt.
func (s *statement) add(o statement) {
	for _, r := range s.readings {
		if r.Equal(o.value) {
			return
		}
	}
	if len(s.readings) < maxReadings {
		s.readings, s.lines = append(s.readings, o.value), append(s.lines, o.lines...)
	}
}

// finishStatements moves what was stated into the values and the doubts of the balance.
func (d *builder) finishStatements() {
	for c, s := range d.stated {
		if s.readings == nil {
			d.balance.Values[c] = s.value
		}
	}
	for _, c := range d.cells() {
		s := d.stated[c]
		if s.readings == nil {
			continue
		}
		texts := make([]string, len(s.readings))
		for i, r := range s.readings {
			texts[i] = Canonical(r)
		}
		kind := TwoAmounts
		if s.unclear {
			kind = TwoReadings
		}
		d.addDoubt(kind, c.String(), texts, linesOf(s.lines)).Lines = s.lines
	}
}

// cells lists the cells that are stated, in the order of the form.
func (d *builder) cells() []Cell {
	return slices.SortedFunc(maps.Keys(d.stated), CompareCells)
}

// addDoubt adds a doubt, and returns it until the next one is added.
func (d *builder) addDoubt(kind DoubtKind, code string, readings []string, where string) *Doubt {
	d.balance.Doubts = append(d.balance.Doubts, Doubt{Kind: kind, Code: code, Readings: readings, Where: where})
	return &d.balance.Doubts[len(d.balance.Doubts)-1]
}

// linesOf writes line numbers for a person, such as "lines 3 and 4".
func linesOf(lines []int) string {
	if len(lines) == 1 {
		return "line " + strconv.Itoa(lines[0])
	}
	words := make([]string, len(lines))
	for i, n := range lines {
		words[i] = strconv.Itoa(n)
	}
	last := len(words) - 1
	return "lines " + strings.Join(words[:last], ", ") + " and " + words[last]
}

package balance

import (
	"slices"
	"strings"
)

// calendar counts, of the days on which the periods of a document end, the
// facts of rubrics and the days on which those periods start.
type calendar struct {
	facts    map[Date]int          // facts of rubrics
	previous map[Date]int          // of these, the facts that may be of the year before
	starts   map[Date]map[Date]int // by last day, how much each first day weighs
}

// What a context weighs in the search for the first day of a period: that of
// the facts of rubrics counts before that of other facts, and this before that
// of contexts that nothing is about.
const (
	rubricFact   = 1 << 20
	otherFact    = 1
	nothingThere = 0
)

func newCalendar() *calendar {
	return &calendar{facts: map[Date]int{}, previous: map[Date]int{}, starts: map[Date]map[Date]int{}}
}

// addFact counts the period of a fact of a rubric.
func (y *calendar) addFact(c *xbrlContext, r Rubric) {
	y.add(c, rubricFact)
	y.facts[c.end]++
	if r.HasPrevious() {
		y.previous[c.end]++
	}
}

// add counts when the period of a context starts.
func (y *calendar) add(c *xbrlContext, weight int) {
	if c.start.IsZero() {
		return
	}
	if y.starts[c.end] == nil {
		y.starts[c.end] = map[Date]int{}
	}
	y.starts[c.end][c.start] += weight
}

// start returns the first day of the whole period that ends on a day: the one
// that most facts have, of equal ones the earliest.
func (y *calendar) start(end Date) Date {
	var first Date
	most := -1
	for day, weight := range y.starts[end] {
		if weight > most || weight == most && day.Before(first) {
			first, most = day, weight
		}
	}
	return first
}

// period returns the whole period that ends on a day.
func (y *calendar) period(end Date) Period { return Period{y.start(end), end} }

// before returns the last day of the year before, of those that facts of rubrics
// have.
func (y *calendar) before(p Period) (day Date) {
	for end := range y.facts {
		if p.follows(end) {
			day = later(day, end)
		}
	}
	return day
}

// support counts the facts of rubrics that fit a financial year: its own, and
// those that may be of the year before.
func (y *calendar) support(p Period) int { return y.facts[p.End] + y.previous[y.before(p)] }

// year returns the financial year that most facts of rubrics fit.
func (y *calendar) year() Period {
	var year Period
	most := 0
	for end := range y.facts {
		p := y.period(end)
		if n := y.support(p); n > most || n == most && year.End.Before(end) {
			year, most = p, n
		}
	}
	return year
}

// latest returns the last day that facts of rubrics have.
func (y *calendar) latest() (day Date) {
	for end := range y.facts {
		day = later(day, end)
	}
	return day
}

// follows reports whether a date is the end of the financial year before: the
// day before this one starts, or where that is not known, about one or two
// years before it ends, for a financial year may be longer than twelve months.
func (p Period) follows(end Date) bool {
	if end.IsZero() || !end.Before(p.End) {
		return false
	}
	if !p.Start.IsZero() {
		return end == p.Start.AddDays(-1)
	}
	within := func(least, most int) bool {
		return !end.Before(p.End.AddDays(-most)) && !p.End.AddDays(-least).Before(end)
	}
	return within(350, 380) || within(715, 745)
}

// later returns the later of two dates.
func later(a, b Date) Date {
	if a.Before(b) {
		return b
	}
	return a
}

// yearDoubt returns the year of the balance. Of several readings it is the one that
// a person chose, else the first, and then the year is in doubt.
func (d *builder) yearDoubt(readings ...Period) Period {
	if len(readings) == 1 {
		return readings[0]
	}
	if slices.Contains(readings, d.chosenYear) {
		return d.chosenYear
	}
	var texts []string
	for _, p := range readings {
		texts = append(texts, p.String())
	}
	d.addFinding("year_unsure", nil, args{"readings": strings.Join(texts, ", ")})
	d.addDoubt(DoubtfulYear, "", texts, "")
	return readings[0]
}

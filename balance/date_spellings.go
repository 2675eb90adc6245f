package balance

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Spellings of dates besides 2024-12-31, with the time that a spreadsheet may
// add to them.
var (
	dayMonthYear = regexp.MustCompile(`^(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4}|\d{2})(?: 0?0:00(?::00)?)?$`)
	yearMonthDay = regexp.MustCompile(`^(\d{4})[-/.]?(\d{2})[-/.]?(\d{2})(?:[ T]00:00(?::00)?)?$`)
	namedMonth   = regexp.MustCompile(`^(\d{1,2})(?:er|\.)?[-/. ]+(\p{L}{3,9})\.?[-/. ]+(\d{4}|\d{2})$`)
	dayNumber    = regexp.MustCompile(`^[3-7]\d{4}$`)
)

// readDate reads a date in one of the spellings that programs in Belgium use,
// the day before the month, or the month before the day where american.
func readDate(s string, american bool) (Date, bool) {
	number := func(text string) int {
		n, _ := strconv.Atoi(text)
		return n
	}
	var y, m, d int
	if f := yearMonthDay.FindStringSubmatch(s); f != nil {
		y, m, d = number(f[1]), number(f[2]), number(f[3])
	} else if f := dayMonthYear.FindStringSubmatch(s); f != nil {
		d, m, y = number(f[1]), number(f[2]), number(f[3])
		if american {
			d, m = m, d
		}
		if len(f[3]) == 2 {
			y += 2000
		}
	} else if f := namedMonth.FindStringSubmatch(s); f != nil {
		d, m, y = number(f[1]), monthNamed(f[2]), number(f[3])
		if len(f[3]) == 2 {
			y += 2000
		}
	} else if dayNumber.MatchString(s) { // a spreadsheet counts days from 1899-12-30
		return DateOf(time.Date(1899, 12, 30+number(s), 0, 0, 0, 0, time.UTC)), true
	}
	date := Date{y, time.Month(m), d}
	return date, date == DateOf(date.In(time.UTC)) && y > 0
}

// monthNamed returns the number of a month by its name, or what a spreadsheet leaves
// of it, in Dutch, French, English or German; 0 for none.
func monthNamed(name string) int {
	name = strings.ToLower(name)
	for i, starts := range [][]string{{"jan", "jän"}, {"feb", "fév", "fev"}, {"mrt", "maa", "mar", "mär"}, {"apr", "avr"}, {"mei", "mai", "may"}, {"jun", "juin"},
		{"jul", "juil"}, {"aug", "aoû", "aou"}, {"sep"}, {"okt", "oct"}, {"nov"}, {"dec", "déc", "dez"}} {
		if slices.ContainsFunc(starts, func(s string) bool { return strings.HasPrefix(name, s) }) {
			return i + 1
		}
	}
	return 0
}

// readDates reads the dates of one document. A date that can be day-month and
// month-day is read as Belgians write it, unless another date of the document
// can be month-day alone.
func readDates(texts ...string) (dates []Date, ok []bool) {
	american := false
	for _, s := range texts {
		_, belgian := readDate(s, false)
		_, other := readDate(s, true)
		american = american || other && !belgian
	}
	for _, s := range texts {
		d, well := readDate(s, american)
		if !well {
			d, well = readDate(s, false)
		}
		if !well {
			d = Date{}
		}
		dates, ok = append(dates, d), append(ok, well)
	}
	return dates, ok
}

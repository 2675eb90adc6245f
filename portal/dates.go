package portal

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"balansd/balance"
)

// months and weekdays as each language writes them in a date.
var months = map[string][12]string{
	"nl": {"januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september", "oktober", "november", "december"},
	"fr": {"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"},
	"en": {"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"},
	"de": {"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"},
}

var weekdays = map[string][7]string{
	"nl": {"zondag", "maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag"},
	"fr": {"dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"},
	"en": {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"},
	"de": {"Sonntag", "Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag"},
}

// date writes a day in full: 28 maart 2026, 1er mars 2026, 28. März 2026. It
// takes a time, shown in the pages' zone, or a date. A zero one is a dash.
func (l *locale) date(v any) (string, error) {
	t, ok, err := l.toTime(v)
	if err != nil || !ok {
		return dash, err
	}
	day := strconv.Itoa(t.Day())
	switch {
	case l.Lang == "de":
		day += "."
	case l.Lang == "fr" && t.Day() == 1:
		day = "1er"
	}
	return fmt.Sprintf("%s %s %d", day, months[l.Lang][t.Month()-1], t.Year()), nil
}

// night writes a day with its weekday: zaterdag 28 maart 2026.
func (l *locale) night(v any) (string, error) {
	t, ok, err := l.toTime(v)
	if err != nil || !ok {
		return dash, err
	}
	full, err := l.date(v)
	comma := ""
	if l.Lang == "de" {
		comma = ","
	}
	return weekdays[l.Lang][t.Weekday()] + comma + " " + full, err
}

// day writes a day in figures, as in Belgium: 28/03/2026, in German 28.03.2026.
func (l *locale) day(v any) (string, error) {
	t, ok, err := l.toTime(v)
	if err != nil || !ok {
		return dash, err
	}
	if l.Lang == "de" {
		return t.Format("02.01.2006"), nil
	}
	return t.Format("02/01/2006"), nil
}

// clock writes a day in figures with the time of day: 28/03/2026 02:30.
func (l *locale) clock(v any) (string, error) {
	t, ok, err := l.toTime(v)
	if err != nil || !ok {
		return dash, err
	}
	day, err := l.day(v)
	return day + " " + t.Format("15:04"), err
}

// stamp writes a moment for programs that read the page, for the attribute
// datetime.
func (l *locale) stamp(v any) (string, error) {
	t, ok, err := l.toTime(v)
	if err != nil || !ok {
		return "", err
	}
	if _, day := v.(balance.Date); day {
		return t.Format(time.DateOnly), nil
	}
	return t.Format(time.RFC3339), nil
}

// dash stands for what there is not.
const dash = "–"

// toTime gives a value in the pages' zone; false for a zero one.
func (l *locale) toTime(v any) (time.Time, bool, error) {
	switch x := v.(type) {
	case time.Time:
		return x.In(l.zone), !x.IsZero(), nil
	case balance.Date:
		return time.Date(x.Year, x.Month, x.Day, 12, 0, 0, 0, time.UTC), !x.IsZero(), nil
	}
	return time.Time{}, false, fmt.Errorf("a %T is no date", v)
}

// number writes a count, or a decimal as balansd keeps it, with the marks of
// the language: 1.234,5 in Dutch and German, 1 234,5 in French with a narrow
// space that does not break, 1,234.5 in English. Digits are never rounded.
func (l *locale) number(v any) string {
	text := fmt.Sprint(v)
	whole, part, decimal := strings.Cut(text, ".")
	sign := ""
	if after, minus := strings.CutPrefix(whole, "-"); minus {
		sign, whole = "−", after
	}
	if strings.Trim(whole+part, "0123456789") != "" || whole == "" {
		return text // no number: shown as it came
	}
	thousands, point := ".", ","
	switch l.Lang {
	case "fr":
		thousands = "\u202f"
	case "en":
		thousands, point = ",", "."
	}
	var b strings.Builder
	b.WriteString(sign)
	for i, digit := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteString(thousands)
		}
		b.WriteRune(digit)
	}
	if decimal {
		b.WriteString(point + part)
	}
	return b.String()
}

package portal

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"balansd/balance"
)

// months and weekdays are the names in dates, by language.
var months = map[string][12]string{
	"nl": {"januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september", "oktober", "november", "december"},
	"fr": {"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"},
	"en": {"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"},
	"de": {"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"},
}

// shortMonths are the names on the axis of a picture.
var shortMonths = map[string][12]string{
	"nl": {"jan", "feb", "mrt", "apr", "mei", "jun", "jul", "aug", "sep", "okt", "nov", "dec"},
	"fr": {"janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."},
	"en": {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"},
	"de": {"Jan.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sep.", "Okt.", "Nov.", "Dez."},
}

var weekdays = map[string][7]string{
	"nl": {"zondag", "maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag"},
	"fr": {"dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"},
	"en": {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"},
	"de": {"Sonntag", "Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag"},
}

// date formats a day in full: 28 maart 2026, 1er mars 2026, 28. März 2026. v is a
// time.Time, shown in the zone of the pages, or a balance.Date. The zero value is a dash.
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

// night formats a day with its weekday: zaterdag 28 maart 2026.
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

// day formats a day in digits, as in Belgium: 28/03/2026, in German 28.03.2026.
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

// clock formats a day in digits with the time of day: 28/03/2026 02:30.
func (l *locale) clock(v any) (string, error) {
	t, ok, err := l.toTime(v)
	if err != nil || !ok {
		return dash, err
	}
	day, err := l.day(v)
	return day + " " + t.Format("15:04"), err
}

// stamp formats a time in ISO 8601, for the attribute datetime.
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

// month returns the short name of a month, from 1.
func (l *locale) month(n int) string { return shortMonths[l.Lang][n-1] }

// dash is shown for a value that is missing.
const dash = "–"

// toTime converts a value to a time in the zone of the pages; false for a zero value.
func (l *locale) toTime(v any) (time.Time, bool, error) {
	switch x := v.(type) {
	case time.Time:
		return x.In(l.zone), !x.IsZero(), nil
	case balance.Date:
		return time.Date(x.Year, x.Month, x.Day, 12, 0, 0, 0, time.UTC), !x.IsZero(), nil
	}
	return time.Time{}, false, fmt.Errorf("a %T is no date", v)
}

// number formats a count, or a decimal in canonical form, with the separators of the
// language: 1.234,5 in Dutch and German, 1 234,5 in French with a narrow no-break
// space, 1,234.5 in English. It never rounds.
func (l *locale) number(v any) string {
	text := fmt.Sprint(v)
	whole, part, decimal := strings.Cut(text, ".")
	sign := ""
	if after, minus := strings.CutPrefix(whole, "-"); minus {
		sign, whole = "−", after
	}
	if strings.Trim(whole+part, "0123456789") != "" || whole == "" {
		return text // not a number: unchanged
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

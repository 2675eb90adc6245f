package portal

import (
	"slices"
	"strconv"
	"time"

	"balansd/balance"
	"balansd/ledger"
)

// calendar is the picture of the last nights, with a column for each week.
type calendar struct {
	Days          []calendarDay
	Width, Height int
	Counts        map[string]int // by kind
	From, To      balance.Date
}

// ShownWidth returns the width on the page, in CSS pixels.
func (p calendar) ShownWidth() int { return p.Width * 3 / 2 }

// ShownHeight returns the height on the page, in CSS pixels.
func (p calendar) ShownHeight() int { return p.Height * 3 / 2 }

// calendarDay is a night in the calendar. Each kind has its own shape, so that none is
// shown by colour alone.
type calendarDay struct {
	Date balance.Date
	Kind string // good, problem, late, missed, none
	X, Y int    // of its upper left corner
}

// Measures of the calendar: the side of a day, and the distance between two.
const (
	daySize  = 18
	dayPitch = 22
)

// newCalendar draws the last ninety nights, Monday on top. Of two runs of one night, such
// as a retry, the later one counts.
func newCalendar(runs []ledger.Run, missed []ledger.MissedNight, today balance.Date) calendar {
	kinds := map[balance.Date]string{}
	for _, m := range missed {
		kinds[m.Night] = "missed"
	}
	for _, p := range slices.Backward(runs) { // oldest first
		night := p.Night
		if night.IsZero() {
			night = p.RetryOf
		}
		if night.IsZero() || p.DryRun {
			continue
		}
		switch {
		case p.Stopped != "" || p.End.IsZero() || len(p.Down)+len(p.Problems) > 0:
			kinds[night] = "problem"
		case p.Trigger == ledger.CatchUp:
			kinds[night] = "late"
		default:
			kinds[night] = "good"
		}
	}
	first := today.AddDays(1 - calendarDays)
	pic := calendar{Counts: map[string]int{}, From: first, To: today}
	row := func(d balance.Date) int {
		return (int(time.Date(d.Year, d.Month, d.Day, 12, 0, 0, 0, time.UTC).Weekday()) + 6) % 7
	}
	column := 0
	for d := first; !today.Before(d); d = d.AddDays(1) {
		if d != first && row(d) == 0 {
			column++
		}
		kind := kinds[d]
		if kind == "" {
			kind = "none"
		}
		pic.Counts[kind]++
		pic.Days = append(pic.Days, calendarDay{Date: d, Kind: kind, X: 2 + column*dayPitch, Y: 2 + row(d)*dayPitch})
	}
	pic.Width, pic.Height = (column+1)*dayPitch+2, 7*dayPitch+2
	return pic
}

// Path returns the SVG path of the symbol: a tick for a good night, an exclamation mark
// for a problem, an arrow for a late run, a cross for a missed one.
func (n calendarDay) Path() string {
	at := func(x, y int) string { return strconv.Itoa(n.X+x) + " " + strconv.Itoa(n.Y+y) }
	switch n.Kind {
	case "good":
		return "M" + at(4, 9) + "L" + at(8, 13) + "L" + at(14, 5)
	case "problem":
		return "M" + at(9, 4) + "L" + at(9, 10) + "M" + at(9, 13) + "L" + at(9, 14)
	case "late":
		return "M" + at(4, 9) + "L" + at(14, 9) + "M" + at(10, 5) + "L" + at(14, 9) + "L" + at(10, 13)
	case "missed":
		return "M" + at(5, 5) + "L" + at(13, 13) + "M" + at(13, 5) + "L" + at(5, 13)
	}
	return ""
}

// Side returns the side of a day.
func (calendarDay) Side() int { return daySize }

package portal

import (
	"fmt"
	"strings"
	"time"

	"balansd/balance"
	"balansd/daemon"
)

// seasonPicture draws a season: one line for what was received, one for what is in
// Silverfin, one for the season before, and how many dossiers are expected in all. The
// lines differ in their dashes, so that none is told by its colour alone.
type seasonPicture struct {
	daemon.Season

	Total    int // dossiers that are there or expected
	Received string
	Arrived  string // what is in Silverfin
	Before   string // the season before; empty where nothing is known of it
	Months   []axisMark
	Levels   []axisMark
	TodayAt  int // 0 outside of the season
	TotalAt  int
	Rows     []daemon.SeasonDay // of the table, newest first, up to today
	NowIn    int                // received until today
}

// axisMark is a mark on an axis of the picture.
type axisMark struct {
	At     int
	Number int // a month, or a number of dossiers
}

// Measures of the picture.
const (
	seasonLeft   = 52
	seasonTop    = 10
	seasonWide   = 732 // from the first day to the last
	seasonHigh   = 190
	seasonLevels = 4 // at most so many lines across
)

// Right is the right end of the lines.
func (seasonPicture) Right() int { return seasonLeft + seasonWide }

// Left is the left end of the lines.
func (seasonPicture) Left() int { return seasonLeft }

// Bottom is where the lines have 0.
func (seasonPicture) Bottom() int { return seasonTop + seasonHigh }

// Top is the upper end of the picture's lines.
func (seasonPicture) Top() int { return seasonTop }

// newSeasonPicture draws a season.
func newSeasonPicture(s daemon.Season) seasonPicture {
	p := seasonPicture{Season: s, Total: s.Delivered + s.Waiting + s.Expected}
	highest := p.Total
	for _, d := range s.Days {
		highest = max(highest, d.Received, d.LastYear)
	}
	step := levelStep(highest)
	top := max(step, (highest+step-1)/step*step)
	height := func(n int) int { return p.Bottom() - n*seasonHigh/top }
	for n := 0; n <= top; n += step {
		p.Levels = append(p.Levels, axisMark{height(n), n})
	}
	first := balance.Date{Year: s.Year + 1, Month: time.January, Day: 1}
	left := func(d balance.Date) int {
		return seasonLeft + (yearDay(d)-1)*seasonWide/(yearDay(balance.Date{Year: first.Year, Month: time.December, Day: 31})-1)
	}
	for m := time.January; m <= time.December; m++ {
		p.Months = append(p.Months, axisMark{left(balance.Date{Year: first.Year, Month: m, Day: 1}), int(m)})
	}
	var received, arrived, before seasonLine
	end := balance.Date{Year: first.Year, Month: time.December, Day: 31}
	if s.Today.Year == first.Year {
		p.TodayAt, end = left(s.Today), s.Today
	}
	for _, d := range s.Days {
		if !end.Before(d.Date) {
			received.to(left(d.Date), height(0), height(d.Received))
			arrived.to(left(d.Date), height(0), height(d.Delivered))
			p.Rows = append([]daemon.SeasonDay{d}, p.Rows...)
			p.NowIn = d.Received
		}
		before.to(left(d.Date), height(0), height(d.LastYear))
	}
	p.Received, p.Arrived = received.until(left(end)), arrived.until(left(end))
	if s.HasLastYear {
		p.Before = before.until(p.Right())
	}
	p.TotalAt = height(p.Total)
	return p
}

// seasonLine is a line that goes up in steps.
type seasonLine struct {
	points strings.Builder
	height int
}

// to has the line stand at a height from a day on. bottom is the height of 0.
func (l *seasonLine) to(day, bottom, height int) {
	if l.points.Len() == 0 {
		fmt.Fprintf(&l.points, "%d,%d", seasonLeft, bottom)
		l.height = bottom
	}
	if height != l.height {
		fmt.Fprintf(&l.points, " %d,%d %d,%d", day, l.height, day, height)
		l.height = height
	}
}

// until returns the points of the line up to a day.
func (l *seasonLine) until(day int) string {
	if l.points.Len() == 0 {
		return ""
	}
	return fmt.Sprintf("%s %d,%d", l.points.String(), day, l.height)
}

// levelStep returns the distance between two lines across: 1, 2 or 5 and zeros.
func levelStep(highest int) int {
	for step := 1; ; step *= 10 {
		for _, n := range []int{1, 2, 5} {
			if n*step*seasonLevels >= highest {
				return n * step
			}
		}
	}
}

// yearDay counts the days of a year from 1.
func yearDay(d balance.Date) int {
	return time.Date(d.Year, d.Month, d.Day, 12, 0, 0, 0, time.UTC).YearDay()
}

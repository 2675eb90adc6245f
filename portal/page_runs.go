package portal

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
)

func (h *Handler) runRoutes() []route {
	return []route{{method: http.MethodGet, path: "/nights", access: staff, handle: runsPage, nav: "nav.runs"}}
}

// How far the page looks back: the nights of the picture, the passes that can
// lie among them, and those in the list.
const (
	calendarDays = 90
	runsRead     = 1000
	runsListed   = 30
)

// runsData is what the page of nights shows.
type runsData struct {
	Calendar calendar
	Runs     []runView
	Missed   []missedRunView
	All      bool // every pass that was read is listed
	More     bool
}

// missedRunView is a night without a pass.
type missedRunView struct {
	ledger.MissedNight
}

// CauseKey names the message of why.
func (m missedRunView) CauseKey() string { return causeKey(m.Cause) }

func causeKey(c ledger.Cause) string {
	switch c {
	case ledger.NotRunning, ledger.Asleep, ledger.CouldNotBegin, ledger.OtherRun, ledger.Restored:
		return string(c)
	}
	return unknown
}

// runView is a pass as the pages tell of it.
type runView struct {
	ledger.Run

	Running bool // it is under way
}

func (rq *request) runView(p ledger.Run) runView { return runView{Run: p} }

// TriggerKey names the message of why it ran.
func (p runView) TriggerKey() string {
	switch p.Trigger {
	case ledger.Nightly, ledger.CatchUp, ledger.ByHand, ledger.Again:
		return string(p.Trigger)
	}
	return unknown
}

// CauseKey names the message of why a catch-up was late.
func (p runView) CauseKey() string { return causeKey(p.MissedCause) }

// Kind is how the pass went: good, trouble, or now.
func (p runView) Kind() string {
	switch {
	case p.Running:
		return "now"
	case p.End.IsZero() || p.Stopped != "":
		return "stopped"
	case len(p.Problems)+len(p.Down) > 0:
		return "problem"
	}
	return "good"
}

// outcomeView counts the entries that ended in a state.
type outcomeView struct {
	Key, Mark string
	Count     int
}

// Outcomes lists what became of the entries that the pass looked at.
func (p runView) Outcomes() (list []outcomeView) {
	for _, s := range ledger.States() {
		if n := p.Outcome[s]; n > 0 {
			list = append(list, outcomeView{stateKey(s), stateMarks[s], n})
		}
	}
	return list
}

// runProblem is one thing that went wrong in a pass.
type runProblem struct {
	About, Code string
}

// Backup tells whether it is about the copy of the state.
func (t runProblem) Backup() bool { return t.About == ledger.TroubleBackup }

// KnownProblems lists what went wrong and has a message.
func (p runView) KnownProblems() (list []runProblem) {
	for _, t := range p.Troubles {
		if !slices.Contains(problem.Codes(), problem.Code(t.Code)) {
			t.Code = string(problem.Unexpected)
		}
		list = append(list, runProblem{t.About, t.Code})
	}
	return list
}

func runsPage(rq *request) error {
	h, err := rq.API.History(rq.r.Context(), runsRead)
	if err != nil {
		return err
	}
	running := uint64(0)
	if len(h.Runs) > 0 && h.Runs[0].End.IsZero() { // or it was cut off
		s, err := rq.API.Status(rq.r.Context())
		if err != nil {
			return err
		}
		if s.Run != nil {
			running = s.Run.Number
		}
	}
	d := runsData{All: rq.r.URL.Query().Get("all") == "1"}
	today := balance.DateOf(rq.Now().In(rq.Zone))
	d.Calendar = newCalendar(h.Runs, h.Missed, today)
	for _, p := range h.Runs {
		if !d.All && len(d.Runs) == runsListed {
			d.More = true
			break
		}
		one := rq.runView(p)
		one.Running = running != 0 && running == p.Number
		d.Runs = append(d.Runs, one)
	}
	for _, m := range h.Missed[:min(len(h.Missed), runsListed)] {
		d.Missed = append(d.Missed, missedRunView{m})
	}
	return rq.renderPage("runs", d)
}

// picture is the last nights, a column a week.
type calendar struct {
	Days          []calendarDay
	Width, Height int
	Counts        map[string]int // by kind
	From, To      balance.Date
}

// ShownWidth is its width on a page: larger than it is drawn.
func (p calendar) ShownWidth() int { return p.Width * 3 / 2 }

// ShownHeight is as ShownWidth.
func (p calendar) ShownHeight() int { return p.Height * 3 / 2 }

// calendarDay is one night in the picture. Its kind has a shape of its own, so
// that no colour is needed.
type calendarDay struct {
	Date balance.Date
	Kind string // good, problem, late, missed, none
	X, Y int    // of its upper left corner
}

// The picture's measures: the side of a night and the room around it.
const (
	daySize  = 18
	dayPitch = 22
)

// newCalendar puts the last ninety nights in weeks, Monday above. Of two passes
// of one night, such as a second try, the last word counts.
func newCalendar(passes []ledger.Run, missed []ledger.MissedNight, today balance.Date) calendar {
	kinds := map[balance.Date]string{}
	for _, m := range missed {
		kinds[m.Night] = "missed"
	}
	for _, p := range slices.Backward(passes) { // oldest first
		night := p.Night
		if night.IsZero() {
			night = p.For
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

// Path is the outline of the night's sign, in the units of the picture: a tick
// for a good one, a wave for one with trouble, an arrow for one that was caught
// up, a cross for a missed one.
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

// Side is the length of a night's side.
func (calendarDay) Side() int { return daySize }
